# SPDX-License-Identifier: Apache-2.0
# runtime.md: state, life cycle, errors, warnings, the five operations.
load conformance

# ---- scope, state ---------------------------------------------------------------------------------------------

@test "runtime.md#scope-of-a-container 1; runtime.md#operations 1: state, create, start, kill and delete serve one container" {
  make_bundle
  command_is sleep 1000
  created
  [ "$(status_of)" = created ]
  rt start "$ID"
  [ "$(status_of)" = running ]
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  rt delete "$ID"
  no_container
}

@test "runtime.md#state 1,3,5,6,7,8: the document in each state, against the schema" {
  make_bundle
  edit '.annotations = {"org.example.key": "value"}'
  command_is sleep 1000
  created
  local word
  for word in created running stopped; do
    case $word in
      running) rt start "$ID" ;;
      stopped)
        rt kill "$ID" KILL
        wait_for 5 has_status stopped
        ;;
    esac
    run -0 rt state "$ID"
    jq -e --arg id "$ID" --arg bundle "$BUNDLE" --arg word "$word" '
      (.ociVersion | type == "string" and test("^[0-9]+\\.[0-9]+\\.[0-9]+")) and .id == $id and .status == $word
      and .bundle == $bundle and (.bundle | startswith("/"))
      and (.pid == null or (.pid | type == "number" and . >= 0)) and .annotations == {"org.example.key": "value"}' <<<"$output"
    [ "$word" = stopped ] || jq -e '.pid > 0' <<<"$output"
  done
  rt delete "$ID"
}

@test "runtime.md#state 2; runtime.md#create 2: an id is unique, and the first container keeps it" {
  make_bundle
  sleeping
  local pid
  pid=$(pid_of)
  world >"$BATS_TEST_TMPDIR/before"
  attempt rt create --bundle "$BUNDLE" "$ID"
  failed
  world >"$BATS_TEST_TMPDIR/after"
  diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
  [ "$(pid_of)" = "$pid" ]
  [ "$(status_of)" = running ]
}

@test "runtime.md#state 4: a paused container is in no state of the specification" {
  make_bundle
  sleeping
  rt pause "$ID"
  run -0 status_of
  rt resume "$ID"
  case $output in creating | created | running | stopped) echo "paused is called $output"; false ;; esac
}

@test "runtime.md#state 9: pid is seen as by the runtime in its hooks, and as by the container in its own" {
  make_bundle
  hook outer createRuntime
  inner_hook inner startContainer
  sleeping
  local pid
  pid=$(pid_of)
  [ "$(given outer pid)" = "$pid" ]
  [ "$(jq -r .pid "$ROOTFS/tmp/stdin-inner")" = 1 ]
}

# ---- life cycle -----------------------------------------------------------------------------------------------

@test "runtime.md#lifecycle 1,2; runtime.md#create 3,4,5: create makes the environment and does not run the program" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source"
  mount_entry /volume bind "$BATS_TEST_TMPDIR/source" bind ro
  edit '.hostname = "applied" | .linux.sysctl = {"kernel.shmmni": "4001"} | .linux.maskedPaths = ["/etc/passwd"]'
  resources '{"pids": {"limit": 77}}'
  command_is sh -c 'echo ran >/tmp/ran'
  created
  local pid
  pid=$(pid_of)
  [ "$(in_container -u hostname)" = applied ]
  [ "$(in_container -i cat /proc/sys/kernel/shmmni)" = 4001 ]
  grep -q ' /volume ro' "/proc/$pid/mountinfo"
  grep -q ' /etc/passwd ' "/proc/$pid/mountinfo"
  [ "$(value pids pids.max)" = 77 ]
  sleep 0.2
  [ ! -e "$ROOTFS/tmp/ran" ]
  rt start "$ID"
  wait_for 5 test -e "$ROOTFS/tmp/ran"
}

@test "runtime.md#lifecycle 3; runtime.md#create 6: what cannot be created is an error, and no container" {
  refused '.mounts += [{"destination": "/x", "type": "nosuchfs", "source": "x"}]'
  refused '.mounts += [{"destination": "/x", "type": "bind", "source": "/no/such", "options": ["bind"]}]'
  refused '.linux.resources.cpu = {"cpus": "4000"}'
  refused '.linux.sysctl = {"kernel.nosuch": "1"}'
  refused '.linux.namespaces |= map(if .type == "network" then .path = "/no/such" else . end)'
  refused '.hooks.createRuntime = [{"path": "/no/such/hook"}]'
}

@test "runtime.md#lifecycle 4: a changed config.json changes nothing after create" {
  make_bundle
  hook first poststop
  command_is sh -c 'echo first; exec sleep 1000'
  created
  hook second poststop
  edit '.process.env += ["SECOND=1"] | .process.cwd = "/tmp" | del(.hooks.poststop[0])'
  command_is sh -c 'echo second'
  rt start "$ID"
  wait_for 5 contains . "$OUT"
  [ "$(cat "$OUT")" = first ]
  run -0 rt exec "$ID" sh -c 'echo "$SECOND"; pwd'
  [ "$output" = $'\n/' ]
  rt delete --force "$ID"
  [ "$(order)" = 'first ' ]
}

@test "runtime.md#lifecycle 5,7,9,11,13,15,18: the hooks of each kind are called, each at its step" {
  make_bundle
  hook prestart prestart "readlink /proc/self/ns/mnt >$BATS_TEST_TMPDIR/mnt"
  hook createRuntime createRuntime
  hook createContainer createContainer
  inner_hook startContainer startContainer
  hook poststart poststart
  hook poststop poststop
  command_is sh -c 'echo program >>/tmp/order; exec sleep 1000'
  created
  [ "$(order)" = 'prestart createRuntime createContainer ' ]
  [ ! -e "$ROOTFS/tmp/order" ]
  rt start "$ID"
  [ "$(order)" = 'prestart createRuntime createContainer poststart ' ]
  wait_for 5 contains program "$ROOTFS/tmp/order"
  [ "$(cat "$ROOTFS/tmp/order")" = $'startContainer\nprogram' ]
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  [ "$(order)" = 'prestart createRuntime createContainer poststart ' ]
  rt delete "$ID"
  [ "$(order)" = 'prestart createRuntime createContainer poststart poststop ' ]
}

# create_fails KIND: a failing hook of create ends the container, which is destroyed with its poststop hooks.
create_fails() {
  make_bundle
  hook last poststop
  hook bad "$1" 'exit 3'
  hook after "$1"
  rm -f "$BATS_TEST_TMPDIR/order"
  attempt rt create --bundle "$BUNDLE" "$ID"
  failed
  no_container
  [ -z "$(cgroup_directories)" ]
  [ "$(order)" = 'bad last ' ] || { echo "called: $(order)"; return 1; }
}

@test "runtime.md#lifecycle 6: a failing prestart hook: error, stopped, destroyed, poststop called" { create_fails prestart; }
@test "runtime.md#lifecycle 8: a failing createRuntime hook: error, stopped, destroyed, poststop called" { create_fails createRuntime; }
@test "runtime.md#lifecycle 10: a failing createContainer hook: error, stopped, destroyed, poststop called" { create_fails createContainer; }

@test "runtime.md#lifecycle 12: a failing startContainer hook: error, stopped, destroyed, poststop called" {
  make_bundle
  hook last poststop
  inner_hook bad startContainer 'exit 3'
  command_is sh -c 'echo ran >/tmp/ran'
  created
  local pid
  pid=$(pid_of)
  run rt start "$ID"
  failed
  wait_for 5 test ! -d "/proc/$pid"
  [ ! -e "$ROOTFS/tmp/ran" ]
  no_container
  [ "$(order)" = 'last ' ]
}

@test "runtime.md#lifecycle 14; runtime.md#start 3: start runs the program as process says" {
  make_bundle
  edit '.process.user = {"uid": 1000, "gid": 1001} | .process.cwd = "/tmp" | .process.env += ["A=b"]'
  command_is sh -c 'id -u; id -g; pwd; echo $A; echo "$0 $1"' zero one
  created
  [ ! -s "$OUT" ]
  rt start "$ID"
  wait_for 5 contains 'zero one' "$OUT"
  [ "$(cat "$OUT")" = $'1000\n1001\n/tmp\nb\nzero one' ]
}

@test "runtime.md#lifecycle 16: a failing poststart hook: error, stopped, destroyed, poststop called" {
  make_bundle
  hook last poststop
  hook bad poststart 'exit 3'
  command_is sleep 1000
  created
  local pid
  pid=$(pid_of)
  run rt start "$ID"
  failed
  wait_for 5 test ! -d "/proc/$pid"
  no_container
  [ "$(order)" = 'bad last ' ]
}

@test "runtime.md#lifecycle 17; runtime.md#delete 3: delete undoes create" {
  make_bundle
  world >"$BATS_TEST_TMPDIR/before"
  lsns -n -o NS | sort >"$BATS_TEST_TMPDIR/namespaces"
  command_is sleep 1000
  resources '{"pids": {"limit": 77}, "memory": {"limit": 104857600}}'
  running
  run ! diff "$BATS_TEST_TMPDIR/before" <(world)
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  rt delete "$ID"
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config.json"
  diff "$BATS_TEST_TMPDIR/before" <(world)
  diff "$BATS_TEST_TMPDIR/namespaces" <(lsns -n -o NS | sort)
}

@test "runtime.md#lifecycle 19: a failing poststop hook is a warning, the next ones run, the container is gone" {
  make_bundle
  hook bad poststop 'exit 1'
  hook good poststop
  sleeping
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  run rt delete "$ID"
  succeeded
  expect . # the warning
  [ "$(order)" = 'bad good ' ]
  no_container
  [ -z "$(cgroup_directories)" ]
}

# ---- errors, warnings -----------------------------------------------------------------------------------------

@test "runtime.md#errors 1: a failed operation changes nothing" {
  make_bundle
  sleeping
  local verb
  world >"$BATS_TEST_TMPDIR/before"
  rt state "$ID" >"$BATS_TEST_TMPDIR/state-before"
  for verb in "start $ID" "delete $ID" "kill $ID NOSUCH" "create --bundle $BUNDLE $ID" "resume $ID"; do
    # shellcheck disable=SC2086
    run rt $verb </dev/null
    [ "$status" -ne 0 ] || { echo "accepted: $verb"; false; }
    diff "$BATS_TEST_TMPDIR/before" <(world)
    diff "$BATS_TEST_TMPDIR/state-before" <(rt state "$ID")
  done
}

@test "runtime.md#warnings 1; config.md#linux-process 2: an unknown capability is a warning, the rest goes on" {
  make_bundle
  edit '.process.capabilities.bounding += ["CAP_NOSUCH"] | .process.capabilities.effective += ["CAP_NOSUCH"]'
  command_is grep CapEff /proc/self/status
  # how a warning is shown is the runtime's choice: toyrun keeps standard error for the one error that engines parse
  run -0 "$RUNTIME" --debug --log "$BATS_TEST_TMPDIR/log" --root "$STATE" run --bundle "$BUNDLE" "$ID" </dev/null
  expect '0000000000000023$'
  cat "$BATS_TEST_TMPDIR/log" - <<<"$output" | grep -i warn | grep -q CAP_NOSUCH
}

# ---- operations -----------------------------------------------------------------------------------------------

@test "runtime.md#query-state 1; runtime.md#start 1; runtime.md#kill 1; runtime.md#delete 1: verbs without an id" {
  mkdir -p "$STATE"
  local verb
  for verb in state start kill delete; do
    run rt "$verb"
    [ "$status" -ne 0 ] || { echo "$verb without an id succeeded"; false; }
  done
}

@test "runtime.md#query-state 2: the state of a container that is not there" {
  mkdir -p "$STATE"
  run rt state nosuch
  failed
}

@test "runtime.md#query-state 3: state answers the state" {
  make_bundle
  sleeping
  run -0 rt state "$ID"
  jq -e --arg id "$ID" '.id == $id and .status == "running"' <<<"$output"
}

@test "runtime.md#create 1: create without an id, and without a bundle" {
  make_bundle
  cd "$BUNDLE"
  run rt create </dev/null
  failed
  mkdir "$BATS_TEST_TMPDIR/empty"
  cd "$BATS_TEST_TMPDIR/empty"
  attempt rt create "$ID"
  failed
  no_container
}

@test "runtime.md#create 7: an id that is not valid is refused" {
  make_bundle
  local id
  for id in '' . .. a/b ../x 'a b'; do
    world >"$BATS_TEST_TMPDIR/before"
    attempt rt create --bundle "$BUNDLE" "$id"
    [ "$status" -ne 0 ] || { rt delete --force "$id"; echo "accepted: '$id'"; false; }
    diff "$BATS_TEST_TMPDIR/before" <(world)
  done
}

@test "runtime.md#start 2: start of a running, a paused, a stopped and an unknown container" {
  make_bundle
  sleeping
  local pid
  pid=$(pid_of)
  run rt start "$ID"
  failed
  [ "$(status_of)" = running ]
  [ "$(pid_of)" = "$pid" ]
  rt pause "$ID"
  run rt start "$ID"
  failed
  rt resume "$ID"
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  run rt start "$ID"
  failed
  [ "$(status_of)" = stopped ]
  run rt start nosuch
  failed
}

@test "runtime.md#start 4; config.md#process 1: a container without process can be created, and start refuses" {
  make_bundle
  edit 'del(.process)'
  created
  [ "$(status_of)" = created ]
  run rt start "$ID"
  failed
  expect process
}

@test "runtime.md#kill 2: a signal to a stopped and to an unknown container" {
  make_bundle
  sleeping
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  run rt kill "$ID" TERM
  failed
  [ "$(status_of)" = stopped ]
  run rt kill nosuch TERM
  failed
}

@test "runtime.md#kill 3: the signal asked for reaches the program, by name and by number" {
  make_bundle
  started 'trap "echo got-usr1" USR1; trap "echo got-hup" HUP; echo up; while :; do sleep 0.05; done'
  wait_for 5 contains up "$OUT"
  rt kill "$ID" USR1
  wait_for 5 contains got-usr1 "$OUT"
  rt kill "$ID" 1
  wait_for 5 contains got-hup "$OUT"
}

@test "runtime.md#kill 4: a signal to a created container reaches its process" {
  make_bundle
  command_is sleep 1000
  created
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
}

@test "runtime.md#delete 2: a running and a paused container are not deleted" {
  make_bundle
  sleeping
  local pid
  pid=$(pid_of)
  run rt delete "$ID"
  failed
  [ "$(status_of)" = running ]
  [ "$(pid_of)" = "$pid" ]
  rt pause "$ID"
  run rt delete "$ID"
  failed
  rt resume "$ID"
  [ "$(pid_of)" = "$pid" ]
}

@test "runtime.md#delete 4: what others made stays: bundle, volume, namespace, cgroup above" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source"
  mount_entry /volume bind "$BATS_TEST_TMPDIR/source" bind
  touch /run/netns/"$ID"
  unshare --net="/run/netns/$ID" true
  edit '.linux.namespaces |= map(if .type == "network" then .path = $path else . end) | .linux.cgroupsPath += "/below"' --arg path "/run/netns/$ID"
  mkdir "$(cgroup_file pids '')"
  sleeping
  rt exec "$ID" sh -c 'echo kept >/volume/file; echo kept >/tmp/file'
  rt delete --force "$ID"
  [ "$(cat "$BATS_TEST_TMPDIR/source/file" "$ROOTFS/tmp/file")" = $'kept\nkept' ]
  [ -s "$BUNDLE/config.json" ]
  nsenter --net="/run/netns/$ID" true
  umount "/run/netns/$ID"
  rm "/run/netns/$ID"
  [ -d "$(cgroup_file pids '')" ]
  [ ! -d "$(cgroup_file pids below)" ]
}

@test "runtime.md#delete 5: after delete the id is free" {
  make_bundle
  local round
  for round in 1 2; do
    sleeping
    rt delete --force "$ID"
  done
  no_container
}
