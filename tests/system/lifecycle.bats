# SPDX-License-Identifier: Apache-2.0
# The state table: create, start, state, pause, resume, run, list, ps; pid file; exit status.
load support

@test "create, start, stop, delete: the states in order" {
  not_on crun 'other words'
  make_bundle
  command_is sh -c 'echo hello; trap "exit 0" TERM; while :; do sleep 0.05; done'
  created
  [ "$(status_of)" = created ]
  [ ! -s "$OUT" ]
  rt start "$ID"
  [ "$(status_of)" = running ]
  wait_for 5 contains hello "$OUT"
  rt kill "$ID" TERM
  wait_for 5 has_status stopped
  [ "$(pid_of)" = 0 ]
  rt delete "$ID"
  run rt state "$ID"
  failed
  expect 'does not exist'
  [ -z "$(cgroup_directories)" ]
}

@test "the state document has what engines read" {
  not_on crun 'has an empty owner'
  sleeper
  edit '.annotations = {"org.example.key": "value"}'
  running
  run -0 rt state "$ID"
  jq -e --arg id "$ID" --arg bundle "$BUNDLE" '
    .id == $id and .bundle == $bundle and .status == "running" and (.pid > 1)
    and (.ociVersion | test("^1\\.")) and .annotations["org.example.key"] == "value"
    and (.created | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$")) and (.rootfs | startswith("/"))' <<<"$output"
}

@test "create refuses a used id" {
  sleeper
  created
  run rt create --bundle "$BUNDLE" "$ID"
  failed
  expect 'already exists'
  [ "$(status_of)" = created ]
}

@test "start twice, start after the end" {
  not_on crun 'other words'
  sleeper
  running
  run rt start "$ID"
  failed
  expect 'cannot start an already running container'
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  run rt start "$ID"
  failed
  expect 'cannot start a container that has stopped'
}

@test "verbs on an unknown id" {
  not_on crun 'other words'
  mkdir -p "$STATE"
  for verb in state start kill delete pause resume; do
    run rt "$verb" nosuch
    [ "$status" -eq 1 ]
    expect 'container does not exist'
  done
}

@test "run gives the program's exit status" {
  make_bundle
  run inside 'exit 42'
  [ "$status" -eq 42 ]
  [ -z "$(rt list -q)" ]
}

@test "run gives 128 + signal" {
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "pid"))'
  run inside 'kill -9 $$'
  [ "$status" -eq 137 ]
}

@test "run forwards signals" {
  make_bundle
  command_is sh -c 'trap "echo got TERM; exit 7" TERM; echo up; while :; do sleep 0.05; done'
  "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID" >"$OUT" 2>&1 </dev/null 3>&- &
  local pid=$!
  wait_for 5 contains up "$OUT"
  kill -TERM "$pid"
  local status=0
  wait "$pid" || status=$?
  [ "$status" -eq 7 ]
  contains 'got TERM' "$OUT"
}

@test "run -d leaves the container running; --keep keeps a stopped one" {
  sleeper
  rt run -d --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
  [ "$(status_of)" = running ]
  rt delete --force "$ID"
  not_on runc 'Debian'\''s 1.1.5 keeps no cgroup for --keep'
  rt run --help | grep -q -- --keep || skip "no --keep in $(runtime_name)"
  command_is true
  rt run --keep --bundle "$BUNDLE" "$ID" </dev/null
  [ "$(status_of)" = stopped ]
  rt delete "$ID"
}

@test "pause and resume" {
  sleeper
  running
  rt pause "$ID"
  [ "$(status_of)" = paused ]
  run rt resume "$ID"
  succeeded
  [ "$(status_of)" = running ]
}

@test "pause waits for a delete of the container, so that it never freezes the next one of that name" {
  only_toyrun 'the references lock nothing'
  sleeper
  running
  flock "$STATE/$ID.json" sleep 2 3>&- &
  local holder=$! pauser
  wait_for 5 eval '! flock -n "$STATE/$ID.json" true'
  "$RUNTIME" --root "$STATE" pause "$ID" 3>&- &
  pauser=$!
  wait_for 1 grep -q lock "/proc/$pauser/wchan"
  [ "$(status_of)" = running ]
  wait "$holder" "$pauser"
  [ "$(status_of)" = paused ]
}

@test "pause twice and resume twice are errors" {
  not_on crun 'accepts both'
  sleeper
  running
  rt pause "$ID"
  run rt pause "$ID"
  failed
  expect 'container not running'
  rt resume "$ID"
  run rt resume "$ID"
  failed
  expect 'container not paused'
}

@test "pid file: the pid, no newline, relative to the caller's directory" {
  not_on crun 'writes it relative to the bundle'
  sleeper
  cd "$BATS_TEST_TMPDIR"
  rt create --bundle "$BUNDLE" --pid-file pid "$ID" </dev/null >"$OUT" 2>&1
  [ "$(cat pid)" = "$(pid_of)" ]
  [ "$(wc -l <pid)" -eq 0 ]
}

@test "no pid file when create fails" {
  make_bundle
  command_is /nosuch
  run rt create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
  failed
  [ ! -e "$BATS_TEST_TMPDIR/pid" ]
}

@test "the bundle is the current directory by default" {
  make_bundle
  command_is echo here
  cd "$BUNDLE"
  run rt run "$ID" </dev/null
  succeeded
  [ "$output" = here ]
}

@test "list: table, json, quiet" {
  not_on crun 'other columns'
  sleeper
  running
  run -0 rt list
  expect '^ID +PID +STATUS +BUNDLE +CREATED +OWNER'
  expect "^$ID +[0-9]+ +running +$BUNDLE "
  run -0 rt list -q
  [ "$output" = "$ID" ]
  run -0 rt list -f json
  jq -e --arg id "$ID" '.[0].id == $id and .[0].status == "running"' <<<"$output"
}

@test "list of a root that is not there" {
  STATE=$BATS_TEST_TMPDIR/nosuch run rt list -q
  succeeded
  [ -z "$output" ]
}

@test "ps: table and json" {
  not_on crun 'prints the pids alone'
  sleeper
  running
  run -0 rt ps "$ID"
  expect "\\b$(pid_of)\\b.*sleep 1000"
  run -0 rt ps -f json "$ID"
  jq -e --argjson pid "$(pid_of)" 'index($pid) != null' <<<"$output"
}

@test "editing config.json after create changes nothing" {
  make_bundle
  command_is sh -c 'echo first'
  created
  command_is sh -c 'echo second'
  rt start "$ID"
  wait_for 5 contains . "$OUT"
  [ "$(cat "$OUT")" = first ]
}

@test "exec does not read the bundle again" {
  only_spec 'runc reads config.json again at exec'
  sleeper
  running
  echo garbage >"$BUNDLE/config.json"
  run -0 rt exec "$ID" echo fine
  [ "$output" = fine ]
}

@test "create, start, state and delete work from any directory and with a removed bundle" {
  sleeper
  created
  rm "$BUNDLE/config.json"
  cd /
  rt start "$ID"
  [ "$(status_of)" = running ]
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  rt delete "$ID"
}

@test "features names the versions, namespaces and mount options" {
  not_on crun 'knows no such verb'
  run -0 rt features
  jq -e '.ociVersionMin and .ociVersionMax and (.mountOptions | index("rro"))
    and (.linux.namespaces | index("user")) and .linux.seccomp.enabled' <<<"$output"
}

@test "spec makes a config that runs, and refuses to overwrite" {
  make_bundle
  cd "$BUNDLE"
  run "$RUNTIME" spec
  failed
  expect 'exists'
  rm config.json
  "$RUNTIME" spec
  jq -e '.process.args == ["sh"] and .process.terminal and .root.readonly' config.json
}

@test "create by --version: name, version and spec lines" {
  run -0 "$RUNTIME" --version
  [[ ${lines[0]} =~ ^(toyrun|runc|crun)\ version\ [0-9] ]]
  expect '^spec: 1\.'
}
