# SPDX-License-Identifier: Apache-2.0
# A pure cgroup v2 tree: files, controllers on the way down, device programs, freezing, killing, delegation, exec.
load support

setup() {
  begin_test
  [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || skip 'no pure cgroup v2 tree on this host; tests/vm/run boots a guest that has one'
  DIRECTORY=/sys/fs/cgroup$CGROUP
}

resources() { edit '.linux.resources += $more' --argjson more "$1"; }
value() { cat "$DIRECTORY/$1"; }
member() { grep -qx "$1" "$2/cgroup.procs"; }
own_cgroup_namespace() { edit '.linux.namespaces |= map(select(.type != "cgroup")) + [{"type": "cgroup"}]'; }
# cgroup_mount OPTION...: the only mount on /sys/fs/cgroup
cgroup_mount() {
  edit '.mounts |= map(select(.destination != "/sys/fs/cgroup")) +
    [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": $ARGS.positional}]' --args -- "$@"
}
writable_cgroup() {
  own_cgroup_namespace
  cgroup_mount nosuid noexec nodev
}
user_namespace() {
  edit '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
    .linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 65536}]'
  chown -R 100000:200000 "$ROOTFS"
  chmod 755 "$BUNDLE" "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR"
}
all_with() { # all_with FILE VALUE: every directory from the top of the tests' to the container's has it in FILE
  local at=$DIRECTORY
  while [ "$at" != /sys/fs/cgroup ]; do
    grep -qw "$2" "$at/$1" || { echo "$at/$1: $(cat "$at/$1")"; return 1; }
    at=$(dirname "$at")
  done
}

@test "v2: the container has one cgroup, and every controller of the tree in it" {
  sleeper
  running
  [ "$(cat "/proc/$(pid_of)/cgroup")" = "0::$CGROUP" ]
  local controller
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do all_with cgroup.controllers "$controller"; done
}

@test "v2: deep new parents hand the controllers down and go with the container" {
  sleeper
  edit '.linux.cgroupsPath = $path' --arg path "$CGROUP/a/b/c"
  resources '{"pids": {"limit": 9}}'
  running
  [ "$(value a/b/c/pids.max)" = 9 ]
  rt delete --force "$ID"
  [ ! -e "$DIRECTORY/a/b/c" ]
}

@test "v2: memory, pids and cpu values" {
  sleeper
  resources '{"memory": {"limit": 104857600, "reservation": 52428800, "swap": 157286400}, "pids": {"limit": 33},
    "cpu": {"shares": 512, "quota": 25000, "period": 50000, "burst": 5000}}'
  running
  [ "$(value memory.max)" = 104857600 ]
  [ "$(value memory.low)" = 52428800 ]
  [ "$(value memory.swap.max)" = 52428800 ]
  [ "$(value pids.max)" = 33 ]
  [ "$(value cpu.weight)" = 59 ] || ! is_toyrun # the references here still convert linearly
  [ "$(value cpu.max)" = "25000 50000" ]
  [ "$(value cpu.max.burst)" = 5000 ]
}

@test "v2: a quota without a period, unlimited memory and swap, idle" {
  not_on runc '1.1.5 knows no cpu.idle'
  sleeper
  resources '{"memory": {"limit": -1}, "cpu": {"quota": 30000, "idle": 1}}'
  running
  [ "$(value memory.max)" = max ]
  [ "$(value memory.swap.max)" = max ]
  [ "$(value cpu.max)" = "30000 100000" ]
  [ "$(value cpu.idle)" = 1 ]
}

@test "v2: cpuset" {
  sleeper
  resources '{"cpu": {"cpus": "0", "mems": "0"}}'
  running
  [ "$(value cpuset.cpus)" = 0 ]
  [ "$(value cpuset.mems)" = 0 ]
  grep -q '^Cpus_allowed_list:[[:space:]]*0$' "/proc/$(pid_of)/status"
}

@test "v2: io.max of a device" {
  local device
  device=$(lsblk -dno MAJ:MIN 2>/dev/null | tr -d ' ' | grep -v '^7:' | head -1)
  [ -n "$device" ] || skip 'no block device to throttle'
  sleeper
  resources "{\"blockIO\": {\"throttleReadBpsDevice\": [{\"major\": ${device%:*}, \"minor\": ${device#*:}, \"rate\": 1048576}],
    \"throttleWriteIOPSDevice\": [{\"major\": ${device%:*}, \"minor\": ${device#*:}, \"rate\": 100}]}}"
  running
  [ "$(value io.max)" = "$device rbps=1048576 wbps=max riops=max wiops=100" ]
}

@test "v2: unified values come last, line by line" {
  not_on crun 'writes several lines at once'
  not_on runc '1.1.5 writes several lines at once'
  local device
  device=$(lsblk -dno MAJ:MIN | tr -d ' ' | grep -v '^7:' | head -1)
  sleeper
  resources '{"pids": {"limit": 33}, "unified": {"pids.max": "44", "memory.high": "52428800"}}'
  edit '.linux.resources.unified["io.max"] = $lines' --arg lines "$device wbps=2000000
$device riops=500"
  running
  [ "$(value pids.max)" = 44 ]
  [ "$(value memory.high)" = 52428800 ]
  [ "$(value io.max)" = "$device rbps=max wbps=2000000 riops=500 wiops=max" ]
}

@test "v2: unified with a controller or a file that is not there is refused" {
  make_bundle
  resources '{"unified": {"nosuch.max": "1"}}'
  leaves_nothing inside true
  failed
  expect 'nosuch'
  edit '.linux.resources.unified = {"memory.nosuch": "1"}'
  leaves_nothing inside true
  failed
  expect 'memory.nosuch'
}

@test "v2: what has no equivalent is refused, neutral values are not" {
  only_spec 'runc ignores them'
  make_bundle
  resources '{"memory": {"swappiness": 10}}'
  leaves_nothing inside true
  failed
  expect 'swappiness'
  edit 'del(.linux.resources.memory)'
  resources '{"network": {"classID": 7}}'
  leaves_nothing inside true
  failed
  expect 'classID'
  edit '.linux.resources.network = {"classID": 0} | .linux.resources.memory = {"disableOOMKiller": false, "swappiness": 60}'
  run -0 inside true
}

@test "v2: the first process is born in the cgroup: a limit of no process at all stops it" {
  only_toyrun 'the references move it there, which no limit stops, or write 1 for 0'
  make_bundle
  resources '{"pids": {"limit": 0}}'
  leaves_nothing inside true
  failed
  expect 'temporarily unavailable'
}

@test "v2: a parent with processes: no controllers, so a limit is refused and none is fine" {
  make_bundle
  mkdir -p "$DIRECTORY"
  sleep 100 3>&- &
  local pid=$!
  echo "$pid" >"$DIRECTORY/cgroup.procs"
  edit '.linux.cgroupsPath = $path | .linux.namespaces |= map(select(.type != "cgroup"))' --arg path "$CGROUP/below"
  run inside 'cat /proc/self/cgroup'
  resources '{"memory": {"limit": 104857600}}'
  local without=$status$output
  leaves_nothing inside true
  kill "$pid"
  [ "$without" = "00::$CGROUP/below" ] || { echo "$without"; return 1; }
  failed
  expect 'memory'
}

@test "v2: below a threaded cgroup a memory limit is refused" {
  not_on crun '1.8.1 leaves its cgroup behind'
  make_bundle
  local threaded=/toytest-threaded
  mkdir "/sys/fs/cgroup$threaded" # right below the root: elsewhere a parent has memory enabled
  echo threaded >"/sys/fs/cgroup$threaded/cgroup.type"
  edit '.linux.cgroupsPath = $path' --arg path "$threaded/below"
  resources '{"memory": {"limit": 104857600}}'
  leaves_nothing inside true
  rmdir "/sys/fs/cgroup$threaded"
  failed
  expect 'memory'
}

@test "v2: create in a cgroup with processes is refused, and leaves it as it was" {
  only_toyrun 'runc 1.1 only warns, crun does not look'
  make_bundle
  mkdir -p "$DIRECTORY"
  sleep 100 3>&- &
  local pid=$!
  echo "$pid" >"$DIRECTORY/cgroup.procs"
  leaves_nothing inside true
  local still
  still=$(cat "$DIRECTORY/cgroup.procs")
  kill "$pid"
  failed
  expect 'not empty: 1 process'
  [ "$still" = "$pid" ]
}

@test "v2: create in a frozen cgroup is refused, not hung" {
  not_on crun '1.8.1 hangs'
  make_bundle
  mkdir -p "$DIRECTORY"
  echo 1 >"$DIRECTORY/cgroup.freeze"
  run timeout 60 "$RUNTIME" --root "$STATE" create --bundle "$BUNDLE" "$ID" </dev/null
  echo 0 >"$DIRECTORY/cgroup.freeze"
  [ "$status" -ne 124 ]
  failed
}

@test "v2: device rules bite: mknod is allowed, using the device is not" {
  make_bundle
  edit '.process.capabilities[] |= . + ["CAP_MKNOD"]'
  run inside 'mknod /tmp/mem c 1 1 && mknod /tmp/zero c 1 5 && head -c 1 /tmp/zero | wc -c; head -c 1 /tmp/mem'
  expect '^1$'
  expect 'Operation not permitted'
}

@test "v2: device rules hold in exec, below the cgroup, and after another life in the same cgroup" {
  make_bundle
  mkdir -p "$DIRECTORY"
  edit '.process.capabilities[] |= . + ["CAP_MKNOD"]'
  writable_cgroup
  local life
  for life in 1 2 3; do
    rm -f "$ROOTFS/tmp/mem"
    command_is sleep 1000
    running
    run rt exec "$ID" sh -c 'mknod /tmp/mem c 1 1; mkdir -p /sys/fs/cgroup/child; echo $$ >/sys/fs/cgroup/child/cgroup.procs; head -c 1 /tmp/mem'
    expect 'Operation not permitted'
    rt delete --force "$ID"
    mkdir -p "$DIRECTORY"
  done
}

@test "v2: pids.max and the cpu quota bite" {
  make_bundle
  resources '{"pids": {"limit": 5}, "cpu": {"quota": 10000, "period": 100000}}'
  command_is sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; while :; do :; done'
  running
  wait_for 10 eval "grep -q '^max [1-9]' '$DIRECTORY/pids.events'"
  wait_for 10 eval "grep -q '^nr_throttled [1-9]' '$DIRECTORY/cpu.stat'"
}

@test "v2: an OOM kill is counted" {
  make_bundle
  resources '{"memory": {"limit": 20971520, "swap": 20971520}}'
  command_is sh -c 'head -c 200000000 /dev/zero | tail -c 190000000 >/dev/null; sleep 1000'
  running
  wait_for 10 eval "grep -q '^oom_kill [1-9]' '$DIRECTORY/memory.events'"
  has_status running
}

@test "v2: a memory limit too low for init is told as that" {
  only_toyrun 'wording'
  make_bundle
  resources '{"memory": {"limit": 4096, "swap": 4096}}'
  leaves_nothing inside true
  failed
  expect 'OOM-killed|memory limit'
}

@test "v2: pause freezes the tree, kill reaches it, resume thaws" {
  make_bundle
  command_is sh -c 'sleep 1000 & sleep 1000'
  running
  wait_for 10 eval "[ \$(wc -l <'$DIRECTORY/cgroup.procs') -ge 2 ]"
  rt pause "$ID"
  [ "$(value cgroup.freeze)" = 1 ]
  grep -qx 'frozen 1' "$DIRECTORY/cgroup.events"
  has_status paused
  rt resume "$ID"
  [ "$(value cgroup.freeze)" = 0 ]
  has_status running
  rt pause "$ID"
  rt kill "$ID" KILL
  wait_for 10 has_status stopped
}

@test "v2: kill --all and delete --force end a tree that hides in cgroups of its own" {
  not_on runc '1.1.5 leaves cgroups that are still busy'
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "pid"))'
  writable_cgroup
  command_is sh -c 'mkdir -p /sys/fs/cgroup/a/b; for i in 1 2 3; do sleep 7531 & done;
    for p in $(cat /sys/fs/cgroup/cgroup.procs); do echo $p >/sys/fs/cgroup/a/b/cgroup.procs; done 2>/dev/null; echo moved >/tmp/moved; wait'
  running
  wait_for 10 test -s "$ROOTFS/tmp/moved"
  member "$(pid_of)" "$DIRECTORY/a/b"
  rt kill --all "$ID" KILL
  wait_for 10 gone 'sleep 7531'
  wait_for 10 has_status stopped
  rt delete "$ID"
  [ ! -e "$DIRECTORY" ]
  running
  wait_for 10 runs 'sleep 7531'
  rt delete --force "$ID"
  [ ! -e "$DIRECTORY" ]
  gone 'sleep 7531'
}

@test "v2: eight containers at once below a parent that none of them finds" {
  sleeper
  resources '{"pids": {"limit": 20}, "memory": {"limit": 104857600}}'
  local n pids=()
  for n in 1 2 3 4 5 6 7 8; do
    mkdir "$BUNDLE.$n"
    jq --arg root "$ROOTFS" --arg path "$CGROUP/many/$n" '.root.path = $root | .linux.cgroupsPath = $path' "$BUNDLE/config.json" >"$BUNDLE.$n/config.json"
    (rt create --bundle "$BUNDLE.$n" "$ID-$n" </dev/null >"$OUT.$n" 2>&1 && rt start "$ID-$n") 3>&- &
    pids+=($!)
  done
  for n in "${pids[@]}"; do wait "$n"; done
  for n in 1 2 3 4 5 6 7 8; do
    [ "$(cat "$DIRECTORY/many/$n/memory.max")" = 104857600 ]
    [ "$(cat "$DIRECTORY/many/$n/pids.max")" = 20 ]
    member "$(pid_of "$ID-$n")" "$DIRECTORY/many/$n"
  done
  pids=()
  for n in 1 2 3 4 5 6 7 8; do
    rt delete --force "$ID-$n" 3>&- &
    pids+=($!)
  done
  for n in "${pids[@]}"; do wait "$n"; done
  [ -z "$(ls -d "$DIRECTORY"/many/*/ 2>/dev/null)" ]
}

@test "v2: cgroup namespace: the mount shows the container's cgroup as the root" {
  make_bundle
  own_cgroup_namespace
  resources '{"pids": {"limit": 77}}'
  run inside 'cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max; stat -f -c %t /sys/fs/cgroup; grep " /sys/fs/cgroup " /proc/self/mounts; mkdir /sys/fs/cgroup/x'
  [ "${lines[0]}" = 0::/ ]
  [ "${lines[1]}" = 77 ]
  [ "${lines[2]}" = 63677270 ]
  expect ' /sys/fs/cgroup cgroup2 ro,'
  expect 'Read-only file system'
}

@test "v2: without a cgroup namespace the mount shows the container's cgroup all the same" {
  not_on runc '1.1.5 shows the whole tree'
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "cgroup"))'
  cgroup_mount ro nosuid noexec nodev
  resources '{"pids": {"limit": 77}}'
  run inside 'cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max; ls -d /sys/fs/cgroup/toytest.d'
  [ "${lines[0]}" = "0::$CGROUP" ]
  [ "${lines[1]}" = 77 ]
  expect 'No such file'
}

@test "v2: the host's mount options stay, whatever namespaces the container has" {
  not_on runc '1.1.5 loses nsdelegate with a joined namespace'
  not_on crun '1.8.1 loses nsdelegate with a joined namespace'
  local before
  before=$(grep ' /sys/fs/cgroup cgroup2 ' /proc/self/mounts)
  make_bundle
  own_cgroup_namespace
  run -0 inside true
  edit '.linux.namespaces |= map(select(.type != "cgroup")) + [{"type": "cgroup", "path": "/proc/1/ns/cgroup"}]'
  cgroup_mount ro
  run -0 inside 'ls /sys/fs/cgroup'
  expect_not 'toytest.d'
  edit '.linux.namespaces |= map(select(.type != "cgroup"))'
  run -0 inside true
  [ "$(grep ' /sys/fs/cgroup cgroup2 ' /proc/self/mounts)" = "$before" ]
}

# ---- delegation (runtime-spec, config-linux "Cgroup ownership") ------------------------------------------------

@test "v2: a user namespace's root owns its cgroup, may divide it, and cannot raise its limits" {
  not_on runc '1.1.5 delegates with its systemd driver only'
  make_bundle
  user_namespace
  writable_cgroup
  resources '{"pids": {"limit": 50}, "memory": {"limit": 104857600}}'
  command_is sh -c 'cd /sys/fs/cgroup && mkdir init && echo $$ >init/cgroup.procs && echo "+memory +pids" >cgroup.subtree_control &&
    mkdir work && echo 10 >work/pids.max && cat work/pids.max && cat /proc/self/cgroup; echo max >pids.max; echo done; exec sleep 1000'
  running
  wait_for 10 contains done "$OUT"
  run -0 cat "$OUT"
  expect '^10$'
  expect '^0::/init$'
  expect 'ermission denied'
  [ "$(value pids.max)" = 50 ]
  local file
  for file in . $(cat /sys/kernel/cgroup/delegate); do
    [ ! -e "$DIRECTORY/$file" ] || [ "$(stat -c %u "$DIRECTORY/$file")" = 100000 ] || { echo "$file"; return 1; }
  done
  [ "$(stat -c %u "$DIRECTORY/memory.max")" = 0 ]
  [ "$(stat -c %u "$DIRECTORY/..")" = 0 ]
  rt delete --force "$ID"
  [ ! -e "$DIRECTORY" ]
}

@test "v2: an ordinary user owns its cgroup when it is mounted writable, and only then" {
  not_on runc '1.1.5 delegates with its systemd driver only'
  make_bundle
  edit '.process.user = {"uid": 1000, "gid": 1000}'
  writable_cgroup
  command_is sh -c 'mkdir /sys/fs/cgroup/mine && echo made; exec sleep 1000'
  running
  wait_for 10 contains made "$OUT"
  [ "$(stat -c %u "$DIRECTORY" "$DIRECTORY/cgroup.procs" "$DIRECTORY/pids.max" | tr '\n' ' ')" = "1000 1000 0 " ]
  rt delete --force "$ID"
  cgroup_mount ro nosuid noexec nodev
  running
  [ "$(stat -c %u "$DIRECTORY" "$DIRECTORY/cgroup.procs" | tr '\n' ' ')" = "0 0 " ]
  rt delete --force "$ID"
  cgroup_mount nosuid noexec nodev
  edit '.linux.namespaces |= map(select(.type != "cgroup"))'
  running
  [ "$(stat -c %u "$DIRECTORY" "$DIRECTORY/cgroup.procs" | tr '\n' ' ')" = "0 0 " ]
}

# ---- exec ------------------------------------------------------------------------------------------------------

@test "v2: exec joins init where init has moved to, when the top of its cgroup takes no process" {
  make_bundle
  writable_cgroup
  command_is sh -c 'cd /sys/fs/cgroup && mkdir init && echo $$ >init/cgroup.procs && echo +memory >cgroup.subtree_control && echo ready; exec sleep 1000'
  running
  wait_for 10 contains ready "$OUT"
  run -0 rt exec "$ID" cat /proc/self/cgroup
  expect '^0::/init$'
}

@test "v2: exec refuses to follow an init that somebody moved out of the container's cgroup" {
  only_toyrun 'the references follow it'
  make_bundle
  writable_cgroup
  command_is sleep 1000
  running
  mkdir "$DIRECTORY-elsewhere"
  pid_of >"$DIRECTORY-elsewhere/cgroup.procs"
  echo +memory >"$DIRECTORY/cgroup.subtree_control"
  run rt exec "$ID" true
  rt delete --force "$ID"
  failed
  expect 'left its cgroup'
  [ ! -e "$DIRECTORY" ]
}

@test "v2: exec is counted and limited with the container" {
  sleeper
  resources '{"pids": {"limit": 1}}'
  running
  run rt exec "$ID" true
  failed
  expect 'temporarily unavailable'
}
