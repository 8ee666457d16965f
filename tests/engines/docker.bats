# SPDX-License-Identifier: Apache-2.0
# dockerd with the runtime as its default, through its own containerd and shim.
load engines
load dockerd

setup_file() {
  engine_begin docker
  export DOCKER_CONFIG=$WORK
  start_dockerd
  docker load --quiet --input "$(busybox_archive)"
}
teardown_file() {
  remove_all
  engine_end
}
teardown() { remove_all; }

# One by one: dockerd 20.10 knows a deadlock of two containers that give back their networks (libnetwork's watchLoop).
remove_all() { docker ps --all --quiet | xargs -r -n 1 /usr/bin/docker --host "unix://$WORK/docker.sock" rm --force --volumes >/dev/null 2>&1 3>&- 4>&- || true; }

d() { docker "$@"; }
one() { docker run --rm --network none "$@"; }
sleeps() { docker run --detach --network none --name "$1" "${@:2}" busybox sleep 1000 >"$OUT"; }
inspect() { docker inspect --format "$1" "$2"; }
has_output() { docker logs "$2" 2>&1 | grep -q -- "$1"; }
is() { [ "$(inspect "$1" "$2")" = "$3" ]; }

@test "docker: the runtime is ours" {
  run -0 d info --format '{{.DefaultRuntime}} {{.CgroupDriver}}'
  [ "$output" = 'tested cgroupfs' ]
  sleeps cc
  is '{{.HostConfig.Runtime}}' cc tested
  run -0 ls /run/docker/runtime-*/moby
  expect "^$(inspect '{{.Id}}' cc)"
}

@test "docker: output, user and exit status of run" {
  run -7 one --user 5:6 --workdir /tmp --env COLOUR=green --hostname inner busybox sh -c 'id -u; id -g; pwd; echo $COLOUR; hostname; exit 7'
  expect '^5$' && expect '^6$' && expect '^/tmp$' && expect '^green$' && expect '^inner$'
}

@test "docker: 125, 126, 127" {
  not_on crun "its wording does not tell the client a missing program"
  run -127 one busybox /no/such/program
  run -127 one busybox nosuchprogram
  run -126 one busybox /etc/passwd
  run -126 one busybox /etc
  run -125 one --memory 1 busybox true
  run -125 one --volume /proc/version:/etc busybox true
}

@test "docker: run -it at a terminal" {
  run -3 at_terminal --size 33x77 --after '# ' --type 'stty size; test -t 0 && echo tty-$((40+2)); exit 3\n' \
    /usr/bin/docker --host "unix://$WORK/docker.sock" run --rm --network none -it busybox sh
  expect tty-42
}

@test "docker: exec, exec -it and their exit codes" {
  sleeps cc
  run -0 d exec --env A=b --user 3 --workdir /etc cc sh -c 'echo $A $(id -u) $(pwd)'
  [ "$output" = 'b 3 /etc' ]
  run -5 d exec cc sh -c 'exit 5'
  run d exec cc nosuchprogram
  [ "$status" -eq 126 ] || [ "$status" -eq 127 ]
  expect 'executable file.*not found'
  run -126 d exec cc /etc/passwd
  expect 'permission denied'
  run -4 at_terminal --after '# ' --type 'test -t 0 && echo tty-$((40+2)); exit 4\n' /usr/bin/docker --host "unix://$WORK/docker.sock" exec -it cc sh
  expect tty-42
  d exec --detach cc touch /tmp/made
  wait_for 5 d exec cc test -e /tmp/made
}

@test "docker: standard input" {
  run -0 bash -c "/usr/bin/docker --host unix://$WORK/docker.sock run --rm --network none --interactive busybox cat 3>&- 4>&- <<<'through stdin'"
  [ "$output" = 'through stdin' ]
}

@test "docker: top, logs, stats" {
  sleeps cc --user 4
  run -0 d top cc
  expect 'sleep 1000'
  d run --name talker --network none busybox sh -c 'echo to-out; echo to-err >&2'
  run -0 d logs talker
  expect to-out && expect to-err
  run -0 d stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' cc
  expect '^cc 1 [1-9].*(KiB|MiB) /'
}

@test "docker: stop sends TERM, then KILL; start again" {
  d run -d --network none --name polite busybox sh -c "$(trapper)"
  wait_for 10 has_output waiting polite
  d stop --time 10 polite
  is '{{.State.ExitCode}} {{.State.Status}}' polite '9 exited'
  d start polite
  is '{{.State.Status}}' polite running
  d run -d --network none --name stubborn busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done'
  d stop --time 1 stubborn
  is '{{.State.ExitCode}}' stubborn 137
}

@test "docker: audit finds no drift in what the engine made" {
  only_toyrun 'no reference audits a container'
  sleeps plain --volume /etc/hostname:/h:ro --volume kept:/data --tmpfs /t:size=1m --memory 64m --cpus 0.5 --pids-limit 50 --sysctl net.ipv4.ip_forward=0 \
    --group-add 5 --user 7
  sleeps privileged --privileged
  sleeps shared --read-only --ipc host --pid host
  local name record
  for name in plain privileged shared; do
    record=$(find /run -path '*/runtime-*/moby/*' -name "$(inspect '{{.Id}}' "$name").json" 2>/dev/null)
    run -0 "$RUNTIME_PATH" --root "$(dirname "$record")" audit "$(basename "$record" .json)"
    expect '^no drift$'
  done
}

@test "docker: kill with a signal, wait, restart" {
  d run -d --network none --name cc busybox sh -c "trap 'exit 21' USR1; echo waiting; while :; do sleep 0.1; done"
  wait_for 10 has_output waiting cc
  d kill --signal USR1 cc
  run -0 d wait cc
  [ "$output" = 21 ]
  d restart --time 0 cc
  is '{{.State.Status}}' cc running
}

@test "docker: pause and unpause" {
  sleeps cc
  d pause cc
  is '{{.State.Status}}' cc paused
  frozen "$(inspect '{{.Id}}' cc)"
  run d exec cc true
  failed
  d unpause cc
  run -0 d exec cc true
}

@test "docker: limits are in effect, update changes them" {
  sleeps cc --memory 64m --memory-swap 128m --cpus 0.5 --cpuset-cpus 0 --pids-limit 25
  id=$(inspect '{{.Id}}' cc)
  [ "$(memory_limit "$id")" = 67108864 ]
  [ "$(cpu_limit "$id")" = '50000 100000' ]
  [ "$(pids_limit "$id")" = 25 ]
  run -0 d exec cc sh -c 'for i in $(seq 40); do sleep 5 & done 2>&1 | head -3; grep Cpus_allowed_list /proc/self/status'
  expect "can't fork" && expect '[[:space:]]0$'
  d update --memory 96m --memory-swap 200m --cpus 0.25 --pids-limit 30 cc
  [ "$(memory_limit "$id")" = 100663296 ]
  [ "$(cpu_limit "$id")" = '25000 100000' ]
  [ "$(pids_limit "$id")" = 30 ]
}

@test "docker: a container beyond its memory is killed, and said to be" {
  # the shim looks for it only once the program runs
  run -137 d run --network none --name eater --memory 16m --memory-swap 16m busybox sh -c 'sleep 1; exec tail -c 100000000 /dev/zero'
  is '{{.State.OOMKilled}}' eater true
}

@test "docker: events" {
  since=$(date +%s)
  d run --name cc --network none busybox true
  sleeps dd
  d pause dd
  d unpause dd
  d exec dd true
  d kill dd
  d wait dd
  run -0 d events --since "$since" --until "$(($(date +%s) + 1))" --format '{{.Action}} {{.Actor.Attributes.name}}'
  for event in create start die; do expect "^$event cc$"; done
  for event in pause unpause 'exec_start: true ' exec_die kill die; do expect "^$event dd$"; done
}

@test "docker: a restart policy" {
  d run -d --network none --name cc --restart on-failure:2 busybox sh -c 'exit 3'
  restarted() { is '{{.RestartCount}} {{.State.Status}}' cc '2 exited'; }
  wait_for 30 restarted
  d run -d --network none --name dd --restart always busybox sleep 1000
  kill -9 "$(inspect '{{.State.Pid}}' dd)"
  revived() { is '{{.RestartCount}} {{.State.Status}}' dd '1 running'; }
  wait_for 30 revived
}

@test "docker: a health check" {
  d run -d --network none --name cc --health-cmd 'test -e /tmp/healthy' --health-interval 500ms --health-retries 1 busybox sleep 1000
  health() { is '{{.State.Health.Status}}' cc "$1"; }
  wait_for 20 health unhealthy
  d exec cc touch /tmp/healthy
  wait_for 20 health healthy
}

@test "docker: --init, --read-only, --tmpfs" {
  run -0 one --init busybox ps
  expect '^ +1 .*docker-init'
  run -0 one --read-only --tmpfs /scratch:size=1m,mode=700 busybox sh -c 'touch /x 2>&1; touch /scratch/x && echo written; stat -c %a /scratch'
  expect 'Read-only file system' && expect '^written$' && expect '^700$'
}

@test "docker: devices, sysctls, shm size, limits" {
  run -0 one --device /dev/full:/dev/brimful:rw --sysctl kernel.msgmax=4096 --shm-size 3m --ulimit nofile=77:88 busybox sh -c \
    'echo x 2>&1 >/dev/brimful; cat /proc/sys/kernel/msgmax; df -k /dev/shm | tail -1; ulimit -n; ulimit -Hn'
  expect 'No space left' && expect '^4096$' && expect ' 3072 ' && expect '^77$' && expect '^88$'
  run -0 one --device /dev/fuse:/dev/fuse:r busybox sh -c '(exec 3>/dev/fuse) 2>&1; (exec 3</dev/fuse) && echo readable'
  expect 'Operation not permitted' && expect '^readable$'
}

@test "docker: --privileged" {
  only_spec "a capability that cannot be given must not be an error, and is"
  run -0 one --privileged busybox sh -c 'mount -t tmpfs none /tmp && echo mounted; grep Seccomp: /proc/self/status; ls /dev/full'
  expect '^mounted$' && expect '[[:space:]]0$' && expect '^/dev/full$'
  sleeps cc
  run -0 d exec --privileged cc grep CapEff /proc/self/status
  expect 'f[ef]ffffff$'
}

@test "docker: capabilities, no-new-privileges, seccomp" {
  run -0 one --cap-drop ALL busybox grep -E 'Cap(Eff|Bnd)' /proc/self/status
  expect_not '[1-9a-f]$'
  run -0 one --cap-drop ALL --cap-add NET_BIND_SERVICE --security-opt no-new-privileges busybox grep -E 'CapEff|NoNewPrivs' /proc/self/status
  expect 'CapEff:[[:space:]]0000000000000400' && expect 'NoNewPrivs:[[:space:]]1'
  run -0 one busybox sh -c 'grep Seccomp: /proc/self/status; unshare -U true 2>&1; true'
  expect '2$' && expect 'Operation not permitted'
  echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}' >"$BATS_TEST_TMPDIR/profile.json"
  run -0 one --security-opt seccomp="$BATS_TEST_TMPDIR/profile.json" busybox sh -c 'mkdir /tmp/x 2>&1; touch /tmp/y && echo fine'
  expect 'not supported' && expect '^fine$'
}

@test "docker: volumes: named, bound, read-only, shared" {
  mkdir "$BATS_TEST_TMPDIR/host"
  echo from-host >"$BATS_TEST_TMPDIR/host/file"
  run -0 one --volume data:/data --volume "$BATS_TEST_TMPDIR/host:/host:ro" busybox sh -c 'cat /host/file; touch /host/x 2>&1; echo kept >/data/file'
  expect '^from-host$' && expect 'Read-only file system'
  run -0 one --mount type=volume,source=data,target=/data busybox cat /data/file
  [ "$output" = kept ]
  d volume rm data
}

@test "docker: namespaces of the host and of another container" {
  sleeps cc
  run -0 d run --rm --pid container:cc --network container:cc --ipc host busybox ps
  expect 'sleep 1000'
  run -0 d run --rm --network host --uts host --pid host busybox readlink /proc/self/ns/net
  [ "$output" = "$(readlink /proc/self/ns/net)" ]
}

@test "docker: cgroup namespaces, host and private" {
  run -0 one --cgroupns private busybox cat /proc/self/cgroup
  expect_not "$CGROUP_PARENT"
  run -0 one --cgroupns host busybox cat /proc/self/cgroup
  expect "$CGROUP_PARENT"
}

@test "docker: the bridge network, a published port, names of a user network" {
  d run -d --name web --publish 127.0.0.1:18081:80 busybox httpd -f -p 80 -h /www
  run -0 wait_for 10 curl -s -f -o "$OUT" http://127.0.0.1:18081/index.html
  [ "$(cat "$OUT")" = served ]
  run -0 d run --rm busybox wget -q -O - "http://$(inspect '{{.NetworkSettings.IPAddress}}' web)/"
  [ "$output" = served ]
  d network create own
  d run -d --name named --network own busybox httpd -f -p 80 -h /www
  run -0 d run --rm --network own busybox wget -q -O - http://named/
  [ "$output" = served ]
  d network connect bridge named
  run -0 d exec named ip -o address
  expect eth1
  d rm --force named
  d network rm own
}

@test "docker: build with RUN steps" {
  printf 'FROM busybox\nRUN echo built >/built && id -u >>/built\nUSER 7\nRUN id -u >/tmp/seven\nCMD ["cat", "/built", "/tmp/seven"]\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  DOCKER_BUILDKIT=0 run -0 d build --network none --tag built "$BATS_TEST_TMPDIR"
  run -0 one built
  [ "$output" = $'built\n0\n7' ]
  printf 'FROM busybox\nRUN exit 13\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  DOCKER_BUILDKIT=0 run -13 d build --network none "$BATS_TEST_TMPDIR"
}

@test "docker: BuildKit with the runtime in runc's place" {
  printf 'FROM busybox\nRUN echo kit >/built && cat /proc/self/cgroup\nCMD ["cat", "/built"]\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  DOCKER_BUILDKIT=1 run -0 d build --progress plain --network none --tag kit "$BATS_TEST_TMPDIR"
  run -0 one kit
  [ "$output" = kit ]
  printf 'FROM busybox\nRUN exit 13\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  DOCKER_BUILDKIT=1 run -1 d build --progress plain --network none "$BATS_TEST_TMPDIR"
  expect 'exit code: 13|did not complete successfully: exit code: 13'
}

@test "docker: commit, cp, diff, export" {
  sleeps cc
  d exec cc sh -c 'echo changed >/changed'
  d commit cc changed
  run -0 one changed cat /changed
  [ "$output" = changed ]
  d cp cc:/changed "$BATS_TEST_TMPDIR/copy"
  [ "$(cat "$BATS_TEST_TMPDIR/copy")" = changed ]
  run -0 d diff cc
  expect '^A /changed$'
}

@test "docker: twenty containers at once" {
  many=()
  for number in $(seq 20); do
    d run -d --network none --name "many$number" busybox sleep 1000 >/dev/null &
    many+=($!)
  done
  # by name: the time limit of the test is a background job as well
  wait "${many[@]}"
  [ "$(d ps --quiet | wc -l)" = 20 ]
  d ps --quiet | xargs -n 1 /usr/bin/docker --host "unix://$WORK/docker.sock" rm --force >"$OUT" 3>&- 4>&-
  [ -z "$(ls /run/docker/runtime-*/moby)" ]
}

@test "docker: containers outlive their daemon with --live-restore" {
  end_background "$DOCKERD"
  start_dockerd --live-restore
  sleeps cc
  pid=$(inspect '{{.State.Pid}}' cc)
  kill -9 "$DOCKERD"
  wait_for 10 not_alive "$DOCKERD"
  [ -d "/proc/$pid" ]
  rm -f /run/docker.pid
  start_dockerd --live-restore
  is '{{.State.Pid}} {{.State.Status}}' cc "$pid running"
  run -0 d exec cc echo reached
  [ "$output" = reached ]
}

@test "docker: toyimg's archives load there, docker's here, with the same image IDs" {
  mine() { "$TOYIMG" --store "$WORK/store" "$@" 3>&- 4>&- </dev/null; }
  d save --output "$WORK/theirs.tar" busybox
  run -0 mine load -q -i "$WORK/theirs.tar"
  [ "$output" = 'Loaded image: busybox:latest' ]
  [ "$(mine inspect --format '{{.Id}}' busybox)" = "$(inspect '{{.Id}}' busybox)" ]
  mine tag busybox ours:1 ours:2
  mine save -q -o "$WORK/ours.tar" ours:1 ours:2
  run -0 d load --input "$WORK/ours.tar"
  expect 'ours:1' && expect 'ours:2'
  is '{{.Id}}' ours:2 "$(inspect '{{.Id}}' busybox)"
  run -0 one ours:1 cat /www/index.html
  [ "$output" = served ]
  d image rm ours:1 ours:2
  rm -r "$WORK/store" "$WORK/ours.tar" "$WORK/theirs.tar"
}

@test "docker: nothing is left" {
  d image rm --force changed built kit >/dev/null 2>&1 || true
  pid=$(cat /run/docker.pid)
  end_background "$pid"
  # mounts of its own that a daemon which was killed leaves
  umount /run/docker/netns/default "$WORK/data" 2>/dev/null || true
  nothing_is_left
}
