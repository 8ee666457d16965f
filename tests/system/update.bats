# SPDX-License-Identifier: Apache-2.0
# update: limits of a running container by flags, from a file and from stdin, as docker, podman and containerd send them.
load support

limit() { # limit V1-CONTROLLER V1-FILE V2-FILE
  if [ -d "/sys/fs/cgroup/$1" ]; then cat "$(cgroup_file "$1" "$2")"; else cat "$(cgroup_file unified "$3")"; fi
}

@test "update changes what its flags name and nothing else" {
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

@test "update of a stopped container is refused" {
  sleeper
  running
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  run -1 rt update --pids-limit 5 "$ID"
}
