# SPDX-License-Identifier: Apache-2.0
# audit: the isolation in effect beside what was asked for.
load support

setup() { begin_test; only_toyrun 'no reference audits a container'; }

audit_json() { run --separate-stderr rt audit --format json "$ID"; }
# verdict VERDICT ASPECT: the report says this of that.
verdict() {
  jq -e --arg verdict "$1" --arg aspect "$2" 'any(.findings[]; .aspect == $aspect and .verdict == $verdict)' <<<"$output" >/dev/null ||
    { echo "not $1: $2"; jq -c --arg aspect "$2" '.findings[] | select(.aspect == $aspect or .verdict == "drift")' <<<"$output"; return 1; }
}
no_drift() {
  audit_json
  [ "$status" -eq 0 ] || { jq -c '.findings[] | select(.verdict == "drift")' <<<"$output"; echo "$stderr"; return 1; }
  [ "$(jq .drift <<<"$output")" = false ]
}

@test "a container as it was made has no drift, created and running" {
  sleeper
  edit '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 64, hard: 128}] | .process.oomScoreAdj = 300
    | .linux.resources = {memory: {limit: 100000001}, pids: {limit: 77}}
    | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
  created
  no_drift
  rt start "$ID"
  no_drift
  verdict 'as asked' 'namespace pid'
  verdict 'as asked' 'capabilities, bounding'
  verdict 'as asked' no_new_privs
  verdict 'as asked' 'seccomp filter'
  verdict 'as asked' 'seccomp program'
  verdict 'as asked' 'device rules'
  verdict 'as asked' RLIMIT_NOFILE
  verdict 'as asked' oom_score_adj
  verdict 'as asked' 'mount /dev'
  verdict 'as asked' 'read-only /proc/sys'
  verdict 'as asked' 'masked /proc/keys'
  run rt audit "$ID"
  succeeded
  expect '^as asked  namespace network: '
  expect '^no drift$'
}

@test "a user namespace, volumes and a read-only root have no drift" {
  sleeper
  chmod -R o+rX "$BATS_RUN_TMPDIR"
  mkdir "$BUNDLE/volume"
  edit '.linux.namespaces += [{type: "user"}] | .root.readonly = true
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}, {containerID: 1000, hostID: 300000, size: 5}]
    | .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
    | .mounts += [{destination: "/mnt", type: "bind", source: "volume", options: ["rbind", "ro", "nosuid"]}]'
  mkdir -p "$ROOTFS/mnt"
  chown -R 100000:100000 "$ROOTFS"
  running || skip "no user namespace with a root file system here: $(cat "$OUT")"
  no_drift
  verdict 'as asked' 'user id map'
  verdict 'as asked' 'mount /mnt'
  verdict 'as asked' 'root file system'
}

@test "what changes from outside is drift, with exit status 1" {
  sleeper
  edit '.linux.resources.pids.limit = 77 | .process.oomScoreAdj = 300'
  running
  no_drift
  echo 99 >"$(cgroup_file pids pids.max)"
  echo 200 >"/proc/$(pid_of)/oom_score_adj"
  # mount(8) and umount(8) read a /proc that has to know them.
  nsenter --target "$(pid_of)" --mount --pid --root --wd=/ /bin/busybox mount -o remount,bind,rw,suid,dev,exec /dev/shm
  nsenter --target "$(pid_of)" --mount --pid --root --wd=/ /bin/busybox umount /proc/keys
  audit_json
  [ "$status" -eq 1 ]
  verdict drift 'cgroup pids.max'
  verdict drift oom_score_adj
  verdict drift 'mount /dev/shm'
  verdict drift 'masked /proc/keys'
  run rt audit "$ID"
  [ "$status" -eq 1 ]
  expect '^drift     cgroup pids.max: asked: 77; in effect: 99$'
  expect '4 in drift'
}

# v1 takes one line; on v2 the program goes, which systemd or another root could do as well.
allow_disks() {
  local list
  list=$(cgroup_file devices devices.allow)
  if [ -e "$list" ]; then echo 'b 8:* r' >"$list"; return; fi
  command -v bpftool >/dev/null || skip 'no bpftool to take the device program away with'
  bpftool cgroup show "$(dirname "$list")" | awk '$2 == "device" || $2 == "cgroup_device" { print $1 }' |
    while read -r program; do bpftool cgroup detach "$(dirname "$list")" device id "$program"; done
}

@test "device rules: one that was added is drift, by update as well; what the kernel does not list is said" {
  sleeper
  running
  no_drift
  verdict 'as asked' 'device rules'
  allow_disks
  audit_json
  [ "$status" -eq 1 ]
  verdict drift 'device rules'
  echo '{"devices": [{"allow": false, "access": "rwm"}]}' | rt update -r - "$ID"
  no_drift
  echo '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "b", "major": 8, "access": "r"}]}' | rt update -r - "$ID"
  audit_json
  [ "$status" -eq 1 ]
  verdict drift 'device rules'
  rt delete --force "$ID"
  edit '.linux.resources.devices = [{"allow": true, "access": "rwm"}, {"allow": false, "type": "b", "major": 8, "minor": 0, "access": "w"}]'
  running
  no_drift
  jq -e 'any(.findings[]; .aspect == "device rules" and (.verdict == "unknown" or (.inEffect | test("BPF"))))' <<<"$output"
}

@test "the seccomp program is compared while the process goes on, and one that it adds is none of ours" {
  sleeper
  edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
  command_is sh -c 'trap "echo heard" USR1; echo ready; while sleep 0.01; do :; done'
  running
  wait_for 5 contains ready "$OUT"
  local round
  for round in 1 2 3 4 5; do
    rt kill "$ID" USR1
    no_drift
    verdict 'as asked' 'seccomp program'
  done
  wait_for 5 contains heard "$OUT"
  has_status running
  # the freezer of cgroup v1 lets nobody stop it, and that is said
  rt pause "$ID"
  no_drift
  jq -e '.findings[] | select(.aspect == "seccomp program") | .verdict == "as asked" or (.inEffect | test("not comparable"))' <<<"$output"
  rt resume "$ID"
}

@test "--no-pivot is remembered" {
  sleeper
  rt create --no-pivot --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
  no_drift
  run -0 rt explain "$ID"
  expect 'as --no-pivot asks'
}

@test "what a process gives up is tighter, and what it mounts is extra" {
  sleeper
  edit '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"] | unique)'
  command_is sh -c 'ulimit -n 32; mount -t tmpfs none /tmp && exec sleep 1000'
  edit '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 64, hard: 128}]'
  running
  wait_for 5 contains '/tmp ' "/proc/$(pid_of)/mounts"
  wait_for 5 contains '^Max open files +32 ' "/proc/$(pid_of)/limits"
  no_drift
  verdict tighter RLIMIT_NOFILE
  verdict extra 'mount /tmp'
}

@test "an edited config.json is told, and the record counts for the process" {
  sleeper
  running
  edit '.process.noNewPrivileges = false | .process.capabilities.bounding = []'
  no_drift
  [ "$(jq '.cautions | length' <<<"$output")" -ge 1 ]
  verdict 'as asked' no_new_privs
}

@test "no container, and one that has stopped" {
  run rt audit nobody
  [ "$status" -eq 1 ]
  expect 'container does not exist'
  make_bundle
  command_is true
  running
  wait_for 5 has_status stopped
  run rt audit "$ID"
  [ "$status" -eq 1 ]
  expect 'container not running'
}

@test "audit: a second /proc over the first, masks and all, is drift" {
  only_toyrun 'a verb of toyrun'
  sleeper
  edit '.process.capabilities[] |= . + ["CAP_SYS_ADMIN"]'
  running
  run -0 rt audit "$ID"
  rt exec "$ID" mount -t proc -o nosuid,nodev,noexec proc /proc
  run -1 rt audit "$ID"
  expect '^drift     masked /proc/keys: '
  expect '^drift     read-only /proc/sys: '
  # gone again, all is as it was
  rt exec "$ID" umount /proc
  run -0 rt audit "$ID"
}

@test "another file system than the one asked for is drift" {
  sleeper
  mkdir -p "$BUNDLE/volume" "$ROOTFS/secret"
  edit '.process.capabilities[] |= . + ["CAP_SYS_ADMIN"]
    | .mounts += [{destination: "/secret", type: "bind", source: "volume", options: ["bind", "ro"]}]'
  running
  no_drift
  # its name removed on the host, as for a file that is replaced there
  rmdir "$BUNDLE/volume"
  mkdir "$BUNDLE/volume"
  no_drift
  rt exec "$ID" sh -c 'umount /secret && mount -t tmpfs -o ro x /secret'
  rt exec "$ID" sh -c 'umount /dev/shm && mount -t proc -o nosuid,nodev,noexec proc /dev/shm'
  rt exec "$ID" sh -c 'umount /proc/sys && mount --bind /dev/shm/sys /proc/sys && mount -o remount,bind,ro /proc/sys'
  audit_json
  [ "$status" -eq 1 ]
  verdict drift 'mount /secret'
  verdict drift 'mount /dev/shm'
  verdict drift 'read-only /proc/sys'
  run -1 rt audit "$ID"
  expect '^drift     mount /dev/shm: asked: a tmpfs, .*; in effect: a proc, '
  expect "^drift     mount /secret: asked: .*/volume of [0-9:]+, ro; in effect: / of [0-9:]+, "
}

@test "what is not there, links, and values that the kernel keeps otherwise are no drift" {
  sleeper
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/whole.json"
  local change
  for change in '.mounts = []' \
    '.mounts = [{destination: "/proc", type: "proc", source: "proc"}, {destination: "/proc", type: "proc", source: "proc"}]' \
    '.linux.maskedPaths += ["/proc/self/oom_score", "/proc/mounts"] | .linux.readonlyPaths += ["/proc/self", "/sys/class/net"]' \
    '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 18446744073709551615}]' \
    '.linux.resources.memory.limit = 9223372036854775807'; do
    jq "$change" "$BATS_TEST_TMPDIR/whole.json" >"$BUNDLE/config.json"
    # jq 1.6 rounds to doubles
    sed -i 's/18446744073709552000/18446744073709551615/; s/9223372036854776000\|9223372036854775807/9223372036854775807/' "$BUNDLE/config.json"
    created || continue # a controller this host lacks
    no_drift || { echo "with $change"; return 1; }
    rt delete --force "$ID"
  done
}

@test "sysctls, the root's propagation and supplementary groups are compared" {
  sleeper
  edit '.linux.sysctl = {"net.ipv4.ip_forward": "0", "net.ipv4.ip_local_port_range": "2000 3000", "kernel.msgmax": "8000"}
    | .linux.rootfsPropagation = "private" | .process.user = {uid: 7, gid: 7, additionalGids: [9, 8]}'
  running
  no_drift
  verdict 'as asked' 'sysctl net.ipv4.ip_forward'
  verdict 'as asked' 'sysctl net.ipv4.ip_local_port_range'
  verdict 'as asked' 'sysctl kernel.msgmax'
  verdict 'as asked' 'propagation of /'
  verdict 'as asked' 'supplementary groups'
  nsenter -t "$(pid_of)" -n sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  nsenter -t "$(pid_of)" -m --root --wd=/ /bin/busybox mount --make-rshared /
  audit_json
  [ "$status" -eq 1 ]
  verdict drift 'sysctl net.ipv4.ip_forward'
  verdict drift 'propagation of /'
  run -1 rt audit "$ID"
  expect '^drift     sysctl net.ipv4.ip_forward: asked: 0; in effect: 1$'
  expect '^drift     propagation of /: asked: private; in effect: shared$'
}
