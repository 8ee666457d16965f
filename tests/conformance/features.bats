# SPDX-License-Identifier: Apache-2.0
# features.md and features-linux.md: what the document says is true of this runtime.
load conformance

features() {
  FEATURES=$BATS_TEST_TMPDIR/features
  rt features >"$FEATURES"
}
# each PATH JQ-CHANGE: creates a container for each element of the array at PATH, `$one` in the change; an array that is
# absent or null claims nothing.
each() {
  local one
  make_bundle
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/plain.json"
  for one in $(jq -r "$1 // [] | .[]" "$FEATURES"); do
    cp "$BATS_TEST_TMPDIR/plain.json" "$BUNDLE/config.json"
    edit "$2" --arg one "$one"
    attempt rt create --bundle "$BUNDLE" "$ID"
    unrecognised "$one" && return 1
    rt delete --force "$ID" >/dev/null 2>&1 || true
  done
}
# An element may fail on this host for want of a kernel feature, but not because it is not known.
unrecognised() {
  [ "$status" -ne 0 ] || return 1
  # EINVAL is the kernel's word, of a memory policy that is younger than it
  sed 's/: Invalid argument//' <<<"$output" | grep -qiE 'unknown|unsupported|not supported|invalid|not valid|unrecogni|malformed' || return 1
  printf '%s is listed and not recognised: %s\n' "$1" "$output"
}

@test "features.md#features-structure 1: the document, and null is no empty value" {
  features
  jq -e '(.ociVersionMin | type == "string") and (.ociVersionMax | type == "string")' "$FEATURES"
  jq -e '(.hooks == null or (.hooks | length > 0)) and (.mountOptions == null or (.mountOptions | length > 0))
    and (.linux == null or (.linux.namespaces == null or (.linux.namespaces | length > 0)))' "$FEATURES"
}

@test "features.md#specification-version 1,2,3: both versions are accepted as ociVersion, the smaller first" {
  features
  accepted ".ociVersion = \"$(jq -r .ociVersionMin "$FEATURES")\""
  accepted ".ociVersion = \"$(jq -r .ociVersionMax "$FEATURES")\""
  jq -e 'def n: [split("[-+]"; "")[0] | split(".")[] | tonumber]; (.ociVersionMax | n) >= (.ociVersionMin | n)' "$FEATURES"
}

@test "features.md#specification-version 4: no property that ociVersionMax does not define" {
  features
  jq -e '(keys - ["ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux", "annotations", "potentiallyUnsafeConfigAnnotations"]) == []
    and ((.linux // {} | keys) - ["namespaces", "capabilities", "cgroup", "seccomp", "apparmor", "selinux", "intelRdt", "memoryPolicy", "mountExtensions", "netDevices"]) == []
    and ((.linux.cgroup // {} | keys) - ["v1", "v2", "systemd", "systemdUser", "rdma"]) == []
    and ((.linux.seccomp // {} | keys) - ["enabled", "actions", "operators", "archs", "knownFlags", "supportedFlags"]) == []
    and ((.linux.intelRdt // {} | keys) - ["enabled", "schemata", "monitoring"]) == []
    and ((.linux.memoryPolicy // {} | keys) - ["modes", "flags"]) == []
    and ((.linux.mountExtensions // {} | keys) - ["idmap"]) == []' "$FEATURES"
}

@test "features.md#hooks 1: each hook is supported" {
  features
  local kind
  for kind in $(jq -r '.hooks // [] | .[]' "$FEATURES"); do
    make_bundle
    rm -f "$ROOTFS/tmp/order" "$BATS_TEST_TMPDIR/order"
    if [ "$kind" = startContainer ]; then inner_hook called "$kind"; else hook called "$kind"; fi
    run -0 inside true
    cat "$ROOTFS/tmp/order" "$BATS_TEST_TMPDIR/order" 2>/dev/null | grep -q called || { echo "$kind is listed and not called"; false; }
  done
}

@test "features.md#mount-options 1: each word is recognised, on a tmpfs or a bind" {
  features
  local one
  jq -e '.mountOptions == null or (.mountOptions | length > 20)' "$FEATURES"
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source"
  host_tree
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/plain.json"
  for one in $(jq -r '.mountOptions // [] | .[]' "$FEATURES"); do
    cp "$BATS_TEST_TMPDIR/plain.json" "$BUNDLE/config.json"
    case $one in
      bind | rbind) mount_entry /target none "$BATS_TEST_TMPDIR/source" "$one" ;;
      remount) mount_entry /proc proc proc remount ;;
      idmap | ridmap)
        takes_idmap || continue
        mount_entry /target none "$TREE" rbind "$one"
        edit '.mounts[-1] += {"uidMappings": [{"containerID": 0, "hostID": 5000, "size": 1000}], "gidMappings": [{"containerID": 0, "hostID": 5000, "size": 1000}]}'
        ;;
      mand | nomand | acl | noacl | tmpcopyup | *iversion | *lazytime | silent | loud) mount_entry /target tmpfs tmpfs "$one" ;;
      copy-symlink | *-nofollow) mount_entry /target none "$BATS_TEST_TMPDIR/source" bind "$one" ;;
      r*) mount_entry /target none "$BATS_TEST_TMPDIR/source" rbind "$one" ;;
      *) mount_entry /target tmpfs tmpfs "$one" ;;
    esac
    run inside 'grep -c . /proc/self/mountinfo >/dev/null; echo program-ran'
    grep -qx program-ran <<<"$output" || { echo "$one is listed and not accepted: $output"; end_tree; false; }
  done
  end_tree
}

@test "features-linux.md#namespaces 1: each type is recognised" {
  features
  each .linux.namespaces '.linux.namespaces |= map(select(.type != $one)) + [{"type": $one}]
    | if $one == "user" then .linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 65536}] | .linux.gidMappings = .linux.uidMappings else . end'
}

@test "features-linux.md#capabilities 1: each name is recognised" {
  features
  jq -e '.linux.capabilities == null or (.linux.capabilities | length > 30)' "$FEATURES"
  make_bundle
  edit '.process.capabilities.bounding = $features[0].linux.capabilities // []' --slurpfile features "$FEATURES"
  run --separate-stderr inside 'grep CapBnd /proc/self/status'
  succeeded
  local host
  host=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
  [ "$(jq '.linux.capabilities // [] | length' "$FEATURES")" -eq 0 ] || expect "CapBnd:[[:space:]]$host"
}

@test "features-linux.md#cgroup 1: v1 and v2 are true of a runtime that uses this host's" {
  features
  make_bundle
  sleeping
  run -0 cat "/proc/$(pid_of)/cgroup"
  if pure_v2; then jq -e '.linux.cgroup.v2 != false' "$FEATURES"; else jq -e '.linux.cgroup.v1 != false' "$FEATURES"; fi
  expect "$CGROUP"
}

@test "features-linux.md#seccomp 1: each action is recognised" {
  features
  each '.linux.seccomp.actions' '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/no/such/socket",
    "syscalls": [{"names": ["getpriority"], "action": $one}]} | if $one == "SCMP_ACT_NOTIFY" then . else del(.linux.seccomp.listenerPath) end'
}

@test "features-linux.md#seccomp 2: each operator is recognised" {
  features
  each '.linux.seccomp.operators' '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 4095, "valueTwo": 1, "op": $one}]}]}'
}

@test "features-linux.md#seccomp 3: each architecture is recognised" {
  features
  each '.linux.seccomp.archs' '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", $one],
    "syscalls": [{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO"}]} | .linux.seccomp.architectures |= unique'
}

@test "features-linux.md#seccomp 4,5: known flags are recognised, supported ones work" {
  features
  each '.linux.seccomp.knownFlags' '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "flags": [$one],
    "syscalls": [{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO"}]}'
  local one
  for one in $(jq -r '.linux.seccomp.supportedFlags // [] | .[]' "$FEATURES"); do
    [ "$one" != SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV ] || continue # only with a listener: seccomp(2)
    accepted ".linux.seccomp = {\"defaultAction\": \"SCMP_ACT_ALLOW\", \"flags\": [\"$one\"], \"syscalls\": [{\"names\": [\"getpriority\"], \"action\": \"SCMP_ACT_ERRNO\"}]}"
  done
}

@test "features-linux.md#memory-policy 1,2: each mode and flag is recognised" {
  features
  each '.linux.memoryPolicy.modes' '.linux.memoryPolicy = {"mode": $one} | if ($one == "MPOL_DEFAULT" or $one == "MPOL_LOCAL") then . else .linux.memoryPolicy.nodes = "0" end'
  each '.linux.memoryPolicy.flags' '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0", "flags": [$one]}'
}

@test "features-linux.md#intel-rdt 1; features-linux.md#net-devices 1; features-linux.md#mount-extensions 1: what is enabled is not refused as unknown" {
  features
  jq -e '(.linux.intelRdt.enabled == null or (.linux.intelRdt.enabled | type == "boolean"))
    and (.linux.netDevices.enabled == null or (.linux.netDevices.enabled | type == "boolean"))
    and (.linux.mountExtensions.idmap.enabled == null or (.linux.mountExtensions.idmap.enabled | type == "boolean"))' "$FEATURES"
  make_bundle
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/plain.json"
  if jq -e '.linux.netDevices.enabled == true' "$FEATURES"; then
    edit '.linux.netDevices = {"nosuchdev0": {}}'
    attempt rt create --bundle "$BUNDLE" "$ID"
    failed
    expect nosuchdev0
    expect_not 'not supported'
  fi
  if jq -e '.linux.intelRdt.enabled == true' "$FEATURES" && [ ! -e /sys/fs/resctrl/schemata ]; then
    cp "$BATS_TEST_TMPDIR/plain.json" "$BUNDLE/config.json"
    edit '.linux.intelRdt = {"closID": "conformance"}'
    attempt rt create --bundle "$BUNDLE" "$ID"
    failed
    expect 'resctrl|[Rr][Dd][Tt]'
    expect_not 'not supported yet'
  fi
}

@test "features.md#unsafe-annotations 1: the list holds words, no empty prefix" {
  features
  jq -e '.potentiallyUnsafeConfigAnnotations // [] | all(type == "string" and length > 0 and . != ".")' "$FEATURES"
}
