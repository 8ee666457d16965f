# SPDX-License-Identifier: Apache-2.0
# toydock: networks, names and published ports. The run's network namespace stands for the host, another one for the world.
load toydock

setup() {
  use_root "$BATS_TEST_TMPDIR/root"
  WORLD=
}
teardown() {
  end_toydock
  for network in $(td network ls -q 2>/dev/null); do td network rm "$network" >/dev/null 2>&1 || true; done
  [ -z "$WORLD" ] || kill "$WORLD" 2>/dev/null || true
  ip link del outside 2>/dev/null || true
  sysctl -qw net.bridge.bridge-nf-call-ip6tables=1 2>/dev/null || true
}

# world: a network namespace, 192.0.2.2 and 2001:db8::2, that reaches the host at 192.0.2.1 and 2001:db8::1
world() {
  unshare --net sleep 1000 3>&- 4>&- &
  WORLD=$!
  in_another_network() { [ "$(readlink "/proc/$WORLD/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
  wait_for 5 in_another_network
  ip link add outside type veth peer name eth0 netns "$WORLD"
  ip addr add 192.0.2.1/24 dev outside
  ip -6 addr add 2001:db8::1/64 dev outside nodad
  ip link set outside up
  from_world ip addr add 192.0.2.2/24 dev eth0
  from_world ip -6 addr add 2001:db8::2/64 dev eth0 nodad
  from_world ip link set eth0 up
  from_world ip link set lo up
}
from_world() { nsenter -t "$WORLD" -n -- "$@"; }

# everything of the host that a network can leave
host_network() {
  ip -o link | awk '{print $2}' | sort
  nft list ruleset
  ip route
  cut -d' ' -f5 /proc/self/mountinfo | sort
  find /sys/fs/cgroup -type d -path '*/toytest.d/toydock/*'
}

# web NAME OPTION...: serves its own name
web() {
  local name=$1
  shift
  td run -d --name "$name" "$@" "$IMAGE" sh -c "mkdir /www; echo $name >/www/index.html; exec httpd -f -h /www" >/dev/null
}
answers() { [ "$(wget -q -t 1 -T 2 -O - "http://$1" 2>/dev/null)" = "$2" ]; }

# echo_server NAME OPTION...: port 53/udp of a container sends back what it gets; ECHO is the server
echo_server() {
  td run -d --name "$@" "$IMAGE" sleep 1000 >/dev/null
  # busybox has no program for it: this one runs in the container's network only
  nsenter -t "$(td inspect -f '{{.State.Pid}}' "$1")" -n python3 -c 'import socket
server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
server.bind(("::", 53))
while True: server.sendto(*server.recvfrom(100))' 3>&- 4>&- &
  ECHO=$!
  cat >"$BATS_TEST_TMPDIR/ask.py" <<'PYTHON'
import socket, sys
client = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(2)
client.sendto(b"ping", (sys.argv[1], 5353))
print(client.recv(100).decode())
PYTHON
}
udp() { [ "$(python3 "$BATS_TEST_TMPDIR/ask.py" "$1" 2>/dev/null)" = ping ]; }

@test "network: containers know each other by name, alias and id, as they come and go" {
  web first --network-alias www
  wait_for 10 answers "$(td inspect -f '{{.NetworkSettings.IPAddress}}' first)" first
  run -0 td run --rm --name second "$IMAGE" sh -c 'for host in first www; do wget -q -O - http://$host/; done; ping -c1 -W2 second >/dev/null && cat /etc/hosts'
  [ "${lines[0]} ${lines[1]}" = 'first first' ]
  expect "^10.200.0.2[[:space:]].*first"
  run -0 td exec first cat /etc/hosts
  expect_not second
  td run -d --name third "$IMAGE" sleep 1000
  run -0 td exec first ping -c1 -W2 third
  td rm -f third
  run ! td exec first ping -c1 -W2 third
  td rename first renamed
  td restart -t 0 renamed
  run -0 td run --rm "$IMAGE" wget -q -O - http://renamed/
  [ "$output" = first ]
}

@test "network: published ports from the world, the host and loopback, tcp and udp, and what is taken is said" {
  world
  web web -p 8080:80 -p '127.0.0.1:8081:80;192.0.2.1:8082:80'
  wait_for 10 answers 127.0.0.1:8080 web
  answers 192.0.2.1:8080 web
  run -0 from_world wget -q -t 1 -T 5 -O - http://192.0.2.1:8080/
  [ "$output" = web ]
  answers 127.0.0.1:8081 web
  run ! from_world wget -q -t 1 -T 2 -O - http://192.0.2.1:8081/
  run -0 from_world wget -q -t 1 -T 5 -O - http://192.0.2.1:8082/
  run -0 td port web
  expect '80/tcp -> 0.0.0.0:8080'
  [ "$(td inspect -f '{{json .NetworkSettings.Ports}}' web | jq -r '."80/tcp" | map(.HostPort) | join(" ")')" = '8080 8081 8082' ]
  run -0 td ps
  expect '8080->80/tcp'
  run -125 td run -d --name other -p 8080:80 "$IMAGE" sleep 10
  expect 'port 8080.* is taken by the container web'
  expect "another port"
  echo_server echo -p 5353:53/udp
  wait_for 10 udp 127.0.0.1
  udp 192.0.2.1
  run -0 from_world python3 "$BATS_TEST_TMPDIR/ask.py" 192.0.2.1
  [ "$output" = ping ]
  kill $ECHO
  # any free port
  web any -p 80
  run -0 td port any 80
  wait_for 10 answers "127.0.0.1:${output##*:}" any
  run -125 td run -p 70000:1 "$IMAGE" true
  run -125 td run -p nonsense "$IMAGE" true
  expect 'is not understood'
}

@test "network: published ports of IPv6 from the world, the host, loopback and containers; hairpin" {
  world
  # as toyrun(8) has it: where bridged packets pass the firewall, the kernel drops the answers to ::1
  sysctl -qw net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null || true
  td network create --subnet 10.79.0.0/24 --subnet fd00:79::/64 six
  web web --network six -p 8080:80
  web other --network six -p '[::1]:8081:80' -p '[2001:db8::1]:8082:80'
  wait_for 10 answers '[::1]:8080' web
  wait_for 10 answers '[::1]:8081' other
  answers '[2001:db8::1]:8080' web
  answers '[2001:db8::1]:8082' other
  answers 127.0.0.1:8080 web
  run ! answers 127.0.0.1:8081 other
  run -0 from_world wget -q -t 1 -T 5 -O - 'http://[2001:db8::1]:8080/'
  [ "$output" = web ]
  run -0 from_world wget -q -t 1 -T 5 -O - 'http://[2001:db8::1]:8082/'
  run ! from_world wget -q -t 1 -T 2 -O - 'http://[2001:db8::1]:8081/'
  run -0 from_world wget -q -t 1 -T 5 -O - http://192.0.2.1:8080/
  # over the host's address: from a neighbour, from itself, from another network
  local address from
  for address in 192.0.2.1 '[2001:db8::1]'; do
    for from in other web; do
      run -0 td exec $from timeout 5 wget -q -O - "http://$address:8080/"
      [ "$output" = web ]
    done
  done
  run -0 td run --rm "$IMAGE" timeout 5 wget -q -O - http://192.0.2.1:8080/
  [ "$output" = web ]
  # by name over either
  run -0 td exec other grep -cE '^(10.79.0.|fd00:79::)[0-9]+.web ' /etc/hosts
  [ "$output" = 2 ]
  echo_server echo --network six -p 5353:53/udp
  for address in 127.0.0.1 ::1 192.0.2.1 2001:db8::1; do wait_for 10 udp "$address"; done
  for address in 192.0.2.1 2001:db8::1; do run -0 from_world python3 "$BATS_TEST_TMPDIR/ask.py" "$address"; done
  run -0 nsenter -t "$(td inspect -f '{{.State.Pid}}' web)" -n python3 "$BATS_TEST_TMPDIR/ask.py" 2001:db8::1
  kill $ECHO
  run -0 td port other
  expect '80/tcp -> ::1:8081'
  td rm -f web other echo
  td network rm six
}

@test "network: one's own: subnet, fixed addresses, internal, IPv6, isolation, removal" {
  td network create --subnet 10.77.0.0/24 --gateway 10.77.0.254 front
  td network create --internal --ipv6 --subnet fd00:77::/64 back
  web one --network front --ip 10.77.0.9
  wait_for 10 answers 10.77.0.9 one
  run -0 td inspect -f '{{.NetworkSettings.Networks.front.IPAddress}} {{.NetworkSettings.Networks.front.Gateway}}' one
  [ "$output" = '10.77.0.9 10.77.0.254' ]
  run -0 td run --rm --network front "$IMAGE" wget -q -O - http://one/
  [ "$output" = one ]
  run ! td run --rm "$IMAGE" ping -c1 -W1 one # another network
  run -0 td run --rm --network front --network back "$IMAGE" sh -c 'ls /sys/class/net; ip -6 addr show scope global'
  expect eth1
  expect 'fd00:77::'
  run -125 td run --rm --network front --ip 10.77.0.9 "$IMAGE" true
  run ! td network rm front
  expect 'in use'
  td rm -f one
  td network rm front back
  run -125 td run --rm --network front "$IMAGE" true
  expect 'toydock network create front'
}

@test "network: none, host, and that of another container" {
  web one
  serves() { td run --rm --network container:one "$IMAGE" wget -q -O /dev/null http://127.0.0.1/; }
  wait_for 10 serves
  run -0 td run --rm --network container:one "$IMAGE" sh -c 'wget -q -O - http://127.0.0.1/; hostname'
  [ "${lines[0]}" = one ]
  [ "${lines[1]}" = "$(td exec one hostname)" ]
  run -0 td run --rm --network none "$IMAGE" ls /sys/class/net
  [ "$output" = lo ]
  run -125 td run --rm --network none -p 80:80 "$IMAGE" true
  expect 'no ports'
  run -125 td run --rm --network container:nobody "$IMAGE" true
  run -125 td run --rm --volumes-from nobody "$IMAGE" true
  status_is one running # what fails takes nobody else with it
}

@test "network: ${TOYDOCK_MANY:-20} containers on one network reach each other by name; removing all leaves nothing" {
  local count=${TOYDOCK_MANY:-20} number
  td network create many
  td run --rm "$IMAGE" true # the default network stays once it is made
  host_network >"$BATS_TEST_TMPDIR/before"
  for ((number = 1; number <= count; number++)); do web "node$number" --network many; done
  run -0 td exec "node$count" sh -c "for i in \$(seq $count); do wget -q -O - http://node\$i/; done"
  [ "${#lines[@]}" = "$count" ]
  [ "${lines[0]}" = node1 ]
  run -0 td exec node1 sh -c "for i in \$(seq $count); do wget -q -O - http://node\$i/; done"
  [ "${lines[$((count - 1))]}" = "node$count" ]
  for ((number = 1; number <= count; number++)); do td rm -f "node$number" >/dev/null; done
  host_network >"$BATS_TEST_TMPDIR/after"
  diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "network connect and disconnect: now, and at the next start; names, ports and addresses follow" {
  td network create --subnet 10.78.0.0/24 other
  web one -p 8080:80
  web two --network other
  run ! td exec two timeout 2 wget -q -O - http://one/
  td network connect --ip 10.78.0.9 --alias first other one
  run -0 td exec two sh -c 'wget -q -O - http://one/; wget -q -O - http://first/; wget -q -O - http://10.78.0.9/'
  [ "${lines[*]}" = 'one one one' ]
  run -0 td exec one wget -q -O - http://two/
  [ "$(td inspect -f '{{.NetworkSettings.Networks.other.IPAddress}}' one)" = 10.78.0.9 ]
  run -0 td network inspect -f '{{range .Containers}}{{.Name}}={{.IPv4Address}} {{end}}' other
  expect 'one=10.78.0.9'
  run ! td network connect other one
  expect 'is in the network other already'
  # it stays so
  td restart -t 0 one
  wait_for 10 answers 10.78.0.9 one
  run -0 td exec two wget -q -O - http://first/
  # its port goes on through the network that is left
  td network disconnect default one
  wait_for 10 answers 127.0.0.1:8080 one
  [ "$(td inspect -f '{{len .NetworkSettings.Networks}}' one)" = 1 ]
  run ! td network disconnect default one
  expect 'is not in the network default'
  td network disconnect other one
  run ! td exec two timeout 2 wget -q -O - http://one/
  run -0 td exec two cat /etc/hosts
  expect_not 'one'
  td restart -t 0 one
  run -0 td exec one ls /sys/class/net
  [ "$output" = lo ]
  td stop -t 0 one
  td network connect other one
  td start one
  wait_for 10 answers 127.0.0.1:8080 one
  run -0 td exec two wget -q -O - http://one/
  run ! td network connect nosuchnetwork one
  expect 'toydock network create nosuchnetwork'
  td run -d --name bare --network none "$IMAGE" sleep 1000
  run ! td network connect other bare
  expect 'toydock run --network other'
  td rm -f one two bare
  td network rm other
}

@test "hosts: a container that holds a lease on its own holds up nobody" {
  td run -d --name leaseholder "$IMAGE" sleep 1000
  python3 -c '
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
files = [os.open(path, os.O_RDONLY) for path in sys.argv[1:]]
for file in files: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
os.write(1, b"held")
signal.pause()' "$TOYDOCK_ROOT/containers/$(td inspect -f '{{.Id}}' leaseholder)/hosts" >"$BATS_TEST_TMPDIR/lease" 3>&- 4>&- &
  local lease=$!
  wait_for 10 test -s "$BATS_TEST_TMPDIR/lease"
  run -0 timeout 20 "$REPO/scripts/toydock" run --rm --name other "$IMAGE" grep -c leaseholder /etc/hosts
  [ "$output" = 1 ]
  kill $lease
  wait $lease || true
  td run -d --name third "$IMAGE" sleep 1000
  run -0 td exec leaseholder grep -c third /etc/hosts
}

@test "network ls -f and volume ls -f are filters, and what is not understood lists and removes nothing" {
  td network create keep1 >/dev/null
  td network create keep2 >/dev/null
  run -0 td network ls -qf name=foo
  [ -z "$output" ]
  run -0 td network ls -qf name=eep2 -f name=eep1
  [ "$output" = $'keep1\nkeep2' ]
  run -0 td network ls -q --filter name=eep --filter name=keep2 --filter driver=bridge --filter type=custom --filter dangling=true
  [ "$output" = $'keep1\nkeep2' ]
  run -0 td network ls -q --filter type=builtin --filter name=keep
  [ -z "$output" ]
  run -0 td network ls --filter name=keep1
  [[ $output == *keep1*bridge* && $output != *keep2* ]]
  for words in '--filter label=a' '--filter dangling' 'keep1' '-q --format {{.Name}}'; do
    run -1 td network ls $words
    [[ $output != *$'\n'keep* ]]
  done
  run -1 td network prune --filter label=a -f
  run -1 td network prune surplus -f
  run -1 td network prune </dev/null
  [[ $output == *'toydock network prune -f'* ]]
  [ "$(td network ls -qf name=keep)" = $'keep1\nkeep2' ]
  [ "$(td network inspect -f '{{.Name}}' keep1)" = keep1 ]
  run -0 td network rm -f keep1 nosuch
  [ "$output" = keep1 ]
  run -0 td network prune -f
  [[ $output == *keep2* ]]
  td volume create used >/dev/null
  td volume create free >/dev/null
  td create --name user -v used:/v "$IMAGE" true >/dev/null
  run -0 td volume ls -qf dangling=true
  [ "$output" = free ]
  run -0 td volume ls -q -f name=use -f dangling=false
  [ "$output" = used ]
  run -1 td volume ls -q true
  run -1 td volume ls -qf label=a
  run -1 td volume prune --filter all=1 -f
  [ "$(td volume inspect -f '{{.Name}}' free)" = free ]
  run -0 td volume rm -f nosuch free
  [ "$output" = free ]
  run -1 td ps web
  [[ $output == *"'web' is a word too many"* ]]
}
