# SPDX-License-Identifier: Apache-2.0
# Bundles cross the tools: toyimg's under toyrun, crun and runc; umoci's and runc spec's under toyrun.
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  [ -x "$TOYRUN" ] || { echo "no $TOYRUN: build it first"; return 1; }
  mkdir -p "$STATE"
}
teardown() {
  stop_registry
  end_test
  [ -z "${HUGETLB:-}" ] || { umount "$HUGETLB" && rmdir "$HUGETLB"; }
}

# run_under RUNTIME: the bundle's own program, changed to something that ends.
run_under() {
  edit '.process.terminal = false | .process.args = ["sh", "-c", "echo inside; id -u; cat /etc/layer 2>/dev/null; exit 7"]'
  RUNTIME=$1 run rt run --bundle "$BUNDLE" "$ID" </dev/null
  [ "$status" -eq 7 ] || { echo "$1: status $status: $output"; return 1; }
  expect '^inside$' && expect '^0$'
}

# Deepest first: a parent cannot drop what a child still passes on (the tests' own groups are the only ones here).
give_back_hugetlb() {
  local file
  [ -d /sys/fs/cgroup/unified ] || return 0
  while read -r file; do
    ! grep -q hugetlb "$file" || echo -hugetlb >"$file"
  done < <(find /sys/fs/cgroup/unified -depth -name cgroup.subtree_control)
}

@test "a toyimg bundle runs under toyrun, runc and crun" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest" -o "$BUNDLE"
  run_under "$TOYRUN"
  run_under runc
  if [ "$(stat -f -c %T /sys/fs/cgroup)" = tmpfs ] && [ ! -d /sys/fs/cgroup/hugetlb ]; then
    # Debian's crun refuses hybrid hosts with a controller on v2
    HUGETLB=/sys/fs/cgroup/hugetlb
    # the controller must be free: toyrun leaves it switched on for the children of the v2 root
    give_back_hugetlb
    mkdir "$HUGETLB" && wait_for 10 mount -t cgroup -o hugetlb cgroup "$HUGETLB"
  fi
  run_under crun
}

@test "apt-like privileges in a toyimg bundle: su, chown, ping's socket" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest" -o "$BUNDLE"
  edit '.process.terminal = false | .process.args = ["sh", "-c", "touch /tmp/f && chown 5:6 /tmp/f && stat -c %u:%g /tmp/f; grep CapBnd /proc/self/status; mknod /tmp/n p && echo node"]'
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  expect '^5:6$'
  # docker's fourteen default capabilities
  expect 'CapBnd:[[:space:]]00000000a80425fb'
  expect '^node$'
}

@test "an umoci bundle runs under toyrun" {
  start_registry
  push_busybox busybox:latest
  umoci unpack --image "$BATS_TEST_TMPDIR/busybox-image/layout:latest" "$BUNDLE" >"$OUT" 2>&1
  edit 'del(.process.rlimits)'
  run_under "$TOYRUN"
}

@test "a runc spec bundle runs under toyrun" {
  RUNTIME=runc make_bundle
  run_under "$TOYRUN"
}

@test "a crun spec bundle runs under toyrun" {
  RUNTIME=crun make_bundle
  run_under "$TOYRUN"
}

@test "a toyrun spec bundle runs under runc" {
  RUNTIME=$TOYRUN make_bundle
  run_under runc
}
