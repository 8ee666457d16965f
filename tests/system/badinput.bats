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
  not_on crun 'does not name the file'
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
  not_on crun 'takes a string for a list, and a number for a string'
  refused . '.process.args = "sh"'
  refused . '.process.user.uid = "root"'
  refused . '.mounts = {}'
  refused . '.root = "rootfs"'
}

@test "unknown words of an enumeration" {
  not_on crun 'ignores an unknown rootfsPropagation'
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
  not_on crun 'refuses a newer minor version'
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
  not_on crun 'other words'
  mkdir -p "$STATE"
  run "$RUNTIME" --root "$STATE" --log "$BATS_TEST_TMPDIR/log" --log-format json start nosuch
  [ "$status" -eq 1 ]
  expect 'container does not exist'
  [ "$(wc -l <"$BATS_TEST_TMPDIR/log")" -eq 1 ]
  jq -e '.level == "error" and (.msg | test("does not exist")) and (.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T"))' "$BATS_TEST_TMPDIR/log"
}

@test "a failure at each late step leaves nothing: mount, device, cwd, sysctl, program, capability" {
  not_on crun 'leaves mount points and cgroups'
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

# ---- sizes ----------------------------------------------------------------------------------------------------

# bounded COMMAND...: with 20 seconds of CPU time and 1.5 GiB of memory at most, far above what any of these needs.
bounded() {
  if [ -n "${ASAN_OPTIONS:-}" ]; then  # its shadow is terabytes of address space
    (ulimit -t 120 && exec "$@")
  else
    (ulimit -t 20 -v 1572864 && exec "$@")
  fi
}

# document PYTHON: config.json becomes what the code makes of `config` (a dict) or `text` (its JSON).
document() {
  make_bundle_again
  python3 - "$BUNDLE/config.json" "$1" <<'PY'
import json, sys
text = open(sys.argv[1]).read()
config = json.loads(text)
scope = {"config": config, "text": None, "plain": json.dumps(config), "big": "x" * 70000}
exec(sys.argv[2], scope)
open(sys.argv[1], "w").write(scope["text"] if scope["text"] is not None else json.dumps(scope["config"]))
PY
}

# remember / nothing_left: the world before and after a test, but for mount points made in the image.
remember() {
  make_bundle_again
  snapshot | grep -v "^$ROOTFS" >"$BATS_TEST_TMPDIR/before"
}
nothing_left() { diff "$BATS_TEST_TMPDIR/before" <(snapshot | grep -v "^$ROOTFS"); }

# hostile REGEX PYTHON: refused in bounded time and memory with one line of at most 8 KiB.
hostile() {
  document "$2"
  attempt bounded "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ] || { echo "status $status for $2: ${output:0:300}"; return 1; }
  grep -qiaE -- "$1" <<<"$output" || { printf 'expected %s for %s, got: %s\n' "$1" "$2" "${output:0:300}"; return 1; }
  if is_toyrun; then [ "${#lines[@]}" -eq 1 ] && [ "${#output}" -le 8192 ] || { echo "${#lines[@]} lines, ${#output} bytes for $2"; return 1; }; fi
}
# harmless PYTHON: the same bounds, and the container runs.
harmless() {
  document "$1"
  run bounded "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID" </dev/null
  [ "$status" -eq 0 ] || { echo "status $status for $1: ${output:0:300}"; return 1; }
}

@test "numbers that are no ids: 4 GiB, negative, broken, not a number" {
  only_spec 'runc cuts some of them, and its words are those of a parser'
  remember
  local number
  for number in 4294967295 4294967296 9223372036854775808 18446744073709551616 -1 1e3 1.0 '"0"' true '[]'; do
    hostile '/process/user/uid' "text = plain.replace('\"uid\": 0', '\"uid\": $number')"
  done
  for number in NaN Infinity -Infinity 1e400 0x10 00 1_0; do
    hostile 'config.json' "text = plain.replace('\"uid\": 0', '\"uid\": $number')"
  done
  hostile '/process/user/additionalGids/0' 'config["process"]["user"]["additionalGids"] = [2**32]'
  hostile '/process/user/umask' 'config["process"]["user"]["umask"] = 2**32'
  hostile '/process/rlimits/0/soft' 'config["process"]["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 2**64, "hard": 2**64}]'
  hostile '/linux/resources/memory/limit' 'config["linux"]["resources"]["memory"] = {"limit": 2**63}'
  hostile '/linux/uidMappings/0' 'config["linux"]["namespaces"].append({"type": "user"}); config["linux"]["uidMappings"] = config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 4294967290, "size": 10}]'
  nothing_left
}

@test "strings of 70,000 bytes are refused in a short sentence, or do no harm" {
  only_spec 'the references print them whole'
  remember
  hostile 'ociVersion' 'config["ociVersion"] = big'
  hostile 'hostname' 'config["hostname"] = big'
  hostile '/process/cwd' 'config["process"]["cwd"] = big'
  hostile 'name too long' 'config["process"]["cwd"] = "/" + big'
  hostile 'name too long' 'config["root"]["path"] = big'
  hostile 'name too long|not found' 'config["process"]["args"] = [big]'
  hostile 'name too long' 'config["mounts"].append({"destination": "/" + big, "type": "tmpfs", "source": "x"})'
  hostile 'name too long' 'config["mounts"].append({"destination": "/x", "type": "bind", "source": "/" + big, "options": ["bind"]})'
  hostile '/x' 'config["mounts"].append({"destination": "/x", "type": "tmpfs", "source": "x", "options": [big]})'
  hostile 'mount a new' 'config["mounts"].append({"destination": "/x", "type": big, "source": "x"})'
  hostile 'namespaces' 'config["linux"]["namespaces"].append({"type": big})'
  hostile 'name too long' 'config["linux"]["namespaces"] = [{"type": "mount"}, {"type": "uts"}, {"type": "network", "path": "/" + big}]'
  hostile 'name too long' 'config["linux"]["cgroupsPath"] = "/" + big'
  hostile 'rootfsPropagation' 'config["linux"]["rootfsPropagation"] = big'
  hostile '/process/rlimits/0/type' 'config["process"]["rlimits"] = [{"type": big, "soft": 1, "hard": 1}]'
  hostile 'name too long' 'config["linux"]["devices"] = [{"type": "c", "path": "/" + big, "major": 1, "minor": 3}]'
  hostile 'name too long' 'config["hooks"] = {"createRuntime": [{"path": "/" + big}]}'
  hostile '.' 'config["linux"]["sysctl"] = {"net." + big: "1"}'
  hostile 'defaultAction' 'config["linux"]["seccomp"] = {"defaultAction": big}'
  hostile '.' 'config["process"]["env"].append("A=" + "x" * 200000)'
  harmless 'config["process"]["args"] = ["true", big]'
  harmless 'config["process"]["args"] = ["true"]; config["process"]["env"].append("A=" + big)'
  harmless 'config["process"]["args"] = ["true"]; config["annotations"] = {big: big}'
  harmless 'config["process"]["args"] = ["true"]; config["process"]["capabilities"]["bounding"].append(big)'
  harmless 'config["process"]["args"] = ["true"]; config["linux"]["maskedPaths"] = ["/tmp/nosuch"] * 1000'
  harmless 'config["process"]["args"] = ["true"]; config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [big], "action": "SCMP_ACT_ERRNO"}]}'
  nothing_left
}

@test "an id of 70,000 bytes" {
  make_bundle
  attempt rt create --bundle "$BUNDLE" "$(printf 'x%.0s' {1..70000})"
  [ "$status" -eq 1 ]
  is_toyrun || return 0
  [ "${#lines[@]}" -eq 1 ]
  [ "${#output}" -le 8192 ]
}

@test "NUL bytes anywhere, in names too" {
  only_spec 'the references cut the string'
  remember
  local where
  for where in 'config["hostname"] = "a\0b"' 'config["root"]["path"] = "rootfs\0x"' 'config["process"]["cwd"] = "/\0"' \
    'config["linux"]["cgroupsPath"] = "/a\0b"' 'config["linux"]["maskedPaths"] = ["/a\0b"]' 'config["linux"]["readonlyPaths"] = ["/a\0b"]' \
    'config["linux"]["sysctl"] = {"net.ipv4.ip_forward\0x": "1"}' 'config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1\0"}' \
    'config["linux"]["devices"] = [{"type": "c", "path": "/a\0", "major": 1, "minor": 3}]' 'config["annotations"] = {"a\0b": "c"}' \
    'config["hooks"] = {"createRuntime": [{"path": "/bin/true\0"}]}' 'config["hooks"] = {"createRuntime": [{"path": "/bin/true", "args": ["a\0"]}]}' \
    'config["hooks"] = {"createRuntime": [{"path": "/bin/true", "env": ["A=a\0"]}]}' 'config["linux"]["resources"]["unified"] = {"pids.max\0": "1"}' \
    'config["mounts"][0]["type"] = "proc\0"' 'config["mounts"][0]["options"] = ["ro\0"]' 'config["process"]["apparmorProfile"] = "a\0b"'; do
    hostile 'must not contain a NUL byte' "$where"
  done
  hostile '/annotations/a.u0000b: must not contain' 'config["annotations"] = {"a\0b": "c"}'
  nothing_left
}

@test "deep nesting, closed or not, known or unknown" {
  only_spec 'runc takes up to 10,000 levels and ignores them'
  remember
  local levels
  for levels in 100 100000 3000000; do
    hostile 'nested' "text = plain[:-1] + ', \"nosuch\": ' + '[' * $levels + ']' * $levels + '}'"
    hostile 'nested' "text = plain[:-1] + ', \"nosuch\": ' + '{\"a\":' * $levels + '1' + '}' * $levels + '}'"
    hostile 'nested' "text = plain[:-1] + ', \"nosuch\": ' + '[' * $levels"
    hostile '/process/args/0' "text = plain.replace('\"args\": [', '\"args\": [' + '[' * $levels + ']' * $levels + ', ')"
  done
  nothing_left
}

@test "a million of everything: refused or taken, in bounded time and memory" {
  only_spec 'the references take minutes or gigabytes for some'
  remember
  hostile 'argument list too long' 'config["process"]["env"] = ["PATH=/bin"] + [f"A{i}=1" for i in range(1000000)]'
  hostile 'argument list too long' 'config["process"]["args"] = ["true"] * 1000000'
  hostile 'namespaces/5' 'config["linux"]["namespaces"] += [{"type": "pid"}] * 1000000'
  hostile 'rlimits/1' 'config["process"]["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}] * 1000000'
  harmless 'config["process"]["args"] = ["true"]; config["process"]["capabilities"]["bounding"] = ["CAP_KILL"] * 1000000'
  harmless 'config["process"]["args"] = ["true"]; config["process"]["capabilities"]["bounding"] = [f"CAP_{i}" for i in range(200000)]'
  harmless 'config["process"]["args"] = ["true"]; config["linux"]["maskedPaths"] = [f"/no/such/{i}" for i in range(200000)]'
  harmless 'config["process"]["args"] = ["true"]; config["annotations"] = {f"a{i}": "b" for i in range(200000)}'
  hostile 'annotations: too long' 'config["annotations"] = {"a": "b" * (9 << 20)}'
  harmless "config['process']['args'] = ['true']; text = __import__('json').dumps(config)[:-1] + ''.join(f', \"k{i}\": {i}' for i in range(1000000)) + '}'"
  nothing_left
}

@test "config.json that is a fifo, a device, or endless" {
  only_spec 'the references wait or read for ever'
  make_bundle
  rm "$BUNDLE/config.json"
  mkfifo "$BUNDLE/config.json"
  attempt timeout 10 "$RUNTIME" --root "$STATE" create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect config.json
  rm "$BUNDLE/config.json"
  ln -s /dev/zero "$BUNDLE/config.json"
  attempt bounded timeout 10 "$RUNTIME" --root "$STATE" create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect config.json
  rm "$BUNDLE/config.json"
  truncate -s 4G "$BUNDLE/config.json"
  attempt bounded timeout 10 "$RUNTIME" --root "$STATE" create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect config.json
}
