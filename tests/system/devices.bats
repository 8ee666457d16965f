# SPDX-License-Identifier: Apache-2.0
# Devices: the default ones, their links, devices of the config, the rules of the device cgroup.
load support

@test "default devices and links" {
  make_bundle
  run -0 inside 'cd /dev; stat -c "%n %t:%T %a" null zero full random urandom tty; for l in fd stdin stdout stderr ptmx; do echo "$l $(readlink $l)"; done'
  expect '^null 1:3 666$'
  expect '^zero 1:5 666$'
  expect '^full 1:7 666$'
  expect '^random 1:8 666$'
  expect '^urandom 1:9 666$'
  expect '^tty 5:0 666$'
  expect '^fd /proc/self/fd$'
  expect '^stdin /proc/self/fd/0$'
  expect '^stdout /proc/self/fd/1$'
  expect '^stderr /proc/self/fd/2$'
  expect '^ptmx pts/ptmx$'
}

@test "default devices work under the device rules" {
  make_bundle
  run -0 inside 'echo x >/dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; ! echo x 2>/dev/null >/dev/full'
  expect '^4$'
}

@test "no console without a terminal" {
  make_bundle
  run -0 inside 'ls /dev/console 2>&1 || echo none'
  expect none
}

@test "a device of the config: kind, numbers, mode, owner" {
  make_bundle
  edit '.linux.devices = [{"path": "/dev/fuse2", "type": "c", "major": 10, "minor": 229, "fileMode": 384, "uid": 1, "gid": 2},
    {"path": "/opt/deep/block", "type": "b", "major": 7, "minor": 5, "fileMode": 432}, {"path": "/dev/pipe", "type": "p", "fileMode": 420}]'
  run -0 inside 'stat -c "%n %F %t:%T %a %u:%g" /dev/fuse2 /opt/deep/block /dev/pipe'
  expect '^/dev/fuse2 character special file a:e5 600 1:2$'
  expect '^/opt/deep/block block special file 7:5 660 0:0$'
  expect '^/dev/pipe fifo .* 644 '
}

@test "the type u is a character device" {
  make_bundle
  edit '.linux.devices = [{"path": "/dev/unbuffered", "type": "u", "major": 1, "minor": 3, "fileMode": 438}]'
  run -0 inside 'stat -c "%F %t:%T" /dev/unbuffered'
  [ "$output" = 'character special file 1:3' ]
}

@test "an existing file that is not the device is an error" {
  only_spec 'runc and crun keep the file silently'
  make_bundle
  echo text >"$ROOTFS/etc/device"
  edit '.linux.devices = [{"path": "/etc/device", "type": "c", "major": 1, "minor": 3, "fileMode": 438}]'
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  failed
  expect '/etc/device'
  [ "$(cat "$ROOTFS/etc/device")" = text ]
}

@test "an existing node that matches is fine" {
  make_bundle
  mknod "$ROOTFS/etc/device" c 1 3
  edit '.linux.devices = [{"path": "/etc/device", "type": "c", "major": 1, "minor": 3, "fileMode": 438}]'
  run -0 inside 'stat -c "%F" /etc/device'
  [ "$output" = 'character special file' ]
}

@test "a device that no rule allows cannot be opened" {
  make_bundle
  edit '.linux.devices = [{"path": "/dev/loop5", "type": "b", "major": 7, "minor": 5, "fileMode": 438}]
    | .linux.resources.devices = [{"allow": false, "access": "rwm"}]'
  run inside 'head -c 1 /dev/loop5'
  failed
  expect 'Operation not permitted'
}

@test "rules: allow one device, read only" {
  [ -c /dev/fuse ] || skip 'no /dev/fuse on this machine'
  make_bundle
  edit '.linux.devices = [{"path": "/dev/one", "type": "c", "major": 10, "minor": 229, "fileMode": 438}]
    | .linux.resources.devices = [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "r"}]'
  run inside '(: </dev/one) && echo readable; : >/dev/one'
  expect readable
  expect "can't create /dev/one: Operation not permitted"
}

@test "rules without a type deny everything, as engines write them" {
  make_bundle
  edit '.linux.resources.devices = [{"allow": false, "access": "rwm"}]
    | .process.capabilities |= map_values(. + ["CAP_MKNOD"])'
  run -0 inside 'echo x >/dev/null && mknod /tmp/fuse c 10 229 2>&1; (: </tmp/fuse) 2>&1; true'
  expect 'Operation not permitted'
}

@test "rules: a wildcard minor" {
  [ -c /dev/fuse ] || skip 'no /dev/fuse on this machine'
  make_bundle
  edit '.linux.devices = [{"path": "/dev/one", "type": "c", "major": 10, "minor": 229, "fileMode": 438}]
    | .linux.resources.devices = [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "access": "rw"}]'
  run -0 inside '(: </dev/one) && : >/dev/one && echo both'
  expect both
}

@test "the v1 device list" {
  [ -d /sys/fs/cgroup/devices ] || skip 'no v1 devices controller on this host'
  sleeper
  edit '.linux.resources.devices = [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]'
  running
  run -0 cat "$(cgroup_file devices devices.list)"
  expect '^c 10:229 rw$'
  expect '^c 1:3 rwm$'
  expect_not '^a \*:\*'
}

@test "/dev as a bind of the host's is left alone" {
  make_bundle
  edit '.mounts |= map(if .destination == "/dev" then {"destination": "/dev", "type": "bind", "source": "/dev", "options": ["rbind", "rprivate"]}
     else . end) | .mounts |= map(select(.destination | startswith("/dev/") | not))'
  ls -la /dev >"$BATS_TEST_TMPDIR/before"
  run -0 inside 'test -c /dev/null && echo there'
  ls -la /dev >"$BATS_TEST_TMPDIR/after"
  diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}
