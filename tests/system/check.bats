# SPDX-License-Identifier: Apache-2.0
# check: all that keeps a bundle from running here, at once; and what it says is what create does.
load support

setup() { begin_test; only_toyrun 'no reference checks a bundle'; }

check_json() { run --separate-stderr rt check --format json "$BUNDLE"; }
# problem POINTER [SEVERITY]: the JSON report has one there.
problem() {
  jq -e --arg pointer "$1" --arg severity "${2:-error}" \
    'any(.problems[]; .pointer == $pointer and .severity == $severity and (.remedy | length > 0))' <<<"$output" >/dev/null ||
    { echo "no ${2:-error} at $1: $output"; return 1; }
}
# agrees: check's verdict is what a real run comes to.
agrees() {
  check_json
  local verdict=$status
  run rt run --bundle "$BUNDLE" "$ID"
  if [ "$verdict" -eq 0 ]; then succeeded; else failed; fi
}

@test "a bundle that runs is said to run" {
  make_bundle
  command_is true
  run rt check "$BUNDLE"
  succeeded
  expect 'would run here'
  agrees
  check_json
  [ "$(jq -r .wouldRun <<<"$output")" = true ]
}

@test "all problems come at once, with pointer and remedy, and exit status 1" {
  make_bundle
  edit '.process.cwd = "relative" | .process.args = "sh" | .process.env = ["NOVALUE"]
    | .hostname = 5 | .linux.namespaces += [{type: "pid"}, {type: "soup"}] | .linux.resources.memroy = {}
    | .mounts += [{destination: "/data", type: "bind", source: "/nonexistent/source", options: ["bind"]},
                  {destination: "/", type: "tmpfs"}]'
  check_json
  [ "$status" -eq 1 ]
  problem /process/cwd
  problem /process/args
  problem /process/env/0
  problem /hostname
  problem /linux/resources/memroy warning
  problem "/mounts/$(jq '.mounts | length - 1' "$BUNDLE/config.json")/destination"
  problem "/mounts/$(jq '.mounts | length - 2' "$BUNDLE/config.json")/source"
  run rt check "$BUNDLE"
  [ "$status" -eq 1 ]
  expect '^error: /process/cwd: '
  expect '^    remedy: '
  expect 'would not run here, [0-9]+ errors, 1 warning'
}

@test "what is no JSON, and no bundle, is said so" {
  make_bundle
  echo '{"ociVersion": ' >"$BUNDLE/config.json"
  check_json
  [ "$status" -eq 1 ]
  problem ''
  run rt check "$BATS_TEST_TMPDIR/nowhere"
  [ "$status" -eq 1 ]
  expect nowhere
}

@test "a program that is not there, not executable, or lacks its interpreter" {
  make_bundle
  command_is no-such-program
  check_json
  problem /process/args
  agrees
  command_is /bin/no-such-program
  check_json
  problem /process/args
  agrees
  command_is /etc/passwd
  check_json
  problem /process/args
  agrees
  printf '#!/bin/no-such-shell\n' >"$ROOTFS/bin/script"
  chmod +x "$ROOTFS/bin/script"
  command_is script
  check_json
  problem /process/args
  expect no-such-shell
  agrees
}

@test "a program in a bound directory is found there" {
  make_bundle
  mkdir "$BUNDLE/tools"
  cp "$ROOTFS/bin/busybox" "$BUNDLE/tools/true"
  edit '.mounts += [{destination: "/tools", type: "bind", source: "tools", options: ["bind"]}]'
  command_is /tools/true
  check_json
  succeeded
  agrees
  rm "$BUNDLE/tools/true"
  check_json
  problem /process/args warning
}

@test "a mount point of the wrong kind" {
  make_bundle
  touch "$ROOTFS/file"
  command_is true
  edit '.mounts += [{destination: "/file", type: "bind", source: "/tmp", options: ["bind"]}]'
  check_json
  problem "/mounts/$(jq '.mounts | length - 1' "$BUNDLE/config.json")/destination"
  agrees
}

@test "hard limits above the own ones need CAP_SYS_RESOURCE" {
  make_bundle
  command_is true
  edit '.process.rlimits = [{type: "RLIMIT_CORE", soft: 0, hard: 0}, {type: "RLIMIT_NOFILE", soft: 64, hard: 4096}]'
  ulimit -Sn 512
  ulimit -Hn 1024
  agrees
  if setpriv -d | grep -q '^Capability bounding set:.*\bsys_resource\b'; then
    check_json
    succeeded
  else
    check_json
    problem /process/rlimits/1/hard
  fi
}

@test "namespaces by path, hooks, the root file system, oom_score_adj" {
  make_bundle
  command_is true
  edit '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/uts" else . end)
    | .hooks.poststart = [{path: "/no/such/hook"}]'
  check_json
  problem /linux/namespaces
  problem /hooks/poststart/0/path
  agrees
  edit '.root.path = "elsewhere"'
  check_json
  problem /root/path
  agrees
  make_bundle
  command_is true
  edit '.process.oomScoreAdj = -900'
  agrees
}

@test "cgroups: one that is in use, CPUs and pages that the machine has not" {
  sleeper
  edit '.linux.resources.memory.limit = 100000000'
  running
  edit '.linux.resources.cpu.cpus = "0-4000" | .linux.resources.hugepageLimits = [{pageSize: "3MB", limit: 0}]'
  check_json
  [ "$status" -eq 1 ]
  problem /linux/cgroupsPath
  problem /linux/resources/cpu/cpus
  # The pages, or already the controller.
  jq -e 'any(.problems[]; .pointer | startswith("/linux/resources/hugepageLimits"))' <<<"$output"
}

@test "a capability this host does not know or have is a warning, as create has it" {
  make_bundle
  command_is true
  edit '.process.capabilities.permitted += ["CAP_SOUP"]'
  check_json
  succeeded
  problem /process/capabilities warning
}

@test "nothing is made or changed" {
  make_bundle
  edit '.linux.resources.pids.limit = 7'
  leaves_nothing rt check "$BUNDLE"
  succeeded
}

@test "an ordinary user gets an answer for an ordinary user" {
  make_bundle
  command_is true
  chmod -R o+rX "$BATS_RUN_TMPDIR" "$BUNDLE"
  install -m 755 "$TOYRUN" "$BATS_TEST_TMPDIR/toyrun"
  leaves_nothing setpriv --reuid 65534 --regid 65534 --clear-groups "$BATS_TEST_TMPDIR/toyrun" check --format json "$BUNDLE"
  [ "$status" -eq 1 ]
  problem /linux/namespaces
  expect 'as root'
}

@test "the lists of the examples: no error of the document in any" {
  local example
  for example in "$REPO"/bundle-spec/examples/*/; do
    run --separate-stderr rt check --format json "$example"
    [ "$(jq '[.problems[] | select(.severity == "error") | .problem | select(test("is required|must be"))] | length' <<<"$output")" = 0 ] ||
      { echo "$example: $output"; return 1; }
  done
}

# refused_at POINTER JQ: changed so, check says it there, and a run fails.
refused_at() {
  cp "$BATS_TEST_TMPDIR/plain.json" "$BUNDLE/config.json"
  edit "$2" || return 1
  check_json
  problem "$1" || return 1
  agrees || { echo "with $2: $output"; return 1; }
}
# mount_refused_at WHAT OBJECT...: the last of these mounts is.
mount_refused_at() {
  local what=$1
  shift
  refused_at "/mounts/$(($(jq '.mounts | length' "$BATS_TEST_TMPDIR/plain.json") + $# - 1))/$what" ".mounts += [$(IFS=, && echo "$*")]"
}

@test "what can be told of the files: below others, in proc and sysfs, of another kind" {
  make_bundle
  command_is true
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/plain.json"
  refused_at /process/cwd '.process.cwd = "/etc/passwd/x/y"'
  refused_at /process/args '.process.env = ["PATH=bin:/bin"] | .process.cwd = "/"'
  mount_refused_at destination '{destination: "/etc/passwd/x", type: "tmpfs"}'
  mount_refused_at destination '{destination: "/etc/passwd/x/y", type: "bind", source: "/tmp", options: ["bind"]}'
  mount_refused_at destination '{destination: "/proc/cpuinfo", type: "bind", source: "/tmp", options: ["bind"]}'
  mount_refused_at destination '{destination: "/sys/toynone", type: "tmpfs"}'
  mount_refused_at destination '{destination: "/proc/sys/toynone", type: "bind", source: "/etc/passwd", options: ["bind"]}'
  refused_at /linux/devices '.linux.devices = [{path: "/etc/passwd", type: "c", major: 1, minor: 3}]'
  refused_at /linux/devices '.linux.devices = [{path: "/etc/passwd/null", type: "c", major: 1, minor: 3}]'
  # beside them, what is fine
  cp "$BATS_TEST_TMPDIR/plain.json" "$BUNDLE/config.json"
  edit '.process.cwd = "/made/below" | .mounts += [{destination: "/made/too", type: "tmpfs", options: ["size=64k", "mode=1777"]},
    {destination: "/proc/cpuinfo", type: "bind", source: "/etc/passwd", options: ["bind", "ro"]}] | .process.env = ["PATH=:nowhere:/bin"]
    | .hooks.poststop = [{path: "/no/such/hook"}]'
  check_json
  problem /hooks/poststop/0/path warning
  [ "$status" -eq 0 ] || { echo "$output"; return 1; }
  agrees
}

@test "options of mounts that the kernel does not take" {
  make_bundle
  command_is true
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/plain.json"
  local option
  for option in size=x nope mode=9999 uid=nope; do
    mount_refused_at options "{destination: \"/m\", type: \"tmpfs\", options: [\"$option\"]}"
  done
  mount_refused_at options '{destination: "/m", type: "proc", options: ["hidepid=9"]}'
  mount_refused_at options "{destination: \"/m\", type: \"tmpfs\", options: [\"mode=755\", \"$(printf 'size=%05000d' 1)\"]}"
}

@test "values that no kernel takes: bandwidth, processes, memory nodes, groups; and programs of startContainer" {
  make_bundle
  command_is true
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/plain.json"
  refused_at /linux/resources/cpu/quota '.linux.resources.cpu.quota = 999'
  refused_at /linux/resources/cpu/period '.linux.resources.cpu = {period: 10, quota: 5000}'
  refused_at /linux/resources/cpu/period '.linux.resources.cpu.period = 2000000'
  refused_at /linux/resources/cpu/burst '.linux.resources.cpu = {quota: 50000, burst: 60000}'
  refused_at /linux/resources/pids/limit '.linux.resources.pids.limit = 4194305'
  refused_at /linux/resources/cpu/mems '.linux.resources.cpu.mems = "1023"'
  refused_at /process/user/additionalGids '.process.user.additionalGids = [range(65537)]'
  refused_at /hooks/startContainer/0/path '.hooks.startContainer = [{path: "/no/such/hook"}]'
  refused_at /hooks/startContainer/1/path '.hooks.startContainer = [{path: "/bin/true"}, {path: "/etc/passwd"}]'
  refused_at /linux/netDevices/lo '.linux.netDevices = {lo: {}}'
  refused_at /annotations/org.toyrun.network.names '.annotations = {"org.toyrun.network.names": "toynone"}'
  refused_at /annotations/org.toyrun.network.mode '.annotations = {"org.toyrun.network.mode": "container:toynone"}'
  # the bounds themselves
  cp "$BATS_TEST_TMPDIR/plain.json" "$BUNDLE/config.json"
  edit '.linux.resources = {cpu: {quota: 1000, period: 1000}, pids: {limit: 4194304}} | .process.user.additionalGids = [range(65536)]'
  check_json
  [ "$status" -eq 0 ] || { echo "$output"; return 1; }
  agrees
}

@test "what only this host lacks: devices, resctrl, sysctls, memory nodes, the pidfd receiver, a real-time priority" {
  make_bundle
  command_is true
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/plain.json"
  refused_at /linux/netDevices/toynone0 '.linux.netDevices = {"toynone0": {}}'
  refused_at /linux/sysctl '.linux.sysctl = {"net.core.toynone": "1"}'
  refused_at /linux/memoryPolicy '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "63"}'
  refused_at /annotations/run.oci.pidfd_receiver ".annotations = {\"run.oci.pidfd_receiver\": \"$BATS_TEST_TMPDIR/none\"}"
  refused_at /process/scheduler/priority '.process.scheduler = {policy: "SCHED_FIFO", priority: 0}'
  grep -q ' resctrl ' /proc/mounts || refused_at /linux/intelRdt '.linux.intelRdt = {closID: "toy", l3CacheSchema: "L3:0=f"}'
}
