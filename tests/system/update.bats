# SPDX-License-Identifier: Apache-2.0
# update: limits of a running container by flags, from a file and from stdin, as docker, podman and containerd send them.
load support

limit() { # limit V1-CONTROLLER V1-FILE V2-FILE
  if [ -d "/sys/fs/cgroup/$1" ]; then cat "$(cgroup_file "$1" "$2")"; else cat "$(cgroup_file unified "$3")"; fi
}

@test "update changes what its flags name and nothing else" {
  not_on crun 'writes -1 to pids.max'
  sleeper
  running
  before=$(limit memory memory.limit_in_bytes memory.max)
  rt update --pids-limit 20 "$ID"
  [ "$(limit pids pids.max pids.max)" = 20 ]
  [ "$(limit memory memory.limit_in_bytes memory.max)" = "$before" ]
  rt update --pids-limit -1 "$ID"
  [ "$(limit pids pids.max pids.max)" = max ]
}

@test "update --memory and --memory-swap, up and down" {
  sleeper
  running
  local bytes
  for bytes in 67108864 134217728 33554432; do
    rt update --memory "$bytes" --memory-swap "$((bytes * 2))" "$ID"
    [ "$(limit memory memory.limit_in_bytes memory.max)" = "$bytes" ]
  done
}

@test "update -r takes linux.resources from a file and from stdin" {
  sleeper
  running
  echo '{"pids": {"limit": 33}}' >"$BATS_TEST_TMPDIR/resources"
  rt update --resources="$BATS_TEST_TMPDIR/resources" "$ID"
  [ "$(limit pids pids.max pids.max)" = 33 ]
  rt update --resources - "$ID" <<<'{"pids": {"limit": 34}, "cpu": {"shares": 512}}'
  [ "$(limit pids pids.max pids.max)" = 34 ]
}

@test "update refuses what it cannot do, and then changes nothing" {
  not_on crun 'accepts a word for a number'
  sleeper
  running
  rt update --pids-limit 40 "$ID"
  run -1 rt update --memory 12monkeys --pids-limit 50 "$ID"
  run -1 rt update --resources - "$ID" <<<''
  run -1 rt update --resources - "$ID" <<<'{"pids": {"limit": "many"}}'
  run -1 rt update --pids-limit 5 nobody-here
  expect "does not exist"
  [ "$(limit pids pids.max pids.max)" = 40 ]
}

@test "update that the kernel refuses half way leaves every value as it was" {
  only_toyrun 'the references leave half of it'
  sleeper
  running
  rt update --pids-limit 40 --cpu-share 512 --cpu-quota 50000 --cpu-period 100000 "$ID"
  local before
  before() { limit pids pids.max pids.max; limit cpu cpu.shares cpu.weight; limit cpu cpu.cfs_quota_us cpu.max; limit cpu cpu.cfs_period_us cpu.max; }
  before=$(before)
  run -1 rt update --resources - "$ID" <<<'{"pids": {"limit": 55}, "cpu": {"shares": 333, "quota": 70000, "period": 200000, "cpus": "4095"}}'
  [ "$(before)" = "$before" ] || { before; return 1; }
  rt update --pids-limit 55 --cpu-share 333 "$ID"
  [ "$(limit pids pids.max pids.max)" = 55 ]
}

@test "update whose device rules the kernel refuses half way leaves the former ones" {
  only_toyrun 'the references leave device rules alone'
  [ -d /sys/fs/cgroup/devices ] || skip 'a list of devices that can be refused is cgroup v1'
  local parent=/sys/fs/cgroup/devices$CGROUP list
  sleeper
  edit '.linux.cgroupsPath = $path | .linux.resources.devices = [{"allow": false, "access": "rwm"},
    {"allow": true, "type": "c", "major": 10, "minor": 200, "access": "rw"}]' --arg path "$CGROUP/inner"
  running
  # what lies above takes a device away, so the kernel will allow it no more here
  echo 'c 10:229 rwm' >"$parent/devices.deny"
  list=$(sort "$parent/inner/devices.list")
  contains 'c 10:200 rw' "$parent/inner/devices.list"
  run -1 rt update -r - "$ID" <<<'{"pids": {"limit": 77}, "devices": [{"allow": false, "access": "rwm"},
    {"allow": true, "type": "c", "major": 10, "minor": 201, "access": "rw"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]}'
  expect 'devices.allow'
  [ "$(sort "$parent/inner/devices.list")" = "$list" ] || { cat "$parent/inner/devices.list"; return 1; }
  [ "$(cat /sys/fs/cgroup/pids"$CGROUP"/inner/pids.max)" = max ]
  [ "$(status_of)" = running ]
}

@test "update of cpu shares beyond what the kernel has is refused, where it would take others" {
  not_on crun 'lets the kernel take others'
  [ -d /sys/fs/cgroup/cpu ] || skip 'cgroup v2 has weights, to which shares are converted'
  sleeper
  running
  rt update --cpu-share 512 "$ID"
  run -1 rt update --cpu-share 1 "$ID"
  expect 'the minimum allowed cpu-shares is 2'
  run -1 rt update --cpu-share 262145 "$ID"
  expect 'the maximum allowed cpu-shares is 262144'
  run -1 rt update --cpu-share -5 "$ID"
  is_toyrun || return 0 # runc refuses after it has written
  [ "$(limit cpu cpu.shares cpu.weight)" = 512 ]
  run -0 rt update --cpu-share 0 "$ID" # as unset
  [ "$(limit cpu cpu.shares cpu.weight)" = 512 ]
  run -0 rt update --cpu-share 2 "$ID"
  [ "$(limit cpu cpu.shares cpu.weight)" = 2 ]
}

@test "a limit of kernel memory is in effect, refused, or told to be none" {
  only_toyrun 'the references ignore it, one without a word'
  sleeper
  edit '.linux.resources.memory = {"limit": 134217728, "kernel": 67108864}'
  run rt check "$BUNDLE"
  expect '/linux/resources/memory'
  rt create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 || { contains 'memory/kernel|kmem' "$OUT"; return; }
  local now
  now=$(cat "$(cgroup_file memory memory.kmem.limit_in_bytes)")
  [ "$now" -eq 67108864 ] || [ "$(grep -c 'warning: .*kmem.limit_in_bytes: this kernel has no such limit' "$OUT")" = 1 ] || { cat "$OUT"; return 1; }
  run -0 rt update --kernel-memory 33554432 "$ID"
  [ "$now" -eq 67108864 ] || expect 'warning: .*took 33554432 and does nothing with it'
}

@test "update of a stopped container is refused" {
  not_on crun 'accepts it'
  sleeper
  running
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  run -1 rt update --pids-limit 5 "$ID"
}

@test "update -r replaces the device rules of a running container" {
  not_on runc 'leaves device rules alone'
  not_on crun 'leaves device rules alone'
  sleeper
  edit '.linux.devices = [{"path": "/dev/one", "type": "c", "major": 10, "minor": 229, "fileMode": 438}]
    | .linux.resources.devices = [{"allow": false, "access": "rwm"}]'
  running
  run rt exec "$ID" sh -c 'exec 3</dev/one'
  failed
  expect 'not permitted'
  local allow='{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]}'
  local deny='{"devices": [{"allow": false, "access": "rwm"}]}'
  local round
  # more rounds than a cgroup takes programs
  for round in $(seq 33); do
    rt update -r - "$ID" <<<"$allow"
    [ "$round" -gt 1 ] || { run rt exec "$ID" sh -c 'exec 3</dev/one'; expect_not 'not permitted'; }
    rt update -r - "$ID" <<<"$deny"
  done
  run rt exec "$ID" sh -c 'exec 3</dev/one'
  expect 'not permitted'
  run -0 rt exec "$ID" sh -c 'echo >/dev/null && cat /dev/null'
  # the rules in effect are the config's again; another list is drift
  run -0 rt audit "$ID"
  expect '^as asked  device rules: '
  rt update -r - "$ID" <<<"$allow"
  run -1 rt audit "$ID"
  expect '^drift     device rules: '
  run -1 rt update -r - "$ID" <<<'{"devices": [{"allow": true, "type": "c", "access": ""}]}'
  expect '/devices/0'
  [ "$(status_of)" = running ]
}

@test "update of the CPU period alone keeps the quota" {
  sleeper
  edit '.linux.resources.cpu = {"quota": 20000, "period": 100000}'
  running
  rt update --cpu-period 50000 "$ID"
  if [ -d /sys/fs/cgroup/cpu ]; then
    [ "$(cat "$(cgroup_file cpu cpu.cfs_quota_us)")" = 20000 ]
    [ "$(cat "$(cgroup_file cpu cpu.cfs_period_us)")" = 50000 ]
  else
    [ "$(cat "$(cgroup_file unified cpu.max)")" = '20000 50000' ]
  fi
}

# takes OPTION CONTROLLER V1-FILE=TEXT V2-FILE=TEXT: the value is in the file, or the error names the file that is missing here.
takes() {
  local option=$1 controller=$2 wanted=$3 file
  [ -d "/sys/fs/cgroup/$controller" ] || wanted=$4
  file=$(cgroup_file "$controller" "${wanted%%=*}")
  # shellcheck disable=SC2086
  run rt update $option "$ID"
  if [ -e "$file" ]; then
    succeeded && [ "$(cat "$file")" = "${wanted#*=}" ] || { echo "$option: $file: $(cat "$file")"; return 1; }
  else
    [ "$status" -eq 1 ] || { echo "$option: taken without $file"; return 1; }
    expect "${wanted%%=*}|cgroup v2"
  fi
}

@test "update: the rarer flags, one by one" {
  not_on runc '1.1.5 lacks some, and ignores others'
  not_on crun 'lacks some'
  sleeper
  edit '.linux.resources.cpu = {"quota": 50000, "period": 100000}'
  running
  takes '--cpu-burst 20000' cpu cpu.cfs_burst_us=20000 cpu.max.burst=20000
  takes '--cpuset-mems 0' cpuset cpuset.mems=0 cpuset.mems=0
  takes '--memory-reservation 64m' memory memory.soft_limit_in_bytes=67108864 memory.low=67108864
  takes '--cpu-idle 1' cpu cpu.idle=1 cpu.idle=1
  takes '--cpu-idle 0' cpu cpu.idle=0 cpu.idle=0
  takes '--cpu-rt-period 500000' cpu cpu.rt_period_us=500000 cpu.rt_period_us=500000
  run rt update --blkio-weight 500 "$ID"
  [ "$status" -eq 0 ] || expect 'weight'
  run -1 rt update --blkio-weight 5 "$ID"
  run -1 rt update --blkio-weight 70000 "$ID"
  run -1 rt update --cpu-idle 2 "$ID"
  run -0 rt update --kernel-memory=-1 --kernel-memory-tcp=-1 "$ID"
  [ "$(status_of)" = running ]
}

@test "memory.checkBeforeUpdate refuses a limit below what is used" {
  only_spec 'the packaged references do not know the field'
  sleeper
  edit '.linux.resources.memory = {"limit": 134217728, "checkBeforeUpdate": true}'
  command_is sh -c 'dd if=/dev/zero of=/dev/shm/file bs=1M count=20 2>/dev/null; echo up; sleep 1000'
  running
  wait_for 5 contains up "$OUT"
  run -1 rt update --memory 8m "$ID"
  expect 'unable to set memory limit to 8388608 \(current usage: [0-9]+\)'
  [ "$(limit memory memory.limit_in_bytes memory.max)" = 134217728 ]
  run -1 rt update -r - "$ID" <<<'{"memory": {"limit": 8388608, "checkBeforeUpdate": true}}'
  run -0 rt update --memory 64m "$ID"
  [ "$(limit memory memory.limit_in_bytes memory.max)" = 67108864 ]
}
