# SPDX-License-Identifier: Apache-2.0
# toyrun network and the org.toyrun.network.* annotations. The run's own network namespace stands for the host, another
# one, joined to it by a veth pair, for the world outside.
load support

setup() {
  begin_test
  only_toyrun 'networks'
  mountpoint -q /var/lib/toyrun 2>/dev/null || { mkdir -p /var/lib/toyrun && mount -t tmpfs lib /var/lib/toyrun; }
  rm -rf /var/lib/toyrun/networks
  neighbour outside world0 198.51.100 2001:db8:51
  SERVERS=()
  host_state >"$BATS_TEST_TMPDIR/before"
}
teardown() {
  local pid
  for pid in "${SERVERS[@]}"; do kill "$pid" 2>/dev/null || true; done
  end_test
  ip netns del outside 2>/dev/null || true
  ip netns del elsewhere 2>/dev/null || true
  ip link del world0 2>/dev/null || true
  sysctl -qw net.bridge.bridge-nf-call-ip6tables=1 2>/dev/null || true
}

# neighbour NAME DEVICE V4 V6: a network namespace behind that device of the host, which is number 1 of both subnets; it is number 2.
neighbour() {
  ip netns add "$1"
  ip link add "$2" type veth peer name eth0 netns "$1" || skip 'no veth devices here'
  ip addr add "$3.1/24" dev "$2"
  ip addr add "$4::1/64" dev "$2" nodad
  ip link set "$2" up
  ip -n "$1" addr add "$3.2/24" dev eth0
  ip -n "$1" addr add "$4::2/64" dev eth0 nodad
  ip -n "$1" link set eth0 up
}

# What a network must not leave behind.
host_state() {
  nft list ruleset
  ip -o link | sed 's/^[0-9]*: //' | cut -d: -f1 | sort
  ip route
  ip -6 route show table all | grep -vE '^(multicast|anycast)|fe80:' | sort # link-local ones come late
  cut -d' ' -f4,5 /proc/self/mountinfo
  cgroup_directories | sort
}
same_as_before() { host_state | diff "$BATS_TEST_TMPDIR/before" -; }

network() { "$TOYRUN" network "$@" 3>&- 4>&-; }
# wants KEY VALUE...: annotations below org.toyrun.network.
wants() {
  while [ $# -gt 0 ]; do
    edit '.annotations["org.toyrun.network." + $key] = $value' --arg key "$1" --arg value "$2"
    shift 2
  done
}
box() { # box ID: a running container; one bundle serves several, each with a cgroup of its own
  edit ".linux.cgroupsPath = \"$(cgroups_path "-$1")\""
  rt create --bundle "$BUNDLE" "$1" </dev/null >"$OUT" 2>&1 || { cat "$OUT"; return 1; }
  rt start "$1"
}
inside_of() { nsenter --net="/proc/$(pid_of "$1")/ns/net" "${@:2}" 3>&- 4>&-; } # inside_of ID COMMAND...
serve() {
  inside_of "$1" python3 "$SYSTEM/network_peers.py" serve "${@:2}" >"$BATS_TEST_TMPDIR/served-$1" 2>&1 </dev/null &
  SERVERS+=($!)
  wait_for 10 grep -q ready "$BATS_TEST_TMPDIR/served-$1"
}
ask() { python3 "$SYSTEM/network_peers.py" ask "$@"; }
outside() { ip netns exec outside python3 "$SYSTEM/network_peers.py" "$@"; }
address_of() { jq -r ".containers[] | select(.id == \"$1\") | .endpoints[0].addresses[${2:-0}]" /run/toyrun-networks/leases.json; }

@test "without annotations nothing of the host is touched" {
  sleeper
  running
  [ ! -e /run/toyrun-networks/leases.json ] || run -0 jq -e '.containers == []' /run/toyrun-networks/leases.json
  run -0 nft list ruleset
  [ -z "$output" ]
  run -0 inside_of "$ID" ip -o link
  [ "${#lines[@]}" -eq 1 ]
}

@test "the default network: address, routes, bridge; delete leaves the host as it was" {
  sleeper
  wants names default
  box one
  [ "$(address_of one)" = 10.200.0.2 ]
  run -0 inside_of one ip -o addr show dev eth0
  expect 'inet 10\.200\.0\.2/24'
  run -0 inside_of one ip route
  expect '^default via 10\.200\.0\.1 dev eth0'
  run -0 ip -o addr show dev toy0
  expect 'inet 10\.200\.0\.1/24'
  run -0 network inspect default
  [ "$(jq -r '.containers[0].id' <<<"$output")" = one ]
  rt delete -f one
  same_as_before
}

@test "published ports: from outside, the host, loopback and containers; TCP and UDP, IPv4 and IPv6" {
  network create front --subnet 10.201.0.0/24 --subnet fd00:201::/64
  sleeper
  wants names front
  box asker
  wants ports 8080:80,8080:80/udp,127.0.0.1:8081:81,9000-9001:80-81
  box server
  serve server 80 81
  local kind target
  for kind in tcp udp; do
    for target in 198.51.100.1 2001:db8:51::1; do
      run -0 outside ask "$kind" "$target" 8080
      expect "^$kind 80 from (198\.51\.100\.2|2001:db8:51::2)\$" # who asks is seen
      run -0 inside_of asker python3 "$SYSTEM/network_peers.py" ask "$kind" "$target" 8080
      run -0 inside_of server python3 "$SYSTEM/network_peers.py" ask "$kind" "$target" 8080
    done
    for target in 127.0.0.1 10.201.0.1 198.51.100.1 fd00:201::1 2001:db8:51::1; do
      run -0 ask "$kind" "$target" 8080
      expect "^$kind 80"
    done
  done
  run -0 outside ask tcp 198.51.100.1 9001
  expect '^tcp 81'
  run -0 ask tcp 127.0.0.1 8081
  expect '^tcp 81'
  run outside ask tcp 198.51.100.1 8081 # only published on loopback
  failed
  sysctl -qw net.bridge.bridge-nf-call-ip6tables=0 || true
  run -0 ask tcp ::1 8080
  expect '^tcp 80'
  run -0 ask udp ::1 8080
  rt delete -f server
  run ask tcp 127.0.0.1 8080
  failed
  rt delete -f asker
  network rm front
  same_as_before
}

@test "what is not published is not reachable; containers reach out and hide behind the host" {
  sleeper
  wants names default
  box one
  serve one 80
  ip -n outside route add 10.200.0.0/24 via 198.51.100.1 # a neighbour that tries
  run outside ask tcp 10.200.0.2 80
  failed
  # packets for the host's loopback address, from a neighbour and from a container
  python3 "$SYSTEM/network_peers.py" serve 7777 >"$BATS_TEST_TMPDIR/host" &
  SERVERS+=($!)
  wait_for 10 grep -q ready "$BATS_TEST_TMPDIR/host"
  inside_of one ip route add 127.0.0.2/32 via 10.200.0.1 dev eth0 2>/dev/null || true
  inside_of one sysctl -qw net.ipv4.conf.eth0.route_localnet=1
  inside_of one ip route del local 127.0.0.0/8 dev lo table local 2>/dev/null || true
  run inside_of one python3 "$SYSTEM/network_peers.py" ask tcp 127.0.0.2 7777
  failed
  ip netns exec outside python3 "$SYSTEM/network_peers.py" serve 99 >"$BATS_TEST_TMPDIR/world" &
  SERVERS+=($!)
  wait_for 10 grep -q ready "$BATS_TEST_TMPDIR/world"
  run -0 inside_of one python3 "$SYSTEM/network_peers.py" ask tcp 198.51.100.2 99
  expect 'from 198\.51\.100\.1$'
}

@test "networks are apart from each other; a container in two reaches both; an internal one leads nowhere" {
  network create front --subnet 10.201.0.0/24
  network create back --subnet 10.202.0.0/24 --internal
  sleeper
  wants names front
  box a
  wants names back
  box b
  wants names back,front ports 8080:80
  box both
  serve a 80
  serve b 80
  serve both 80
  local peers=$SYSTEM/network_peers.py
  run inside_of a python3 "$peers" ask tcp "$(address_of b)" 80
  failed
  run -0 inside_of both python3 "$peers" ask tcp "$(address_of a)" 80
  run -0 inside_of both python3 "$peers" ask tcp "$(address_of b)" 80
  run -0 inside_of b python3 "$peers" ask tcp "$(address_of both)" 80
  run -0 outside ask tcp 198.51.100.1 8080
  run inside_of b python3 "$peers" ask tcp 198.51.100.1 8080
  failed
  run -0 inside_of b ip route
  expect_not default
  run -0 inside_of both ip route
  expect '^default via 10\.201\.0\.1 dev eth1'
}

@test "connect and disconnect: a running container joins and leaves networks; routes and ports follow" {
  network create front --subnet 10.201.0.0/24
  network create back --subnet 10.202.0.0/24 --internal
  network create other --subnet 10.203.0.0/24 --subnet fd00:203::/64
  sleeper
  wants names front ports 8080:80
  box a
  wants names back
  edit 'del(.annotations["org.toyrun.network.ports"])'
  box b
  serve a 80
  local peers=$SYSTEM/network_peers.py
  run inside_of b python3 "$peers" ask tcp 10.201.0.2 80
  failed
  rt network connect --ip 10.202.0.9 --alias db back a
  run -0 inside_of b python3 "$peers" ask tcp 10.202.0.9 80
  run -0 network leases
  expect '^back	a	eth1	10\.202\.0\.9	db	8080:80/tcp	10\.202\.0\.1$'
  run -0 inside_of a ip route
  expect '^default via 10\.201\.0\.1 dev eth0'
  # out of the network that its default route and its port led through, with another open one
  rt network connect other a
  rt network disconnect front a
  run -0 inside_of a ip route
  expect '^default via 10\.203\.0\.1 dev eth2'
  run -0 inside_of a ip -6 route
  expect '^default via fd00:203::1 dev eth2'
  run -0 outside ask tcp 198.51.100.1 8080
  rt network connect front a # eth0 is free again
  run -0 inside_of a ip -o addr show dev eth0
  expect 'inet 10\.201\.0\.2/24'
  # into an open one: now there is a way out
  rt network connect front b
  run -0 inside_of b ip route
  expect '^default via 10\.201\.0\.1 dev eth1'
  run rt network connect front b
  failed
  expect 'b is in the network front already'
  run rt network disconnect other b
  failed
  expect 'b is not in the network other'
  run rt network connect --ip 10.99.0.1 other b
  failed
  expect '10\.99\.0\.1 lies in no subnet'
  run -0 network leases
  expect_not '^other	b	'
  wants mode none
  edit 'del(.annotations["org.toyrun.network.names"])'
  box alone
  run rt network connect front alone
  failed
  expect 'alone has no networks of its own'
  run rt network connect front nobody
  failed
  expect 'container does not exist'
  rt kill alone KILL
  wait_for 10 has_status stopped alone
  run rt network connect front alone
  failed
  expect 'container not running'
  for id in a b alone; do rt delete -f $id; done
  same_as_before
}

@test "fixed addresses, aliases, any free port, MTU and the name of the bridge" {
  network create front --subnet 10.201.0.0/24 --gateway 10.201.0.254 --mtu 1400 --bridge br-front
  sleeper
  wants names front addresses 10.201.0.77 aliases web,web.local ports 0:80
  box one
  run -0 inside_of one ip -o addr show dev eth0
  expect 'inet 10\.201\.0\.77/24'
  run -0 inside_of one ip -o link show dev eth0
  expect 'mtu 1400'
  run -0 ip -o addr show dev br-front
  expect '10\.201\.0\.254/24'
  run -0 network inspect front
  [ "$(jq -c '.containers[0].aliases' <<<"$output")" = '["web","web.local"]' ]
  serve one 80
  run -0 outside ask tcp 198.51.100.1 "$(jq -r '.containers[0].ports[0]' <<<"$output" | cut -d: -f1)"
}

@test "refused in one sentence, and nothing is left" {
  sleeper
  wants names nowhere
  leaves_nothing created
  failed
  expect 'there is no network nowhere; make it with: toyrun network create nowhere'
  wants names default addresses 10.200.0.1
  leaves_nothing created
  expect "the address 10.200.0.1 of the network default is its gateway's"
  wants addresses 192.0.2.9
  leaves_nothing created
  expect 'the address 192.0.2.9 lies in no subnet'
  wants addresses '' ports 8080:80
  python3 "$SYSTEM/network_peers.py" serve 8080 >"$BATS_TEST_TMPDIR/host" &
  SERVERS+=($!)
  wait_for 10 grep -q ready "$BATS_TEST_TMPDIR/host"
  leaves_nothing created
  expect 'port 8080/tcp is taken by a program on this host'
  wants ports 192.0.2.1:80:80
  leaves_nothing created
  expect 'this host has no address 192.0.2.1'
  same_as_before
  wants ports 9090:80 addresses 10.200.0.9
  box first
  edit ".linux.cgroupsPath = \"$(cgroups_path -second)\""
  wants ports 0.0.0.0:9090:81 addresses ''
  run rt create --bundle "$BUNDLE" second
  expect 'port 9090/tcp of 0.0.0.0 is taken by the container first'
  wants ports '' addresses 10.200.0.9
  run rt create --bundle "$BUNDLE" second
  expect 'the address 10.200.0.9 of the network default is taken by the container first'
  run network rm default
  failed
  expect 'the network default is in use by first'
}

leaves_nothing() {
  run "$@"
  failed
  [ ! -e /run/toyrun-networks/leases.json ] || jq -e '.containers == []' /run/toyrun-networks/leases.json
}

@test "what init has to say is not lost, and what was made for it goes" {
  sleeper
  wants names default ports 8080:80
  local round
  for round in 1 2 3 4 5; do # init may end before or after it is connected
    command_is no-such-program
    run rt run --bundle "$BUNDLE" "$ID"
    failed
    expect 'executable file not found in \$PATH'
    command_is /etc
    run rt run --bundle "$BUNDLE" "$ID"
    expect 'permission denied|is a directory'
  done
  same_as_before
}

@test "network create and rm: what is refused" {
  run network create x --subnet 10.200.0.128/25
  failed
  expect 'overlaps with the network default \(10\.200\.0\.0/24\)'
  run network create x --subnet 198.51.100.0/28
  failed
  expect "overlaps with this host's route to 198\.51\.100\.0/24"
  run network create x --subnet 10.9.0.0/31
  expect 'too small'
  run network create x --subnet 10.9.0.0
  expect 'is no prefix'
  run network create x --gateway 10.9.0.1
  expect 'lies in no subnet of x'
  run network create x --bridge lo
  expect 'this host has a network device lo already'
  run network create ../x
  expect 'is no name of a network'
  run network rm x
  failed
  expect 'there is no network x'
  run -0 network create x --ipv6
  run network create x
  expect 'there is a network x already'
  run -0 network ls -q
  [ "$output" = $'default\nx' ]
  run -0 network inspect x
  [[ $(jq -r '.subnets[1].subnet' <<<"$output") == fd*::/64 ]]
  network rm x
  run -0 network create default --subnet 10.99.0.0/24
  run -0 network inspect default
  [ "$(jq -r '.bridge + " " + .subnets[0].gateway' <<<"$output")" = 'toy0 10.99.0.1' ]
  network rm default
  same_as_before
}

@test "a bridge that is not ours, a subnet that the host routes by now: refused, and left alone" {
  sleeper
  wants names default
  ip link add toy0 type bridge
  run created
  failed
  expect "network device toy0 that is not toyrun's"
  run -0 ip link show toy0
  ip link del toy0
  ip addr add 10.200.0.9/16 dev world0
  run created
  failed
  expect "overlaps with this host's route to 10\.200\.0\.0/16"
  ip addr del 10.200.0.9/16 dev world0
  same_as_before
}

@test "modes none, host and container:ID" {
  sleeper
  wants names default
  box one
  edit '.annotations = {"org.toyrun.network.mode": "container:one"}'
  box two
  [ "$(readlink "/proc/$(pid_of one)/ns/net")" = "$(readlink "/proc/$(pid_of two)/ns/net")" ]
  wants mode container:none-such
  run created three
  expect 'mode: container:none-such: container does not exist'
  mv "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/with.json"
  jq 'del(.annotations) | .linux.namespaces |= map(select(.type != "network"))' "$BATS_TEST_TMPDIR/with.json" >"$BUNDLE/config.json"
  box on_host
  cp "$BATS_TEST_TMPDIR/with.json" "$BUNDLE/config.json"
  wants mode container:on_host
  run created three
  failed
  expect "mode: container:on_host: it has no network namespace of its own: its network is the host's"
  wants mode none
  box three
  run -0 inside_of three ip -o link
  [ "${#lines[@]}" -eq 1 ]
  wants mode host
  run created four
  expect '"host" needs /linux/namespaces without a network namespace'
}

@test "fifty containers on one network reach each other" {
  sleeper
  wants names default
  local count=${TOY_NETWORK_CONTAINERS:-50} number
  for ((number = 1; number <= count; number++)); do box "c$number"; done
  mapfile -t addresses < <(jq -r '.containers[].endpoints[0].addresses[0]' /run/toyrun-networks/leases.json)
  [ "$(printf '%s\n' "${addresses[@]}" | sort -u | wc -l)" -eq "$count" ]
  for ((number = 1; number <= count; number++)); do serve "c$number" 80; done
  for number in 1 $((count / 2)) "$count"; do
    run -0 inside_of "c$number" python3 "$SYSTEM/network_peers.py" sweep 80 "${addresses[@]}"
    [ "$output" = "$count" ]
  done
  for ((number = 1; number <= count; number++)); do rt delete -f "c$number"; done
  same_as_before
}

@test "many at the same time get addresses and ports of their own" {
  sleeper
  wants names default ports 0:80
  local number jobs=()
  for number in 1 2 3 4 5 6 7 8; do
    cp -r "$BUNDLE" "$BUNDLE$number"
    sed -i "s|\"cgroupsPath\": *\"[^\"]*\"|\"cgroupsPath\": \"$(cgroups_path "-p$number")\"|" "$BUNDLE$number/config.json"
    rt create --bundle "$BUNDLE$number" "p$number" </dev/null >"$OUT$number" 2>&1 &
    jobs+=($!)
  done
  for number in "${jobs[@]}"; do wait "$number"; done
  [ "$(jq -r '.containers[].endpoints[0] | .link, .addresses[0]' /run/toyrun-networks/leases.json | sort -u | wc -l)" -eq 16 ]
  [ "$(jq -r '.containers[].ports[0]' /run/toyrun-networks/leases.json | sort -u | wc -l)" -eq 8 ]
  for number in 1 2 3 4 5 6 7 8; do rt delete -f "p$number"; done
  same_as_before
}

@test "killed at random moments: delete and the next command leave nothing" {
  sleeper
  wants names default ports 8080:80
  local round victim
  for ((round = 0; round < ${TOY_KILL_ROUNDS:-12}; round++)); do
    # in a process group of its own: init and the helper programs are left as a kill finds them
    setsid "$TOYRUN" --root "$STATE" create --bundle "$BUNDLE" victim </dev/null >/dev/null 2>&1 3>&- 4>&- &
    victim=$!
    python3 -c "import time; time.sleep($((RANDOM % 70)) / 1000)"
    kill -9 "$victim" 2>/dev/null || true
    wait "$victim" 2>/dev/null || true
    rt delete -f victim
    # init may have to find out first that its parent is gone
    wait_for 10 same_as_before >"$BATS_TEST_TMPDIR/difference" || { cat "$BATS_TEST_TMPDIR/difference"; return 1; }
  done
  # a record that vanished, as if somebody had removed it
  box gone
  kill -9 "$(pid_of gone)"
  rm "$STATE/gone.json"
  network rm default
  cgroup_directories | xargs -r rmdir # the record was what named them
  wait_for 10 same_as_before
}

@test "delete killed at random moments is done by the next delete" {
  sleeper
  wants names default ports 8080:80
  local round victim
  for ((round = 0; round < ${TOY_KILL_ROUNDS:-12}; round++)); do
    created victim
    setsid "$TOYRUN" --root "$STATE" delete -f victim </dev/null >/dev/null 2>&1 3>&- 4>&- &
    victim=$!
    python3 -c "import time; time.sleep($((RANDOM % 60)) / 1000)"
    kill -9 "$victim" 2>/dev/null || true
    wait "$victim" 2>/dev/null || true
    rt delete -f victim
    wait_for 10 same_as_before >"$BATS_TEST_TMPDIR/difference" || { cat "$BATS_TEST_TMPDIR/difference"; return 1; }
  done
}

@test "after a reboot: definitions are there, nothing else is, and the next container has all it needs" {
  network create front --subnet 10.201.0.0/24
  sleeper
  wants names front ports 8080:80
  box one
  # what a reboot leaves of it
  kill -9 "$(pid_of one)"
  wait_for 10 has_status stopped one
  cgroup_directories | xargs -r rmdir
  nft flush ruleset
  ip link del toy1
  rm -rf "$STATE" /run/toyrun-networks
  mkdir "$STATE"
  sysctl -qw net.ipv4.ip_forward=0
  run -0 network ls -q
  [ "$output" = $'default\nfront' ]
  box two
  serve two 80
  run -0 outside ask tcp 198.51.100.1 8080
  rt delete -f two
  same_as_before
}

@test "a network of IPv6 alone" {
  network create six --subnet fd00:206::/64
  sleeper
  wants names six ports 8080:80 addresses fd00:206::9
  box one
  serve one 80
  run -0 outside ask tcp 2001:db8:51::1 8080
  expect '^tcp 80 from 2001:db8:51::2$'
  run -0 inside_of one ip -6 route
  expect '^default via fd00:206::1 dev eth0'
  run outside ask tcp 198.51.100.1 8080
  failed
  wants ports 127.0.0.1:8081:80 addresses ''
  edit ".linux.cgroupsPath = \"$(cgroups_path -two)\""
  run rt create --bundle "$BUNDLE" two
  failed
  expect 'port 127\.0\.0\.1:8081:80/tcp cannot be published: the container has no IPv4 address'
  rt delete -f one
  same_as_before
}

@test "the host routes for containers only, and is as it was after the last one" {
  forwarding() { cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding /proc/sys/net/ipv6/conf/world0/accept_ra; }
  neighbour elsewhere world1 203.0.113 2001:db8:52
  ip -n outside route add default via 198.51.100.1
  ip -n outside -6 route add default via 2001:db8:51::1
  ip -n elsewhere route add default via 203.0.113.1
  ip -n elsewhere -6 route add default via 2001:db8:52::1
  ip netns exec elsewhere python3 "$SYSTEM/network_peers.py" serve 80 >"$BATS_TEST_TMPDIR/elsewhere" 2>&1 </dev/null 3>&- &
  SERVERS+=($!)
  wait_for 10 grep -q ready "$BATS_TEST_TMPDIR/elsewhere"
  sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
  local before target
  before=$(forwarding)
  network create both --ipv6
  sleeper
  wants names both
  box one
  run -0 inside_of one python3 "$SYSTEM/network_peers.py" ask tcp 203.0.113.2 80
  for target in 203.0.113.2 2001:db8:52::2; do
    run ! outside ask tcp "$target" 80
    expect_not 'refused'
  done
  # devices that come later are not toyrun's business: whoever brings them counts on forwarding
  ip link add late type bridge
  rt delete -f one
  [ "$(head -1 /proc/sys/net/ipv4/ip_forward)" = 1 ]
  ip link del late
  box one
  rt delete -f one
  [ "$(forwarding)" = "$before" ]
  # an administrator's own forwarding goes on, with containers and after them
  sysctl -qw net.ipv4.ip_forward=1
  box one
  run -0 outside ask tcp 203.0.113.2 80
  rt delete -f one
  run -0 outside ask tcp 203.0.113.2 80
  sysctl -qw net.ipv4.ip_forward=0
  ip netns del elsewhere
}

@test "CVE-2020-13401: no container's router advertisement changes the routes of the host or another container" {
  sleeper
  wants names default
  box one
  box two
  network create both --ipv6
  wants names both
  box three
  box four
  [ "$(cat /proc/sys/net/ipv6/conf/toy0/disable_ipv6)" = 1 ]
  run -0 inside_of one ip -6 addr show dev eth0
  [ -z "$output" ]
  local sender
  for sender in one three; do
    inside_of "$sender" python3 "$SYSTEM/network_peers.py" advertise eth0
  done
  # what was sent before these has been dealt with
  serve two 80
  serve four 80
  run -0 ask tcp "$(address_of two)" 80
  run -0 ask tcp "$(address_of four 1)" 80
  run -0 inside_of one python3 "$SYSTEM/network_peers.py" ask tcp "$(address_of two)" 80
  run -0 inside_of three python3 "$SYSTEM/network_peers.py" ask tcp "$(address_of four 1)" 80
  run ip -6 route
  expect_not '2001:db8:bad|proto ra'
  run inside_of two ip -6 route
  expect_not '2001:db8:bad|proto ra'
  run -0 inside_of four ip -6 route
  expect_not '2001:db8:bad|proto ra'
}

@test "a container does not pass for the host's loopback" {
  sleeper
  wants names default ports 8080:80
  box one
  python3 "$SYSTEM/network_peers.py" hear 9999 >"$OUT.heard" 2>&1 </dev/null 3>&- &
  local listener=$!
  wait_for 10 grep -q ready "$OUT.heard"
  inside_of one ip addr add 127.0.0.2/32 dev eth0
  inside_of one sysctl -qw net.ipv4.conf.eth0.route_localnet=1
  run ! inside_of one python3 "$SYSTEM/network_peers.py" ask udp 10.200.0.1 9999 127.0.0.2
  run -0 inside_of one python3 "$SYSTEM/network_peers.py" ask udp 10.200.0.1 9999
  wait "$listener"
  [ "$(tail -1 "$OUT.heard")" = 10.200.0.2 ]
}

@test "a client that sends UDP all along reaches a port when it is published, and the next container" {
  sleeper
  wants names default ports 8080:80
  box first # from now on connections are tracked
  run ! outside ask udp 198.51.100.1 5353 198.51.100.2:7777
  wants ports 5353:53/udp
  box one
  serve one 53
  run -0 outside ask udp 198.51.100.1 5353 198.51.100.2:7777
  expect '^udp 53 from 198\.51\.100\.2$'
  rt delete -f one
  wants ports ''
  box placeholder # so that the next one has another address
  wants ports 5353:53/udp
  box two
  [ "$(address_of two)" != "$(address_of placeholder)" ]
  serve two 53
  run -0 outside ask udp 198.51.100.1 5353 198.51.100.2:7777
}

@test "features tells engines that these annotations change what is done" {
  run -0 rt features
  jq -e '.potentiallyUnsafeConfigAnnotations | index("org.toyrun.network.")' <<<"$output"
}

@test "the rules are made anew by the next container when somebody flushed them" {
  sleeper
  wants names default ports 8080:80
  box one
  serve one 80
  nft flush ruleset
  run ask tcp 127.0.0.1 8080
  failed
  wants ports 8081:80
  box two
  run -0 ask tcp 127.0.0.1 8080
}

@test "an ordinary user has pasta, and a clear sentence without it" {
  command -v pasta >/dev/null || skip 'no pasta here: package passt'
  make_bundle
  local home
  home=$(mktemp -d /tmp/toytest-pasta.XXXXXX)
  install -m 755 "$TOYRUN" "$home/toyrun"
  mv "$ROOTFS" "$home/rootfs"
  chown -hR 65534:65534 "$home"
  as_user() { (cd "$home" && /usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups ./toyrun --root "$home/state" "$@" </dev/null 3>&- 4>&-); }
  as_user spec --rootless
  jq '.process.terminal = false | .root.readonly = false | .process.args = ["sleep", "1000"] |
      .linux.namespaces += [{"type": "network"}] | .linux.namespaces |= unique |
      .annotations = {"org.toyrun.network.ports": "8088:80"}' "$home/config.json" >"$BATS_TEST_TMPDIR/config"
  install -o 65534 -m 644 "$BATS_TEST_TMPDIR/config" "$home/config.json"
  ip route add default via 198.51.100.2
  mkdir -p /dev/net && mknod -m 666 /dev/net/tun c 10 200
  PATH=/nowhere run as_user run -d one
  failed
  expect 'needs pasta, of the package passt'
  as_user run -d one >"$OUT" 2>&1 || { cat "$OUT"; rm -rf "$home"; return 1; }
  local pid
  pid=$(as_user state one | jq .pid)
  nsenter --user="/proc/$pid/ns/user" --net="/proc/$pid/ns/net" python3 "$SYSTEM/network_peers.py" serve 80 >"$BATS_TEST_TMPDIR/served" 2>&1 3>&- &
  SERVERS+=($!)
  wait_for 10 grep -q ready "$BATS_TEST_TMPDIR/served"
  run -0 ask tcp 127.0.0.1 8088
  expect '^tcp 80'
  local number began
  read -r number began <"$home/state/one.pasta"
  [ "$began" = "$(cut -d' ' -f22 "/proc/$number/stat")" ]
  as_user delete -f one
  run pgrep '^pas(ta|st)'
  failed
  # another process has the number by now, and even the name
  as_user run -d one >"$OUT" 2>&1
  read -r number began <"$home/state/one.pasta"
  kill -9 "$number"
  cp "$(command -v sleep)" "$home/pastry"
  setpriv --reuid=65534 --regid=65534 --clear-groups "$home/pastry" 1000 3>&- &
  SERVERS+=($!)
  wait_for 5 pgrep -x pastry
  echo "$! $((began - 1))" >"$home/state/one.pasta" # on a fast machine both may have begun in the same tick
  as_user delete -f one
  pgrep -x pastry
  ip route del default
  rm -r /dev/net
  rm -rf "$home"
}
