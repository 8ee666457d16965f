# SPDX-License-Identifier: Apache-2.0
# conmon, the monitor of podman and CRI-O, called by hand as they do: create, start, exec, errors, exit files.
load engines

setup_file() {
  engine_begin conmon
}
teardown_file() { engine_end; }

setup() {
  OUT=$BATS_TEST_TMPDIR/out BUNDLE=$BATS_TEST_TMPDIR/bundle ROOTFS=$BATS_TEST_TMPDIR/bundle/rootfs
  STATE=/run/conmon/runtime-records/$BATS_TEST_NUMBER
  ID=monitored$BATS_TEST_NUMBER CGROUP=$CGROUP_PARENT/$BATS_TEST_NUMBER
  mkdir -p "$STATE" "$BATS_TEST_TMPDIR/exits" "$BATS_TEST_TMPDIR/persist"
  make_bundle
}
teardown() { rt delete --force "$ID" >/dev/null 2>&1 || true; }

# monitor OPTION...: conmon with its answer in $OUT: one JSON line with the pid, or with the runtime's words.
monitor() (
  # where conmon puts the file that tells of an OOM kill
  cd "$BUNDLE" || return 1
  _OCI_SYNCPIPE=5 conmon --api-version 1 --cid "$ID" --cuuid "$ID" --name "$ID" --runtime "$RUNTIME_PATH" --runtime-arg "--root=$STATE" \
    --bundle "$BUNDLE" --container-pidfile "$BATS_TEST_TMPDIR/pidfile" --conmon-pidfile "$BATS_TEST_TMPDIR/conmon-pidfile" \
    --exit-dir "$BATS_TEST_TMPDIR/exits" --persist-dir "$BATS_TEST_TMPDIR/persist" --log-path "k8s-file:$BATS_TEST_TMPDIR/log" --full-attach \
    --socket-dir-path "$BATS_TEST_TMPDIR" "$@" 5>"$OUT" 3>&- 4>&- </dev/null
)
answered() { [ -s "$OUT" ]; }
has_exited() { [ -s "$BATS_TEST_TMPDIR/exits/$ID" ]; }

@test "conmon: create, start, log, exit status" {
  command_is sh -c 'echo to-out; echo to-err >&2; exit 21'
  monitor
  wait_for 10 answered
  pid=$(jq .data "$OUT")
  [ "$pid" = "$(cat "$BATS_TEST_TMPDIR/pidfile")" ]
  rt start "$ID"
  wait_for 10 has_exited
  [ "$(cat "$BATS_TEST_TMPDIR/exits/$ID")" = 21 ]
  contains 'stdout F to-out$' "$BATS_TEST_TMPDIR/log"
  contains 'stderr F to-err$' "$BATS_TEST_TMPDIR/log"
  rt delete "$ID"
}

@test "conmon: the runtime's words come back when create fails" {
  command_is nosuchprogram
  run monitor
  wait_for 10 answered
  [ "$(jq .data "$OUT")" -lt 0 ]
  run -0 jq -r .message "$OUT"
  expect 'executable file not found in \$PATH'
  [ ! -e "$BATS_TEST_TMPDIR/pidfile" ]
}

@test "conmon: a terminal" {
  edit '.process.terminal = true'
  command_is sh -c 'test -t 0 && test -t 1 && echo terminals; exit 4'
  monitor --terminal
  wait_for 10 answered
  rt start "$ID"
  wait_for 10 has_exited
  [ "$(cat "$BATS_TEST_TMPDIR/exits/$ID")" = 4 ]
  contains 'stdout F terminals' "$BATS_TEST_TMPDIR/log"
}

@test "conmon: exec, and exec of what is not there" {
  command_is sleep 1000
  monitor
  wait_for 10 answered
  rt start "$ID"
  jq '.process | .args = ["sh", "-c", "echo executed; exit 6"]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process"
  rm "$OUT"
  run monitor --exec --exec-process-spec "$BATS_TEST_TMPDIR/process" --log-path "k8s-file:$BATS_TEST_TMPDIR/exec-log" --exit-dir "$BATS_TEST_TMPDIR/persist"
  wait_for 10 contains executed "$BATS_TEST_TMPDIR/exec-log"
  jq '.process | .args = ["nosuchprogram"]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process"
  rm -f "$OUT" "$BATS_TEST_TMPDIR/pidfile"
  run monitor --exec --exec-process-spec "$BATS_TEST_TMPDIR/process"
  wait_for 10 answered
  run -0 cat "$OUT"
  expect 'executable file not found in \$PATH'
  rt kill "$ID" KILL
}

@test "conmon: an out of memory kill is told" {
  on_v1 || skip "conmon tells it by a file that only cgroup v1 has here"
  command_is tail -c 100000000 /dev/zero
  edit '.linux.resources.memory = {"limit": 16777216, "swap": 16777216}'
  monitor
  wait_for 10 answered
  rt start "$ID"
  wait_for 20 has_exited
  [ "$(cat "$BATS_TEST_TMPDIR/exits/$ID")" = 137 ]
  [ -e "$BUNDLE/oom" ]
}

@test "conmon: nothing is left" {
  nothing_is_left
}
