# SPDX-License-Identifier: Apache-2.0
# cgroups: where the container lands, each resource field's file, limits that bite, refusals.
load support

# v1 CONTROLLER: these tests read v1 files; the same fields on v2 are tested in the guest.
v1() { [ -d "/sys/fs/cgroup/$1" ] || skip "no v1 $1 controller on this host"; }
resources() { edit '.linux.resources += $more' --argjson more "$1"; }
value() { cat "$(cgroup_file "$1" "$2")"; }

@test "the container is in cgroupsPath on every hierarchy that has a controller" {
  sleeper
  running
  run -0 cat "/proc/$(pid_of)/cgroup"
  local controller
  for controller in pids memory freezer devices cpuset blkio; do
    [ -d "/sys/fs/cgroup/$controller" ] || continue
    expect ":$controller:$CGROUP$"
  done
}

@test "without cgroupsPath the container has a cgroup of its own" {
  sleeper
  edit 'del(.linux.cgroupsPath)'
  running
  run -0 cat "/proc/$(pid_of)/cgroup"
  expect "$ID"
  rt delete --force "$ID"
  [ -z "$(find /sys/fs/cgroup -type d -name "$ID")" ]
}

@test "a relative cgroupsPath" {
  sleeper
  edit '.linux.cgroupsPath = $path' --arg path "toytest-relative/$ID"
  running
  run -0 cat "/proc/$(pid_of)/cgroup"
  expect "toytest-relative/$ID\$"
  rt delete --force "$ID"
  [ -z "$(find /sys/fs/cgroup -type d -name "$ID")" ]
  find /sys/fs/cgroup -depth -type d -name toytest-relative -exec rmdir {} +
}

@test "memory: limit, reservation, swap, swappiness" {
  v1 memory
  sleeper
  resources '{"memory": {"limit": 104857600, "reservation": 52428800, "swappiness": 10}}'
  running
  [ "$(value memory memory.limit_in_bytes)" = 104857600 ]
  [ "$(value memory memory.soft_limit_in_bytes)" = 52428800 ]
  [ "$(value memory memory.swappiness)" = 10 ]
}

@test "memory and swap together" {
  v1 memory
  [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || skip 'this kernel accounts no swap'
  sleeper
  resources '{"memory": {"limit": 104857600, "swap": 209715200}}'
  running
  [ "$(value memory memory.memsw.limit_in_bytes)" = 209715200 ]
}

@test "memory: the limit bites and the death is 137" {
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "pid"))'
  resources '{"memory": {"limit": 20971520}}'
  run inside 'exec head -c 200000000 /dev/zero | exec tail -c 190000000 >/dev/null; echo "tail gave $?"'
  expect 'Killed|tail gave 137|^$'
  expect_not 'tail gave 0'
}

@test "cpu: shares, quota and period" {
  v1 cpu
  sleeper
  resources '{"cpu": {"shares": 512, "quota": 25000, "period": 50000}}'
  running
  [ "$(value cpu cpu.shares)" = 512 ]
  [ "$(value cpu cpu.cfs_quota_us)" = 25000 ]
  [ "$(value cpu cpu.cfs_period_us)" = 50000 ]
}

@test "cpuset: cpus and mems, and parents are filled" {
  v1 cpuset
  sleeper
  resources '{"cpu": {"cpus": "0", "mems": "0"}}'
  running
  [ "$(value cpuset cpuset.cpus)" = 0 ]
  [ "$(value cpuset cpuset.mems)" = 0 ]
  grep -q '^Cpus_allowed_list:[[:space:]]*0$' "/proc/$(pid_of)/status"
}

@test "cpuset without a value takes the parent's" {
  v1 cpuset
  sleeper
  running
  [ -n "$(value cpuset cpuset.cpus)" ]
  [ -n "$(value cpuset cpuset.mems)" ]
}

@test "pids.limit, and that it bites" {
  make_bundle
  resources '{"pids": {"limit": 4}}'
  run inside 'for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo started'
  expect "can't fork|Resource temporarily unavailable"
  command_is sleep 1000
  running
  [ "$(value pids pids.max)" = 4 ]
}

@test "pids.limit -1 is unlimited" {
  not_on crun 'writes -1 to pids.max'
  sleeper
  resources '{"pids": {"limit": -1}}'
  running
  [ "$(value pids pids.max)" = max ]
}

@test "blockIO: weight and throttling of a device" {
  v1 blkio
  local device
  device=$(lsblk -dno MAJ:MIN 2>/dev/null | grep -v '^7:' | head -1 | tr -d ' ')
  [ -n "$device" ] || skip 'no block device to throttle'
  sleeper
  resources "{\"blockIO\": {\"throttleReadBpsDevice\": [{\"major\": ${device%:*}, \"minor\": ${device#*:}, \"rate\": 1048576}],
    \"throttleWriteIOPSDevice\": [{\"major\": ${device%:*}, \"minor\": ${device#*:}, \"rate\": 100}]}}"
  running
  [ "$(value blkio blkio.throttle.read_bps_device)" = "$device 1048576" ]
  [ "$(value blkio blkio.throttle.write_iops_device)" = "$device 100" ]
}

@test "hugepage limits" {
  [ -e /sys/fs/cgroup/hugetlb ] || grep -q hugetlb /sys/fs/cgroup/unified/cgroup.controllers 2>/dev/null ||
    grep -q hugetlb /sys/fs/cgroup/cgroup.controllers 2>/dev/null || skip 'no hugetlb controller on this host'
  not_on runc '1.1.5 knows no per-controller hybrid'
  sleeper
  resources '{"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]}'
  running
  cat "/sys/fs/cgroup/hugetlb$CGROUP/hugetlb.2MB.limit_in_bytes" "/sys/fs/cgroup/unified$CGROUP/hugetlb.2MB.max" \
    "/sys/fs/cgroup$CGROUP/hugetlb.2MB.max" 2>/dev/null >"$BATS_TEST_TMPDIR/value" || true
  [ "$(cat "$BATS_TEST_TMPDIR/value")" = 4194304 ]
}

@test "a hugepage size that does not exist is refused" {
  make_bundle
  resources '{"hugepageLimits": [{"pageSize": "3MB", "limit": 1}]}'
  if ! is_toyrun; then skip 'the reference writes to a controller it does not find here'; fi
  leaves_nothing inside true
  failed
  expect '3MB|hugepageLimits'
}

@test "unified on a v1 controller is refused" {
  not_on crun 'leaves the cgroups'
  v1 memory
  make_bundle
  resources '{"unified": {"memory.max": "1000000"}}'
  leaves_nothing inside true
  failed
}

@test "a value the kernel refuses names the file" {
  not_on crun 'leaves the cgroups'
  make_bundle
  resources '{"cpu": {"cpus": "4000-4001"}}'
  leaves_nothing inside true
  failed
  expect 'cpuset.cpus'
}

# without CALL ACTION COMMAND...: COMMAND and its children, to whom a seccomp filter does ACTION (libseccomp's number) at that system call.
without() {
  python3 -c '
import ctypes, os, sys
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
allow, call = 0x7fff0000, seccomp.seccomp_syscall_resolve_name(sys.argv[1].encode())
rules = ctypes.c_void_p(seccomp.seccomp_init(allow))
assert seccomp.seccomp_rule_add(rules, int(sys.argv[2], 0), call, 0) == 0 and seccomp.seccomp_load(rules) == 0
os.execvp(sys.argv[3], sys.argv[3:])' "$@" 3>&-
}

# Where there are v1 hierarchies the two halves work at the same time: init makes its namespaces, the other one the v1 cgroups.
@test "init and parent at once: whichever fails, all is undone and the cause is told" {
  only_toyrun 'the others do one after the other'
  v1 cpu
  make_bundle
  local verb
  for verb in create run; do
    leaves_nothing without unshare 0x0005001c "$RUNTIME" --root "$STATE" "$verb" --bundle "$BUNDLE" "$ID" # SCMP_ACT_ERRNO(ENOSPC)
    failed
    expect "unshare the container's namespaces: No space left on device"
    leaves_nothing without unshare 0x80000000 "$RUNTIME" --root "$STATE" "$verb" --bundle "$BUNDLE" "$ID" # SCMP_ACT_KILL_PROCESS
    failed
    expect 'ended before its program could run: killed by SIGSYS'
  done
  resources '{"cpu": {"quota": 1}}'
  for verb in create run; do
    leaves_nothing rt "$verb" --bundle "$BUNDLE" "$ID"
    failed
    expect 'cpu.cfs_quota_us: Invalid argument'
    # Both: what this half met is told, whichever was first.
    leaves_nothing without unshare 0x0005001c "$RUNTIME" --root "$STATE" "$verb" --bundle "$BUNDLE" "$ID"
    failed
    expect 'cpu.cfs_quota_us: Invalid argument'
  done
}

@test "a create that is killed while init waits for its cgroups leaves what delete removes" {
  only_toyrun 'the others do one after the other'
  v1 cpu
  make_bundle
  snapshot >"$BATS_TEST_TMPDIR/before"
  attempt without sendmsg 0x80000000 "$RUNTIME" --root "$STATE" create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 159 ] # SIGSYS
  [ "$(status_of)" = stopped ]
  [ -d "/sys/fs/cgroup/cpu$CGROUP" ]
  rt delete "$ID"
  snapshot >"$BATS_TEST_TMPDIR/after"
  diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "the cgroup that held that of a container just deleted takes the next one at once" {
  v1 devices
  sleeper
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/parent.json"
  edit '.linux.cgroupsPath = $path' --arg path "$CGROUP/child"
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/child.json"
  local round words enabled=/sys/fs/cgroup/unified$CGROUP/cgroup.subtree_control
  for round in 1 2 3; do
    running
    # hugetlb on v2, if there is any, was switched on for the child
    words=$(sed 's/\<[a-z]/-&/g' "$enabled") || true
    [ -z "$words" ] || echo "$words" >"$enabled"
    cp "$BATS_TEST_TMPDIR/parent.json" "$BUNDLE/config.json"
    rt delete --force "$ID"
    running
    rt delete --force "$ID"
    cp "$BATS_TEST_TMPDIR/child.json" "$BUNDLE/config.json"
  done
}

@test "a cgroup that has others below it is refused, and the cause told" {
  only_toyrun 'the others pass the errno on'
  v1 devices
  make_bundle
  mkdir -p "/sys/fs/cgroup/devices$CGROUP/child"
  leaves_nothing inside true
  failed
  expect 'devices.deny .*there are cgroups below.*/linux/cgroupsPath.*Invalid argument'
  rmdir "/sys/fs/cgroup/devices$CGROUP/child"
  grep -q hugetlb /sys/fs/cgroup/unified/cgroup.controllers || skip 'no controller on v2 beside v1'
  local below=/sys/fs/cgroup/unified$CGROUP
  mkdir -p "$below"
  grep -q hugetlb /sys/fs/cgroup/unified/cgroup.subtree_control || echo +hugetlb >/sys/fs/cgroup/unified/cgroup.subtree_control
  grep -q hugetlb "$below/../cgroup.subtree_control" || echo +hugetlb >"$below/../cgroup.subtree_control"
  echo +hugetlb >"$below/cgroup.subtree_control"
  leaves_nothing inside true
  failed
  expect "the cgroup $below takes no process: controllers \(hugetlb\) are switched on .*Device or resource busy"
}

@test "swap below memory is refused" {
  not_on crun 'leaves the cgroups'
  make_bundle
  resources '{"memory": {"limit": 104857600, "swap": 52428800}}'
  leaves_nothing inside true
  failed
  expect '[Ss]wap|memsw'
}

@test "create in a cgroup with processes is refused" {
  v1 pids
  make_bundle
  mkdir -p "/sys/fs/cgroup/pids$CGROUP"
  sleep 100 3>&- &
  local pid=$!
  echo "$pid" >"/sys/fs/cgroup/pids$CGROUP/cgroup.procs"
  run timeout 20 "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID" </dev/null
  kill "$pid"
  [ "$status" -ne 124 ]
  is_toyrun || skip '1.1.5 only warns'
  [ "$status" -eq 1 ]
  expect 'cgroup'
}

@test "create in a frozen cgroup is refused, not hung" {
  not_on crun 'hangs, and so does its child'
  v1 freezer
  make_bundle
  mkdir -p "/sys/fs/cgroup/freezer$CGROUP"
  echo FROZEN >"/sys/fs/cgroup/freezer$CGROUP/freezer.state"
  attempt timeout 20 "$RUNTIME" --root "$STATE" create --bundle "$BUNDLE" "$ID"
  echo THAWED >"/sys/fs/cgroup/freezer$CGROUP/freezer.state"
  [ "$status" -ne 124 ]
  failed
}

@test "pause writes the freezer, and children are frozen too" {
  make_bundle
  command_is sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/new; mv /tmp/new /tmp/beat; sleep 0.02; done'
  running
  wait_for 5 test -s "$ROOTFS/tmp/beat"
  rt pause "$ID"
  local beat
  beat=$(cat "$ROOTFS/tmp/beat")
  sleep 0.3
  [ "$(cat "$ROOTFS/tmp/beat")" = "$beat" ]
  rt resume "$ID"
  wait_for 5 eval "[ \"\$(cat '$ROOTFS/tmp/beat')\" != '$beat' ]"
}
