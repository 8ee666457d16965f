# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What every .bats file loads: where the programs are, a bundle per test, and a clean-up that leaves no process,
# mount or cgroup. RUNTIME=runc (or crun) runs the same tests against a reference: a test that the reference fails
# is a wrong test, unless it says `only_spec` and why.
# Run by tests/system/run, which gives the whole run namespaces of its own.

bats_require_minimum_version 1.5.0
REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD=${TOY_BUILD:-$REPO/build}
TOYRUN=${TOYRUN:-$BUILD/runtime/toyrun}
TOYIMG=${TOYIMG:-$BUILD/imagetool/toyimg}
RUNTIME=${RUNTIME:-$TOYRUN}
SYSTEM=$BATS_TEST_DIRNAME
export REPO BUILD TOYRUN TOYIMG RUNTIME SYSTEM
: "${TOY_SYSTEM_RUN:?system tests change mounts and cgroups: start them with tests/system/run}"

setup() { begin_test; }
teardown() { end_test; }

begin_test() {
  ID=toytest$BATS_SUITE_TEST_NUMBER
  CGROUP=/toytest.d/$ID
  [ "${TOY_DRIVER:-}" != systemd ] || CGROUP=/toytest.slice/toytest-$ID.scope
  BUNDLE=$BATS_TEST_TMPDIR/bundle
  ROOTFS=$BUNDLE/rootfs
  STATE=$BATS_TEST_TMPDIR/state
  OUT=$BATS_TEST_TMPDIR/out
  command -v "$RUNTIME" >/dev/null || { echo "no runtime $RUNTIME: build it first"; return 1; }
}

# Thaw before killing: a frozen process takes no signal.
end_test() {
  local id directory
  [ -n "${CGROUP:-}" ] || return 0 # skipped before begin_test: without the name every cgroup would match
  for id in $([ ! -d "$STATE" ] || rt list -q 2>/dev/null); do
    rt resume "$id" >/dev/null 2>&1 || true
    rt delete --force "$id" >/dev/null 2>&1 || true
  done
  while read -r directory; do
    [ -e "$directory/freezer.state" ] && echo THAWED >"$directory/freezer.state"
    # 0 is a process outside of our pid namespace, and to kill(1) our own group
    grep -vx 0 "$directory/cgroup.procs" 2>/dev/null | xargs -r kill -9 2>/dev/null
    for _ in 1 2 3 4 5; do rmdir "$directory" 2>/dev/null && break; sleep 0.05; done
  done < <(cgroup_directories | sort -r)
  true
}

is_toyrun() { [ "$RUNTIME" = "$TOYRUN" ]; }
runtime_name() { basename "$RUNTIME"; }
# only_toyrun WHY: what no reference has.
only_toyrun() { is_toyrun || skip "toyrun only: $1"; }
# only_spec WHY: the specification demands it and the references are known to differ.
only_spec() { is_toyrun || skip "the reference deviates from the spec: $1"; }
# not_on NAME WHY: a reference of that name is known to be wrong here.
not_on() { [ "$(runtime_name)" != "$1" ] || skip "$1: $2"; }
takes_idmap() { [ "$(stat -f -c %T "$BATS_TEST_TMPDIR")" != tmpfs ] || printf '6.3\n%s\n' "$(uname -r)" | sort -VC; }
needs_idmap() { takes_idmap || skip 'before Linux 6.3 a tmpfs takes no idmap'; }
need_cap() { setpriv -d | grep -q "^Capability bounding set:.*\b$1\b" || skip "this machine lacks CAP_${1^^}"; }

# jq -e ends with 0 when it is given nothing at all (jq 1.6): a condition on an output that never came would hold.
jq() {
  local option result status=0
  for option in "$@"; do
    case $option in -e* | -[a-zA-Z]*e*) ;; *) continue ;; esac
    result=$(command jq "$@") || status=$?
    [ -z "$result" ] || printf '%s\n' "$result"
    [ "$status" -ne 0 ] || [ -n "$result" ] || status=4
    return "$status"
  done
  command jq "$@"
}

# ---- the container --------------------------------------------------------------------------------------------

# TOY_DRIVER=systemd: only who makes a container says so, the others must find it in the record.
rt() {
  local driver=()
  case ${TOY_DRIVER:-}:${1:-} in systemd:create | systemd:run | systemd:restore) driver=(--systemd-cgroup) ;; esac
  "$RUNTIME" --root "$STATE" "${driver[@]}" "$@" 3>&- 4>&-
}
# cgroups_path [SUFFIX]: the config's name for $CGROUP, in the words of the driver.
cgroups_path() { if [ "${TOY_DRIVER:-}" = systemd ]; then echo "toytest.slice:toytest:$ID${1:-}"; else echo "$CGROUP${1:-}"; fi; }

busybox_rootfs() {
  local directory=$1 applet
  mkdir -p "$directory"/{bin,dev,proc,sys,tmp,etc,root,run,var}
  cp "$(command -v busybox)" "$directory/bin/busybox"
  for applet in $(busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$directory/bin/$applet"
  done
  echo 'root:x:0:0:root:/root:/bin/sh' >"$directory/etc/passwd"
  echo 'root:x:0:' >"$directory/etc/group"
  chmod 1777 "$directory/tmp"
}

# A bundle from the runtime's own `spec` with a busybox root, no terminal, a cgroup of the test's own.
make_bundle() {
  local template=$BATS_RUN_TMPDIR/busybox
  if [ ! -d "$template" ]; then
    busybox_rootfs "$template.new"
    mv "$template.new" "$template"
  fi
  mkdir -p "$BUNDLE" "$STATE"
  cp -a "$template" "$ROOTFS"
  (cd "$BUNDLE" && rm -f config.json && "$RUNTIME" spec 3>&-)
  edit ".process.terminal = false | .root.readonly = false | .linux.cgroupsPath = \"$(cgroups_path "")\""
}

# edit JQ-PROGRAM [jq options]: changes config.json.
edit() {
  local program=$1
  shift
  jq "$program" "$BUNDLE/config.json" "$@" >"$BUNDLE/config.json.new" &&
    mv "$BUNDLE/config.json.new" "$BUNDLE/config.json"
}

# command_is WORD...: what the container runs.
command_is() { edit '.process.args = $ARGS.positional' --args -- "$@"; }

# inside CODE: runs shell code as the container's program, in the foreground (use with `run`).
inside() {
  command_is sh -c "$1"
  rt run --bundle "$BUNDLE" "$ID" </dev/null
}

# A container in state created / running; its output goes to $OUT.
created() {
  rt create --bundle "$BUNDLE" "${1:-$ID}" </dev/null >"$OUT" 2>&1 || { cat "$OUT"; return 1; }
}
running() {
  created "${1:-$ID}" && rt start "${1:-$ID}"
}
sleeper() {
  make_bundle
  command_is sleep 1000
}

status_of() { rt state "${1:-$ID}" | jq -r .status; }
pid_of() { rt state "${1:-$ID}" | jq -r .pid; }

# wait_for SECONDS COMMAND...: until the command succeeds. The time is a quiet machine's, and is stretched: fourfold, or by TOY_PATIENCE.
wait_for() {
  local end=$((SECONDS + $1 * ${TOY_PATIENCE:-4}))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || { echo "waited in vain for: $*"; return 1; }
    sleep 0.05
  done
}
has_status() { [ "$(status_of "${2:-$ID}")" = "$1" ]; }
# runs / gone REGEX: a process with such a command line (argv joined by spaces) is there / is not.
runs() { pgrep -f -- "$1" >/dev/null; }
gone() { ! pgrep -f -- "$1" >/dev/null; }
contains() { grep -qE -- "$1" "$2"; }
# A plain "! grep" fails no test unless it is the last command.
lacks() { ! grep -qE -- "$1" "$2" || { printf 'unexpected: %s\nin %s:\n' "$1" "$2"; head -c 4096 "$2"; return 1; }; }

# expect REGEX: the output of `run` has it; expect_not: has it not; failed_with: exit 1 and one clear sentence.
expect() { grep -qE -- "$1" <<<"$output" || { printf 'expected: %s\ngot (%s): %s\n' "$1" "$status" "$output"; return 1; }; }
expect_not() { ! grep -qE -- "$1" <<<"$output" || { printf 'unexpected: %s\ngot: %s\n' "$1" "$output"; return 1; }; }
succeeded() { [ "$status" -eq 0 ] || { printf 'status %s: %s\n' "$status" "$output"; return 1; }; }
failed() { [ "$status" -ne 0 ] || { printf 'should have failed: %s\n' "$output"; return 1; }; }

# ---- cgroups and leftovers ------------------------------------------------------------------------------------

cgroup_directories() { find /sys/fs/cgroup -mindepth 2 -depth -type d -path "*${CGROUP:?}*" 2>/dev/null; }
# cgroup_file CONTROLLER FILE: wherever the host carries the controller.
cgroup_file() {
  if [ -d "/sys/fs/cgroup/$1" ]; then echo "/sys/fs/cgroup/$1$CGROUP/$2"; else echo "/sys/fs/cgroup$CGROUP/$2"; fi
}

# Everything a failed command may have left: state, cgroups, mounts, processes, names in the bundle.
snapshot() {
  find "$STATE" -mindepth 1 2>/dev/null | sort
  cgroup_directories | sort
  cut -d' ' -f4,5 /proc/self/mountinfo
  pgrep -l '^(runc|crun|toyrun|toyimg)' || true
  pgrep -fl '^(/bin/)?sleep 10+$' || true # not the one that is bats' clock for the test before
  find "$BUNDLE" -xdev 2>/dev/null | sort
}

# attempt COMMAND...: as `run`, but through a file: a container that came up against all hope holds no pipe open.
attempt() {
  status=0
  "$@" </dev/null >"$BATS_TEST_TMPDIR/attempt" 2>&1 || status=$?
  output=$(<"$BATS_TEST_TMPDIR/attempt")
  mapfile -t lines <"$BATS_TEST_TMPDIR/attempt"
}

# leaves_nothing COMMAND...: attempts it and compares the world before and after.
leaves_nothing() {
  snapshot >"$BATS_TEST_TMPDIR/before"
  attempt "$@"
  snapshot >"$BATS_TEST_TMPDIR/after"
  diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}
