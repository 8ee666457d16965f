# SPDX-License-Identifier: Apache-2.0
# containerd with its runc shim, which runs the program that `ctr run --runc-binary` or the configuration names.
load engines

setup_file() {
  engine_begin containerd
  cat >"$WORK/config.toml" <<TOML
version = 2
root = "$WORK/root"
state = "/run/ctr"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$WORK/containerd.sock"
TOML
  # with --uidmap this ctr forgets --runc-binary
  mkdir "$WORK/path"
  ln -s "$RUNTIME_PATH" "$WORK/path/runc"
  PATH=$WORK/path:$PATH in_background "$WORK/containerd.log" containerd --config "$WORK/config.toml"
  wait_for 30 c version
  c image import --base-name x "$(busybox_archive)"
}
teardown_file() { engine_end; }
teardown() {
  local id
  [ -z "${ended:-}" ] || return 0
  for id in $(c task list --quiet); do c task delete --force "$id" || true; done >/dev/null 2>&1
  for id in $(c container list --quiet); do c container delete "$id" || true; done >/dev/null 2>&1
}

c() { ctr --address "$WORK/containerd.sock" "$@" 3>&- 4>&- </dev/null; }
IMAGE=docker.io/library/busybox:latest
words() { c run --runc-binary "$RUNTIME_PATH" --runc-root /run/containerd/runtime-records "$@"; }
foreground() { words --rm --cgroup "$CGROUP_PARENT/$1" "${@:3}" "$IMAGE" "$1" sh -c "$2"; }
sleeps() { words --detach --cgroup "$CGROUP_PARENT/$1" "${@:2}" "$IMAGE" "$1" sleep 1000; }
task_is() { c task list | grep -qE "^$1 +[0-9]+ +$2"; }

@test "containerd: output and exit status" {
  run -7 foreground one 'echo words; id -u; exit 7'
  expect '^words$' && expect '^0$'
  run -137 foreground two 'sh -c "kill -9 \$\$"; exit $?'
}

@test "containerd: errors carry the runtime's own sentence" {
  run words --rm --cgroup "$CGROUP_PARENT/x" "$IMAGE" x /no/such
  failed
  expect 'no such file or directory'
  run words --rm --cgroup "$CGROUP_PARENT/x" "$IMAGE" x nosuchprogram
  failed
  expect 'executable file not found in \$PATH'
}

@test "containerd: run -t" {
  run -3 at_terminal --after '# ' --type 'test -t 0 && echo tty-$((40+2)); exit 3\n' \
    ctr --address "$WORK/containerd.sock" run --rm --runc-binary "$RUNTIME_PATH" --cgroup "$CGROUP_PARENT/tty" -t "$IMAGE" tty sh
  expect tty-42
}

@test "containerd: the records are where --runc-root says" {
  sleeps one
  run -0 ls /run/containerd/runtime-records/default
  expect '^one'
  run -0 "$RUNTIME" --root /run/containerd/runtime-records/default state one
  [ "$(jq -r .status <<<"$output")" = running ]
}

@test "containerd: exec and its status, with and without a terminal" {
  sleeps one
  run -0 c task exec --exec-id e1 --cwd /etc one sh -c 'pwd; id -u'
  expect '^/etc$'
  run -5 c task exec --exec-id e2 one sh -c 'exit 5'
  run c task exec --exec-id e3 one nosuchprogram
  failed
  expect 'executable file not found in \$PATH'
  run -4 at_terminal --after '# ' --type 'test -t 0 && echo tty-$((40+2)); exit 4\n' \
    ctr --address "$WORK/containerd.sock" task exec -t --exec-id e4 one sh
  expect tty-42
}

@test "containerd: kill, the exit status of a detached task, delete" {
  sleeps one
  c task kill --signal KILL one
  wait_for 10 task_is one STOPPED
  run c task delete one
  expect 'exit code 137'
  run ! c task kill one
  expect 'not found'
}

@test "containerd: a signal to an exec'd process and to all" {
  words --detach --cgroup "$CGROUP_PARENT/one" "$IMAGE" one sh -c 'sleep 2000 & sleep 1000'
  c task exec --detach --exec-id other one sleep 3000
  wait_for 5 runs '^sleep 3000$'
  c task kill --signal KILL --exec-id other one
  wait_for 5 gone '^sleep 3000$'
  runs '^sleep 2000$'
  c task kill --all --signal KILL one
  wait_for 10 task_is one STOPPED
  gone '^sleep 2000$'
}

@test "containerd: pause and resume" {
  sleeps one
  c task pause one
  task_is one PAUSED
  frozen one
  c task resume one
  task_is one RUNNING
}

@test "containerd: metrics and processes" {
  sleeps one --memory-limit 67108864
  [ "$(memory_limit one)" = 67108864 ]
  run -0 c task metrics --format json one
  expect 67108864
  run -0 c task ps one
  expect "$(pgrep -xf 'sleep 1000')"
}

@test "containerd: CPU limits, seccomp, capabilities, read-only, devices, mounts" {
  sleeps one --cpus 0.5
  [ "$(cpu_limit one)" = '50000 100000' ]
  mkdir "$BATS_TEST_TMPDIR/host"
  echo shared >"$BATS_TEST_TMPDIR/host/file"
  run -0 foreground two 'touch /x 2>&1; grep Seccomp: /proc/self/status; grep CapEff /proc/self/status; cat /m/file; touch /m/x 2>&1; true' --seccomp --read-only \
    --cap-drop CAP_CHOWN --mount "type=bind,src=$BATS_TEST_TMPDIR/host,dst=/m,options=rbind:ro"
  expect 'Read-only file system' && expect 'Seccomp:[[:space:]]2' && expect '00000000a80425fa' && expect '^shared$'
  expect '/m/x: Read-only'
}

@test "containerd: a user namespace" {
  run -0 foreground one 'id -u; cat /proc/self/uid_map; stat -c %u /bin/busybox' --uidmap 0:100000:65536 --gidmap 0:100000:65536
  expect '^0$' && expect '0 +100000 +65536' && expect_not 65534
}

@test "containerd: joined namespaces" {
  sleeps one
  pid=$(pgrep -xf 'sleep 1000')
  run -0 foreground two 'readlink /proc/self/ns/net; ps' --with-ns "network:/proc/$pid/ns/net" --with-ns "pid:/proc/$pid/ns/pid"
  expect "^$(readlink "/proc/$pid/ns/net" | sed 's/[][]/\\&/g')$"
  expect 'sleep 1000'
}

@test "containerd: a shim that is killed: the container can be cleaned up" {
  sleeps one
  kill -9 "$(pgrep -f 'containerd-shim-runc-v2.*-id one ')"
  cleaned() { c task list | grep -q '^one ' && return 1; gone '^sleep 1000$' && [ -z "$(ls /run/containerd/runtime-records/default)" ]; }
  wait_for 20 cleaned
}

@test "containerd: nothing is left" {
  ended=1
  end_background "$(pgrep -xf "containerd --config $WORK/config.toml")"
  nothing_is_left
}
