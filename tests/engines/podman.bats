# SPDX-License-Identifier: Apache-2.0
# podman drives the runtime through conmon; the configuration is the one of README.md.
load engines

setup_file() {
  engine_begin podman /libpod-
  export CONTAINERS_CONF=$WORK/containers.conf CONTAINERS_STORAGE_CONF=$WORK/storage.conf
  # podman asks for more open files than a root without CAP_SYS_RESOURCE may give: explicit limits
  cat >"$CONTAINERS_CONF" <<TOML
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "tested"
cgroup_manager = "cgroupfs"
events_logger = "file"
infra_image = "localhost/infra"
init_path = "/usr/bin/tini-static"
volume_path = "$WORK/volumes"
tmp_dir = "/run/podman/libpod"
[engine.runtimes]
tested = ["$RUNTIME_PATH"]
[network]
network_backend = "cni"
network_config_dir = "$WORK/networks"
TOML
  cat >"$CONTAINERS_STORAGE_CONF" <<TOML
[storage]
driver = "overlay"
runroot = "/run/podman/storage"
graphroot = "$WORK/storage"
TOML
  podman load --quiet --input "$(busybox_archive)" 3>&- 4>&-
  podman tag busybox localhost/busybox
  printf 'FROM localhost/busybox\nENTRYPOINT ["sleep", "1000"]\n' >"$WORK/Containerfile"
  podman build --quiet --tag infra "$WORK" 3>&- 4>&-
}
teardown_file() {
  podman rm --all --force --time 0 >/dev/null 2>&1 3>&- 4>&- || true
  podman pod rm --all --force >/dev/null 2>&1 3>&- 4>&- || true
  engine_end
  # podman keeps its parent, and forgets those of pods in hierarchies that are not of its list of controllers
  find /sys/fs/cgroup -mindepth 2 -depth -type d -path '*/libpod_parent*' -exec rmdir {} \; 2>/dev/null || true
}
# conmon leaves a file named oom where podman was called
setup() { OUT=$BATS_TEST_TMPDIR/out && cd "$BATS_TEST_TMPDIR"; }
teardown() {
  podman pod rm --all --force --time 0 >/dev/null 2>&1 3>&- 4>&- || true
  podman rm --all --force --time 0 --volumes >/dev/null 2>&1 3>&- 4>&- || true
}

p() { podman "$@" 3>&- 4>&- </dev/null; }
one() { p run --rm --network none "$@"; }
# background NAME OPTION... -- WORD...: a container in the background
sleeps() { p run --detach --network none --name "$1" "${@:2}" busybox sleep 1000 >"$OUT"; }
inspect() { p inspect --format "$1" "$2"; }
has_output() { p logs "$2" 2>&1 | grep -q -- "$1"; }

@test "podman: the runtime is ours" {
  run -0 p info --format '{{.Host.OCIRuntime.Path}} {{.Host.OCIRuntime.Version}}'
  expect "^$RUNTIME_PATH "
  expect 'version [0-9]'
}

@test "podman: output, user and exit status of run" {
  run -7 one --user 5:6 --workdir /tmp --env COLOUR=green --hostname inner busybox sh -c 'id -u; id -g; pwd; echo $COLOUR; hostname; exit 7'
  expect '^5$' && expect '^6$' && expect '^/tmp$' && expect '^green$' && expect '^inner$'
}

@test "podman: 125, 126, 127" {
  run -127 one busybox /no/such/program
  run -127 one busybox nosuchprogram
  run -126 one busybox /etc/passwd
  run -126 one busybox /etc
  run -125 one --no-such-option busybox true
}

@test "podman: run -it at a terminal" {
  run -3 at_terminal --size 33x77 --after '# ' --type 'stty size; test -t 0 && echo tty-$((40+2)); exit 3\n' podman run --rm --network none -it busybox sh
  expect '33 77'
  expect tty-42
}

@test "podman: exec, exec -it and their exit codes" {
  sleeps c
  run -0 p exec --env A=b --user 3 --workdir /etc c sh -c 'echo $A $(id -u) $(pwd)'
  [ "$output" = 'b 3 /etc' ]
  run -5 p exec c sh -c 'exit 5'
  run -127 p exec c nosuchprogram
  run -126 p exec c /etc/passwd
  run -4 at_terminal --after '# ' --type 'test -t 0 && echo tty-$((40+2)); exit 4\n' podman exec -it c sh
  expect tty-42
  run -0 p exec --detach c touch /tmp/made
  wait_for 5 p exec c test -e /tmp/made
}

@test "podman: audit finds no drift in what the engine made" {
  only_toyrun 'no reference audits a container'
  sleeps plain --volume /etc/hostname:/h:ro --volume kept:/data --tmpfs /t:size=1m --memory 64m --cpus 0.5 --pids-limit 50 --sysctl net.ipv4.ip_forward=0 \
    --group-add 5 --user 7
  sleeps privileged --privileged
  sleeps shared --read-only --ipc host --pid host
  local name record
  for name in plain privileged shared; do
    record=$(find /run/toyrun -name "$(inspect '{{.Id}}' "$name").json" 2>/dev/null)
    run -0 "$RUNTIME_PATH" --root "$(dirname "$record")" audit "$(basename "$record" .json)"
    expect '^no drift$'
  done
}

@test "podman: standard input and attach" {
  run -0 podman run --rm --network none --interactive busybox cat 3>&- 4>&- <<<"through stdin"
  [ "$output" = 'through stdin' ]
}

@test "podman: top, ps, logs" {
  sleeps c --user 4
  run -0 p top c pid comm args
  expect 'sleep 1000'
  run -0 p ps --format '{{.Names}} {{.Status}}'
  expect '^c Up'
  p run --name talker --network none busybox sh -c 'echo to-out; echo to-err >&2'
  run -0 p logs talker
  expect to-out && expect to-err
}

@test "podman: stop sends TERM, then KILL; start again" {
  p run -d --network none --name polite busybox sh -c "$(trapper)"
  wait_for 10 has_output waiting polite
  p stop --time 10 polite
  [ "$(inspect '{{.State.ExitCode}} {{.State.Status}}' polite)" = '9 exited' ]
  p start polite
  [ "$(inspect '{{.State.Status}}' polite)" = running ]
  p run -d --network none --name stubborn busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done'
  p stop --time 1 stubborn
  [ "$(inspect '{{.State.ExitCode}}' stubborn)" = 137 ]
}

@test "podman: kill with a signal, restart, wait" {
  p run -d --network none --name c busybox sh -c "trap 'exit 21' USR1; echo waiting; while :; do sleep 0.1; done"
  wait_for 10 has_output waiting c
  p kill --signal USR1 c
  run -0 p wait c
  [ "$output" = 21 ]
  p restart --time 0 c
  [ "$(inspect '{{.State.Status}}' c)" = running ]
  p kill c
  run -0 p wait c
  [ "$output" = 137 ]
}

@test "podman: pause and unpause" {
  sleeps c
  id=$(inspect '{{.Id}}' c)
  p pause c
  [ "$(inspect '{{.State.Status}}' c)" = paused ]
  frozen "$id"
  run p exec c true
  failed
  p unpause c
  ! frozen "$id" || false
  run -0 p exec c true
}

@test "podman: --memory, --cpus and --pids-limit are in effect, update changes them" {
  sleeps c --memory 64m --cpus 0.5 --pids-limit 25
  id=$(inspect '{{.Id}}' c)
  [ "$(memory_limit "$id")" = 67108864 ]
  [ "$(cpu_limit "$id")" = '50000 100000' ]
  [ "$(pids_limit "$id")" = 25 ]
  run -0 p exec c sh -c 'for i in $(seq 40); do sleep 5 & done 2>&1 | head -3; true'
  expect "can't fork"
  p update --memory 96m --cpus 0.25 c
  [ "$(memory_limit "$id")" = 100663296 ]
  [ "$(cpu_limit "$id")" = '25000 100000' ]
  run -0 p stats --no-stream --format '{{.Name}} {{.PIDs}}' c
  expect '^c [1-9]'
}

@test "podman: a container beyond its memory is killed" {
  run -137 one --memory 16m --memory-swap 16m busybox sh -c 'exec tail -c 100000000 /dev/zero'
}

@test "podman: a pod shares the namespaces of its infra container" {
  p pod create --name pod --hostname podhost --network none
  p run -d --pod pod --name a busybox sleep 1000
  p run -d --pod pod --name b busybox sleep 1000
  for kind in net ipc uts; do
    a=$(readlink "/proc/$(inspect '{{.State.Pid}}' a)/ns/$kind")
    [ "$a" = "$(readlink "/proc/$(inspect '{{.State.Pid}}' b)/ns/$kind")" ]
    [ "$a" != "$(readlink "/proc/self/ns/$kind")" ]
  done
  [ "$(readlink "/proc/$(inspect '{{.State.Pid}}' a)/ns/mnt")" != "$(readlink "/proc/$(inspect '{{.State.Pid}}' b)/ns/mnt")" ]
  run -0 p exec b hostname
  [ "$output" = podhost ]
  p pod pause pod
  [ "$(inspect '{{.State.Status}}' b)" = paused ]
  p pod unpause pod
  p pod stop --time 0 pod
  [ "$(inspect '{{.State.Status}}' a)" = exited ]
  p pod start pod
  run -0 p exec a true
}

@test "podman: a pod that shares the pid namespace" {
  p pod create --name pod --share pid,ipc --network none
  p run -d --pod pod --name a busybox sleep 1111
  run -0 p run --rm --pod pod busybox ps
  expect 'sleep 1111'
}

@test "podman: kube play" {
  cat >"$BATS_TEST_TMPDIR/pod.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata: {name: played}
spec:
  containers:
  - {name: one, image: localhost/busybox, command: [sleep, "1000"], resources: {limits: {memory: 32Mi}}}
YAML
  p kube play --network none "$BATS_TEST_TMPDIR/pod.yaml"
  [ "$(memory_limit "$(inspect '{{.Id}}' played-one)")" = 33554432 ]
  p kube down "$BATS_TEST_TMPDIR/pod.yaml"
  run ! p inspect played-one
}

@test "podman: a user namespace by --uidmap" {
  run -0 one --uidmap 0:100000:65536 --gidmap 0:100000:65536 busybox sh -c 'id -u; cat /proc/self/uid_map; touch /root/mine && stat -c %u /root/mine /bin/busybox'
  expect '^0$'
  expect '0 +100000 +65536'
  expect_not 65534
}

@test "podman: exec, pause and stop in a user namespace" {
  sleeps c --uidmap 0:100000:65536 --gidmap 0:100000:65536
  [ "$(stat -c %u "/proc/$(inspect '{{.State.Pid}}' c)")" = 100000 ]
  run -0 p exec c id -u
  [ "$output" = 0 ]
  run -0 p exec --user 9 c id -u
  [ "$output" = 9 ]
  p pause c
  p unpause c
  run -0 at_terminal --after '# ' --type 'exit\n' podman exec -it c sh
}

@test "podman: a health check" {
  p run -d --network none --name c --health-cmd 'test -e /tmp/healthy' --health-interval disable busybox sleep 1000
  run -1 p healthcheck run c
  p exec c touch /tmp/healthy
  run -0 p healthcheck run c
  [ "$(inspect '{{.State.Health.Status}}' c)" = healthy ]
}

@test "podman: --read-only and --tmpfs" {
  run -0 one --read-only --tmpfs /scratch:size=1m,mode=700 busybox sh -c 'touch /x 2>&1; touch /scratch/x && echo written; stat -c %a /scratch; touch /tmp/y && echo tmp'
  expect 'Read-only file system'
  expect '^written$' && expect '^700$' && expect '^tmp$'
}

@test "podman: a seccomp profile of one's own, and the default one" {
  echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}' >"$BATS_TEST_TMPDIR/profile.json"
  run -0 one --security-opt seccomp="$BATS_TEST_TMPDIR/profile.json" busybox sh -c 'mkdir /tmp/x 2>&1; touch /tmp/y && echo fine'
  expect 'not supported'
  expect '^fine$'
  run -0 one busybox grep Seccomp: /proc/self/status
  expect '2$'
  run -0 one --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status
  expect '0$'
}

@test "podman: volumes: named, bound, read-only" {
  mkdir "$BATS_TEST_TMPDIR/host"
  echo from-host >"$BATS_TEST_TMPDIR/host/file"
  run -0 one --volume data:/data --volume "$BATS_TEST_TMPDIR/host:/host:ro" busybox sh -c 'cat /host/file; touch /host/x 2>&1; echo kept >/data/file'
  expect '^from-host$' && expect 'Read-only file system'
  run -0 one --volume data:/data busybox cat /data/file
  [ "$output" = kept ]
}

@test "podman: capabilities and no-new-privileges" {
  run -0 one --cap-drop all busybox grep -E 'Cap(Eff|Bnd)' /proc/self/status
  expect_not '[1-9a-f]$'
  run -0 one --cap-drop all --cap-add net_bind_service --security-opt no-new-privileges busybox grep -E 'CapEff|NoNewPrivs' /proc/self/status
  expect 'CapEff:[[:space:]]0000000000000400' && expect 'NoNewPrivs:[[:space:]]1'
}

@test "podman: --privileged" {
  only_spec "a capability that cannot be given must not be an error, and is"
  run -0 one --privileged busybox sh -c 'mount -t tmpfs none /tmp && echo mounted; grep Seccomp: /proc/self/status'
  expect '^mounted$'
}

@test "podman: devices, sysctls, shm size, limits" {
  run -0 one --device /dev/full:/dev/brimful:rw --sysctl kernel.msgmax=4096 --shm-size 3m --ulimit nofile=77:88 --ulimit nproc=500:500 busybox sh -c \
    'echo x 2>&1 >/dev/brimful; cat /proc/sys/kernel/msgmax; df -k /dev/shm | tail -1; ulimit -n; ulimit -Hn'
  expect 'No space left' && expect '^4096$' && expect ' 3072 ' && expect '^77$' && expect '^88$'
}

@test "podman: namespaces of the host and of another container" {
  sleeps c
  run -0 p run --rm --pid container:c --network container:c --ipc container:c busybox ps
  expect 'sleep 1000'
  run -0 p run --rm --network host --uts host --pid host busybox readlink /proc/self/ns/net
  [ "$output" = "$(readlink /proc/self/ns/net)" ]
}

@test "podman: --init" {
  run -0 one --init busybox ps
  expect '^ +1 .*catatonit|/run/podman-init|init'
}

@test "podman: descriptors beyond the standard ones" {
  run -0 bash -c 'exec 3>&- 4>&- 3<<<"third"; podman run --rm --network none --preserve-fds 1 busybox cat /proc/self/fd/3'
  [ "$output" = third ]
}

@test "podman: hooks of a hooks directory" {
  mkdir "$BATS_TEST_TMPDIR/hooks"
  cat >"$BATS_TEST_TMPDIR/hooks/one.json" <<JSON
{"version": "1.0.0", "when": {"always": true}, "stages": ["createRuntime", "poststop"],
 "hook": {"path": "/bin/sh", "args": ["sh", "-c", "cat >>$BATS_TEST_TMPDIR/seen"]}}
JSON
  run -0 podman --hooks-dir "$BATS_TEST_TMPDIR/hooks" run --rm --network none busybox true 3>&- 4>&-
  jq -r .status "$BATS_TEST_TMPDIR/seen" >"$OUT"
  contains '^creating$|^created$' "$OUT"
  contains '^stopped$' "$OUT"
}

@test "podman: a bridge network with a published port" {
  p run -d --name web --publish 127.0.0.1:18080:80 busybox httpd -f -p 80 -h /www
  run -0 wait_for 10 curl -s -f -o "$OUT" http://127.0.0.1:18080/index.html
  [ "$(cat "$OUT")" = served ]
  address=$(inspect '{{.NetworkSettings.IPAddress}}' web)
  run -0 p run --rm busybox wget -q -O - "http://$address/"
  [ "$output" = served ]
  p stop --time 0 web
}

@test "podman: build with RUN steps" {
  printf 'FROM localhost/busybox\nRUN echo built >/built && id -u >>/built\nCMD ["cat", "/built"]\n' >"$BATS_TEST_TMPDIR/Containerfile"
  p build --quiet --network none --isolation oci --tag built "$BATS_TEST_TMPDIR"
  run -0 one localhost/built
  expect '^built$' && expect '^0$'
}

@test "podman: commit and cp of a running container" {
  sleeps c
  p exec c sh -c 'echo changed >/changed'
  p commit --quiet c changed
  run -0 one localhost/changed cat /changed
  [ "$output" = changed ]
  p cp c:/changed "$BATS_TEST_TMPDIR/copy"
  [ "$(cat "$BATS_TEST_TMPDIR/copy")" = changed ]
}

@test "podman: rm --force of a running and of a paused container" {
  sleeps a
  sleeps b
  p pause b
  p rm --force --time 0 a b
  run -0 p ps --all --quiet
  [ -z "$output" ]
}

@test "podman: toyimg's archives load there, podman's here, in both formats" {
  mine() { "$TOYIMG" --store "$WORK/store" "$@" 3>&- 4>&- </dev/null; }
  id_of() { p image inspect --format '{{.Id}}' "$1"; }
  for format in docker-archive oci-archive; do
    p save --quiet --format "$format" --output "$WORK/theirs.tar" localhost/busybox
    run -0 mine load -q --name "theirs:$format" -i "$WORK/theirs.tar"
    [ "$(mine inspect --format '{{.Id}}' "theirs:$format")" = "sha256:$(id_of localhost/busybox)" ]
    mine tag "theirs:$format" "localhost/ours:$format"
    mine save -q --format "$format" -o "$WORK/ours.tar" "localhost/ours:$format"
    run -0 p load --quiet --input "$WORK/ours.tar"
    expect "localhost/ours:$format"
    [ "$(id_of "localhost/ours:$format")" = "$(id_of localhost/busybox)" ]
    run -0 p run --rm --network none "localhost/ours:$format" cat /www/index.html
    [ "$output" = served ]
    p untag localhost/busybox "localhost/ours:$format" # without an image first, all names would go
    rm "$WORK/theirs.tar" "$WORK/ours.tar"
  done
  rm -r "$WORK/store"
}

@test "podman: nothing is left" {
  p network prune --force >/dev/null
  # the storage's own mount stays for the life of the machine
  umount -l "$WORK"/storage/overlay 2>/dev/null || true
  nothing_is_left
}
