# SPDX-License-Identifier: Apache-2.0
# Bad input of the runtime: one clear sentence, exit code 1, and nothing left behind.
load support

# refused REGEX [JQ-CHANGE]: create fails with a sentence that matches, leaving nothing.
refused() {
  [ -z "${2:-}" ] || { make_bundle_again; edit "$2"; }
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  if [ "$status" -ne 1 ]; then
    echo "status $status instead of 1 for ${2:-this}: $output"
    rt delete --force "$ID" >/dev/null 2>&1
    return 1
  fi
  expect "$1"
  # one sentence: a line at most, not a dump
  is_toyrun || return 0
  [ "${#lines[@]}" -eq 1 ] || { echo "more than one line: $output"; return 1; }
}
make_bundle_again() {
  if [ -e "$BUNDLE/plain.json" ]; then cp "$BUNDLE/plain.json" "$BUNDLE/config.json"; else
    make_bundle
    cp "$BUNDLE/config.json" "$BUNDLE/plain.json"
  fi
}

@test "no config.json, and a bundle that is not there" {
  make_bundle
  rm "$BUNDLE/config.json"
  refused 'config.json.*(not found|[Nn]o such file)|[Nn]o such file.*config.json'
  BUNDLE=/no/such/bundle
  run rt create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect '[Nn]o such file|/no/such/bundle'
}

@test "config.json that is no JSON, cut off, empty, of another type, a directory" {
  make_bundle
  for text in 'garbage' '{"ociVersion": "1.0.2", "process": {' '' '[]' '"text"' '{"a": 1} trailing'; do
    printf '%s' "$text" >"$BUNDLE/config.json"
    leaves_nothing rt create --bundle "$BUNDLE" "$ID"
    [ "$status" -eq 1 ] || { echo "accepted: $text"; false; }
  done
  rm "$BUNDLE/config.json"
  mkdir "$BUNDLE/config.json"
  refused 'config.json|directory'
}

@test "wrong types name the JSON pointer" {
  only_toyrun 'pointers'
  refused '/process/args' '.process.args = "sh"'
  refused '/process/args/0' '.process.args = [1]'
  refused '/process/user/uid' '.process.user.uid = "root"'
  refused '/process/user/uid' '.process.user.uid = -1'
  refused '/process/user/uid' '.process.user.uid = 4294967296'
  refused '/mounts' '.mounts = {}'
  refused '/mounts/0/destination' '.mounts[0].destination = 5'
  refused '/mounts/0/destination' 'del(.mounts[0].destination)'
  refused '/linux/namespaces/0/type' '.linux.namespaces[0].type = null'
  refused '/root' '.root = "rootfs"'
  refused '/root/readonly' '.root.readonly = "yes"'
  refused '/linux/resources/memory/limit' '.linux.resources.memory = {"limit": "1G"}'
  refused '/linux/resources/memory/limit' '.linux.resources.memory = {"limit": 1.5}'
  refused '/process/terminal' '.process.terminal = 1'
  refused '/hostname' '.hostname = 1'
}

@test "wrong types are refused" {
  refused . '.process.args = "sh"'
  refused . '.process.user.uid = "root"'
  refused . '.mounts = {}'
  refused . '.root = "rootfs"'
}

@test "unknown words of an enumeration" {
  refused 'nosuch' '.linux.namespaces += [{"type": "nosuch"}]'
  refused 'RLIMIT_NOSUCH' '.process.rlimits = [{"type": "RLIMIT_NOSUCH", "soft": 1, "hard": 1}]'
  refused 'nosuch' '.linux.rootfsPropagation = "nosuch"'
  refused 'SCMP_ACT_NOSUCH' '.linux.seccomp = {"defaultAction": "SCMP_ACT_NOSUCH"}'
  refused . '.linux.devices = [{"path": "/dev/x", "type": "z", "major": 1, "minor": 3}]'
}

@test "relative cwd, missing process, args, root and cwd" {
  not_on crun 'accepts some of them'
  refused '[Cc]wd' '.process.cwd = "relative"'
  refused 'process|args' 'del(.process.args)'
  refused 'args' '.process.args = []'
  refused '[Rr]oot' 'del(.root)'
  refused '[Cc]wd' 'del(.process.cwd)'
}

@test "duplicate namespaces" {
  not_on crun 'accepts them in this version'
  refused 'duplicate|/linux/namespaces' '.linux.namespaces += [{"type": "pid"}]'
}

@test "duplicate rlimits" {
  only_spec 'runc and crun accept them'
  refused '/process/rlimits/1' '.process.rlimits = [{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]'
}

@test "a soft limit above the hard one" {
  refused 'RLIMIT_CORE|rlimit|limit' '.process.rlimits = [{"type": "RLIMIT_CORE", "soft": 5, "hard": 1}]'
}

@test "a missing root filesystem, and one that is a file" {
  refused 'no such file or directory|No such file' '.root.path = "nosuch"'
  touch "$BUNDLE/file"
  refused 'file|directory' '.root.path = "file"'
}

@test "ociVersion: missing, no version, another major" {
  only_spec 'runc does not look at it'
  refused 'ociVersion' 'del(.ociVersion)'
  refused 'ociVersion' '.ociVersion = "one"'
  refused 'ociVersion' '.ociVersion = "2.0.0"'
}

@test "a newer minor version and unknown properties are fine" {
  make_bundle
  edit '.ociVersion = "1.99.0" | .process.nosuch = {"a": [1]} | .nosuch = true | .linux.nosuch = 1 | .windows = {"x": 1}'
  run -0 inside 'echo fine'
  [ "$output" = fine ]
}

@test "NUL bytes in paths" {
  only_spec 'the references cut the string'
  refused '/mounts/0/destination|NUL' '.mounts[0].destination = "/a\u0000b"'
  refused '/process/args/0|NUL' '.process.args = ["sh\u0000x"]'
  refused '/process/env|NUL' '.process.env = ["A=\u0000"]'
}

@test "an environment entry without =" {
  only_spec 'runc 1.1.5 passes it on'
  refused '/process/env/0' '.process.env = ["NOEQUALS"]'
}

@test "bad container ids" {
  not_on crun 'accepts a blank'
  make_bundle
  local id
  for id in '' 'a b' '..' '.' 'a/b' '../x' 'ä' 'a
b' '-' "$(printf 'x%.0s' {1..1100})"; do
    [ "$id" = - ] && continue
    snapshot >"$BATS_TEST_TMPDIR/before"
    run rt create --bundle "$BUNDLE" "$id"
    snapshot >"$BATS_TEST_TMPDIR/after"
    [ "$status" -eq 1 ] || { echo "accepted id '$id'"; false; }
    diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
  done
}

@test "a used id leaves the first container alone" {
  sleeper
  running
  local pid
  pid=$(pid_of)
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect 'already exists'
  [ "$(pid_of)" = "$pid" ]
}

@test "usage: unknown verb, flag, missing and too many words" {
  run rt nosuchverb
  failed
  run rt create --nosuchflag x
  failed
  run rt start
  failed
  run rt state a b
  failed
  run "$RUNTIME" --root "$STATE"
  is_toyrun && expect '[Uu]sage'
  [ ! -e "$STATE" ] || [ -z "$(ls "$STATE")" ]
}

@test "errors: text on stderr, and one JSON line in the log that engines decode" {
  mkdir -p "$STATE"
  run "$RUNTIME" --root "$STATE" --log "$BATS_TEST_TMPDIR/log" --log-format json start nosuch
  [ "$status" -eq 1 ]
  expect 'container does not exist'
  [ "$(wc -l <"$BATS_TEST_TMPDIR/log")" -eq 1 ]
  jq -e '.level == "error" and (.msg | test("does not exist")) and (.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T"))' "$BATS_TEST_TMPDIR/log"
}

@test "a failure at each late step leaves nothing: mount, device, cwd, sysctl, program, capability" {
  refused . '.mounts += [{"destination": "/x", "type": "nosuchfs", "source": "x"}]' || true
  for change in '.mounts += [{"destination": "/proc/nosuch", "type": "bind", "source": "/etc", "options": ["bind"]}]' '.linux.sysctl = {"kernel.nosuch": "1"}' \
    '.process.args = ["/nosuch"]' '.linux.resources.cpu = {"cpus": "4000"}' '.hooks.createRuntime = [{"path": "/bin/false"}]' \
    '.linux.namespaces |= map(if .type == "network" then .path = "/nosuch" else . end)' '.mounts += [{"destination": "/tmp/x", "type": "bind", "source": "/nosuch", "options": ["bind"]}]'; do
    make_bundle_again
    edit "$change"
    # mount points made in the image stay, as with every runtime; state, cgroups, mounts and processes must not
    snapshot | grep -v "^$ROOTFS" >"$BATS_TEST_TMPDIR/before"
    run rt create --bundle "$BUNDLE" "$ID"
    snapshot | grep -v "^$ROOTFS" >"$BATS_TEST_TMPDIR/after"
    failed
    diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after" || { echo "left by: $change"; false; }
  done
}
