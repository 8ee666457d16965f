# SPDX-License-Identifier: Apache-2.0
# Hostile images and programs: links where mounts go, the runtime's own binary, what a process inside can see.
load support

@test "a symlinked /proc is refused" {
  make_bundle
  rmdir "$ROOTFS/proc"
  mkdir "$ROOTFS/evil"
  ln -s evil "$ROOTFS/proc"
  run inside true
  failed
  expect 'proc'
}

@test "a symlinked /dev does not lead outside the root" {
  not_on runc '1.1.5 makes its links on the host then'
  make_bundle
  rmdir "$ROOTFS/dev"
  ln -s "$BATS_TEST_TMPDIR/outside" "$ROOTFS/dev"
  mkdir "$BATS_TEST_TMPDIR/outside"
  run inside true
  [ -z "$(ls "$BATS_TEST_TMPDIR/outside")" ]
}

@test "a symlinked /sys and mount point do not lead outside" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/outside"
  ln -s "$BATS_TEST_TMPDIR/outside" "$ROOTFS/link"
  edit '.mounts += [{"destination": "/link/inner", "type": "tmpfs", "source": "tmpfs"}]'
  run inside true
  [ -z "$(ls "$BATS_TEST_TMPDIR/outside")" ]
  cut -d' ' -f5 /proc/self/mountinfo | grep -v "$BATS_TEST_TMPDIR/outside" >/dev/null
}

@test "a masked path behind a link masks inside the root only" {
  make_bundle
  echo host >"$BATS_TEST_TMPDIR/host-file"
  ln -s "$BATS_TEST_TMPDIR/host-file" "$ROOTFS/etc/link"
  edit '.linux.maskedPaths += ["/etc/link"]'
  run inside true
  [ "$(cat "$BATS_TEST_TMPDIR/host-file")" = host ]
}

@test "a tmpfs over a link to /proc does not reach the runtime's procfs writes" {
  make_bundle
  mkdir -p "$ROOTFS/fake/self/attr"
  rmdir "$ROOTFS/proc"
  ln -s fake "$ROOTFS/proc"
  run inside true
  failed
}

@test "mounting over a file of /proc is refused" {
  not_on crun 'accepts it'
  make_bundle
  edit '.mounts += [{"destination": "/proc/sys/kernel", "type": "bind", "source": "/etc", "options": ["bind"]}]'
  run inside true
  failed
  expect '/proc'
}

@test "the runtime's executable cannot be overwritten from inside" {
  make_bundle
  cp "$(command -v "$RUNTIME")" "$BATS_TEST_TMPDIR/runtime"
  local RUNTIME=$BATS_TEST_TMPDIR/runtime before
  before=$(sha256sum <"$RUNTIME")
  # the program is /proc/self/exe, that is: whatever executed it
  command_is /proc/self/exe init
  rt run --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 || true
  [ "$(sha256sum <"$RUNTIME")" = "$before" ]
  # a program that waits for an exec and writes to its /proc/PID/exe
  command_is sh -c 'while :; do for p in /proc/[0-9]*; do [ "$p" = /proc/1 ] && continue; (echo overwritten >"$p/exe") 2>/dev/null; done; done'
  rt create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
  rt start "$ID"
  for _ in 1 2 3 4 5; do
    rt exec "$ID" true >/dev/null 2>&1 || true
    rt exec "$ID" /proc/self/exe --version >/dev/null 2>&1 || true
  done
  rt delete --force "$ID"
  [ "$(sha256sum <"$RUNTIME")" = "$before" ]
}

@test "a shebang of /proc/self/exe as the program" {
  make_bundle
  cp "$(command -v "$RUNTIME")" "$BATS_TEST_TMPDIR/runtime"
  local RUNTIME=$BATS_TEST_TMPDIR/runtime before
  before=$(sha256sum <"$RUNTIME")
  printf '#!/proc/self/exe\n' >"$ROOTFS/bin/trap"
  chmod +x "$ROOTFS/bin/trap"
  command_is /bin/trap
  run timeout 20 "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID" </dev/null
  [ "$(sha256sum <"$RUNTIME")" = "$before" ]
}

@test "the host's root is not reachable" {
  make_bundle
  echo secret >"$BATS_TEST_TMPDIR/secret"
  edit '.process.capabilities |= map_values(. + ["CAP_SYS_CHROOT"])'
  run inside "cat $BATS_TEST_TMPDIR/secret ../../../../../..$BATS_TEST_TMPDIR/secret /proc/1/root$BATS_TEST_TMPDIR/secret /proc/self/cwd/../../..$BATS_TEST_TMPDIR/secret"
  failed
  expect_not '^secret'
}

@test "libraries of the image are not loaded by the runtime" {
  make_bundle
  mkdir -p "$ROOTFS/lib/x86_64-linux-gnu" "$ROOTFS/etc"
  echo "/evil.so" >"$ROOTFS/etc/ld.so.preload"
  for library in libseccomp.so.2 libc.so.6 libnss_files.so.2; do echo evil >"$ROOTFS/lib/x86_64-linux-gnu/$library"; done
  edit '.process.env += ["LD_PRELOAD=/evil.so", "LD_LIBRARY_PATH=/lib/x86_64-linux-gnu"]'
  run -0 inside 'echo fine'
  [ "$output" = fine ]
}

@test "the state directory is root's" {
  sleeper
  created
  # runc's fifo may be opened for writing by all, but lies behind a directory of root's
  run -0 find "$STATE" -type f -perm /077
  [ -z "$output" ]
  run -0 find "$STATE" -mindepth 1 -type d -perm /066
  [ -z "$output" ]
}

@test "the waiting init cannot be traced or read by the container's processes" {
  only_toyrun 'an own promise'
  sleeper
  running
  # while exec enters, its process is not dumpable: /proc/PID/exe of it is root's and unreadable inside
  run -0 rt exec "$ID" sh -c 'ls -l /proc/1/exe 2>&1; true'
  expect_not toyrun
}

@test "exec into a container whose /proc was covered does not trust it" {
  make_bundle
  edit '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
  command_is sh -c 'mount -t tmpfs none /proc; echo covered; sleep 1000'
  running
  wait_for 5 contains . "$OUT"
  grep -q covered "$OUT" || skip 'mount was refused here'
  run timeout 20 "$RUNTIME" --root "$STATE" exec "$ID" true
  [ "$status" -ne 124 ]
}

@test "a container that may trace anything sees nothing of the host while exec enters" {
  make_bundle
  edit '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
  echo secret >"$BATS_TEST_TMPDIR/secret"
  command_is sh -c "while :; do for p in /proc/[0-9]*; do for d in \$p/root \$p/cwd \$p/fd/*/1/root; do [ -e \$d$BATS_TEST_TMPDIR/secret ] && echo seen \$d; done; done 2>/dev/null; done"
  running
  for _ in {1..40}; do rt exec "$ID" true >/dev/null; done
  rt delete --force "$ID"
  run -0 cat "$OUT"
  expect_not seen
}

@test "a joined pid namespace: its processes do not find the host through a new container's first process" {
  not_on runc 'its init is born there first'
  not_on crun '1.8.1 as well'
  sleeper
  echo secret >"$BATS_TEST_TMPDIR/secret"
  # it may trace everything it sees
  edit '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
  command_is sh -c 'while :; do for p in /proc/[0-9]*; do [ ! -e "$p/root$0" ] || echo "found by $p"; done; done' "$BATS_TEST_TMPDIR/secret"
  OUT=$BATS_TEST_TMPDIR/found running watcher
  edit '.linux.cgroupsPath += "-second" | .hooks.createRuntime = [{"path": "/bin/sleep", "args": ["sleep", "0.3"]}]
    | .linux.namespaces |= map(if .type == "pid" then .path = "/proc/\($pid)/ns/pid" else . end)' --arg pid "$(pid_of watcher)"
  # its own /proc shows the joined namespace, and the program leads its session
  run -0 inside 'readlink /proc/self/ns/pid; cut -d" " -f6 /proc/self/stat; tr "\0" " " </proc/1/cmdline | cut -c-8; echo $$'
  [ "${lines[0]}" = "$(readlink "/proc/$(pid_of watcher)/ns/pid")" ]
  [ "${lines[1]}" = "${lines[3]}" ]
  [ "${lines[2]}" = 'sh -c wh' ]
  [ ! -s "$BATS_TEST_TMPDIR/found" ] || { cat "$BATS_TEST_TMPDIR/found"; return 1; }
  created
  wait_for 5 has_status created
  rt start "$ID"
}
