# SPDX-License-Identifier: Apache-2.0
# Terminals: console socket, foreground pty with resize, exec -t, what is refused.
load support

terminal_bundle() {
  make_bundle
  edit '.process.terminal = true'
}

# listen [LINE...]: a console socket in $CONSOLE; its output in $BATS_TEST_TMPDIR/console.
listen() {
  CONSOLE=$BATS_TEST_TMPDIR/console.sock
  python3 "$SYSTEM/console.py" "$CONSOLE" "$@" >"$BATS_TEST_TMPDIR/console" 2>&1 3>&- &
  wait_for 10 contains ready "$BATS_TEST_TMPDIR/console"
}
at_terminal() { python3 "$SYSTEM/foreground.py" "$@" 3>&- </dev/null; }

@test "create with a console socket: the master arrives, output and input work" {
  terminal_bundle
  listen 'typed words'
  command_is sh -c 'read line; echo "got: $line"; tty; test -t 0 && test -t 1 && test -t 2 && echo terminals'
  rt create --console-socket "$CONSOLE" --bundle "$BUNDLE" "$ID" </dev/null
  rt start "$ID"
  wait_for 10 contains '^end' "$BATS_TEST_TMPDIR/console"
  contains 'received 1 descriptor' "$BATS_TEST_TMPDIR/console"
  contains 'got: typed words' "$BATS_TEST_TMPDIR/console"
  contains '/dev/pts/0|/dev/console' "$BATS_TEST_TMPDIR/console"
  contains terminals "$BATS_TEST_TMPDIR/console"
}

@test "/dev/console is the terminal, controlled by the program" {
  terminal_bundle
  listen
  command_is sh -c 'stat -c "%F" /dev/console; echo to-console >/dev/console; echo to-tty >/dev/tty'
  rt create --console-socket "$CONSOLE" --bundle "$BUNDLE" "$ID" </dev/null
  rt start "$ID"
  wait_for 10 contains '^end' "$BATS_TEST_TMPDIR/console"
  contains 'character special file' "$BATS_TEST_TMPDIR/console"
  contains to-console "$BATS_TEST_TMPDIR/console"
  contains to-tty "$BATS_TEST_TMPDIR/console"
}

@test "consoleSize is set before the program" {
  terminal_bundle
  edit '.process.consoleSize = {"height": 33, "width": 77}'
  listen
  command_is stty size
  rt create --console-socket "$CONSOLE" --bundle "$BUNDLE" "$ID" </dev/null
  rt start "$ID"
  wait_for 10 contains '^end' "$BATS_TEST_TMPDIR/console"
  contains '33 77' "$BATS_TEST_TMPDIR/console"
}

@test "the terminal belongs to the program's user" {
  terminal_bundle
  edit '.process.user = {"uid": 1000, "gid": 1000}'
  listen
  command_is sh -c 'stat -c "owner %u" $(tty)'
  rt create --console-socket "$CONSOLE" --bundle "$BUNDLE" "$ID" </dev/null
  rt start "$ID"
  wait_for 10 contains '^end' "$BATS_TEST_TMPDIR/console"
  contains 'owner 1000' "$BATS_TEST_TMPDIR/console"
}

@test "terminal without a console socket when detached, and a socket without a terminal, are refused" {
  not_on crun 'accepts the second'
  terminal_bundle
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  failed
  expect 'console'
  leaves_nothing rt run -d --bundle "$BUNDLE" "$ID"
  failed
  edit '.process.terminal = false'
  listen
  run rt create --console-socket "$CONSOLE" --bundle "$BUNDLE" "$ID" </dev/null
  failed
  expect 'console'
  kill "$!" # nobody connected to it, and bats would wait
}

@test "a console socket nobody listens on leaves nothing" {
  terminal_bundle
  leaves_nothing rt create --console-socket /no/such/socket --bundle "$BUNDLE" "$ID"
  failed
  expect '/no/such/socket|console'
}

@test "run in the foreground on a terminal: size, input, status" {
  not_on crun 'the size comes late, or never'
  terminal_bundle
  command_is sh -c 'stty size; echo ready; read line; echo "got $line"; exit 5'
  run at_terminal --size 30x100 --after ready --type 'hello\r' "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 5 ]
  expect '30 100'
  expect 'got hello'
}

@test "a resize reaches the program" {
  not_on crun 'the size comes late, or never'
  terminal_bundle
  command_is sh -c 'trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 0.05; done'
  run at_terminal --size 24x80 --after ready --resize 40x120 "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID"
  succeeded
  expect '40 120'
}

@test "control-C becomes a signal inside" {
  terminal_bundle
  command_is sh -c 'trap "echo interrupted; exit 6" INT; echo ready; while :; do sleep 0.05; done'
  run at_terminal --after ready --type '\x03' "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 6 ]
  expect interrupted
}

@test "the caller's terminal is restored" {
  terminal_bundle
  command_is true
  run at_terminal sh -c 'stty -a >"$2/before"; "$0" --root "$1" run --bundle "$3" "$4"; stty -a >"$2/after"' "$RUNTIME" "$STATE" "$BATS_TEST_TMPDIR" "$BUNDLE" "$ID"
  diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "exec -t in the foreground, and with a console socket" {
  sleeper
  running
  run at_terminal --size 31x91 "$RUNTIME" --root "$STATE" exec -t "$ID" sh -c 'stty size; tty; exit 4'
  [ "$status" -eq 4 ]
  expect '31 91'
  expect '/dev/pts/'
  listen
  rt exec -t -d --console-socket "$CONSOLE" "$ID" sh -c 'test -t 1 && echo terminal' </dev/null
  wait_for 10 contains '^end' "$BATS_TEST_TMPDIR/console"
  contains terminal "$BATS_TEST_TMPDIR/console"
}

@test "run without a terminal of its own but with process.terminal fails in words" {
  terminal_bundle
  run bash -c 'setsid "$0" --root "$1" run --bundle "$2" "$3" </dev/null 2>&1 | cat; exit "${PIPESTATUS[0]}"' "$RUNTIME" "$STATE" "$BUNDLE" "$ID"
  [ "$status" -ne 0 ] || expect .
}

@test "the window's size is there before the program" {
  not_on crun 'the size comes late, or never'
  not_on runc 'the size sometimes comes late'
  terminal_bundle
  command_is stty size
  for _ in 1 2 3 4 5 6 7 8; do
    run at_terminal --size 37x111 "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID"
    expect '37 111'
  done
}
