# SPDX-License-Identifier: Apache-2.0
# maskedPaths and readonlyPaths.
load support

@test "masked files read empty, masked directories are empty and read-only" {
  make_bundle
  mkdir "$ROOTFS/etc/secret"
  echo x >"$ROOTFS/etc/secret/file"
  edit '.linux.maskedPaths += ["/etc/passwd", "/etc/secret", "/no/such/path"]'
  run inside 'cat /etc/passwd | wc -c; ls /etc/secret | wc -l; touch /etc/secret/x; cat /proc/kcore | wc -c; true'
  succeeded
  [ "$(grep -cx 0 <<<"$output")" -eq 3 ]
  expect 'touch: /etc/secret/x: Read-only file system'
  [ -s "$ROOTFS/etc/passwd" ]
}

@test "a masked file is the null device of the host, whatever the container has" {
  make_bundle
  edit '.linux.maskedPaths = ["/etc/passwd"]'
  run -0 inside 'stat -c "%F %t:%T" /etc/passwd'
  [ "$output" = 'character special file 1:3' ]
}

@test "read-only paths keep the other flags" {
  not_on crun 'drops them'
  make_bundle
  mkdir "$ROOTFS/etc/fixed"
  edit '.linux.readonlyPaths = ["/etc/fixed", "/proc/sys", "/dev/shm", "/no/such/path"]'
  run inside 'touch /etc/fixed/x; touch /dev/shm/x; grep -E " /(etc/fixed|dev/shm|proc/sys) " /proc/self/mountinfo; true'
  succeeded
  expect '/etc/fixed/x: Read-only'
  expect '/dev/shm/x: Read-only'
  expect ' /dev/shm ro,nosuid,nodev,noexec'
  expect ' /proc/sys ro,'
}

@test "the defaults of spec hold: /proc/sys and /proc/irq are read-only" {
  make_bundle
  run inside 'echo 1 >/proc/sys/kernel/panic; grep -E " /proc/(sys|irq) " /proc/self/mountinfo; true'
  expect '/proc/sys/kernel/panic: Read-only'
  expect ' /proc/sys ro,'
  expect ' /proc/irq ro,'
}

@test "exec sees the masks too" {
  sleeper
  edit '.linux.maskedPaths += ["/etc/passwd"]'
  running
  run -0 rt exec "$ID" sh -c 'wc -c </etc/passwd'
  [ "$output" = 0 ]
}

@test "a path both masked and read-only" {
  make_bundle
  edit '.linux.maskedPaths += ["/etc/passwd"] | .linux.readonlyPaths += ["/etc"]'
  run -0 inside 'wc -c </etc/passwd; touch /etc/x 2>&1; true'
  expect '^0$'
  expect 'Read-only'
}
