# SPDX-License-Identifier: Apache-2.0
# Namespaces: new, joined by path, user namespaces with mappings, names of the host, time, sysctl.
load support

own() { readlink "/proc/self/ns/$1"; }

@test "new namespaces are new, missing ones are the runtime's" {
  make_bundle
  run -0 inside 'for n in mnt pid net ipc uts user; do readlink /proc/self/ns/$n; done'
  local n
  for n in mnt pid net ipc uts; do expect_not "^$(own $n | sed 's/[][]/\\&/g')\$"; done
  [ "${lines[5]}" = "$(own user)" ]
  edit '.linux.namespaces |= map(select(.type == "mount" or .type == "pid"))'
  edit 'del(.hostname)'
  run -0 inside 'for n in net ipc uts; do readlink /proc/self/ns/$n; done'
  [ "$output" = "$(for n in net ipc uts; do own $n; done)" ]
}

@test "the program is pid 1 of a new pid namespace" {
  make_bundle
  run -0 inside 'echo $$; ls -d /proc/[0-9]* | wc -l'
  [ "${lines[0]}" = 1 ]
}

@test "a new network namespace has its loopback up" {
  make_bundle
  run -0 inside 'ip addr show lo'
  expect 'LOOPBACK,UP'
  expect '127.0.0.1/8'
}

@test "join by path: network, ipc, uts" {
  make_bundle
  unshare --net --ipc --uts sleep 300 3>&- &
  local holder=$!
  wait_for 5 eval "[ \"\$(readlink /proc/$holder/ns/net)\" != '$(own net)' ]"
  edit '.linux.namespaces |= map(if .type == "network" then .path = "/proc/\($pid)/ns/net" elif .type == "ipc" then .path = "/proc/\($pid)/ns/ipc"
    elif .type == "uts" then .path = "/proc/\($pid)/ns/uts" else . end)' --arg pid "$holder"
  run inside 'for n in net ipc uts; do readlink /proc/self/ns/$n; done; hostname'
  local expected
  expected=$(for n in net ipc uts; do readlink "/proc/$holder/ns/$n"; done)
  kill "$holder"
  succeeded
  [ "$output" = "$expected"$'\n'"$(jq -r .hostname "$BUNDLE/config.json")" ]
}

@test "join a pid namespace by path" {
  make_bundle
  unshare --pid --fork --kill-child sleep 300 3>&- &
  local parent=$! holder
  wait_for 5 pgrep -P "$parent"
  holder=$(pgrep -P "$parent")
  edit '.linux.namespaces |= map(if .type == "pid" then .path = "/proc/\($pid)/ns/pid" else . end)' --arg pid "$holder"
  run inside 'readlink /proc/self/ns/pid; echo $$'
  local expected
  expected=$(readlink "/proc/$holder/ns/pid")
  kill "$holder" "$parent"
  succeeded
  [ "${lines[0]}" = "$expected" ]
  [ "${lines[1]}" != 1 ]
}

@test "a path of the wrong type, and one that is no namespace, are refused" {
  not_on crun 'other words'
  make_bundle
  edit '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/uts" else . end)'
  leaves_nothing inside true
  failed
  expect 'namespace|/proc/self/ns/uts'
  edit '.linux.namespaces |= map(if .type == "network" then .path = "/etc/passwd" else . end)'
  leaves_nothing inside true
  failed
  expect 'namespace|/etc/passwd'
  edit '.linux.namespaces |= map(if .type == "network" then .path = "/no/such/namespace" else . end)'
  leaves_nothing inside true
  failed
  expect '/no/such/namespace'
}

@test "hostname and domainname" {
  make_bundle
  edit '.hostname = "box.example"'
  run -0 inside 'hostname; cat /proc/sys/kernel/hostname'
  [ "$output" = $'box.example\nbox.example' ]
  not_on runc '1.1.5 knows no domainname'
  edit '.domainname = "example.net"'
  run -0 inside 'cat /proc/sys/kernel/domainname'
  [ "$output" = example.net ]
  [ "$(hostname)" != box.example ]
}

@test "a hostname without a uts namespace is refused" {
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "uts")) | .hostname = "box"'
  leaves_nothing inside true
  failed
  expect '[Hh]ostname|UTS'
}

@test "cgroup namespace: the root is the container's cgroup" {
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "cgroup")) + [{"type": "cgroup"}]'
  run -0 inside 'cat /proc/self/cgroup'
  expect '(:pids:|^0::)/$'
  expect_not toytest.d
}

user_namespace() {
  make_bundle
  edit '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    | .linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 65536}]'
  chown -hR 100000:200000 "$ROOTFS"
  # the directories above the bundle must let the mapped root through
  chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR" "$BUNDLE" 2>/dev/null || true
}

@test "user namespace: mappings, ids and ownership" {
  user_namespace
  run -0 inside 'cat /proc/self/uid_map /proc/self/gid_map; id -u; touch /tmp/mine; stat -c %u:%g /tmp/mine /bin'
  expect '^ +0 +100000 +65536$'
  expect '^ +0 +200000 +65536$'
  expect '^0:0$'
  [ "$(stat -c %u:%g "$ROOTFS/tmp/mine")" = 100000:200000 ]
}

@test "user namespace: devices are there and work" {
  user_namespace
  run -0 inside 'echo x >/dev/null; head -c 3 /dev/zero | wc -c; ls -la /dev/tty'
  expect '^3$'
}

@test "user namespace: another user, groups" {
  user_namespace
  edit '.process.user = {"uid": 1000, "gid": 1001, "additionalGids": [5]}'
  run -0 inside 'id -u; id -g; grep Groups /proc/self/status'
  [ "${lines[0]}" = 1000 ]
  [ "${lines[1]}" = 1001 ]
  expect 'Groups:[[:space:]]5'
}

@test "user namespace: exec joins it with the same mapping" {
  user_namespace
  command_is sleep 1000
  running
  run -0 rt exec "$ID" sh -c 'id -u; cat /proc/self/uid_map'
  [ "${lines[0]}" = 0 ]
  expect '100000'
}

@test "user namespace: masks, read-only root, hooks of a mount" {
  user_namespace
  edit '.root.readonly = true | .linux.maskedPaths += ["/etc/passwd"]'
  run inside 'wc -c </etc/passwd; touch /x'
  expect '^0$'
  expect 'Read-only'
}

@test "user namespace without mappings is refused" {
  make_bundle
  edit '.linux.namespaces += [{"type": "user"}]'
  leaves_nothing inside true
  failed
}

@test "mappings without a user namespace are refused" {
  not_on crun 'accepts them'
  not_on runc "1.1.5 ignores them"
  make_bundle
  edit '.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
  leaves_nothing inside true
  failed
  expect '[Uu]ser namespace|[Mm]apping'
}

@test "join a user namespace by path" {
  only_spec 'runc 1.1.5 wants mappings too'
  make_bundle
  unshare --user --map-users=100000,0,65536 --map-groups=200000,0,65536 sleep 300 3>&- &
  local holder=$!
  wait_for 5 grep -q 100000 "/proc/$holder/uid_map" || skip 'unshare cannot map here'
  chown -hR 100000:200000 "$ROOTFS"
  chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR" "$BUNDLE" 2>/dev/null || true
  edit '.linux.namespaces += [{"type": "user", "path": "/proc/\($pid)/ns/user"}]' --arg pid "$holder"
  run inside 'id -u; cat /proc/self/uid_map'
  kill "$holder"
  succeeded
  [ "${lines[0]}" = 0 ]
  expect 100000
}

@test "time namespace with offsets" {
  not_on runc '1.1.5 knows no time namespace'
  not_on crun '1.8.1 knows no offsets'
  make_bundle
  edit '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"boottime": {"secs": 1000000, "nanosecs": 0}, "monotonic": {"secs": 5, "nanosecs": 7}}'
  run -0 inside 'cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets'
  [ "${lines[0]}" -ge 1000000 ]
  expect 'monotonic +5 +7'
}

@test "sysctl of an own namespace is set, a host's is refused" {
  make_bundle
  edit '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.shmmni": "4000", "net.ipv4.ip_local_port_range": "2000 3000"}'
  run -0 inside 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni; cat /proc/sys/net/ipv4/ip_local_port_range'
  [ "${lines[0]}" = 1 ]
  [ "${lines[1]}" = 4000 ]
  expect '2000[[:space:]]3000'
  edit '.linux.sysctl = {"kernel.panic": "1"}'
  leaves_nothing inside true
  failed
  expect 'kernel.panic'
  edit '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces |= map(select(.type != "network"))'
  leaves_nothing inside true
  failed
  expect 'net.ipv4.ip_forward'
}

@test "sysctl of a namespace that is joined by path, and is the host's" {
  not_on crun 'does not check'
  make_bundle
  edit '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/net" else . end)'
  leaves_nothing inside true
  failed
  expect 'net.ipv4.ip_forward|net/ipv4/ip_forward'
  unshare --net sleep 300 3>&- &
  local holder=$!
  wait_for 5 eval "[ \"\$(readlink /proc/$holder/ns/net)\" != '$(own net)' ]"
  edit '.linux.namespaces |= map(if .type == "network" then .path = "/proc/\($pid)/ns/net" else . end)' --arg pid "$holder"
  run inside 'cat /proc/sys/net/ipv4/ip_forward'
  kill "$holder"
  succeeded
  [ "$output" = 1 ]
}

@test "no pid namespace" {
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "pid"))'
  run -0 inside 'readlink /proc/self/ns/pid'
  [ "$output" = "$(own pid)" ]
}
