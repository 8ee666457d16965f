# SPDX-License-Identifier: Apache-2.0
# Every verb in every state: exit status and words as runc has them (only the words that engines look for are runc's API),
# and what else a caller of runc may build on.
load support

setup() {
  begin_test
  not_on crun 'other words'
}

# into STATE: a container $ID in that state. creating: its prestart hook waits for $BATS_TEST_TMPDIR/go to be written.
into() {
  sleeper
  into_again "$1"
}
into_again() {
  case $1 in
    unknown) return ;;
    creating)
      [ -p "$BATS_TEST_TMPDIR/go" ] || mkfifo "$BATS_TEST_TMPDIR/go"
      printf '#!/bin/sh\ncat >/dev/null\nread word <"%s/go"\n' "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/hook"
      chmod +x "$BATS_TEST_TMPDIR/hook"
      edit '.hooks.prestart = [{"path": $path}]' --arg path "$BATS_TEST_TMPDIR/hook"
      rt create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 &
      CREATOR=$!
      wait_for 5 runs "$BATS_TEST_TMPDIR/hook"
      ;;
    created) created ;;
    running) running ;;
    paused) running && rt pause "$ID" ;;
    stopped) running && rt kill "$ID" KILL && wait_for 5 has_status stopped ;;
  esac
}
# in_state STATE STATUS REGEX VERB [options] [-- words after the id]: what the verb does to such a container.
in_state() {
  local state=$1 wanted=$2 words=$3 verb=$4 options=()
  shift 4
  while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
  [ $# -eq 0 ] || shift
  run rt "$verb" "${options[@]}" "$ID" "$@" </dev/null
  [ "$status" -eq "$wanted" ] || { echo "$verb ${options[*]} of a $state container: $status instead of $wanted: $output"; return 1; }
  expect "$words"
}

@test "an unknown container" {
  into unknown
  local verb
  for verb in state start kill delete pause resume ps update; do in_state unknown 1 'container does not exist' "$verb"; done
  in_state unknown 1 'container does not exist' kill --all -- KILL
  in_state unknown 255 'container does not exist' exec -- true || [ "$status" -eq 1 ] # runc: before the exec began
  in_state unknown 0 '^$' delete --force
  in_state unknown 1 'container does not exist' events --stats
}

@test "a container that is being created" {
  only_toyrun 'runc has no container before its first hook has run'
  into creating
  in_state creating 0 '"status": "creating"' state
  in_state creating 1 'container with given ID already exists' create --bundle "$BUNDLE"
  in_state creating 255 'being created' exec -- true
  in_state creating 1 'container not running' pause
  in_state creating 1 'container not paused' resume
  in_state creating 1 'container not running' kill -- TERM
  in_state creating 1 'is not running' events --stats
  # at once: what waits for the create would wait for its hook
  local begin=$SECONDS
  in_state creating 1 'cannot start a container in the creating state' start
  in_state creating 1 "cannot delete container $ID that is not stopped: creating" delete
  echo '[]' >"$BATS_TEST_TMPDIR/none"
  run -1 rt mounts add "$ID" "$BATS_TEST_TMPDIR/none"
  expect 'being created'
  [ $((SECONDS - begin)) -lt 8 ]
  echo go >"$BATS_TEST_TMPDIR/go"
  wait "$CREATOR"
  in_state created 0 '"status": "created"' state
}

@test "a created container" {
  into created
  in_state created 0 '"status": "created"' state
  in_state created 1 'container with given ID already exists' create --bundle "$BUNDLE"
  in_state created 1 'container not paused' resume
  in_state created 0 '^$' exec -- true
  in_state created 0 '^$' update --pids-limit 100
  in_state created 0 '^$' pause
  in_state created 0 '"status": "paused"' state
  in_state created 0 '^$' resume
  in_state created 0 '^$' start
  in_state running 0 '"status": "running"' state
}

@test "update, kill --all and delete --force of a container that is being created" {
  only_toyrun 'runc has no container before its first hook has run'
  into creating
  # update waits until there is something to limit
  rt update --pids-limit 99 "$ID" >"$BATS_TEST_TMPDIR/update" 2>&1 &
  local update=$!
  echo go >"$BATS_TEST_TMPDIR/go"
  wait "$CREATOR"
  wait "$update" || { cat "$BATS_TEST_TMPDIR/update"; return 1; }
  [ "$(cat "$(cgroup_file pids pids.max)")" = 99 ]
  rt delete --force "$ID"
  into_again creating
  in_state creating 0 '^$' kill --all -- KILL
  echo go >"$BATS_TEST_TMPDIR/go"
  if wait "$CREATOR"; then return 1; fi
  in_state unknown 1 'container does not exist' state
  [ -z "$(cgroup_directories)" ]
}

@test "delete and kill --all of a created container" {
  into created
  in_state created 0 '^$' delete
  in_state unknown 1 'container does not exist' state
  created
  in_state created 0 '^$' kill --all -- KILL
  wait_for 5 has_status stopped
  in_state stopped 0 '^$' delete --force
}

@test "a running container" {
  into running
  in_state running 0 '"status": "running"' state
  in_state running 1 'container with given ID already exists' create --bundle "$BUNDLE"
  in_state running 1 'cannot start an already running container' start
  in_state running 1 "cannot delete container $ID that is not stopped: running" delete
  in_state running 1 'container not paused' resume
  in_state running 1 'unknown signal .?"BOGUS' kill -- BOGUS
  in_state running 0 '^$' kill -- 0
  in_state running 0 '^$' update --pids-limit 100
  in_state running 0 '^$' exec -- true
  in_state running 0 '^$' pause
  in_state paused 0 '^$' resume
  in_state running 0 '^$' kill --all -- KILL
  wait_for 5 has_status stopped
}

@test "a paused container" {
  into paused
  in_state paused 0 '"status": "paused"' state
  in_state paused 1 'container with given ID already exists' create --bundle "$BUNDLE"
  in_state paused 1 'cannot start' start
  in_state paused 1 "cannot delete container $ID that is not stopped: paused" delete
  in_state paused 1 'container not running' pause
  in_state paused 255 'cannot exec in a paused container \(use --ignore-paused to override\)' exec -- true
  in_state paused 0 '^$' update --pids-limit 100
  in_state paused 0 "$(pid_of)" ps
  in_state paused 0 '^$' kill -- KILL
  wait_for 5 has_status stopped
  in_state stopped 0 '^$' delete
}

@test "delete --force of a paused container" {
  into paused
  in_state paused 0 '^$' delete --force
  in_state unknown 1 'container does not exist' state
}

@test "a stopped container" {
  into stopped
  in_state stopped 0 '"status": "stopped"' state
  in_state stopped 1 'container with given ID already exists' create --bundle "$BUNDLE"
  in_state stopped 1 'cannot start a container that has stopped' start
  in_state stopped 1 'container not running' kill
  in_state stopped 1 'container not running' kill -- KILL
  in_state stopped 0 '^$' kill --all -- KILL
  in_state stopped 1 'container not running' pause
  in_state stopped 1 'container not paused' resume
  in_state stopped 255 'cannot exec in a (container that has )?stopped( container)?' exec -- true
  in_state stopped 1 '' update --pids-limit 100
  in_state stopped 1 "container with id $ID is not running" events --stats
  in_state stopped 0 '^$' delete
  in_state unknown 1 'container does not exist' state
}

@test "usage errors: help on stdout, the error on stderr, status 1" {
  local out=$BATS_TEST_TMPDIR/stdout err=$BATS_TEST_TMPDIR/stderr status=0
  rt start >"$out" 2>"$err" || status=$?
  [ "$status" -eq 1 ]
  grep -qi usage "$out"
  [ -s "$err" ]
  status=0
  rt state --nosuch "$ID" >"$out" 2>"$err" || status=$?
  [ "$status" -eq 1 ]
  grep -qi usage "$out"
}

@test "the error is one JSON line with keys for programs, warnings or not" {
  only_toyrun 'its own keys'
  make_bundle
  edit '.hooks.poststop = [{"path": "/bin/false"}] | .process.args = ["/no/program"]'
  local log=$BATS_TEST_TMPDIR/log
  failing() { # failing JQ-CONDITION WORD...: one line, with the keys
    rm -f "$log"
    run "$RUNTIME" --root "$STATE" --log "$log" --log-format json "${@:2}" </dev/null 3>&-
    [ "$status" -ne 0 ]
    [ "$(wc -l <"$log")" -eq 1 ] || { cat "$log"; return 1; }
    jq -e '.level == "error" and (.msg | length > 0) and (.time | test("^[0-9-]+T[0-9:.]+Z$"))' "$log" >/dev/null &&
      jq -e "$1" "$log" >/dev/null || { cat "$log"; return 1; }
  }
  failing '.layer == "process" and .path == "/no/program"' run --bundle "$BUNDLE" "$ID"
  failing '.layer == "state"' state nosuch
  failing '.layer == "options"' state
  failing '.errno == "ENOENT" and .path == "/no/such/bundle" and .syscall == "open"' create --bundle /no/such/bundle "$ID"
  edit '.linux.resources.pids.limit = "many"'
  failing '.layer == "config" and .pointer == "/linux/resources/pids/limit"' create --bundle "$BUNDLE" "$ID"
  edit '.linux.resources.pids.limit = 10 | .process.args = ["true"] | .mounts += [{"destination": "/mnt", "type": "nosuchfs", "source": "x"}]'
  failing '.layer == "rootfs" and .errno == "ENODEV"' create --bundle "$BUNDLE" "$ID"
  # what is below the default level is there when asked for
  edit '.mounts |= map(select(.type != "nosuchfs"))'
  rm "$log"
  run -0 "$RUNTIME" --root "$STATE" --log "$log" --log-format json --log-level warning run --bundle "$BUNDLE" "$ID" </dev/null 3>&-
  jq -e '.level == "warning" and (.msg | test("poststop"))' "$log"
}

@test "delete --force does not wait for a dead process that its adopter does not reap" {
  only_toyrun 'runc gives up after ten seconds'
  sleeper
  running
  local init
  init=$(pid_of)
  python3 "$SYSTEM/adopter.py" "$RUNTIME" --root "$STATE" exec --detach "$ID" sleep 1000 >"$OUT.adopter" 2>&1 </dev/null 3>&- &
  local adopter=$!
  wait_for 5 contains adopted "$OUT.adopter"
  local begin=$SECONDS
  run -0 rt delete --force "$ID"
  [ $((SECONDS - begin)) -lt 6 ]
  [ -z "$(cgroup_directories)" ]
  run -1 rt state "$ID"
  # once it reaps, nothing is left
  kill "$adopter"
  wait_for 5 eval '! kill -0 "$init" 2>/dev/null'
}

@test "delete --force ends an exec that the freezer holds when init is gone" {
  only_toyrun 'the references have no --ignore-paused, or other words'
  sleeper
  running
  rt pause "$ID"
  rt exec --ignore-paused "$ID" true >"$OUT.exec" 2>&1 </dev/null 3>&- &
  local joiner=$! init
  init=$(pid_of)
  wait_for 10 eval '[ "$(rt ps --format json "$ID" | jq length)" -gt 1 ]'
  kill -KILL "$init"
  wait_for 10 eval '! [ -e /proc/$init/exe ]'
  run -0 timeout 8 "$RUNTIME" --root "$STATE" delete --force "$ID"
  [ -z "$(cgroup_directories)" ]
  local status=0
  wait "$joiner" || status=$?
  [ "$status" -ne 0 ]
}

@test "a fifo in the place of a record holds up no verb" {
  only_toyrun 'where the records are'
  make_bundle
  mkfifo "$STATE/fifo.json"
  run -0 timeout 5 "$RUNTIME" --root "$STATE" list
  run timeout 5 "$RUNTIME" --root "$STATE" state fifo
  [ "$status" -ne 124 ]
  run timeout 5 "$RUNTIME" --root "$STATE" delete --force fifo
  [ "$status" -ne 124 ]
  rm -f "$STATE/fifo.json"
}
