# SPDX-License-Identifier: Apache-2.0
# The six kinds of hooks: order, state on stdin, environment, timeout, what a failure does.
load support

# hook NAME KIND [SHELL-CODE]: a hook that notes its name and the state it was given, then runs the code.
hook() {
  local path=$BATS_TEST_TMPDIR/hook-$1
  cat >"$path" <<SCRIPT
#!/bin/sh
cat >$BATS_TEST_TMPDIR/stdin-$1
echo $1 >>$BATS_TEST_TMPDIR/order
${3:-}
SCRIPT
  chmod +x "$path"
  edit '.hooks[$kind] += [{"path": $path}]' --arg kind "$2" --arg path "$path"
}
given() { jq -r ".$2" "$BATS_TEST_TMPDIR/stdin-$1"; }

@test "order of the host's hooks over a whole life" {
  sleeper
  hook one prestart
  hook two createRuntime
  hook three createRuntime
  hook four createContainer
  hook five poststart
  hook six poststop
  created
  # runc 1.1.5 runs poststart too early
  [ "$(head -4 "$BATS_TEST_TMPDIR/order" | tr '\n' ' ')" = 'one two three four ' ]
  [ "$(wc -l <"$BATS_TEST_TMPDIR/order")" -eq 4 ] || ! is_toyrun
  rt start "$ID"
  wait_for 5 eval "[ \"\$(tail -1 '$BATS_TEST_TMPDIR/order')\" = five ]"
  rt delete --force "$ID"
  [ "$(tail -1 "$BATS_TEST_TMPDIR/order")" = six ]
}

@test "the state on standard input" {
  not_on crun 'says created in createRuntime and createContainer'
  sleeper
  edit '.annotations = {"org.example.note": "kept"}'
  hook runtime createRuntime
  hook started poststart
  hook stopped poststop
  running
  local pid
  pid=$(pid_of)
  rt delete --force "$ID"
  [ "$(given runtime id)" = "$ID" ]
  [ "$(given runtime bundle)" = "$BUNDLE" ]
  [ "$(given runtime pid)" = "$pid" ]
  [ "$(given runtime status)" = creating ]
  [ "$(given runtime 'annotations["org.example.note"]')" = kept ]
  [ "$(given started pid)" = "$pid" ]
  [ "$(given stopped status)" = stopped ]
}

@test "poststart sees a running container" {
  only_spec 'runc 1.1.5 runs it before the program and says created'
  sleeper
  hook started poststart
  running
  [ "$(given started status)" = running ]
}

@test "startContainer runs inside, before the program" {
  make_bundle
  cat >"$ROOTFS/bin/hook" <<'SCRIPT'
#!/bin/sh
cat >/tmp/state
echo hook >>/tmp/order
SCRIPT
  chmod +x "$ROOTFS/bin/hook"
  edit '.hooks.startContainer = [{"path": "/bin/hook"}]'
  run -0 inside 'echo program >>/tmp/order; cat /tmp/order; grep -c . /tmp/state'
  [ "${lines[0]}" = hook ]
  [ "${lines[1]}" = program ]
}

@test "a start that is killed while startContainer runs: the next one leaves the container alone" {
  only_toyrun 'runc says that such a container is still created'
  sleeper
  mkfifo -m 666 "$ROOTFS/tmp/go"
  printf '#!/bin/sh\ncat >/dev/null\nread word </tmp/go\n' >"$ROOTFS/bin/hook"
  chmod +x "$ROOTFS/bin/hook"
  edit '.hooks.startContainer = [{"path": "/bin/hook"}]'
  created
  "$RUNTIME" --root "$STATE" start "$ID" >"$OUT" 2>&1 3>&- 4>&- &
  local starter=$!
  wait_for 5 runs '/bin/hook'
  has_status created
  kill -9 "$starter"
  wait "$starter" || true
  has_status running
  run -1 rt start "$ID"
  expect 'cannot start an already running container'
  echo go >"$ROOTFS/tmp/go"
  wait_for 5 runs '^sleep 1000'
  has_status running
}

@test "createContainer runs in the container's namespaces, before the pivot" {
  make_bundle
  hook inner createContainer "readlink /proc/self/ns/mnt >$BATS_TEST_TMPDIR/mnt; readlink /proc/self/ns/uts >$BATS_TEST_TMPDIR/uts; echo made >$ROOTFS/from-hook"
  run -0 inside 'readlink /proc/self/ns/mnt; readlink /proc/self/ns/uts; cat /from-hook'
  [ "${lines[0]}" = "$(cat "$BATS_TEST_TMPDIR/mnt")" ]
  [ "${lines[1]}" = "$(cat "$BATS_TEST_TMPDIR/uts")" ]
  [ "${lines[2]}" = made ]
}

# The order of config.md puts these hooks before pivot_root, and a pid namespace that others are in may be entered after it only.
@test "createContainer of a joined pid namespace: in all namespaces of the container but that one" {
  not_on runc 'joins it first, and so shows the host to who is in it'
  not_on crun '1.8.1 as well'
  sleeper
  OUT=$BATS_TEST_TMPDIR/first running first
  hook inner createContainer "for one in pid mnt uts net ipc; do readlink /proc/self/ns/\$one; done >$BATS_TEST_TMPDIR/inner"
  edit '.linux.cgroupsPath += "-second" | .linux.namespaces |= map(if .type == "pid" then .path = "/proc/\($pid)/ns/pid" else . end)' --arg pid "$(pid_of first)"
  running
  local namespace lines
  mapfile -t lines <"$BATS_TEST_TMPDIR/inner"
  [ "${lines[0]}" = "$(readlink /proc/self/ns/pid)" ]
  local at=1
  for namespace in mnt uts net ipc; do
    [ "${lines[at++]}" = "$(readlink "/proc/$(pid_of)/ns/$namespace")" ]
  done
  [ "$(readlink "/proc/$(pid_of)/ns/pid")" = "$(readlink "/proc/$(pid_of first)/ns/pid")" ]
}

@test "createRuntime runs in the runtime's namespaces with the namespaces of the container there" {
  make_bundle
  hook outer createRuntime "readlink /proc/self/ns/mnt >$BATS_TEST_TMPDIR/mnt; pid=\$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/' $BATS_TEST_TMPDIR/stdin-outer | tail -1); readlink /proc/\$pid/ns/net >$BATS_TEST_TMPDIR/net"
  run -0 inside 'readlink /proc/self/ns/net'
  [ "$(cat "$BATS_TEST_TMPDIR/mnt")" = "$(readlink /proc/self/ns/mnt)" ]
  [ "$output" = "$(cat "$BATS_TEST_TMPDIR/net")" ]
}

@test "args, argv[0] included, and env exactly" {
  make_bundle
  cat >"$BATS_TEST_TMPDIR/hook" <<SCRIPT
#!/bin/sh
cat >/dev/null
tr '\0' '|' </proc/\$\$/cmdline >$BATS_TEST_TMPDIR/arguments
env >$BATS_TEST_TMPDIR/environment
SCRIPT
  chmod +x "$BATS_TEST_TMPDIR/hook"
  edit '.hooks.createRuntime = [{"path": $path, "args": ["zero", "one", "two words"], "env": ["A=1", "B=x y"]}]' --arg path "$BATS_TEST_TMPDIR/hook"
  LEAK=1 run -0 inside true
  grep -q "one|two words|" "$BATS_TEST_TMPDIR/arguments"
  grep -qx 'A=1' "$BATS_TEST_TMPDIR/environment"
  grep -qx 'B=x y' "$BATS_TEST_TMPDIR/environment"
  run ! grep LEAK "$BATS_TEST_TMPDIR/environment"
}

@test "without env a hook gets neither the caller's nor the container's environment" {
  only_spec 'the references inherit the environment (decision 6 of the reference)'
  make_bundle
  edit '.process.env += ["FROM_CONFIG=1"]'
  hook outer createRuntime "env >$BATS_TEST_TMPDIR/outer"
  hook inner createContainer "env >$BATS_TEST_TMPDIR/inner"
  LEAK=1 run -0 inside true
  run ! grep -E 'LEAK|FROM_CONFIG' "$BATS_TEST_TMPDIR/outer" "$BATS_TEST_TMPDIR/inner"
  grep -q ^PATH= "$BATS_TEST_TMPDIR/outer"
}

@test "a hook that fails: its words and its number are in the error, and nothing is left" {
  not_on crun 'other words'
  make_bundle
  hook bad createRuntime 'echo the reason >&2; exit 3'
  run rt create --bundle "$BUNDLE" "$ID"
  failed
  expect 'exit status 3'
  expect 'the reason'
  run rt state "$ID"
  failed
  [ -z "$(cgroup_directories)" ]
}

@test "a failing createContainer and startContainer hook" {
  make_bundle
  hook bad createContainer 'exit 4'
  run inside 'echo program ran'
  failed
  expect_not '^program ran'
  edit 'del(.hooks)'
  printf '#!/bin/sh\nexit 5\n' >"$ROOTFS/bin/hook"
  chmod +x "$ROOTFS/bin/hook"
  edit '.hooks.startContainer = [{"path": "/bin/hook"}]'
  run inside 'echo program ran'
  failed
  expect_not '^program ran'
  run rt state "$ID"
  failed
}

@test "poststop: a failure is a warning, the others run, the container is gone" {
  not_on runc '1.1.5 stops at the first failure'
  sleeper
  hook bad poststop 'exit 1'
  hook good poststop
  running
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  run rt delete "$ID"
  succeeded
  [ "$(tail -1 "$BATS_TEST_TMPDIR/order")" = good ]
  run rt state "$ID"
  failed
}

@test "poststop runs when create fails after the hooks" {
  make_bundle
  hook after poststop
  hook bad createRuntime 'exit 1'
  run rt create --bundle "$BUNDLE" "$ID"
  failed
  is_toyrun || skip 'the references differ'
  grep -q after "$BATS_TEST_TMPDIR/order"
}

@test "timeout kills the hook and fails create" {
  make_bundle
  hook slow createRuntime 'sleep 555 </dev/null >/dev/null 2>&1 & wait'
  edit '.hooks.createRuntime[0].timeout = 1'
  local begin=$SECONDS
  run rt create --bundle "$BUNDLE" "$ID"
  failed
  [ $((SECONDS - begin)) -lt 10 ]
  expect '[Tt]imed? ?out|exceeded|1s'
  is_toyrun || skip 'the grandchild is killed too: more than the references do'
  wait_for 2 gone '^sleep 555'
}

@test "a timeout of zero and a relative path are refused" {
  only_spec 'runc does not check them'
  make_bundle
  hook one createRuntime
  edit '.hooks.createRuntime[0].timeout = 0'
  leaves_nothing inside true
  failed
  expect '/hooks/createRuntime/0/timeout'
  edit '.hooks.createRuntime = [{"path": "relative"}]'
  leaves_nothing inside true
  failed
  expect '/hooks/createRuntime/0/path'
}

@test "a hook that does not read standard input does no harm" {
  make_bundle
  edit '.annotations = {"big": ("x" * 200000)}'
  edit '.hooks.createRuntime = [{"path": "/bin/true"}]'
  run -0 inside 'echo fine'
  [ "$output" = fine ]
}

@test "a missing hook program is named" {
  make_bundle
  edit '.hooks.createRuntime = [{"path": "/no/such/hook"}]'
  run inside true
  failed
  expect '/no/such/hook'
}

@test "a create that is killed while a createContainer hook hangs leaves no process" {
  only_toyrun 'runc leaves its init behind then'
  sleeper
  edit '.hooks.createContainer = [{"path": "/bin/sleep", "args": ["sleep", "4714"]}] | .linux.namespaces |= map(select(.type != "pid"))'
  "$RUNTIME" --root "$STATE" create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&- 4>&- &
  local pid=$!
  wait_for 5 runs '^sleep 4714'
  kill -9 "$pid"
  wait "$pid" || true
  wait_for 5 gone "$BUNDLE $ID"
  # what lives in the cgroup may be another's: it is named, and the container stays in the records
  run -1 rt delete --force "$ID"
  expect 'is still busy after 10000 ms: process [0-9]+ \(sleep\) is in state S.*end it if it is this container.s, and delete again'
  has_status stopped
  pkill -9 -x -f 'sleep 4714'
  rt delete --force "$ID"
  [ -z "$(ls "$STATE")" ]
}

@test "a caller that ignores SIGCHLD changes nothing: hooks fail, statuses arrive" {
  not_on crun 'its run waits for ever'
  sleeper
  local plain=$BATS_TEST_TMPDIR/plain.json
  cp "$BUNDLE/config.json" "$plain"
  hook failing createRuntime 'exit 3'
  attempt env --ignore-signal=CHLD "$RUNTIME" --root "$STATE" create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  [ -z "$(rt list -q)" ]
  cp "$plain" "$BUNDLE/config.json"
  command_is sh -c 'exit 7'
  attempt env --ignore-signal=CHLD "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 7 ]
  [ -z "$(rt list -q)" ]
  cp "$plain" "$BUNDLE/config.json"
  running
  attempt env --ignore-signal=CHLD "$RUNTIME" --root "$STATE" exec "$ID" sh -c 'exit 5'
  [ "$status" -eq 5 ]
}

@test "a hook's output makes no line of its own in the error" {
  only_toyrun 'the references print it as it is'
  sleeper
  hook loud createRuntime 'printf "one\ntoyrun: forged\n\033[31mred" >&2; exit 1'
  attempt rt create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  [ "${#lines[@]}" -eq 1 ]
  expect 'stderr: one.ntoyrun: forged.n.x1b.31mred'
}
