# SPDX-License-Identifier: Apache-2.0
# linux.netDevices: devices of the host move into the container's network namespace. The run has a network namespace of
# its own, so veth pairs come and go here.
load support

setup() {
  begin_test
  only_spec 'newer than 1.1.5 and 1.8.1'
  ip link add toya0 type veth peer name toya1 2>/dev/null || skip 'no veth devices here'
}
teardown() {
  ip link del toya1 2>/dev/null || true
  end_test
}

@test "a device moves with its addresses, is renamed and set up" {
  make_bundle
  ip addr add 192.0.2.7/24 dev toya0
  ip addr add 2001:db8::7/64 dev toya0 nodad
  ip link set toya0 mtu 1400 up
  edit '.linux.netDevices = {"toya0": {"name": "inside0"}}'
  run -0 inside 'ip addr show dev inside0; ip link | grep -c toya || true'
  expect 'inside0.*[<,]UP[,>].* mtu 1400'
  expect 'inet 192\.0\.2\.7/24'
  expect 'inet6 2001:db8::7/64'
  [ "${lines[-1]}" = 0 ]
}

@test "a device keeps its name, or takes a template's" {
  make_bundle
  edit '.linux.netDevices = {"toya0": {}, "toya1": {"name": "eth%d"}}'
  run -0 inside 'ip -o link | cut -d: -f2 | cut -d@ -f1'
  expect '^ toya0$'
  expect '^ eth0$'
}

@test "into a joined network namespace; a name that is taken there is refused" {
  make_bundle
  ip netns add toytest
  ip -n toytest link add taken type veth peer name other
  edit '.linux.netDevices = {"toya0": {"name": "taken"}} | .linux.namespaces |= map(if .type == "network" then .path = "/run/netns/toytest" else . end)'
  run inside true
  local first_status=$status first=$output
  edit '.linux.netDevices = {"toya0": {"name": "free"}}'
  run inside 'ip -o link show dev free'
  ip -n toytest link del free || true
  ip netns del toytest
  [ "$first_status" -ne 0 ]
  [[ $first == *"/linux/netDevices/toya0: the container has a device taken already"* ]]
  succeeded
}

@test "a missing device, no network namespace of its own: refused" {
  make_bundle
  edit '.linux.netDevices = {"toynone": {}}'
  leaves_nothing inside true
  failed
  expect '/linux/netDevices/toynone: there is no such network device on the host'
  edit '.linux.netDevices = {"toya0": {}} | .linux.namespaces |= map(select(.type != "network"))'
  leaves_nothing inside true
  failed
  expect 'without a private NET namespace'
}

@test "a create that fails later gives the devices back as they were" {
  make_bundle
  ip addr add 192.0.2.7/24 dev toya0
  ip link set toya0 up
  local before
  before=$(ip -o -4 addr show dev toya0)
  edit '.linux.netDevices = {"toya0": {"name": "inside0"}, "toya1": {}} | .hooks.createRuntime = [{"path": "/bin/false"}]'
  leaves_nothing inside true
  failed
  expect createRuntime
  [ "$(ip -o -4 addr show dev toya0)" = "$before" ]
  [[ $(ip -o link show dev toya0) == *'<'*UP*'>'* ]]
  ip link show dev toya1
}

@test "hooks find the devices in place" {
  make_bundle
  edit '.linux.netDevices = {"toya0": {"name": "inside0"}} | .hooks.createContainer =
    [{"path": "/bin/sh", "args": ["sh", "-c", "ip -o link show dev inside0 >$0", $out], "env": ["PATH=/usr/sbin:/sbin:/usr/bin:/bin"]}]' --arg out "$OUT"
  run -0 inside true
  grep -q inside0 "$OUT"
}
