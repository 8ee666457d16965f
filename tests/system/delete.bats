# SPDX-License-Identifier: Apache-2.0
# delete: the states, --force, and nothing left behind.
load support

@test "delete of a running container is refused" {
  not_on crun 'other words'
  sleeper
  running
  run rt delete "$ID"
  [ "$status" -eq 1 ]
  expect "cannot delete container $ID that is not stopped: running"
  rt pause "$ID"
  run rt delete "$ID"
  [ "$status" -eq 1 ]
  expect "cannot delete container $ID that is not stopped: paused"
  rt resume "$ID"
}

@test "delete --force of a running, paused, created, stopped and unknown container" {
  sleeper
  mkdir -p "$STATE"
  run rt delete --force nosuch
  succeeded
  for state in running paused created stopped; do
    created
    [ "$state" = created ] || rt start "$ID"
    [ "$state" != paused ] || rt pause "$ID"
    if [ "$state" = stopped ]; then
      rt kill "$ID" KILL
      wait_for 5 has_status stopped
    fi
    run -0 rt delete --force "$ID"
    run rt state "$ID"
    failed
    [ -z "$(cgroup_directories)" ]
  done
}

@test "delete of an unknown container says so" {
  not_on crun 'other words'
  mkdir -p "$STATE"
  run rt delete nosuch
  [ "$status" -eq 1 ]
  expect 'does not exist'
}

@test "delete of a created container is what engines expect" {
  not_on crun 'refuses without --force in this version'
  sleeper
  created
  run -0 rt delete "$ID"
  [ -z "$(cgroup_directories)" ]
}

@test "a whole life leaves nothing" {
  sleeper
  life() {
    rt create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 && rt start "$ID" && rt kill "$ID" KILL &&
      wait_for 5 has_status stopped && rt delete "$ID"
  }
  leaves_nothing life
  succeeded
}

@test "delete --force kills what is in the cgroup without a pid namespace" {
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "pid"))'
  command_is sh -c 'sleep 778 & sleep 778 & echo up; wait'
  running
  wait_for 5 contains up "$OUT"
  rt delete --force "$ID"
  wait_for 5 gone '^sleep 778'
  [ -z "$(cgroup_directories)" ]
}

@test "delete removes cgroups that the container made inside its own" {
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "pid"))'
  command_is sleep 1000
  running
  mkdir "$(cgroup_file freezer inner)"
  rt delete --force "$ID"
  [ -z "$(cgroup_directories)" ]
}

@test "kill -9 of the runtime while it creates: delete --force cleans up" {
  sleeper
  cat >"$BATS_TEST_TMPDIR/hook" <<HOOK
#!/bin/sh
touch $BATS_TEST_TMPDIR/in-hook
exec sleep 60
HOOK
  chmod +x "$BATS_TEST_TMPDIR/hook"
  edit '.hooks.createRuntime = [{"path": $path}]' --arg path "$BATS_TEST_TMPDIR/hook"
  "$RUNTIME" --root "$STATE" create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&- &
  local pid=$!
  wait_for 10 test -e "$BATS_TEST_TMPDIR/in-hook"
  kill -9 "$pid"
  wait "$pid" || true
  run rt delete --force "$ID"
  succeeded
  run rt state "$ID"
  failed
  is_toyrun || skip 'the rest is stricter than the references'
  [ -z "$(cgroup_directories)" ]
  [ -z "$(ls "$STATE")" ]
}

@test "delete --force of a container whose create never ends gives up and names the process" {
  only_toyrun 'runc waits for no lock'
  sleeper
  mkfifo "$BATS_TEST_TMPDIR/go"
  printf '#!/bin/sh\ntouch "%s/in-hook"\nread word <"%s/go"\n' "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/hook"
  chmod +x "$BATS_TEST_TMPDIR/hook"
  edit '.hooks.createRuntime = [{"path": $path}]' --arg path "$BATS_TEST_TMPDIR/hook"
  "$RUNTIME" --root "$STATE" create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&- &
  local pid=$!
  wait_for 10 test -e "$BATS_TEST_TMPDIR/in-hook"
  run -1 timeout 60 "$RUNTIME" --root "$STATE" delete --force "$ID" 3>&-
  expect "container $ID has been busy for 10 s: process $pid \\(toyrun\\) is creating, starting or changing it"
  # nothing was harmed
  echo go >"$BATS_TEST_TMPDIR/go"
  wait "$pid"
  [ "$(status_of)" = created ]
  run -0 rt delete --force "$ID"
}

# TOY_KILLS=2000 for a soak.
@test "kill -9 of create at any moment: delete --force leaves no cgroup, mount, process or file" {
  only_toyrun 'the references leave cgroups behind'
  sleeper
  edit '.linux.maskedPaths = []' # quicker, and of no matter here
  # the mount points in the root file system are there from now on, and the record's directory
  created
  rt delete --force "$ID"
  snapshot 2>/dev/null >"$BATS_TEST_TMPDIR/before"
  local round pid
  for ((round = 0; round < ${TOY_KILLS:-$((40 / ${TOY_PATIENCE:-1}))}; round++)); do
    "$RUNTIME" --root "$STATE" create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&- 4>&- &
    pid=$!
    sleep "0.0$((RANDOM % 2))$((RANDOM % 10))$((RANDOM % 10))"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    rt delete --force "$ID" 2>"$BATS_TEST_TMPDIR/words" || { cat "$BATS_TEST_TMPDIR/words"; return 1; }
    [ ! -s "$BATS_TEST_TMPDIR/words" ] || { cat "$BATS_TEST_TMPDIR/words"; return 1; }
    [ -z "$(cgroup_directories; ls "$STATE")" ] || { echo "left in round $round:"; cgroup_directories; ls "$STATE"; return 1; }
    # an init that has let go of the record may still be on its way out
    wait_for 10 as_before || { cat "$BATS_TEST_TMPDIR/difference"; return 1; }
  done
}
as_before() { snapshot 2>/dev/null | diff "$BATS_TEST_TMPDIR/before" - >"$BATS_TEST_TMPDIR/difference"; }

@test "four containers at once, created and deleted in parallel" {
  sleeper
  edit 'del(.linux.cgroupsPath)'
  local n pids=()
  for n in 1 2 3 4; do
    (edited=$BATS_TEST_TMPDIR/b$n
      cp -a "$BUNDLE" "$edited"
      jq --arg path "$(cgroups_path "-$n")" '.linux.cgroupsPath = $path' "$BUNDLE/config.json" >"$edited/config.json"
      for _ in 1 2 3; do
        rt create --bundle "$edited" "$ID-$n" </dev/null >"$OUT-$n" 2>&1 && rt start "$ID-$n" &&
          rt delete --force "$ID-$n" || exit 1
      done) &
    pids+=($!)
  done
  for n in "${pids[@]}"; do wait "$n"; done
  [ -z "$(rt list -q)" ]
}

@test "a record that is cut off is damaged, and no reason to forget its container" {
  only_toyrun 'the record is its own'
  sleeper
  running
  local pid length record=$STATE/$ID.json
  pid=$(pid_of)
  cp "$record" "$BATS_TEST_TMPDIR/record"
  for length in 1 50 300; do
    head -c "$length" "$BATS_TEST_TMPDIR/record" >"$record"
    for verb in 'delete --force' delete state kill pause; do
      # shellcheck disable=SC2086
      run rt $verb "$ID"
      failed
      expect "$record: is cut off .*$ID"
    done
    [ -e "$record" ]
  done
  kill -0 "$pid"
  cat "$BATS_TEST_TMPDIR/record" >"$record"
  rt delete --force "$ID"
  [ -z "$(cgroup_directories)" ]
  # A create that is killed while it writes.
  printf '{"version":2,"id":"%s","pid":0,"startTime":0,"ociVer' "$ID" >"$record"
  [ "$(status_of)" = stopped ]
  run -0 rt delete "$ID"
  [ ! -e "$record" ]
}
