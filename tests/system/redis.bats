# SPDX-License-Identifier: Apache-2.0
# The redis example of the issue: a Debian image from a registry, detached, with a data directory of the host.
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  mkdir -p "$STATE"
}
teardown() {
  stop_registry
  end_test
}

push_redis() {
  local work=$BATS_TEST_TMPDIR/redis
  mkdir -p "$work/root"
  tar -C "$work/root" --xattrs --numeric-owner -xf "$(debian_tarball redis)"
  layout_from "$work/layout" "$work/root"
  push_layout "$work/layout" redis:latest
}

redis() { rt exec "$ID" redis-cli "$@"; }
answers() { [ "$(redis PING 2>/dev/null)" = PONG ]; }

start_redis() {
  rt run --detach --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
  wait_for 15 answers
}

@test "redis: PING through exec, data survive a restart" {
  start_registry
  push_redis
  pull "$REGISTRY/redis:latest" -o "$BUNDLE"
  mkdir "$BATS_TEST_TMPDIR/data"
  edit '.process.terminal = false | .linux.cgroupsPath = $cgroup
    | .process.args = ["redis-server", "--bind", "127.0.0.1", "--dir", "/data", "--appendonly", "yes", "--daemonize", "no"]
    | .mounts += [{"destination": "/data", "type": "bind", "source": $data, "options": ["rbind", "rw"]}]' --arg cgroup "$CGROUP" --arg data "$BATS_TEST_TMPDIR/data"
  start_redis
  run -0 redis PING
  [ "$output" = PONG ]
  run -0 redis SET answer 42
  rt kill "$ID" TERM
  wait_for 15 has_status stopped
  rt delete "$ID"
  [ -n "$(ls "$BATS_TEST_TMPDIR/data")" ]
  start_redis
  run -0 redis GET answer
  [ "$output" = 42 ]
}
