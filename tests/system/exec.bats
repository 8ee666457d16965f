# SPDX-License-Identifier: Apache-2.0
# exec: where each property comes from, exit codes, pid file, detach, what it refuses.
load support

@test "exec gives output and exit status" {
  sleeper
  running
  run rt exec "$ID" sh -c 'echo out; exit 9'
  [ "$status" -eq 9 ]
  [ "$output" = out ]
  run rt exec "$ID" sh -c 'kill -TERM $$'
  [ "$status" -eq 143 ]
}

@test "exec works in a created container" {
  sleeper
  created
  run -0 rt exec "$ID" echo fine
  [ "$output" = fine ]
}

@test "exec --env adds to the environment, --cwd, --user" {
  not_on crun 'takes no group in --user'
  sleeper
  edit '.process.env += ["FIRST=1"]'
  running
  run -0 rt exec --env SECOND=2 --cwd /tmp --user 1000:2000 "$ID" sh -c 'echo $FIRST $SECOND $PATH; pwd; id -u; id -g'
  expect '^1 2 /.*:'
  [ "${lines[1]}" = /tmp ]
  [ "${lines[2]}" = 1000 ]
  [ "${lines[3]}" = 2000 ]
}

@test "exec --additional-gids" {
  not_on crun 'knows no such option'
  sleeper
  running
  run -0 rt exec --user 1000:2000 --additional-gids 65534 --additional-gids 3000 "$ID" sh -c 'grep Groups: /proc/self/status'
  expect 'Groups:[[:space:]]+(3000 65534|65534 3000)'
}

@test "exec refuses bad user ids" {
  sleeper
  running
  for user in -1 4294967295 4294967296 1x 1:2x 1:; do
    run rt exec --user "$user" "$ID" id
    if is_toyrun; then
      [ "$status" -ne 0 ] || { echo "accepted $user"; false; }
    fi
  done
  is_toyrun || skip 'the reference deviates from the spec: runc wraps ids with a cast'
}

@test "exec --process FILE" {
  sleeper
  running
  cat >"$BATS_TEST_TMPDIR/process.json" <<'JSON'
{"args": ["sh", "-c", "echo $A; pwd; id -u; grep NoNewPrivs /proc/self/status"], "env": ["A=b", "PATH=/bin"], "cwd": "/etc",
 "user": {"uid": 33, "gid": 44}, "noNewPrivileges": true}
JSON
  run -0 rt exec --process "$BATS_TEST_TMPDIR/process.json" "$ID"
  [ "${lines[0]}" = b ]
  [ "${lines[1]}" = /etc ]
  [ "${lines[2]}" = 33 ]
  expect 'NoNewPrivs:[[:space:]]1'
}

@test "exec --process refuses a malformed file" {
  sleeper
  running
  echo '{"args": "sh"}' >"$BATS_TEST_TMPDIR/process.json"
  run rt exec --process "$BATS_TEST_TMPDIR/process.json" "$ID"
  failed
  [ "$(status_of)" = running ]
}

@test "exec sets HOME from the container's passwd" {
  sleeper
  echo 'someone:x:1234:1234::/home/someone:/bin/sh' >>"$ROOTFS/etc/passwd"
  running
  run -0 rt exec --user 1234 "$ID" sh -c 'echo $HOME'
  [ "$output" = /home/someone ]
}

@test "a program that is not there: 255 and the wording engines match" {
  not_on crun 'other words'
  sleeper
  running
  run rt exec "$ID" nosuchprogram
  [ "$status" -eq 255 ]
  expect 'exec: \\?"nosuchprogram\\?": executable file not found in \$PATH'
  run rt exec "$ID" /bin/nosuch
  [ "$status" -eq 255 ]
  expect 'stat /bin/nosuch: no such file or directory'
  run rt exec "$ID" /etc/passwd
  [ "$status" -eq 255 ]
  expect '[Pp]ermission denied'
}

@test "exec -d returns at once and writes the pid file after success only" {
  sleeper
  running
  rt exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 500 </dev/null >"$OUT" 2>&1
  local pid
  pid=$(cat "$BATS_TEST_TMPDIR/pid")
  is_toyrun || wait_for 5 runs '^sleep 500' # the references return a moment before execve
  [ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" = 'sleep 500 ' ]
  run rt exec -d --pid-file "$BATS_TEST_TMPDIR/pid2" "$ID" /nosuch
  failed
  [ ! -e "$BATS_TEST_TMPDIR/pid2" ]
}

@test "exec joins the container's namespaces and cgroup" {
  sleeper
  running
  local pid namespace
  pid=$(pid_of)
  for namespace in pid net ipc uts mnt; do
    run -0 rt exec "$ID" readlink "/proc/self/ns/$namespace"
    [ "$output" = "$(readlink "/proc/$pid/ns/$namespace")" ]
  done
  run -0 rt exec "$ID" cat /proc/self/cgroup
  if [ "$(grep -c toytest[.] "/proc/$pid/cgroup")" -gt 0 ]; then expect "$CGROUP|:/$"; fi
  rt exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 500 </dev/null >"$OUT" 2>&1
  diff <(cat "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup") "/proc/$pid/cgroup"
}

@test "exec has the container's capabilities and filter, not more" {
  sleeper
  edit '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}'
  running
  local wanted
  wanted=$(grep -E '^Cap' "/proc/$(pid_of)/status")
  run -0 rt exec "$ID" grep -E '^Cap' /proc/self/status
  [ "$output" = "$wanted" ]
  run rt exec "$ID" mkdir /tmp/x
  failed
  expect 'Operation not permitted'
}

@test "exec --cap adds one" {
  sleeper
  running
  run -0 rt exec --cap CAP_SYS_TIME "$ID" grep CapEff /proc/self/status
  [ $((0x${output##*[[:space:]]} & (1 << 25))) -ne 0 ]
}

@test "exec --no-new-privs" {
  sleeper
  edit '.process.noNewPrivileges = false'
  running
  run -0 rt exec --no-new-privs "$ID" grep NoNewPrivs /proc/self/status
  expect '1$'
}

@test "exec in a stopped container, and in none" {
  not_on crun 'exits with 1'
  sleeper
  running
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  run rt exec "$ID" true
  [ "$status" -eq 255 ]
  expect 'cannot exec in a stopped container'
  run rt exec nosuch true
  [ "$status" -eq 255 ]
  expect 'does not exist'
}

@test "exec in a paused container is refused" {
  not_on crun 'exits with 1'
  sleeper
  running
  rt pause "$ID"
  run rt exec "$ID" true
  [ "$status" -eq 255 ]
  expect 'cannot exec in a paused container'
  rt resume "$ID"
}

@test "exec leaves no descriptor of the runtime" {
  sleeper
  running
  run rt exec "$ID" ls /proc/self/fd
  succeeded
  # 3 is ls reading the directory
  [ "$output" = $'0\n1\n2\n3' ]
}

@test "exec --preserve-fds" {
  sleeper
  running
  echo content >"$BATS_TEST_TMPDIR/file"
  run -0 bash -c '"$0" --root "$1" exec --preserve-fds 1 "$2" cat /proc/self/fd/3 3<"$3"' \
    "$RUNTIME" "$STATE" "$ID" "$BATS_TEST_TMPDIR/file"
  [ "$output" = content ]
}

@test "exec's words after the id belong to the program" {
  sleeper
  running
  run -0 rt exec "$ID" echo --env -d --help
  [ "$output" = '--env -d --help' ]
}

@test "a killed exec leaves the container alone" {
  sleeper
  running
  "$RUNTIME" --root "$STATE" exec "$ID" sleep 300 </dev/null >"$OUT" 2>&1 3>&- &
  local pid=$!
  wait_for 5 runs '^sleep 300'
  kill -TERM "$pid"
  wait "$pid" || true
  [ "$(status_of)" = running ]
}

@test "exec without a mount namespace stays in the container's root" {
  not_on crun 'runs it in the root of the host'
  not_on runc 'exec ends up in the root of the host'
  sleeper
  edit '.linux.namespaces |= map(select(.type != "mount")) | .mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  running
  echo inner >"$ROOTFS/etc/inner"
  run -0 rt exec "$ID" cat /etc/inner
  [ "$output" = inner ]
  run -0 rt exec "$ID" ls /../..
  [ "$output" = "$(ls "$ROOTFS")" ]
}

@test "exec and run whose pid file cannot be written, or whose start fails, leave no process and no pid file" {
  not_on crun 'leaves the process'
  sleeper
  running
  attempt rt exec -d --pid-file /nonexistent/pid "$ID" sleep 777.5
  [ "$status" -eq 255 ]
  wait_for 5 gone '^sleep 777\.5$'
  is_toyrun || return 0
  attempt rt exec --process "$BUNDLE/config.json" --cwd /etc "$ID"
  [ "$status" -eq 255 ]
  expect 'process and --cwd exclude each other'
  rt delete --force "$ID"
  printf 'no program' >"$ROOTFS/bad" && chmod +x "$ROOTFS/bad"
  command_is /bad
  attempt rt run -d --pid-file "$BATS_TEST_TMPDIR/pid" --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  [ ! -e "$BATS_TEST_TMPDIR/pid" ]
  command_is sleep 1000
  attempt rt run -d --pid-file /nonexistent/pid --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  [ -z "$(rt list -q)" ]
}
