# SPDX-License-Identifier: Apache-2.0
# Fields of config.json that few engines send: how the process is scheduled, its memory, its keys; for init and exec.
load support

# with_python: the host's python3 in the container.
with_python() {
  command -v python3 >/dev/null || skip 'no python3 on this machine'
  local library
  mkdir "$ROOTFS/usr"
  for library in lib lib64; do [ ! -d "/usr/$library" ] || ln -s "usr/$library" "$ROOTFS/$library"; done
  edit '.mounts += [{"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]}]'
}

@test "scheduler: policy, nice, reset on fork" {
  not_on runc '1.1.5 knows no scheduler'
  not_on crun '1.8.1 lacks the flags'
  sleeper
  edit '.process.scheduler = {"policy": "SCHED_BATCH", "nice": 7, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
  running
  run -0 chrt -p "$(pid_of)"
  expect 'SCHED_BATCH\|SCHED_RESET_ON_FORK'
  [ "$(ps -o ni= -p "$(pid_of)" | tr -d ' ')" = 7 ]
  rt delete -f "$ID"
  edit '.process.scheduler = {"policy": "SCHED_IDLE"}'
  running
  run -0 chrt -p "$(pid_of)"
  expect SCHED_IDLE
}

@test "scheduler: utilization clamps are accepted, fields of another policy are not" {
  only_spec '1.1.5 and 1.8.1 do not check them'
  make_bundle
  edit '.process.scheduler = {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX"]}'
  run inside true
  # a kernel without CONFIG_UCLAMP_TASK says that it is not supported
  [ "$status" -eq 0 ] || expect 'set the scheduler of the process: Operation not supported'
  edit '.process.scheduler = {"policy": "SCHED_OTHER", "priority": 3}'
  leaves_nothing inside true
  failed
  expect '/process/scheduler/priority'
}

@test "ioPriority" {
  not_on runc '1.1.5 knows no ioPriority'
  not_on crun '1.8.1 knows no ioPriority'
  sleeper
  edit '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 6}'
  running
  run -0 ionice -p "$(pid_of)"
  [ "$output" = 'best-effort: prio 6' ]
}

@test "personality: of init and of exec" {
  not_on runc '1.1.5 knows no personality'
  [ "$(uname -m)" = x86_64 ] || skip 'the word of another architecture is another'
  sleeper
  edit '.linux.personality = {"domain": "LINUX32"}'
  running
  cat "/proc/$(pid_of)/personality" >"$OUT.init"
  [ "$(cat "$OUT.init")" = 00000008 ]
  not_on crun '1.8.1 forgets it in exec'
  run -0 rt exec "$ID" uname -m
  [ "$output" = i686 ]
}

@test "memoryPolicy: of init and of exec" {
  only_spec 'it is newer than 1.1.5 and 1.8.1'
  sleeper
  edit '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}'
  run running
  if [ "$status" -ne 0 ] && grep -q 'not implemented' "$OUT"; then skip 'this kernel has no NUMA'; fi
  succeeded
  [ -e "/proc/$(pid_of)/numa_maps" ] || skip 'this kernel shows no memory policy'
  grep -q 'bind=static:0' "/proc/$(pid_of)/numa_maps"
  run -0 rt exec "$ID" cat /proc/self/numa_maps
  expect 'bind=static:0'
}

@test "execCPUAffinity: final for the processes of exec, not for init" {
  only_spec 'it is newer than 1.1.5 and 1.8.1'
  [ "$(nproc)" -gt 1 ] || skip 'one CPU only'
  sleeper
  edit '.process.execCPUAffinity = {"initial": "0", "final": "1"}'
  running
  grep -q "^Cpus_allowed_list:[[:space:]]*0-" "/proc/$(pid_of)/status"
  run -0 rt exec "$ID" grep Cpus_allowed_list /proc/self/status
  expect '[[:space:]]1$'
  jq '.process | .args = ["grep", "Cpus_allowed_list", "/proc/self/status"] | .execCPUAffinity = {"initial": "0"}' \
    "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process.json"
  run -0 rt exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
  expect '[[:space:]]0$'
  # what the file leaves out is the container's
  jq 'del(.execCPUAffinity)' "$BATS_TEST_TMPDIR/process.json" >"$BATS_TEST_TMPDIR/other.json"
  run -0 rt exec -p "$BATS_TEST_TMPDIR/other.json" "$ID"
  expect '[[:space:]]1$'
  jq '.execCPUAffinity = {"final": "4000"}' "$BATS_TEST_TMPDIR/process.json" >"$BATS_TEST_TMPDIR/none.json"
  run rt exec -p "$BATS_TEST_TMPDIR/none.json" "$ID"
  [ "$status" -eq 255 ]
  expect 'execCPUAffinity/final: run on the CPUs 4000: Invalid argument'
}

@test "environment: of two with one name the last is passed on" {
  not_on runc 'passes both on'
  not_on crun 'passes both on'
  make_bundle
  edit '.process.env += ["TWICE=first", "ONCE=x", "TWICE=second"]'
  command_is env
  run -0 rt run --bundle "$BUNDLE" "$ID"
  [ "$(grep -E 'TWICE|ONCE' <<<"$output")" = $'ONCE=x\nTWICE=second' ]
}

@test "exec --env replaces what the container's environment has" {
  sleeper
  running
  run -0 rt exec --env PATH=/bin:/other "$ID" env
  [ "$(grep ^PATH= <<<"$output")" = PATH=/bin:/other ]
}

@test "session keyring: the container's own, for init and exec alike" {
  not_on crun 'names it by the id alone'
  make_bundle
  with_python
  cat >"$ROOTFS/keys.py" <<'PY'
import ctypes
call = ctypes.CDLL(None).syscall
keyring = call(250, 0, ctypes.c_int(-3), 0)  # KEYCTL_GET_KEYRING_ID, the session's
text = ctypes.create_string_buffer(256)
call(250, 6, keyring, text, 256)             # KEYCTL_DESCRIBE
print(text.value.decode().split(";")[-1], keyring)
PY
  [ "$(uname -m)" = x86_64 ] || skip 'keyctl has another number'
  command_is sh -c '/usr/bin/python3 /keys.py; exec sleep 1000'
  running
  wait_for 10 contains _ses "$OUT"
  grep -q "^_ses.$ID " "$OUT"
  run -0 rt exec "$ID" /usr/bin/python3 /keys.py
  [ "$output" = "$(cat "$OUT")" ]
}

@test "exec with a label of a module that is off is refused" {
  only_spec 'the references leave it to the kernel'
  [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || skip 'AppArmor is on here'
  sleeper
  running
  run rt exec --apparmor docker-default "$ID" true
  [ "$status" -eq 255 ]
  expect 'apparmor not enabled on this host'
}

@test "annotation run.oci.pidfd_receiver: the pidfd goes to the socket" {
  only_toyrun 'runc has none, crun 1.8.1 neither'
  command -v python3 >/dev/null || skip 'no python3 on this machine'
  sleeper
  python3 - "$BATS_TEST_TMPDIR/socket" >"$BATS_TEST_TMPDIR/received" 3>&- <<'PY' &
import array, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
connection, _ = listener.accept()
_, control, _, _ = connection.recvmsg(64, 64)
descriptor = array.array("i", control[0][2][:4])[0]
print(open(f"/proc/self/fdinfo/{descriptor}").read())
PY
  local receiver=$!
  wait_for 5 test -S "$BATS_TEST_TMPDIR/socket"
  edit '.annotations["run.oci.pidfd_receiver"] = $path' --arg path "$BATS_TEST_TMPDIR/socket"
  created
  wait "$receiver"
  grep -q "^Pid:[[:space:]]*$(pid_of)\$" "$BATS_TEST_TMPDIR/received"
}

@test "annotation run.oci.seccomp_fail_unknown_syscall, and run.oci.handler" {
  only_toyrun 'runc has none, crun other texts'
  make_bundle
  edit '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "nosuchcall"], "action": "SCMP_ACT_ERRNO"}]}'
  run -0 inside true
  edit '.annotations["run.oci.seccomp_fail_unknown_syscall"] = "1"'
  leaves_nothing inside true
  failed
  expect '/linux/seccomp/syscalls/0/names/1: unknown system call "nosuchcall"'
  edit '.annotations = {"run.oci.handler": "krun"}'
  leaves_nothing inside true
  failed
  expect 'there is no handler "krun"'
}

@test "features lists the annotations that change something" {
  only_toyrun 'the list is its own'
  run -0 rt features
  jq -e '.potentiallyUnsafeConfigAnnotations | index("run.oci.keep_original_groups")' <<<"$output"
  jq -e '.linux.mountExtensions.idmap.enabled and .linux.netDevices.enabled' <<<"$output"
}

@test "intelRdt where no resctrl is mounted is refused and leaves nothing; update of a class needs one" {
  ! grep -q ' - resctrl ' /proc/self/mountinfo || skip 'resctrl is mounted here'
  only_spec 'runc 1.1.5 and crun 1.8.1 leave the block out where no resctrl is mounted'
  sleeper
  local rdt
  for rdt in '{}' '{"closID": "gold"}' '{"l3CacheSchema": "L3:0=f"}' '{"closID": "/", "enableMonitoring": true}'; do
    edit ".linux.intelRdt = $rdt"
    leaves_nothing rt create --bundle "$BUNDLE" "$ID"
    failed
    expect 'resctrl|[Rr][Dd][Tt]'
  done
  edit '.linux.intelRdt = {"closID": "info"}'
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  failed
  edit 'del(.linux.intelRdt)'
  running
  run rt update --l3-cache-schema L3:0=f "$ID"
  failed
  expect 'in no resctrl class'
  edit '.linux.intelRdt = {"closID": "gold", "schemata": ["L2:0=3"], "enableMonitoring": true}'
  run rt create --explain --bundle "$BUNDLE" other
  expect 'the resctrl class gold allows L2:0=3'
  expect 'count its use in the monitoring group other'
}
