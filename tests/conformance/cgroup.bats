# SPDX-License-Identifier: Apache-2.0
# config-linux.md: cgroups and resources. tests/vm runs them on a pure cgroup v2 tree.
load conformance

# ---- cgroups --------------------------------------------------------------------------------------------------

@test "config-linux.md#cgroups-path 1: an absolute path is below the mount point of the hierarchy" {
  make_bundle
  sleeping
  local pid
  pid=$(pid_of)
  if pure_v2; then grep -qx "$pid" "/sys/fs/cgroup$CGROUP/cgroup.procs"; else grep -qx "$pid" "/sys/fs/cgroup/pids$CGROUP/cgroup.procs"; fi
}

@test "config-linux.md#cgroups-path 2: the same value is the same place, relative ones too" {
  make_bundle
  local path first second
  for path in "$CGROUP" "toytest.d-relative/$ID"; do
    edit '.linux.cgroupsPath = $path' --arg path "$path"
    sleeping
    first=$(grep -E ':pids:|^0::' "/proc/$(pid_of)/cgroup")
    rt delete --force "$ID"
    mkdir "$BATS_TEST_TMPDIR/other"
    cp -a "$BUNDLE" "$BATS_TEST_TMPDIR/other/"
    rt run -d --bundle "$BATS_TEST_TMPDIR/other/bundle" "$ID-again" </dev/null >"$OUT" 2>&1
    second=$(grep -E ':pids:|^0::' "/proc/$(pid_of "$ID-again")/cgroup")
    rt delete --force "$ID-again"
    rm -rf "$BATS_TEST_TMPDIR/other"
    [ "$first" = "$second" ]
    grep -q "$path" <<<"$first"
  done
  find /sys/fs/cgroup -depth -type d -name toytest.d-relative -exec rmdir {} +
}

@test "config-linux.md#cgroups-path 3: without a path, and with a path that leaves the tree" {
  make_bundle
  edit 'del(.linux.cgroupsPath)'
  accepted
  edit '.linux.cgroupsPath = "/toytest.d/../../../.."'
  attempt rt create --bundle "$BUNDLE" "$ID"
  if [ "$status" -eq 0 ]; then # taken as a path below the top: the container must be below it then
    local pid
    pid=$(pid_of)
    rt delete --force "$ID"
    [ -n "$pid" ]
  else
    no_container
  fi
}

@test "config-linux.md#allowed-device-list 1: rules apply in the listed order" {
  make_bundle
  local node='{"path": "/dev/one", "type": "c", "major": 1, "minor": 11, "fileMode": 438}'
  edit '.linux.devices = [$node]' --argjson node "$node"
  edit '.linux.resources.devices = [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rw"}]'
  run -0 inside ': >/dev/one && echo opened'
  expect opened
  edit '.linux.resources.devices = [{"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rw"}, {"allow": false, "type": "c", "major": 1, "minor": 11, "access": "rw"}]'
  run inside ': >/dev/one && echo opened'
  expect_not opened
  expect 'not permitted'
}

@test "config-linux.md#allowed-device-list 2: access is what is listed" {
  make_bundle
  edit '.linux.devices = [{"path": "/dev/one", "type": "c", "major": 1, "minor": 11, "fileMode": 438}]
    | .linux.resources.devices = [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}]'
  run inside ': >/dev/one && echo opened'
  expect_not opened
  expect 'not permitted'
}

@test "config-linux.md#memory 1: limit and reservation, and -1 is unlimited" {
  make_bundle
  resources '{"memory": {"limit": 104857600, "reservation": 52428800}}'
  sleeping
  [ "$(either memory memory.limit_in_bytes memory.max)" = 104857600 ]
  [ "$(either memory memory.soft_limit_in_bytes memory.low)" = 52428800 ]
  rt delete --force "$ID"
  edit '.linux.resources.memory = {"limit": -1}'
  sleeping
  case $(either memory memory.limit_in_bytes memory.max) in max | 922337203685477*) ;; *) false ;; esac
}

@test "config-linux.md#memory 2: checkBeforeUpdate rejects a limit below the usage" {
  make_bundle
  resources '{"memory": {"limit": 104857600, "checkBeforeUpdate": true}}'
  command_is sh -c 'dd if=/dev/zero of=/dev/shm/filled bs=1M count=40; echo filled; exec sleep 1000'
  running
  wait_for 10 contains ^filled "$OUT"
  echo '{"memory": {"limit": 10485760, "checkBeforeUpdate": true}}' >"$BATS_TEST_TMPDIR/resources"
  run rt update --resources "$BATS_TEST_TMPDIR/resources" "$ID"
  failed
  [ "$(status_of)" = running ]
  [ "$(either memory memory.limit_in_bytes memory.max)" = 104857600 ]
}

@test "config-linux.md#memory 3: swap is memory and swap together" {
  if ! pure_v2; then [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || skip 'this kernel accounts no swap'; fi
  make_bundle
  resources '{"memory": {"limit": 104857600, "swap": 209715200}}'
  sleeping
  if pure_v2; then [ "$(value memory memory.swap.max)" = 104857600 ]; else [ "$(value memory memory.memsw.limit_in_bytes)" = 209715200 ]; fi
}

@test "config-linux.md#memory 4: swappiness and disableOOMKiller where the host has them" {
  has_v1 memory || skip 'cgroup v2 has neither'
  make_bundle
  resources '{"memory": {"limit": 104857600, "swappiness": 13, "disableOOMKiller": true}}'
  sleeping
  [ "$(value memory memory.swappiness)" = 13 ]
  value memory memory.oom_control | grep -q 'oom_kill_disable 1'
}

@test "config-linux.md#cpu 1: shares, quota, period" {
  make_bundle
  resources '{"cpu": {"shares": 1024, "quota": 25000, "period": 50000}}'
  sleeping
  if has_v1 cpu; then
    [ "$(value cpu cpu.shares) $(value cpu cpu.cfs_quota_us) $(value cpu cpu.cfs_period_us)" = '1024 25000 50000' ]
  else
    [ "$(value cpu cpu.weight)" = 100 ]
    [ "$(value cpu cpu.max)" = '25000 50000' ]
  fi
}

@test "config-linux.md#cpu 2: cpus and mems" {
  make_bundle
  resources '{"cpu": {"cpus": "0", "mems": "0"}}'
  run -0 inside 'grep _allowed_list /proc/self/status'
  expect '^Cpus_allowed_list:[[:space:]]*0$'
  expect '^Mems_allowed_list:[[:space:]]*0$'
}

@test "config-linux.md#cpu 3: burst and idle" {
  if has_v1 cpu; then [ -e /sys/fs/cgroup/cpu/cpu.cfs_burst_us ] || mkdir -p "/sys/fs/cgroup/cpu$CGROUP"; fi
  make_bundle
  resources '{"cpu": {"quota": 25000, "period": 50000, "burst": 5000}}'
  sleeping
  [ "$(either cpu cpu.cfs_burst_us cpu.max.burst)" = 5000 ]
  rt delete --force "$ID"
  edit '.linux.resources.cpu = {"idle": 1}'
  sleeping
  [ "$(value cpu cpu.idle)" = 1 ]
}

@test "config-linux.md#block-io 1: an entry of weightDevice has weight or leafWeight" {
  refused '.linux.resources.blockIO = {"weightDevice": [{"major": 7, "minor": 0}]}'
}

@test "config-linux.md#block-io 2: the four throttles of a device" {
  local device
  device=$(lsblk -dno MAJ:MIN 2>/dev/null | tr -d ' ' | grep -v '^7:' | head -1)
  [ -n "$device" ] || skip 'no block device to throttle'
  make_bundle
  local one="[{\"major\": ${device%:*}, \"minor\": ${device#*:}, \"rate\": 1048576}]"
  resources "{\"blockIO\": {\"throttleReadBpsDevice\": $one, \"throttleWriteBpsDevice\": $one, \"throttleReadIOPSDevice\": $one, \"throttleWriteIOPSDevice\": $one}}"
  sleeping
  local file
  if has_v1 blkio; then
    for file in read_bps write_bps read_iops write_iops; do [ "$(value blkio "blkio.throttle.${file}_device")" = "$device 1048576" ]; done
  else
    [ "$(value io io.max)" = "$device rbps=1048576 wbps=1048576 riops=1048576 wiops=1048576" ]
  fi
}

# hugetlb FILE-END: the container's hugetlb file wherever the controller is.
hugetlb() { cat "/sys/fs/cgroup/hugetlb$CGROUP/hugetlb.2MB.$1limit_in_bytes" "/sys/fs/cgroup/unified$CGROUP/hugetlb.2MB.$1max" "/sys/fs/cgroup$CGROUP/hugetlb.2MB.$1max" 2>/dev/null; }
need_hugetlb() {
  [ -d /sys/fs/cgroup/hugetlb ] || grep -qs hugetlb /sys/fs/cgroup/unified/cgroup.controllers /sys/fs/cgroup/cgroup.controllers || skip 'no hugetlb controller on this host'
}

@test "config-linux.md#huge-page-limits 1: usage and reservation are limited" {
  need_hugetlb
  make_bundle
  resources '{"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]}'
  sleeping
  [ "$(hugetlb '')" = 4194304 ]
  [ "$(hugetlb rsvd.)" = 4194304 ]
}

@test "config-linux.md#huge-page-limits 2: a size that the kernel has not, or that leaves the directory, is an error" {
  refused '.linux.resources.hugepageLimits = [{"pageSize": "3MB", "limit": 1}]'
  refused '.linux.resources.hugepageLimits = [{"pageSize": "../x", "limit": 1}]'
}

@test "config-linux.md#network 1: classID and priorities, or an error where the host has no such controller" {
  if has_v1 net_cls; then
    make_bundle
    resources '{"network": {"classID": 1048577}}'
    sleeping
    [ "$(value net_cls net_cls.classid)" = 1048577 ]
  else
    refused '.linux.resources.network = {"classID": 1048577}'
  fi
}

@test "config-linux.md#pids 1: the limit bites" {
  make_bundle
  resources '{"pids": {"limit": 4}}'
  run inside 'for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo started'
  expect "can't fork|Resource temporarily unavailable"
}

@test "config-linux.md#pids 2: -1 is no limit, 0 is a limit" {
  make_bundle
  resources '{"pids": {"limit": -1}}'
  sleeping
  [ "$(value pids pids.max)" = max ]
  rt delete --force "$ID"
  if pure_v2; then # the first process is born in the cgroup, so there is none
    refused '.linux.resources.pids = {"limit": 0}'
    return
  fi
  edit '.linux.resources.pids.limit = 0'
  sleeping
  [ "$(value pids pids.max)" = 0 ]
}

@test "config-linux.md#rdma 1: an entry has hcaHandles or hcaObjects" {
  refused '.linux.resources.rdma = {"mlx5_1": {}}'
}

@test "config-linux.md#unified 1: the controllers that are needed are switched on" {
  pure_v2 || skip 'no pure cgroup v2 tree on this host: tests/vm has one'
  make_bundle
  edit '.linux.cgroupsPath += "/deep/er"'
  resources '{"unified": {"pids.max": "44", "memory.high": "52428800"}}'
  sleeping
  [ "$(cat "/sys/fs/cgroup$CGROUP/deep/er/pids.max")" = 44 ]
  [ "$(cat "/sys/fs/cgroup$CGROUP/deep/er/memory.high")" = 52428800 ]
}

@test "config-linux.md#unified 2: a file that the runtime does not know is written" {
  pure_v2 || skip 'no pure cgroup v2 tree on this host: tests/vm has one'
  make_bundle
  resources '{"unified": {"cgroup.max.descendants": "17", "cgroup.max.depth": "3"}}'
  sleeping
  [ "$(cat "/sys/fs/cgroup$CGROUP/cgroup.max.descendants")" = 17 ]
  [ "$(cat "/sys/fs/cgroup$CGROUP/cgroup.max.depth")" = 3 ]
}

@test "config-linux.md#unified 3: a controller that is not on the v2 hierarchy is an error" {
  refused '.linux.resources.unified = {"nosuch.max": "1"}'
  pure_v2 || refused '.linux.resources.unified = {"memory.max": "104857600"}'
}

@test "config-linux.md#control-groups 1: a v1 value without a v2 equivalent is an error on v2" {
  pure_v2 || skip 'no pure cgroup v2 tree on this host: tests/vm has one'
  refused '.linux.resources.memory = {"swappiness": 13}'
  refused '.linux.resources.cpu = {"realtimeRuntime": 10000, "realtimePeriod": 100000}'
  refused '.linux.resources.network = {"classID": 1048577}'
}
