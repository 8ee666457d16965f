# SPDX-License-Identifier: Apache-2.0
# kill: names, numbers, all processes, the states in which it is an error.
load support

trapping() {
  make_bundle
  command_is sh -c 'for s in TERM HUP USR1 USR2 INT; do trap "echo got $s" $s; done; echo up; while :; do sleep 0.05; done'
  running
  wait_for 5 contains up "$OUT"
}

@test "signals by number, name and SIG-name" {
  not_on crun 'wants names in upper case'
  trapping
  rt kill "$ID"
  wait_for 5 contains 'got TERM' "$OUT"
  rt kill "$ID" 1
  wait_for 5 contains 'got HUP' "$OUT"
  rt kill "$ID" USR1
  wait_for 5 contains 'got USR1' "$OUT"
  rt kill "$ID" SIGUSR2
  wait_for 5 contains 'got USR2' "$OUT"
  rt kill "$ID" int
  wait_for 5 contains 'got INT' "$OUT"
}

@test "an unknown signal is refused" {
  not_on crun 'exits 0'
  sleeper
  running
  for signal in BOGUS SIGBOGUS 999 -5x; do
    run rt kill "$ID" "$signal"
    failed
  done
  [ "$(status_of)" = running ]
}

@test "kill of a stopped container is an error" {
  not_on crun 'other words'
  sleeper
  running
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  run rt kill "$ID" TERM
  [ "$status" -eq 1 ]
  expect 'container not running'
}

@test "kill of a created container ends it" {
  not_on crun 'its waiting init ignores TERM'
  sleeper
  created
  rt kill "$ID" TERM
  wait_for 5 has_status stopped
}

@test "kill --all reaches every process without a pid namespace" {
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "pid"))'
  command_is sh -c 'sleep 777 & sleep 777 & echo up; wait'
  running
  wait_for 5 contains up "$OUT"
  rt kill --all "$ID" KILL
  wait_for 5 has_status stopped
  wait_for 5 gone '^sleep 777'
}

@test "KILL reaches a paused container" {
  not_on crun 'waits for resume'
  sleeper
  running
  rt pause "$ID"
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
}

@test "TERM to a paused container arrives on resume" {
  trapping
  rt pause "$ID"
  rt kill "$ID" TERM
  sleep 0.2
  run contains 'got TERM' "$OUT"
  failed
  rt resume "$ID"
  wait_for 5 contains 'got TERM' "$OUT"
}
