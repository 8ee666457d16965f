# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests of toydock share: a store with a busybox image, a state of the test's own, nothing left behind.
# Run by tests/system/run, which gives the whole run namespaces of its own.

load ../system/support
load ../system/registry
SYSTEM=$REPO/tests/system
export TOY_BUILD=$BUILD

# begin_toydock: for setup_file; fetches busybox once a file, so that most tests need no registry.
begin_toydock() {
  export TOYIMG_STORE=$BATS_FILE_TMPDIR/store TOYDOCK_CGROUP_PARENT=/toytest.d/toydock
  BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR start_registry
  BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR push_busybox busybox:latest
  "$TOYIMG" pull --quiet "$REGISTRY/busybox:latest" 3>&- 4>&- >"$BATS_FILE_TMPDIR/pulled"
  stop_registry
  export IMAGE=$REGISTRY/busybox
}
setup_file() { begin_toydock; }
setup() { use_root "$BATS_TEST_TMPDIR/root"; }
teardown() { end_toydock; }
use_root() { export TOYDOCK_ROOT=$1; }

td() { "$REPO/scripts/toydock" "$@" 3>&- 4>&-; }

# end_toydock: whatever the test left; conmon and the loops end with their containers.
end_toydock() {
  local directory
  for directory in "$TOYDOCK_ROOT"/containers/*/; do
    directory=${directory%/}
    [ ! -d "$directory" ] || td rm -f "${directory##*/}" >/dev/null 2>&1 || true
  done
  find /sys/fs/cgroup -mindepth 2 -depth -type d -path '*/toytest.d/toydock*' -exec rmdir {} \; 2>/dev/null || true
}

# redis_image: an image called redis, of the archive that tests/system/prepare made
redis_image() {
  local work=$BATS_TEST_TMPDIR/redis
  mkdir -p "$work/root"
  tar -C "$work/root" --xattrs --numeric-owner -xf "$(debian_tarball redis)"
  layout_from "$work/layout" "$work/root"
  skopeo copy --quiet --insecure-policy "oci:$work/layout:latest" "docker-archive:$work/redis.tar:redis:latest"
  rm -rf "$work/root" "$work/layout"
  "$TOYIMG" load -i "$work/redis.tar" 3>&- 4>&-
}

# at_terminal COMMAND...: see tests/system/foreground.py
at_terminal() { python3 "$SYSTEM/foreground.py" "$@" 3>&- 4>&- </dev/null; }
status_is() { [ "$(td inspect -f '{{.State.Status}}' "$1")" = "$2" ]; }
health_is() { [ "$(td inspect -f '{{.State.Health.Status}}' "$1")" = "$2" ]; }
gone_entirely() { [ ! -e "$TOYDOCK_ROOT/containers/$1" ]; }
