# SPDX-License-Identifier: Apache-2.0
# toydock: health checks by the loop (tests/vm/toydock.bats has those by systemd's timers), and what kills cannot stop: restarts.
load toydock

last_output() { td inspect -f '{{json .State.Health.Log}}' "$1" | jq -j '.[-1].Output'; }

@test "health checks: starting, healthy, unhealthy, and the loop ends with the container" {
  td run -d --name patient --health-cmd 'test -e /tmp/well' --health-interval 200ms --health-retries 2 "$IMAGE" sleep 1000
  health_is patient starting
  wait_for 10 health_is patient unhealthy
  run -0 td ps
  expect 'unhealthy'
  td exec patient touch /tmp/well
  wait_for 10 health_is patient healthy
  td rm -f patient
  wait_for 5 gone ' _health [0-9a-f]{64}'
}

@test "health checks: an image's own, which options change" {
  export TOYIMG_STORE=$BATS_TEST_TMPDIR/store
  cp -a "$BATS_FILE_TMPDIR/store" "$TOYIMG_STORE"
  printf 'FROM %s\nHEALTHCHECK --interval=300ms --retries=1 CMD ["test", "-e", "/tmp/well"]\nCMD ["sleep", "1000"]\n' "$IMAGE" | td build -q -t checked:1 -f - "$BATS_TEST_TMPDIR"
  td run -d --name own checked:1
  wait_for 10 health_is own unhealthy
  td exec own touch /tmp/well
  wait_for 10 health_is own healthy
  [ "$(td inspect -f '{{json .Config.Healthcheck.Test}} {{.Config.Healthcheck.Retries}}' own)" = '["CMD","test","-e","/tmp/well"] 1' ]
  td run -d --name changed --health-cmd true --health-retries 5 checked:1
  [ "$(td inspect -f '{{join .Config.Healthcheck.Test " "}} {{.Config.Healthcheck.Retries}} {{.Config.Healthcheck.Interval}}' changed)" = 'CMD-SHELL true 5 300000000' ]
  wait_for 10 health_is changed healthy
  td run -d --name unasked --no-healthcheck checked:1
  [ "$(td inspect -f '{{.State.Health}}' unasked)" = '<no value>' ]
  td rm -f own changed unasked
  wait_for 5 gone ' _health [0-9a-f]{64}'
}

@test "health checks: healthcheck run asks now; the last five are kept; failures of the start period do not count" {
  td run -d --name asked --health-cmd 'echo "it is $(cat /tmp/it)"; grep -q well /tmp/it' --health-interval 1h --health-start-period 1h --health-retries 1 "$IMAGE" sleep 1000
  run -1 td healthcheck run asked
  [ "$output" = unhealthy ]
  [ "$(td inspect -f '{{.State.Health.Status}} {{.State.Health.FailingStreak}}' asked)" = 'starting 0' ]
  td exec asked sh -c 'echo well >/tmp/it'
  run -0 td healthcheck run asked
  [ -z "$output" ]
  health_is asked healthy
  td exec asked sh -c 'echo ill >/tmp/it'
  for number in 1 2 3 4 5; do td healthcheck run asked || true; done
  [ "$(td inspect -f '{{.State.Health.Status}} {{.State.Health.FailingStreak}} {{len .State.Health.Log}}' asked)" = 'unhealthy 5 5' ]
  [ "$(last_output asked)" = 'it is ill' ]
  td inspect -f '{{json .State.Health.Log}}' asked | jq -e 'all(.[]; .ExitCode == 1 and .Start < .End)'
  [ "$(jq -r .Action "$TOYDOCK_ROOT/events" | grep health | tr '\n' ,)" = 'health_status: healthy,health_status: unhealthy,' ]
  td pause asked
  run -1 td healthcheck run asked
  expect 'is paused'
  td rm -f asked
  wait_for 5 gone 'sleep 3600'
  run -1 td healthcheck run asked
  expect 'no container'
  td run -d --name unasked "$IMAGE" sleep 1000
  run -1 td healthcheck run unasked
  expect 'has no health check'
  run -1 td healthcheck
  expect 'which container'
}

@test "health checks: one that hangs is killed, one that says too much is cut short, one that leaves a child is not waited for" {
  local pid
  td run -d --name hangs --health-cmd 'echo begun; trap "" TERM INT; while :; do sleep 0.05; done' --health-interval 100ms --health-timeout 500ms --health-retries 1 "$IMAGE" sleep 1000
  wait_for 10 health_is hangs unhealthy
  td inspect -f '{{json .State.Health.Log}}' hangs | jq -e '.[0] | .ExitCode == -1 and .Output == "Health check exceeded timeout (0.5s): begun\n"'
  td pause hangs # none that begins now
  td unpause hangs
  few() { [ "$(td top hangs -o args= | grep -c 'trap')" -le 1 ]; }
  few
  td rm -f hangs
  td run -d --name talks --health-cmd 'head -c 1048576 /dev/urandom; echo end >&2' --health-interval 1h "$IMAGE" sleep 1000
  run -0 td healthcheck run talks
  td inspect talks | jq -e '.[0].State.Health.Log[0].Output | length > 1000 and length <= 4096'
  td run -d --name forks --health-cmd 'sleep 500 & echo forked' --health-interval 1h "$IMAGE" sleep 1000
  run -0 timeout 20 "$REPO/scripts/toydock" healthcheck run forks
  [ "$(last_output forks)" = forked ]
  # and nobody of the host waits for that child
  wait_for 5 gone "cat >/dev/null"
  td rm -f talks forks
}

@test "health checks: times and numbers that mean nothing are refused, 0 means the default" {
  run -125 td create --health-cmd true --health-interval 1us "$IMAGE"
  expect '--health-interval 1us: a time between 1ms'
  run -125 td create --health-cmd true --health-timeout 99999999h "$IMAGE"
  expect '--health-timeout'
  run -125 td create --health-cmd true --health-retries -1 "$IMAGE"
  expect 'a whole number'
  run -125 td create --health-cmd true --health-retries 0.5 "$IMAGE"
  expect 'a whole number'
  td create --name defaults --health-cmd true --health-interval 0 --health-timeout 0s --health-retries 0 "$IMAGE"
  [ "$(td inspect -f '{{json .Config.Healthcheck}}' defaults | jq -c '[.Interval, .Timeout, .Retries]')" = '[30000000000,30000000000,3]' ]
}

@test "restart policies: a SIGKILL of the monitor or of the restart loop does not end them" {
  local monitor
  victim() { pgrep -f -- "$1.*$(td inspect -f '{{.Id}}' tough)" | head -1; }
  program() { td inspect -f '{{.State.Pid}}' tough; }
  is_again() { [ "$(td inspect -f '{{.RestartCount}} {{.State.Running}} {{.State.Restarting}}' tough)" = "$1 true false" ]; }
  td run -d --name tough --restart always --health-cmd true "$IMAGE" sleep 1000
  kill -9 "$(program)"
  wait_for 10 is_again 1
  kill -9 "$(victim _supervise)"
  kill -9 "$(program)"
  wait_for 10 is_again 2
  monitor=$(victim 'conmon .*--cid')
  kill -9 "$monitor"
  status_is tough running
  kill -9 "$(program)"
  wait_for 10 is_again 3
  run -0 td stop -t 0 tough
  status_is tough exited
  wait_for 5 gone ' _(supervise|health) [0-9a-f]{64}'
  status_is tough exited
  td rm tough
}
