# SPDX-License-Identifier: Apache-2.0
# events: runc's statistics key by key, the stream of out-of-memory and state changes. wait: the end and its status.
load support

# keys FILE: every path of the document, array indices left out.
keys() { jq -r 'paths | map(select(type == "string")) | join("/")' "$1" | sort -u; }
follow() { # follow [options]: events in the background, to $OUT.events
  "$RUNTIME" --root "$STATE" events "$@" "$ID" >"$OUT.events" 2>&1 </dev/null 3>&- &
  FOLLOWER=$!
}
waits() { # waits PID: that process sleeps until something happens
  contains 'poll' "/proc/$1/wchan" 2>/dev/null
}
event() { jq -e "select($1)" "$OUT.events" >/dev/null; }

@test "events --stats: the numbers are the cgroup's" {
  not_on crun 'has no events'
  sleeper
  edit '.linux.resources.memory.limit = 67108864 | .linux.resources.pids.limit = 17'
  running
  run -0 rt events --stats "$ID"
  [ "${#lines[@]}" -eq 1 ]
  jq -e --arg id "$ID" '.type == "stats" and .id == $id and .data.memory.usage.limit == 67108864
    and .data.memory.usage.usage > 0 and .data.pids == {"current": 1, "limit": 17} and .data.cpu.usage.total > 0
    and .data.network_interfaces == null and .data.intel_rdt == {}' <<<"$output"
}

@test "events --stats has runc's keys, and no others" {
  only_toyrun 'compares with runc'
  command -v runc >/dev/null || skip "no runc to compare with"
  sleeper
  edit '.linux.resources.memory.limit = 67108864'
  running
  rt events --stats "$ID" >"$BATS_TEST_TMPDIR/ours"
  rt delete --force "$ID"
  # runc 1.1.5 does not take everything that our spec verb writes for a newer runtime-spec
  RUNTIME=runc STATE=$BATS_TEST_TMPDIR/runc
  mkdir "$STATE"
  running
  rt events --stats "$ID" >"$BATS_TEST_TMPDIR/theirs"
  rt delete --force "$ID"
  # newer than the packaged runc, or on a hierarchy that it leaves out in hybrid layout
  keys "$BATS_TEST_TMPDIR/ours" | grep -vE '/psi(/|$)|^data/hugetlb/' >"$BATS_TEST_TMPDIR/our-keys"
  keys "$BATS_TEST_TMPDIR/theirs" | grep -vE '^data/hugetlb/' >"$BATS_TEST_TMPDIR/their-keys"
  # left out when 0, which is luck
  local luck='^data/(memory/cache|memory/.*/max|cpu/usage/total|blkio/.*)$'
  diff <(grep -vE "$luck" "$BATS_TEST_TMPDIR/our-keys") <(grep -vE "$luck" "$BATS_TEST_TMPDIR/their-keys")
  # and in the same order
  diff <(jq -rc '.data | keys_unsorted' "$BATS_TEST_TMPDIR/ours") <(jq -rc '.data | keys_unsorted' "$BATS_TEST_TMPDIR/theirs")
}

@test "events: statistics every interval, until the end" {
  not_on crun 'has no events'
  sleeper
  running
  follow --interval 100ms
  wait_for 5 eval '[ "$(grep -c "\"stats\"" "$OUT.events")" -ge 3 ]'
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  is_toyrun || { rt delete "$ID"; return 0; }
  wait "$FOLLOWER"
  event '.type == "state" and .data.status == "stopped"'
}

@test "events: an out-of-memory kill" {
  not_on crun 'has no events'
  not_on runc 'would print no line before the first interval has passed'
  sleeper
  edit '.linux.resources.memory.limit = 20971520'
  command_is sh -c 'read go </tmp/go; tail /dev/zero & wait; read go </tmp/go'
  mkfifo "$ROOTFS/tmp/go"
  running
  follow --interval 1h
  wait_for 5 waits "$FOLLOWER"
  echo >"$ROOTFS/tmp/go"
  wait_for 10 event '.type == "oom"'
  jq -e --arg id "$ID" 'select(.type == "oom") == {"type": "oom", "id": $id}' "$OUT.events"
  rt delete --force "$ID"
  wait "$FOLLOWER"
  # The kernel may tell one kill more than once (v1: each round of the OOM killer).
  [ "$(grep -c '"oom"' "$OUT.events")" -ge 1 ]
}

@test "events: created, running, paused, stopped" {
  only_toyrun 'tells no states'
  sleeper
  created
  follow --interval 1h
  wait_for 5 waits "$FOLLOWER"
  rt start "$ID"
  wait_for 5 event '.data.status == "running"'
  if [ -d /sys/fs/cgroup/unified ] || [ ! -d /sys/fs/cgroup/freezer ]; then
    rt pause "$ID"
    wait_for 5 event '.data.status == "paused"'
    rt resume "$ID"
    wait_for 5 eval '[ "$(grep -c "\"running\"" "$OUT.events")" -eq 2 ]'
  fi
  rt kill "$ID" KILL
  wait "$FOLLOWER"
  [ "$(tail -1 "$OUT.events" | jq -r .data.status)" = stopped ]
}

@test "events refuses a stopped container, an unknown one, and no interval" {
  not_on crun 'has no events'
  sleeper
  run -1 rt events --stats nosuch
  expect 'container does not exist'
  running
  run -1 rt events --interval 0s "$ID"
  expect 'duration interval must be greater than 0'
  run -1 rt events --interval often "$ID"
  run -1 rt events --interval 5 "$ID"
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  run -1 rt events --stats "$ID"
  expect "container with id $ID is not running"
}

@test "wait prints the exit status when the program ends" {
  only_toyrun 'has no wait'
  sleeper
  command_is sh -c 'read go </tmp/go; exit 7'
  mkfifo "$ROOTFS/tmp/go"
  created
  rt wait "$ID" >"$OUT.wait" 2>&1 </dev/null &
  local waiter=$!
  rt start "$ID"
  sleep 0.2
  [ ! -s "$OUT.wait" ]
  kill -0 "$waiter"
  echo >"$ROOTFS/tmp/go"
  wait "$waiter"
  # the kernel tells since 6.15; before, only who comes before the process is reaped
  [[ $(cat "$OUT.wait") =~ ^(7|unknown)$ ]]
  run rt wait "$ID"
  succeeded
}

@test "wait: 128 + signal, an unknown container" {
  only_toyrun 'has no wait'
  sleeper
  running
  rt wait "$ID" >"$OUT.wait" 2>&1 </dev/null &
  local waiter=$!
  sleep 0.2
  rt kill "$ID" KILL
  wait "$waiter"
  [[ $(cat "$OUT.wait") =~ ^(137|unknown)$ ]]
  run -1 rt wait nosuch
  expect 'container does not exist'
}
