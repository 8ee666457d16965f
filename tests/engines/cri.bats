# SPDX-License-Identifier: Apache-2.0
# Kubernetes' way: the Container Runtime Interface of containerd, with the runtime behind a RuntimeClass's handler.
load engines

setup_file() {
  engine_begin cri
  export POD_LOGS=$WORK/logs POD_NAME=pod
  mkdir -p "$WORK/logs" "$WORK/networks"
  # the [plugins] part is README.md's; containers of this root cannot lower oom_score_adj without CAP_SYS_RESOURCE
  cat >"$WORK/config.toml" <<TOML
version = 2
root = "$WORK/root"
state = "/run/cri"
[grpc]
  address = "$WORK/cri.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/infra:latest"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "$WORK/networks"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "tested"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.tested]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.tested.options]
    BinaryName = "$RUNTIME_PATH"
    Root = "/run/cri/runtime-records"
TOML
  cat >"$WORK/networks/10-pods.conflist" <<JSON
{ "cniVersion": "0.4.0", "name": "pods", "plugins": [
  { "type": "bridge", "bridge": "toypods", "isGateway": true, "ipam": { "type": "host-local", "dataDir": "$WORK/addresses", "ranges": [[{ "subnet": "10.98.0.0/24" }]] } } ] }
JSON
  in_background "$WORK/containerd.log" containerd --config "$WORK/config.toml"
  wait_for 30 c version
  umoci config --image "$(dirname "$(busybox_archive)")/layout:latest" --tag infra --config.entrypoint sleep --config.cmd 1000
  skopeo copy --quiet --insecure-policy "oci:$(dirname "$(busybox_archive)")/layout:infra" "docker-archive:$WORK/infra.tar:infra:latest"
  c image import "$(busybox_archive)"
  c image import "$WORK/infra.tar"
}
teardown_file() {
  engine_end
  ip link delete toypods 2>/dev/null || true
}
setup() {
  OUT=$BATS_TEST_TMPDIR/out
  POD=$(cri pod "$POD_NAME" tested)
}
teardown() { [ -z "${POD:-}" ] || cri end "$POD" || true; }

c() { ctr --address "$WORK/cri.sock" --namespace k8s.io "$@" 3>&- 4>&- </dev/null; }
# Debian's python, which has Debian's gRPC
cri() { /usr/bin/python3 "$BATS_TEST_DIRNAME/cri.py" "$WORK/cri.sock" "$@" 3>&- 4>&- </dev/null; }
# started NAME WORD...: a running container of the pod, with 64 MiB; CONTAINER is its id
started() {
  CONTAINER=$(cri container "$POD" "$1" 67108864 "${@:2}")
  cri start "$CONTAINER"
}
state_is() { [ "$(cri state "$CONTAINER")" = "$1" ]; }

@test "cri: a pod by the handler's name; an unknown handler is refused" {
  "$RUNTIME" --root /run/cri/runtime-records/k8s.io state "$POD" | jq -e '.status == "running"'
  run cri pod other nosuchhandler
  failed
  expect 'nosuchhandler'
}

@test "cri: output goes to the pod's log, the exit code is kept" {
  started talker sh -c 'echo to-out; echo to-err >&2; hostname; exit 7'
  wait_for 10 state_is '2 7'
  contains 'stdout F to-out$' "$POD_LOGS/talker.log"
  contains 'stderr F to-err$' "$POD_LOGS/talker.log"
  contains 'stdout F pod$' "$POD_LOGS/talker.log"
  cri remove "$CONTAINER"
}

@test "cri: exec tells output and exit code" {
  started one sleep 1000
  run -5 cri exec "$CONTAINER" sh -c 'echo inside; exit 5'
  [ "$output" = inside ]
  run cri exec "$CONTAINER" nosuchprogram
  failed
  expect 'executable file not found in \$PATH'
}

@test "cri: a container that cannot start says why" {
  CONTAINER=$(cri container "$POD" broken 67108864 nosuchprogram)
  run cri start "$CONTAINER"
  failed
  expect 'executable file not found in \$PATH'
}

@test "cri: limits, and their change while the container runs" {
  started one sleep 1000
  [ "$(memory_limit "$CONTAINER")" = 67108864 ]
  [ "$(cpu_limit "$CONTAINER")" = '50000 100000' ]
  cri update "$CONTAINER" 134217728
  [ "$(memory_limit "$CONTAINER")" = 134217728 ]
}

@test "cri: containers of a pod share its network, not their files" {
  started web httpd -f -p 80 -h /www
  web=$CONTAINER
  started one sleep 1000
  run -0 cri exec "$CONTAINER" wget -q -O - http://127.0.0.1/
  [ "$output" = served ]
  cri exec "$web" touch /of-web
  run cri exec "$CONTAINER" test -e /of-web
  failed
  run -0 cri exec "$CONTAINER" ip -o address show eth0
  expect '10\.98\.0\.'
}

@test "cri: stop sends TERM, then KILL" {
  started polite sh -c "$(trapper)"
  wait_for 10 contains waiting "$POD_LOGS/polite.log"
  cri stop "$CONTAINER" 10
  state_is '2 9'
  started stubborn sh -c 'trap "" TERM; while :; do sleep 0.1; done'
  cri stop "$CONTAINER" 1
  state_is '2 137'
}

@test "cri: the end of a pod ends its containers" {
  started one sleep 1414
  cri end "$POD"
  POD=
  gone '^sleep 1414$'
  [ -z "$(ls /run/cri/runtime-records/k8s.io)" ]
}

@test "cri: nothing is left" {
  cri end "$POD"
  POD=
  end_background "$(pgrep -xf "containerd --config $WORK/config.toml")"
  nothing_is_left
}
