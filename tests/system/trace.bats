# SPDX-License-Identifier: Apache-2.0
# --trace FILE: complete JSON of both halves, also when the command fails, and nothing of it in the container.
load support

setup() { begin_test; only_toyrun 'no reference writes a trace'; TRACE=$BATS_TEST_TMPDIR/trace.json; }

traced() { run rt --trace "$TRACE" "$@"; }
# has JQ-CONDITION: some event of the trace fulfils it.
has() { jq -e "any(.traceEvents[] | .name //= \"\"; $1)" "$TRACE" >/dev/null || { echo "no event with $1"; return 1; }; }
# Every begin has its end on the same track, and time does not go backwards on one.
is_sound() {
  jq -e '.otherData.lostEvents == 0
    and (.traceEvents | group_by(.tid) | all(
      ([.[] | select(.ph == "B")] | length) == ([.[] | select(.ph == "E")] | length)
      and ([.[] | select(.ts) | .ts] | . == sort or (. as $all | all(range(1; length); $all[.] >= $all[. - 1] - 0.001)))))
    and ([.traceEvents[] | select(.ph == "X") | .dur] | all(. >= 0))' "$TRACE" >/dev/null || { head -c 3000 "$TRACE"; return 1; }
}

@test "run: the steps and calls of both halves, with times" {
  make_bundle
  command_is true
  traced run --bundle "$BUNDLE" "$ID"
  succeeded
  is_sound
  has '.ph == "M" and .name == "process_name" and .args.name == "toyrun run '"$ID"'"'
  has '.ph == "M" and .name == "thread_name" and .args.name == "init" and .tid == 1'
  has '.tid == 0 and .name == "read the bundle and plan"'
  has '.tid == 0 and .cat == "call" and (.name | startswith("clone3")) and .dur > 0'
  has '.tid == 0 and .name == "wait for the program"'
  has '.tid == 1 and .name == "mount a new proc on /proc"'
  has '.tid == 1 and .cat == "call" and (.name | startswith("mount proc"))'
  has '.tid == 1 and (.name | startswith("execve "))'
}

@test "create, start, exec and delete" {
  sleeper
  # Not with `run`, which would wait for the end of the container's output.
  rt --trace "$TRACE" create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
  is_sound
  has '.tid == 1 and .name == "become the process"'
  traced start "$ID"
  succeeded
  is_sound
  has '.name == "open the gate, run the poststart hooks"'
  traced exec "$ID" true
  succeeded
  is_sound
  has '.args.name == "joiner"'
  has '.args.name == "process"'
  traced delete --force "$ID"
  succeeded
  is_sound
  has '.name == "remove the cgroups"'
}

@test "a command that fails leaves a complete trace, with the call that failed" {
  make_bundle
  edit '.mounts += [{destination: "/data", type: "bind", source: "/nonexistent/source", options: ["bind"]}]'
  traced run --bundle "$BUNDLE" "$ID"
  failed
  is_sound
  has '.cat == "call" and (.name | contains("/nonexistent/source: No such file"))'
  traced state nobody
  failed
  is_sound
}

@test "with a seccomp filter that kills what is not allowed" {
  make_bundle
  command_is true
  edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{names: ["clock_gettime", "gettimeofday", "mmap"], action: "SCMP_ACT_KILL_PROCESS"}]}
    | .process.args = ["/bin/busybox", "true"]'
  traced run --bundle "$BUNDLE" "$ID"
  is_sound
  has '.tid == 1 and (.name | startswith("seccomp follows"))'
}

@test "the container gets neither the descriptor nor the file" {
  make_bundle
  command_is sh -c 'ls -l /proc/self/fd'
  traced run --bundle "$BUNDLE" "$ID"
  succeeded
  expect_not trace.json
}

@test "a file that cannot be written is said so, and nothing was done" {
  make_bundle
  leaves_nothing rt --trace /nonexistent/trace.json run --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect '/nonexistent/trace.json'
}
