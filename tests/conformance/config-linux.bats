# SPDX-License-Identifier: Apache-2.0
# config-linux.md: namespaces, devices, seccomp, paths; cgroups are in cgroup.bats.
load conformance

# ---- namespaces -----------------------------------------------------------------------------------------------

# holder [UNSHARE-OPTION...]: a process in new namespaces, $HOLDER; it ends with the run's pid namespace at the latest.
holder() {
  unshare "$@" sleep 300 3>&- &
  HOLDER=$!
  wait_for 5 eval "[ \"\$(cat /proc/$HOLDER/comm)\" = sleep ]"
}

@test "config-linux.md#namespaces 1: a path is absolute" {
  refused '.linux.namespaces |= map(if .type == "network" then .path = "proc/self/ns/net" else . end)'
}

@test "config-linux.md#namespaces 2: the container is in the namespace of the path" {
  make_bundle
  holder --net --ipc --uts --cgroup
  edit '.linux.namespaces |= map(if .type == "network" then .path = "/proc/\($pid)/ns/net" elif .type == "ipc" then .path = "/proc/\($pid)/ns/ipc"
    elif .type == "uts" then .path = "/proc/\($pid)/ns/uts" else . end) + [{"type": "cgroup", "path": "/proc/\($pid)/ns/cgroup"}] | del(.hostname)' --arg pid "$HOLDER"
  run inside 'for n in net ipc uts cgroup; do readlink /proc/self/ns/$n; done'
  local expected
  expected=$(for n in net ipc uts cgroup; do readlink "/proc/$HOLDER/ns/$n"; done)
  kill "$HOLDER"
  succeeded
  [ "$output" = "$expected" ]
}

@test "config-linux.md#namespaces 3: a path of another type, or of none, is an error" {
  refused '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/uts" else . end)'
  refused '.linux.namespaces |= map(if .type == "ipc" then .path = "/etc/passwd" else . end)'
  refused '.linux.namespaces |= map(if .type == "uts" then .path = "/no/such" else . end)'
}

@test "config-linux.md#namespaces 4: without a path a new namespace is made" {
  make_bundle
  edit '.linux.namespaces += [{"type": "cgroup"}]'
  run -0 inside 'for n in pid net ipc uts mnt cgroup; do readlink /proc/self/ns/$n; done'
  local n
  for n in pid net ipc uts mnt cgroup; do expect_not "^$(own $n | sed 's/[][]/\\&/g')\$"; done
}

@test "config-linux.md#namespaces 5: a type that is not listed is the runtime's" {
  make_bundle
  edit '.linux.namespaces |= map(select(.type == "mount")) | del(.hostname)'
  run -0 inside 'for n in pid net ipc uts user cgroup; do readlink /proc/self/ns/$n; done'
  [ "$output" = "$(for n in pid net ipc uts user cgroup; do own $n; done)" ]
}

@test "config-linux.md#namespaces 6: the same type twice is an error" {
  refused '.linux.namespaces += [{"type": "pid"}]'
  refused '.linux.namespaces += [{"type": "network", "path": "/proc/self/ns/net"}]'
}

@test "config-linux.md#user-namespace-mappings 1,2: the mappings are in effect, files keep their owner" {
  make_bundle
  user_namespace
  chown 100005:200006 "$ROOTFS/etc/group"
  run -0 inside 'cat /proc/self/uid_map /proc/self/gid_map; stat -c %u:%g /etc/group'
  expect '^ +0 +100000 +65536$'
  expect '^ +0 +200000 +65536$'
  expect '^5:6$'
  [ "$(stat -c %u:%g "$ROOTFS/etc/group")" = 100005:200006 ]
}

@test "config-linux.md#offset-for-time-namespace 1: the clocks are shifted" {
  [ -e /proc/self/timens_offsets ] || skip 'this kernel has no time namespace'
  make_bundle
  edit '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"boottime": {"secs": 1000000}, "monotonic": {"secs": 5, "nanosecs": 7}}'
  run -0 inside 'cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets'
  [ "${lines[0]}" -ge 1000000 ]
  expect 'monotonic +5 +7'
}

# ---- devices --------------------------------------------------------------------------------------------------

@test "config-linux.md#devices 1,4: the devices are there, with numbers, mode and owner" {
  make_bundle
  edit '.linux.devices = [{"path": "/dev/one", "type": "c", "major": 10, "minor": 229, "fileMode": 384, "uid": 1, "gid": 2},
    {"path": "/opt/deep/two", "type": "b", "major": 7, "minor": 5, "fileMode": 432}, {"path": "/dev/three", "type": "p", "fileMode": 420},
    {"path": "/dev/four", "type": "u", "major": 1, "minor": 3, "fileMode": 438}]'
  run -0 inside 'stat -c "%n|%F|%t:%T|%a|%u:%g" /dev/one /opt/deep/two /dev/three /dev/four'
  expect '^/dev/one.character special file.a:e5.600.1:2$'
  expect '^/opt/deep/two.block special file.7:5.660.0:0$'
  expect '^/dev/three.fifo.*.644.'
  expect '^/dev/four.character special file.1:3.666.'
}

@test "config-linux.md#devices 2: an existing file that does not match is an error, one that matches is not" {
  make_bundle
  echo text >"$ROOTFS/etc/device"
  edit '.linux.devices = [{"path": "/etc/device", "type": "c", "major": 1, "minor": 3, "fileMode": 438}]'
  refused
  [ "$(cat "$ROOTFS/etc/device")" = text ]
  rm "$ROOTFS/etc/device"
  mknod "$ROOTFS/etc/device" c 1 5
  refused
  rm "$ROOTFS/etc/device"
  mknod "$ROOTFS/etc/device" c 1 3
  accepted
}

@test "config-linux.md#devices 3: major and minor are required but for a fifo" {
  refused '.linux.devices = [{"path": "/dev/x", "type": "c", "major": 1}]'
  refused '.linux.devices = [{"path": "/dev/x", "type": "b", "minor": 1}]'
  accepted '.linux.devices = [{"path": "/dev/x", "type": "p"}]'
}

@test "config-linux.md#default-devices 1: the six devices, which work" {
  make_bundle
  run -0 inside 'cd /dev; stat -c "%n %F %t:%T" null zero full random urandom tty; echo x >null; head -c 4 zero | wc -c; head -c 4 urandom | wc -c; echo x 2>/dev/null >full || echo full'
  expect '^null character special file 1:3$'
  expect '^zero character special file 1:5$'
  expect '^full character special file 1:7$'
  expect '^random character special file 1:8$'
  expect '^urandom character special file 1:9$'
  expect '^tty character special file 5:0$'
  [ "$(grep -c '^4$' <<<"$output")" -eq 2 ]
  expect '^full$'
}

@test "config-linux.md#default-devices 2: /dev/console is the pty, and there only with a terminal" {
  make_bundle
  run -0 inside '[ -e /dev/console ] && echo there || echo none'
  [ "$output" = none ]
  edit '.process.terminal = true'
  command_is sh -c 'echo said-to-console >/dev/console; stat -c %F /dev/console'
  python3 "$SYSTEM/console.py" "$BATS_TEST_TMPDIR/console.sock" >"$OUT" 2>&1 3>&- &
  wait_for 10 contains ready "$OUT"
  rt create --console-socket "$BATS_TEST_TMPDIR/console.sock" --bundle "$BUNDLE" "$ID" </dev/null
  rt start "$ID"
  wait_for 10 contains '^end' "$OUT"
  contains said-to-console "$OUT"
  contains 'character special file' "$OUT"
}

@test "config-linux.md#default-devices 3: /dev/ptmx is that of the container's devpts" {
  make_bundle
  run -0 inside 'stat -L -c "%t:%T %d:%i" /dev/ptmx /dev/pts/ptmx | uniq | wc -l; stat -L -c %t:%T /dev/ptmx; (: <>/dev/ptmx) && echo opened'
  [ "$output" = $'1\n5:2\nopened' ]
}

# ---- network devices ------------------------------------------------------------------------------------------

# veth NAME: a pair in this run's own network namespace, one end up with addresses.
veth() {
  is_toyrun && built .linux.netDevices.enabled 'moving network devices'
  ip link add "$1" type veth peer name "$1p" || skip 'this kernel makes no veth pairs'
  ip addr add 10.11.12.13/24 dev "$1"
  ip -6 addr add fd00:11::13/64 dev "$1" nodad 2>/dev/null || true
  ip link set "$1" mtu 1400
}
no_veth() { ip link del "$1p" 2>/dev/null || true; }

@test "config-linux.md#network-devices 1: the device is moved, under the name asked for" {
  make_bundle
  veth conf0
  edit '.linux.netDevices = {"conf0": {"name": "inner0"}}'
  run inside 'ls /sys/class/net; cat /sys/class/net/inner0/mtu'
  no_veth conf0
  succeeded
  expect '^inner0$'
  expect '^1400$'
}

@test "config-linux.md#network-devices 2: a name that is taken in the container is an error, unless it ends in %d" {
  make_bundle
  veth conf1
  edit '.linux.netDevices = {"conf1": {"name": "lo"}}'
  attempt rt create --bundle "$BUNDLE" "$ID"
  if [ "$status" -eq 0 ]; then no_veth conf1; echo 'accepted lo'; false; fi
  ip link show conf1 >/dev/null
  edit '.linux.netDevices = {"conf1": {"name": "box%d"}}'
  run inside 'ls /sys/class/net'
  no_veth conf1
  succeeded
  expect '^box0$'
}

@test "config-linux.md#network-devices 3: permanent addresses of global scope stay" {
  make_bundle
  veth conf2
  edit '.linux.netDevices = {"conf2": {}}'
  run inside 'ip addr show conf2'
  no_veth conf2
  succeeded
  expect 'inet 10.11.12.13/24'
}

@test "config-linux.md#network-devices 4: the device is up" {
  make_bundle
  veth conf3
  edit '.linux.netDevices = {"conf3": {}}'
  run inside 'ip link show conf3'
  no_veth conf3
  succeeded
  expect '<[A-Z,_-]*UP'
}

@test "config-linux.md#network-devices 5: the device is not taken back before the namespace goes" {
  make_bundle
  veth conf4
  edit '.linux.netDevices = {"conf4": {}}'
  sleeping
  run ! ip link show conf4
  rt delete --force "$ID"
  # a veth goes with its namespace, and its peer with it
  wait_for 10 eval '! ip link show conf4p'
  run ! ip link show conf4
}

# ---- resctrl, memory policy, sysctl ---------------------------------------------------------------------------

resctrl() { grep -q ' resctrl ' /proc/self/mountinfo; }
need_resctrl() { resctrl || skip 'no resctrl file system on this machine'; }

@test "config-linux.md#intelrdt 1: without a mounted resctrl it is an error" {
  ! resctrl || skip 'resctrl is mounted here'
  refused '.linux.intelRdt = {"closID": "conformance"}'
  refused '.linux.intelRdt = {"closID": "conformance", "l3CacheSchema": "L3:0=f"}'
}

@test "config-linux.md#intelrdt 2,3,4: the process is in tasks of a directory named by closID, made if missing, with the combined schema" {
  need_resctrl
  make_bundle
  local schema
  schema=$(grep L3: /sys/fs/resctrl/schemata | tr -d ' ')
  edit '.linux.intelRdt = {"closID": "toytest-conformance", "l3CacheSchema": $schema}' --arg schema "$schema"
  sleeping
  grep -qx "$(pid_of)" /sys/fs/resctrl/toytest-conformance/tasks
  grep -q "$schema" <(tr -d ' ' </sys/fs/resctrl/toytest-conformance/schemata)
  rmdir /sys/fs/resctrl/toytest-conformance
}

@test "config-linux.md#intelrdt 5: closID without schemas needs the directory" {
  need_resctrl
  refused '.linux.intelRdt = {"closID": "toytest-nosuch"}'
  [ ! -d /sys/fs/resctrl/toytest-nosuch ]
}

@test "config-linux.md#intelrdt 6: without the block no resctrl file system is touched" {
  need_resctrl
  make_bundle
  find /sys/fs/resctrl | sort >"$BATS_TEST_TMPDIR/before"
  sleeping
  diff "$BATS_TEST_TMPDIR/before" <(find /sys/fs/resctrl | sort)
}

@test "config-linux.md#memory-policy 1: the policy is in effect" {
  [ -e /proc/self/numa_maps ] || skip 'this kernel has no NUMA policies'
  make_bundle
  edit '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0"}'
  sleeping
  run -0 cat "/proc/$(pid_of)/numa_maps"
  expect 'bind(=static|=relative)?:0'
}

@test "config-linux.md#memory-policy 2: an unknown mode or flag, nodes where there must be none and none where there must be" {
  refused '.linux.memoryPolicy = {"mode": "MPOL_NOSUCH"}'
  refused '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NOSUCH"]}'
  refused '.linux.memoryPolicy = {"mode": "MPOL_DEFAULT", "nodes": "0"}'
  refused '.linux.memoryPolicy = {"mode": "MPOL_BIND"}'
}

@test "config-linux.md#sysctl 1: values are set in the container's namespaces, and not in the host's" {
  make_bundle
  local before
  before=$(cat /proc/sys/net/ipv4/ip_forward)
  edit '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.shmmni": "4001"}'
  run -0 inside 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni'
  [ "$output" = $'1\n4001' ]
  [ "$(cat /proc/sys/net/ipv4/ip_forward)" = "$before" ]
}

# ---- seccomp --------------------------------------------------------------------------------------------------

@test "config-linux.md#seccomp 1: defaultErrnoRet and errnoRet, EPERM by default" {
  make_bundle
  profile SCMP_ACT_ALLOW '[{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}, {"names": ["rmdir"], "action": "SCMP_ACT_ERRNO"}]'
  run inside 'mkdir /tmp/x; rmdir /tmp'
  expect 'mkdir: .*No space left'
  expect 'rmdir: .*Operation not permitted'
}

@test "config-linux.md#seccomp 2: an errno for an action that carries none is an error" {
  refused '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 5}'
  refused '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_KILL", "errnoRet": 5}]}'
}

@test "config-linux.md#seccomp 3: names has an entry" {
  refused '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [], "action": "SCMP_ACT_ERRNO"}]}'
}

probe() {
  compiled probe <<'C'
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/syscall.h>
static void try(const char *name, unsigned long a) { errno = 0; syscall(SYS_getpriority, 0UL, a); printf("%s %d\n", name, errno); }
int main(void) { try("two", 2000000); try("three", 3000000); try("four", 4000000); try("masked", 0xabc0000); return 0; }
C
}
@test "config-linux.md#seccomp 4: the operators" {
  make_bundle
  probe
  command_is probe
  local op hit
  while read -r op hit; do
    profile SCMP_ACT_ALLOW "[{\"names\": [\"getpriority\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 101, \"args\": [{\"index\": 1, \"value\": 3000000, \"op\": \"$op\"}]}]"
    run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
    [ "$(grep ' 101' <<<"$output" | grep -v masked | cut -d' ' -f1 | paste -sd,)" = "$hit" ] || { echo "$op: $output"; false; }
  done <<'OPERATORS'
SCMP_CMP_NE two,four
SCMP_CMP_LT two
SCMP_CMP_LE two,three
SCMP_CMP_EQ three
SCMP_CMP_GE three,four
SCMP_CMP_GT four
OPERATORS
  profile SCMP_ACT_ALLOW '[{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 101, "args": [{"index": 1, "value": 268369920, "valueTwo": 180092928, "op": "SCMP_CMP_MASKED_EQ"}]}]'
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  expect '^masked 101$'
  expect '^three [^1]|^three 0$'
}

@test "config-linux.md#seccomp 5: kill, trap and log" {
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "pid"))'
  local action
  for action in SCMP_ACT_KILL SCMP_ACT_KILL_THREAD SCMP_ACT_KILL_PROCESS SCMP_ACT_TRAP; do
    profile SCMP_ACT_ALLOW "[{\"names\": [\"mkdir\", \"mkdirat\"], \"action\": \"$action\"}]"
    run inside 'exec mkdir /tmp/x'
    [ "$status" -eq 159 ] || { echo "$action: $status"; false; }
  done
  profile SCMP_ACT_ALLOW '[{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_LOG"}]'
  run -0 inside 'mkdir /tmp/x && echo made'
  [ "$output" = made ]
}

@test "config-linux.md#seccomp 6: listenerMetadata without listenerPath is an error" {
  refused '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "meta", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
}

# agent: a listener that prints what each connection brought and answers every notification with EBADE.
agent() {
  python3 "$BATS_TEST_DIRNAME/agent.py" "$BATS_TEST_TMPDIR/agent.sock" >"$BATS_TEST_TMPDIR/agent" 2>&1 3>&- &
  AGENT=$!
  wait_for 10 contains ready "$BATS_TEST_TMPDIR/agent"
}
notify() {
  profile SCMP_ACT_ALLOW '[{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]'
  edit '.linux.seccomp += {"listenerPath": $path, "listenerMetadata": "meta"}' --arg path "$1"
}

@test "config-linux.md#seccomp 7,8; config-linux.md#the-container-process-state 1,2,3,4: one state in one connection, the descriptor by SCM_RIGHTS in the first call" {
  make_bundle
  agent
  notify "$BATS_TEST_TMPDIR/agent.sock"
  command_is sh -c 'mkdir /tmp/x; exec sleep 1000'
  created
  local pid
  pid=$(pid_of)
  rt start "$ID"
  wait_for 10 contains 'Invalid exchange' "$OUT"
  wait_for 10 contains '^[{]' "$BATS_TEST_TMPDIR/agent"
  kill "$AGENT"
  [ "$(grep -c '^{' "$BATS_TEST_TMPDIR/agent")" -eq 1 ]
  grep '^{' "$BATS_TEST_TMPDIR/agent" | jq -e --arg id "$ID" --arg bundle "$BUNDLE" --argjson pid "$pid" '
    (.state.ociVersion | test("^1\\.[0-9]+\\.[0-9]+")) and (.ociVersion | test("^[01]\\.[0-9]+\\.[0-9]+")) and .fds == ["seccompFd"] and .pid == $pid
    and .metadata == "meta" and .state.id == $id and .state.bundle == $bundle and (.state.status | IN("creating", "created"))
    and .received_in_first_call == 1 and .received_later == 0 and .closed'
}

@test "config-linux.md#seccomp 9: when the state cannot be sent it is an error" {
  make_bundle
  notify /no/such/socket
  command_is sh -c 'echo ran >/tmp/ran'
  run rt run --bundle "$BUNDLE" "$ID" </dev/null
  failed
  [ ! -e "$ROOTFS/tmp/ran" ]
}

@test "config-linux.md#seccomp 10: a listenerPath without a notify action is ignored" {
  accepted '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/no/such/socket", "syscalls": [{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO"}]}'
}

# ---- propagation, paths, labels, personality ------------------------------------------------------------------

@test "config-linux.md#rootfs-mount-propagation 1: shared, slave, private, unbindable" {
  make_bundle
  local word
  for word in shared slave private unbindable; do
    edit '.linux.rootfsPropagation = $word' --arg word "$word"
    run -0 inside "awk '\$5 == \"/\" {for (i = 7; \$i != \"-\"; i++) print \$i}' /proc/self/mountinfo"
    case $word in
      shared) expect '^shared:' ;;
      unbindable) expect '^unbindable$' ;;
      *) expect_not '^shared:|^unbindable' ;;
    esac
  done
}

@test "config-linux.md#masked-paths 1: a path is absolute" { refused '.linux.maskedPaths = ["etc/passwd"]'; }

@test "config-linux.md#masked-paths 2: a masked file and directory cannot be read" {
  make_bundle
  mkdir "$ROOTFS/secret"
  echo secret | tee "$ROOTFS/secret/file" >"$ROOTFS/etc/secret"
  edit '.linux.maskedPaths = ["/secret", "/etc/secret", "/no/such/path"]'
  run -0 inside 'cat /etc/secret; ls -A /secret; cat /secret/file 2>&1 || true; echo end'
  expect_not '^secret$'
  expect '^end$'
}

@test "config-linux.md#readonly-paths 1: a path is absolute" { refused '.linux.readonlyPaths = ["etc"]'; }

@test "config-linux.md#readonly-paths 2: a read-only path cannot be written" {
  make_bundle
  mkdir "$ROOTFS/kept"
  edit '.linux.readonlyPaths = ["/kept", "/etc/passwd", "/no/such/path"]'
  run inside 'touch /kept/x; echo x >/etc/passwd; touch /tmp/x && echo other-written'
  expect '/kept/x: Read-only'
  expect '/etc/passwd: Read-only'
  expect other-written
}

@test "config-linux.md#mount-label 1: a label that the kernel cannot apply is an error" {
  [ ! -e /sys/fs/selinux/enforce ] || skip 'SELinux is on: any label may be valid'
  refused '.linux.mountLabel = "system_u:object_r:container_file_t:s0"'
}

@test "config-linux.md#personality 1: LINUX32" {
  make_bundle
  edit '.linux.personality = {"domain": "LINUX32"}'
  run -0 inside 'uname -m; cat /proc/self/personality'
  expect '^00000008$'
  edit '.linux.personality = {"domain": "LINUX"}'
  run -0 inside 'cat /proc/self/personality'
  expect '^00000000$'
}

@test "config-linux.md#personality 2: other domains, and flags, are errors" {
  refused '.linux.personality = {"domain": "NOSUCH"}'
  refused '.linux.personality = {"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}'
}
