# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A context, a base image, and a canary outside of both that every test must leave as it was. Loaded after registry.bash.

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  CONTEXT=$BATS_TEST_TMPDIR/context
  CANARY=$BATS_TEST_TMPDIR/canary
  mkdir -p "$STATE" "$CONTEXT" "$CANARY"
  echo untouched >"$CANARY/file"
  builds_before=$(cgroups_of_builds) # somebody else's
  canary_before=$(stat -c '%i %a %u %Y' "$CANARY" "$CANARY/file")
}
teardown() {
  stop_registry
  [ "$(stat -c '%i %a %u %Y' "$CANARY" "$CANARY/file")" = "$canary_before" ]
  [ "$(cat "$CANARY/file")" = untouched ]
  [ "$(ls "$CANARY")" = file ]
  end_test
}

# The base image of all tests here, named localhost/base.
base() {
  busybox_rootfs "$BATS_TEST_TMPDIR/base/root"
  printf 'FROM scratch\nCOPY root /\n' >"$BATS_TEST_TMPDIR/base/Dockerfile"
  toyimg build --quiet -t localhost/base "$BATS_TEST_TMPDIR/base" </dev/null
}
dockerfile() { printf '%s\n' "$@" >"$CONTEXT/Dockerfile"; }
bud() { toyimg build --pull=never --progress plain --runtime "$RUNTIME" "$@" "$CONTEXT" </dev/null; }
# layers_of NAME: the diffIDs of an image in the store.
layers_of() { toyimg inspect "$1" | jq -r '.Layers[].DiffId'; }
config_of() { # the config of the image whose iidfile is $1
  local digest
  digest=$(cat "$1")
  cat "$BATS_TEST_TMPDIR/store/blobs/sha256/${digest#sha256:}"
}
cgroups_of_builds() { find /sys/fs/cgroup -type d -name 'toyimg-build-*' 2>/dev/null | sort; }
nothing_of_a_build_is_left() {
  [ -z "$(comm -13 <(echo "$builds_before") <(cgroups_of_builds))" ] && gone toyimg-build-work &&
    ! grep -q "$BATS_TEST_TMPDIR/store/build" /proc/self/mountinfo
}
