# SPDX-License-Identifier: Apache-2.0
# What callers have seen runc do and build on: exit code and words, case by case. states.bats has the verbs in each state.
load support

setup() {
  begin_test
  not_on crun 'other words'
}

# says STATUS REGEX COMMAND...: exit code and words (runc's log escapes quotes).
says() {
  local wanted=$1 words=$2
  shift 2
  attempt "$@"
  [ "$status" -eq "$wanted" ] || { echo "$*: $status instead of $wanted: $output"; return 1; }
  output=${output//\\/}
  expect "$words"
}
# with CHANGE STATUS REGEX: what run does with such a config.
with() {
  [ -e "$BUNDLE/plain.json" ] || cp "$BUNDLE/config.json" "$BUNDLE/plain.json"
  cp "$BUNDLE/plain.json" "$BUNDLE/config.json"
  edit "$1"
  says "$2" "$3" rt run --bundle "$BUNDLE" "$ID"
}

@test "create of an id that is taken" {
  sleeper
  created
  says 1 'container with given ID already exists' rt create --bundle "$BUNDLE" "$ID"
  says 1 'container with given ID already exists' rt run --bundle "$BUNDLE" "$ID"
}

@test "exec of a missing program, of one that is not in PATH, of a directory and of a file without a bit" {
  sleeper
  echo data >"$ROOTFS/data"
  running
  says 255 'exec failed: unable to start container process: exec: "/bin/nope": stat /bin/nope: no such file or directory' rt exec "$ID" /bin/nope
  says 255 'exec failed: unable to start container process: exec: "nope": executable file not found in \$PATH' rt exec "$ID" nope
  says 255 'exec: "/bin": (permission denied|is a directory)' rt exec "$ID" /bin
  says 255 'exec: "/data": permission denied' rt exec "$ID" /data
}

@test "the same of run: 1, and runc's words" {
  make_bundle
  mkdir "$ROOTFS/directory"
  echo data >"$ROOTFS/data"
  with '.process.args = ["/bin/nope"]' 1 'unable to start container process: exec: "/bin/nope": stat /bin/nope: no such file or directory'
  with '.process.args = ["nope"]' 1 'unable to start container process: exec: "nope": executable file not found in \$PATH'
  with '.process.args = ["/directory"]' 1 'exec: "/directory": (permission denied|is a directory)'
  with '.process.args = ["/data"]' 1 'exec: "/data": permission denied'
}

@test "TERM ends a container that waits for start" {
  sleeper
  created
  rt kill "$ID" TERM
  wait_for 5 has_status stopped
  says 0 '^$' rt delete "$ID"
}

@test "a root file system whose last part is a symlink" {
  not_on runc 'refuses it, which the specification does not ask for'
  make_bundle
  command_is echo inside
  mv "$ROOTFS" "$BUNDLE/elsewhere"
  ln -s elsewhere "$ROOTFS"
  says 0 '^inside$' rt run --bundle "$BUNDLE" "$ID"
}

@test "update of nothing, of no JSON, and of another type" {
  sleeper
  running
  says 1 EOF rt update --resources - "$ID"
  update_with() { rt update --resources - "$ID" <<<"$1"; }
  says_of() { run update_with "$1"; [ "$status" -eq 1 ] && [ -n "$output" ]; }
  says_of '{'
  says_of '[]'
  says_of '{"memory": {"limit": "much"}}'
  run -0 update_with '{}'
}

@test "single dashes as containerd writes them, and the flag that podman tries" {
  make_bundle
  run rt restore -no-subreaper --bundle "$BUNDLE" --image-path "$BATS_TEST_TMPDIR" "$ID"
  [ "$status" -eq 1 ]
  expect_not 'not defined|unknown (flag|option)'
  says 1 'flag needs an argument: -?-lsm-mount-context' rt restore --lsm-mount-context
}

@test "an unknown rlimit, namespace and sysctl; a namespace twice; a hostname without its namespace" {
  make_bundle
  command_is true
  with '.process.rlimits = [{"type": "RLIMIT_FOO", "soft": 1, "hard": 1}]' 1 'wrong rlimit value: RLIMIT_FOO|/process/rlimits/0/type: "RLIMIT_FOO" is unknown'
  with '.linux.namespaces += [{"type": "foo"}]' 1 'namespace \{"foo" ""\} does not exist|"foo" is unknown'
  with '.linux.namespaces += [{"type": "pid"}]' 1 'malformed spec file: duplicated ns'
  with '.linux.sysctl = {"kernel.foo": "1"}' 1 'sysctl."?kernel.foo.*is not in a separate kernel namespace'
  with '.linux.namespaces |= map(select(.type != "uts")) | .hostname = "x"' 1 'unable to set hostname without a private UTS namespace'
}

@test "unknown capabilities and system calls do not keep a container from running" {
  make_bundle
  command_is echo fine
  with '.process.capabilities.bounding += ["CAP_FOO"]' 0 fine
  with '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["foo", "swapon"], "action": "SCMP_ACT_ERRNO"}]}' 0 fine
  with 'del(.process.capabilities) | .process.args = ["grep", "Cap", "/proc/self/status"]' 0 '^CapBnd:.0000000000000000$'
}

@test "the version: a later minor one runs" {
  make_bundle
  command_is echo fine
  with '.ociVersion = "1.99.0"' 0 fine
}

@test "a config without process" {
  make_bundle
  with 'del(.process)' 1 'process property must not be empty'
}

@test "a limit of no processes is one" {
  only_spec 'runc 1.1.5 takes 0 for no limit'
  sleeper
  edit '.linux.resources.pids.limit = 0'
  attempt rt run --detach --bundle "$BUNDLE" "$ID"
  [ "$status" -ne 0 ] || [ "$(cat "$(cgroup_file pids pids.max)")" = 0 ]
}
