# SPDX-License-Identifier: Apache-2.0
# AppArmor profiles of the container's program and of exec.
load support

PROFILE=toytest-deny-secret

setup() {
  begin_test
  [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] || skip 'AppArmor is off on this host; tests/vm/run boots a guest that has it'
  command -v apparmor_parser >/dev/null || skip 'no apparmor_parser: install apparmor'
  # The host's /sys may be without it in a mount namespace of the tests' own.
  mountpoint -q /sys/kernel/security || mount -t securityfs securityfs /sys/kernel/security
  load_profile "$PROFILE" 'deny /secret r,'
  make_bundle
  echo hidden >"$ROOTFS/secret"
}

load_profile() { # load_profile NAME RULE
  printf 'profile %s flags=(attach_disconnected,mediate_deleted) {\n  capability,\n  network,\n  file,\n  mount,\n  umount,\n  signal,\n  ptrace,\n  unix,\n  %s\n}\n' \
    "$1" "$2" >"$BATS_TEST_TMPDIR/$1"
  apparmor_parser --replace --skip-cache "$BATS_TEST_TMPDIR/$1"
}
profile_of() { cat "/proc/$1/attr/apparmor/current" 2>/dev/null || cat "/proc/$1/attr/current"; }

@test "apparmorProfile confines the program, and its rule bites" {
  run -0 inside 'cat /secret'
  expect '^hidden$'
  edit '.process.apparmorProfile = $name' --arg name "$PROFILE"
  run inside 'cat /proc/self/attr/current; cat /secret; cat /etc/passwd'
  expect "^$PROFILE \(enforce\)$"
  expect 'secret.*ermission denied'
  expect '^root:'
}

@test "the profile begins with the program, not with the runtime's own steps" {
  edit '.process.apparmorProfile = $name' --arg name "$PROFILE"
  command_is sleep 1000
  created
  local before
  before=$(profile_of "$(pid_of)")
  rt start "$ID"
  wait_for 10 eval '[ "$(profile_of "$(pid_of)")" = "$PROFILE (enforce)" ]'
  [ "$before" = unconfined ]
}

@test "the profile holds with and without noNewPrivileges, for another user and in a user namespace" {
  edit '.process.apparmorProfile = $name | .process.noNewPrivileges = false' --arg name "$PROFILE"
  run inside 'cat /proc/self/attr/current; cat /secret'
  expect "^$PROFILE"
  expect 'ermission denied'
  edit '.process.noNewPrivileges = true | .process.user = {"uid": 1000, "gid": 1000} | .linux.namespaces += [{"type": "user"}] |
    .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
    .linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 65536}]'
  chown -hR 100000:200000 "$ROOTFS"
  chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR" "$BUNDLE" 2>/dev/null || true
  run inside 'cat /proc/self/attr/current; cat /secret'
  expect "^$PROFILE"
  expect 'ermission denied'
}

@test "exec has the container's profile, or one of its own" {
  load_profile toytest-other 'deny /etc/passwd r,'
  edit '.process.apparmorProfile = $name' --arg name "$PROFILE"
  command_is sleep 1000
  running
  run rt exec "$ID" sh -c 'cat /proc/self/attr/current /secret'
  expect "^$PROFILE"
  expect 'ermission denied'
  run rt exec --apparmor toytest-other "$ID" sh -c 'cat /proc/self/attr/current; cat /secret; cat /etc/passwd'
  expect '^toytest-other'
  expect '^hidden$'
  expect 'passwd.*ermission denied'
  jq '.process | .args = ["sh", "-c", "cat /proc/self/attr/current; cat /etc/passwd"] | .apparmorProfile = "toytest-other"' \
    "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process.json"
  run rt exec --process "$BATS_TEST_TMPDIR/process.json" "$ID"
  expect '^toytest-other'
  expect 'ermission denied'
}

# CVE-2019-16884, CVE-2019-19921: an image with a /proc of its own must not swallow the label.
@test "the label is written through the host's /proc, not the container's" {
  not_on runc '1.1.5 refuses a root without a /proc'
  edit '.process.apparmorProfile = $name | .mounts |= map(select(.destination != "/proc")) |
    .linux.maskedPaths = [] | .linux.readonlyPaths = []' --arg name "$PROFILE"
  mkdir -p "$ROOTFS/proc/self/attr/apparmor"
  touch "$ROOTFS/proc/self/attr/exec" "$ROOTFS/proc/self/attr/apparmor/exec"
  chmod -R a+rwX "$ROOTFS/proc"
  command_is sh -c 'cat /secret; sleep 1000'
  running
  wait_for 10 contains 'ermission denied' "$OUT"
  [ "$(profile_of "$(pid_of)")" = "$PROFILE (enforce)" ]
  run rt exec "$ID" cat /secret
  expect 'ermission denied'
  [ -z "$(cat "$ROOTFS/proc/self/attr/exec" "$ROOTFS/proc/self/attr/apparmor/exec")" ]
}

@test "a profile that is not loaded is refused, for create and for exec" {
  edit '.process.apparmorProfile = "toytest-nowhere"'
  leaves_nothing inside true
  failed
  expect 'toytest-nowhere|apparmor'
  edit 'del(.process.apparmorProfile)'
  command_is sleep 1000
  running
  run rt exec --apparmor toytest-nowhere "$ID" true
  failed
  expect 'toytest-nowhere|apparmor'
}

@test "unconfined is a profile too" {
  edit '.process.apparmorProfile = "unconfined"'
  run -0 inside 'cat /proc/self/attr/current; cat /secret'
  expect '^unconfined$'
  expect '^hidden$'
}
