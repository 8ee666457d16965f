#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# NOTIFY_SOCKET: a container says that it is ready, and who watches toyrun learns it (sd_notify(3)).
load support.bash

# supervisor: NOTIFY_SOCKET as systemd has it; what arrives is in $HEARD, one line a message.
supervisor() {
  HEARD=$BATS_TEST_TMPDIR/heard
  HOST_SOCKET=${1:-$BATS_TEST_TMPDIR/host.sock}
  python3 - "$HOST_SOCKET" >"$HEARD" 3>&- <<'PYTHON' &
import os, socket, sys
name = sys.argv[1]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind("\0" + name[1:] if name[0] == "@" else name)
print("listening", flush=True)
while True:
    text, fds, _, _ = socket.recv_fds(listener, 4096, 4)
    print(text.decode().strip(), flush=True)
    for fd in fds:
        os.close(fd)
PYTHON
  wait_for 10 contains listening "$HEARD"
}
# A container that sends the lines (python's socket is the host's: the container shares its /usr).
notifier() {
  make_bundle
  cat >"$ROOTFS/notify.py" <<'PYTHON'
import os, socket, sys, time
talker = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
talker.connect(os.environ["NOTIFY_SOCKET"])
for word in sys.argv[1:]:
    if word.startswith("sleep"): time.sleep(float(word[5:]))
    else: talker.send(word.encode())
print("said", flush=True)
PYTHON
  edit '.mounts += [range(0; 3) as $i | {"destination": ["/usr", "/lib", "/lib64"][$i], "source": ["/usr", "/lib", "/lib64"][$i], "options": ["rbind", "ro"]}]'
  command_is sh -c 'python3 /notify.py "$@"; sleep 1000' notify "$@"
}
main_pid() { sed -n 's/^MAINPID=//p' "$HEARD"; }

@test "start returns when the container is ready, and names the process to watch" {
  not_on crun 'sends no MAINPID'
  supervisor
  notifier STATUS=x sleep0.5 'STATUS=y
READY=1' READY=1
  NOTIFY_SOCKET=$HOST_SOCKET rt create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
  [ "$(wc -l <"$HEARD")" -eq 1 ]
  NOTIFY_SOCKET=$HOST_SOCKET timeout 20 "$RUNTIME" --root "$STATE" start "$ID"
  contains '^READY=1$' "$HEARD"
  [ "$(grep -c READY "$HEARD")" -eq 1 ]
  lacks STATUS "$HEARD"
  [ "$(main_pid)" = "$(pid_of)" ]
  run ! pgrep -f "$RUNTIME.*$ID"
  rt delete -f "$ID"
  only_toyrun 'runc 1.1.5 sends no BARRIER, and the files are its own'
  contains '^BARRIER=1$' "$HEARD"
  [ -z "$(find "$STATE" -mindepth 1)" ]
}

@test "run -d does the same; an abstract socket" {
  not_on crun 'sends no MAINPID'
  supervisor "@toynotify$BATS_SUITE_TEST_NUMBER"
  notifier sleep0.3 READY=1
  NOTIFY_SOCKET=$HOST_SOCKET timeout 20 "$RUNTIME" --root "$STATE" run -d --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
  contains '^READY=1$' "$HEARD"
  [ "$(main_pid)" = "$(pid_of)" ]
}

@test "in the foreground toyrun is the process to watch" {
  not_on runc 'waits for READY before it serves the terminal'
  not_on crun 'sends no MAINPID'
  supervisor
  notifier READY=1
  NOTIFY_SOCKET=$HOST_SOCKET "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&- &
  local runner=$!
  wait_for 10 contains '^MAINPID' "$HEARD"
  [ "$(main_pid)" = "$runner" ]
  rt kill "$ID" KILL
  wait "$runner" || [ $? -eq 137 ]
}

@test "a container that ends without a word ends the wait" {
  not_on runc 'waits for good: what it looks for is there as its own zombie'
  supervisor
  notifier
  command_is true
  NOTIFY_SOCKET=$HOST_SOCKET timeout 20 "$RUNTIME" --root "$STATE" run -d --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
  lacks READY "$HEARD"
}

@test "the container cannot change its directory of the socket, and exec is not told of it" {
  only_toyrun 'its exec'
  supervisor
  notifier READY=1
  edit '.process.user = {"uid": 1000, "gid": 1000}'
  NOTIFY_SOCKET=$HOST_SOCKET timeout 20 "$RUNTIME" --root "$STATE" run -d --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
  contains '^READY=1$' "$HEARD"
  run rt exec -u 0:0 "$ID" rm /run/notify/notify.sock
  failed
  expect 'Read-only'
  run rt exec "$ID" env
  expect_not NOTIFY_SOCKET
  run rt audit "$ID"
  succeeded
  expect_not '^extra.*notify'
}

@test "without NOTIFY_SOCKET nothing changes, and one of config.json is the container's own" {
  make_bundle
  edit '.process.env += ["NOTIFY_SOCKET=/own"]'
  run inside 'echo "$NOTIFY_SOCKET"; ls /run'
  succeeded
  [ "$output" = /own ]
}
