# SPDX-License-Identifier: Apache-2.0
# Three Docker daemons as three machines: each with network, mount, pid and UTS namespaces of its own, on one bridge.
# The kernel may lack IPVS, so names of services resolve to the tasks themselves (dnsrr).
load engines
load dockerd

setup_file() {
  engine_begin swarm
  export DOCKER_CONFIG=$WORK
  export BRIDGE=toyswarm
  ip link add "$BRIDGE" type bridge
  ip address add 10.99.0.254/24 dev "$BRIDGE"
  ip link set "$BRIDGE" up
  for number in 1 2 3; do machine "$number"; done
  for number in 1 2 3; do
    wait_for 60 node_answers "$number" || { tail -20 "$WORK/node$number/log"; return 1; }
    on "$number" load --quiet --input "$(busybox_archive)"
  done
  on 1 swarm init --advertise-addr 10.99.0.1 --dispatcher-heartbeat 2s
  token=$(on 1 swarm join-token --quiet manager)
  on 2 swarm join --advertise-addr 10.99.0.2 --token "$token" 10.99.0.1:2377
  on 3 swarm join --advertise-addr 10.99.0.3 --token "$token" 10.99.0.1:2377
}
teardown_file() {
  engine_end
  ip link delete "$BRIDGE" 2>/dev/null || true
  for number in 1 2 3; do ip netns delete "toynode$number" 2>/dev/null || true; done
}

# machine NUMBER: tini is its init, dockerd its only service; its death takes everything of it away.
machine() {
  local number=$1
  ip netns add "toynode$number"
  ip link add "toynode$number" type veth peer name eth0 netns "toynode$number"
  ip link set "toynode$number" master "$BRIDGE" up
  ip -n "toynode$number" address add "10.99.0.$number/24" dev eth0
  ip -n "toynode$number" link set lo up
  ip -n "toynode$number" link set eth0 up
  mkdir -p "$WORK/node$number"
  CGROUP_PARENT=$CGROUP_PARENT/node$number daemon_json "$WORK/node$number"
  in_background "$WORK/node$number/log" nsenter "--net=/run/netns/toynode$number" \
    unshare --mount --pid --uts --ipc --fork --kill-child --mount-proc --propagation private \
    bash -c 'hostname "node$1" && mount --bind "$2" /mnt && mount -t tmpfs run /run && mkdir -p "$2" && mount --move /mnt "$2" && exec tini-static -- dockerd --config-file "$2/daemon.json" --data-root "$2/data" --host "unix://$2/docker.sock"' \
    machine "$number" "$WORK/node$number"
  echo "$BACKGROUND" >"$WORK/node$number/pid"
}
# on NUMBER WORD...: docker on that node.
on() { /usr/bin/docker --host "unix://$WORK/node$1/docker.sock" "${@:2}" 3>&- 4>&- </dev/null; }
node_answers() { on "$1" version >/dev/null 2>&1; }
# where SERVICE: the nodes of its running tasks, counted.
where() { on 1 service ps --filter desired-state=running --format '{{.CurrentState}} {{.Node}}' "$1" | awk '$1 == "Running" { print $NF }' | sort | uniq -c; }
tasks_run() { [ "$(where "$1" | awk '{ n += $1 } END { print n + 0 }')" = "$2" ]; }
nodes_used() { [ "$(where "$1" | wc -l)" = "$2" ]; }
node_is() { [ "$(on 1 node ls --filter "name=node$1" --format '{{.Status}}')" = "$2" ]; }
container_on() { on "$1" ps --quiet --filter label=com.docker.swarm.service.name="$2" | head -1; }

@test "swarm: three managers, the runtime is ours" {
  run -0 on 2 node ls --format '{{.Hostname}} {{.Status}} {{.ManagerStatus}}'
  [ "$(grep -c Ready <<<"$output")" = 3 ]
  run -0 on 3 info --format '{{.DefaultRuntime}} {{.Swarm.Managers}}'
  [ "$output" = 'tested 3' ]
}

@test "swarm: a replicated service runs on all nodes and is reachable between them" {
  on 1 network create --driver overlay --attachable net
  on 1 service create --detach --name web --replicas 6 --network net --endpoint-mode dnsrr --limit-memory 32m --restart-delay 1s busybox httpd -f -p 80 -h /www
  wait_for 120 tasks_run web 6
  nodes_used web 3
  on 2 ps --quiet --no-trunc | while read -r id; do [ "$(on 2 inspect --format '{{.HostConfig.Runtime}} {{.HostConfig.Memory}}' "$id")" = 'tested 33554432' ]; done
  run -0 on 3 run --rm --network net busybox nslookup web
  for address in $(sed -nE 's/^Address.*: (10\.[0-9.]+)$/\1/p' <<<"$output" | sort -u); do
    run -0 on 3 run --rm --network net busybox wget -q -O - "http://$address/"
    [ "$output" = served ]
  done
}

@test "swarm: a killed task is replaced" {
  on 1 service create --detach --name single --network net --endpoint-mode dnsrr --constraint node.hostname==node1 --restart-delay 0s busybox sleep 1000
  wait_for 60 tasks_run single 1
  first=$(container_on 1 single)
  kill -9 "$(pid_on 1 "$first")"
  replaced() { [ -n "$(container_on 1 single)" ] && [ "$(container_on 1 single)" != "$first" ]; }
  wait_for 60 replaced
  on 1 service rm single
}
# pid_on NODE CONTAINER: the node tells the pid in its own namespace.
pid_on() {
  local inner pid
  inner=$(on "$1" inspect --format '{{.State.Pid}}' "$2")
  for pid in $(stranger_pids); do
    [ "$(awk '/^NSpid:/ { print $3 }' "/proc/$pid/status" 2>/dev/null)" = "$inner" ] && grep -q "node$1/" "/proc/$pid/cgroup" && echo "$pid"
  done
}

@test "swarm: scaling and a rolling update" {
  on 1 service scale --detach web=3
  wait_for 60 tasks_run web 3
  on 1 service update --detach --env-add COLOUR=green --update-parallelism 3 --update-delay 0s --stop-grace-period 1s web
  updated() { on 1 service inspect --format '{{.UpdateStatus.State}}' web | grep -q completed; }
  wait_for 120 updated
  on 1 service scale --detach web=6
  wait_for 60 tasks_run web 6
}

@test "swarm: the service survives the loss of a node" {
  kill -9 "$(cat "$WORK/node3/pid")"
  wait_for 60 node_is 3 Down
  all_elsewhere() { tasks_run web 6 && ! where web | grep -q node3; }
  wait_for 120 all_elsewhere
  nodes_used web 2
  run -0 on 1 run --rm --network net busybox wget -q -O - http://web/
  [ "$output" = served ]
}

@test "swarm: nothing is left" {
  on 1 service rm web
  no_tasks() { [ -z "$(on 1 ps --quiet)$(on 2 ps --quiet)" ]; }
  wait_for 60 no_tasks
  for number in 1 2; do
    root=/proc/$(pgrep -f "^dockerd.*node$number/")/root
    [ -d "$root/run/docker" ]
    [ -z "$(ls "$root"/run/docker/runtime-*/moby)" ]
    [ -z "$(find /sys/fs/cgroup -mindepth 2 -type d -path "*$CGROUP_PARENT/node$number/*")" ]
  done
  # unshare, which holds the machine, ignores TERM
  for number in 1 2; do end_background "$(pgrep -f "^dockerd.*node$number/")"; done
  for number in 1 2 3; do ip netns delete "toynode$number"; done
  ip link delete "$BRIDGE"
  # nobody was left on the lost node to remove its cgroups; the others keep the empty parents of theirs
  find /sys/fs/cgroup -mindepth 2 -depth -type d -path "*$CGROUP_PARENT/node*" -exec rmdir {} +
  nothing_is_left
}
