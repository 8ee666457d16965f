# SPDX-License-Identifier: Apache-2.0
# buildah, which drives the runtime itself: create, start, state, kill, delete.
load engines

setup_file() {
  engine_begin buildah /buildah-buildah
  export CONTAINERS_CONF=$WORK/containers.conf CONTAINERS_STORAGE_CONF=$WORK/storage.conf BUILDAH_ISOLATION=oci
  printf '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]\n[network]\nnetwork_backend = "cni"\nnetwork_config_dir = "%s"\n' "$WORK/networks" >"$CONTAINERS_CONF"
  printf '[storage]\ndriver = "overlay"\nrunroot = "/run/buildah"\ngraphroot = "%s"\n' "$WORK/storage" >"$CONTAINERS_STORAGE_CONF"
  buildah pull --quiet "docker-archive:$(busybox_archive)" 3>&- 4>&-
}
teardown_file() { engine_end; }
teardown() { buildah rm --all >/dev/null 2>&1 3>&- 4>&- || true; }

b() { buildah "$@" 3>&- 4>&- </dev/null; }
bud() { b bud --runtime "$RUNTIME_PATH" --network none "$@" "$BATS_TEST_TMPDIR"; }
from() { CONTAINER=$(b from "$@" busybox); }
inside() { b run --runtime "$RUNTIME_PATH" --network none "$@"; }

@test "buildah: bud with RUN steps" {
  cat >"$BATS_TEST_TMPDIR/Containerfile" <<'FILE'
FROM busybox
ARG WORD=default
ENV COLOUR=green
WORKDIR /made
RUN echo "$COLOUR $WORD" >words && pwd >>words
USER 7
RUN id -u >/tmp/seven; head -1 /proc/self/uid_map
USER 0
RUN cat /tmp/seven && test "$(cat /tmp/seven)" = 7 && chown 9:9 words
CMD ["cat", "/made/words"]
FILE
  run -0 bud --build-arg WORD=given --tag made
  from
  image=$(b from made)
  run -0 inside "$image" cat /made/words
  [ "$output" = $'green given\n/made' ]
  run -0 inside "$image" stat -c %u:%g /made/words
  [ "$output" = 9:9 ]
}

@test "buildah: a failing RUN step fails the build" {
  printf 'FROM busybox\nRUN exit 13\n' >"$BATS_TEST_TMPDIR/Containerfile"
  run bud
  [ "$status" -eq 13 ] || [ "$status" -eq 1 ] || [ "$status" -eq 2 ]
  expect 'exit status 13'
}

@test "buildah: a missing program is named" {
  from
  run inside "$CONTAINER" /no/such/program
  failed
  expect 'no such file or directory'
}

@test "buildah: run: status, user, volume, environment, capabilities" {
  from
  mkdir "$BATS_TEST_TMPDIR/host"
  echo from-host >"$BATS_TEST_TMPDIR/host/file"
  run -7 inside --user 5:6 --env COLOUR=green --volume "$BATS_TEST_TMPDIR/host:/host:ro" --cap-drop CAP_CHOWN "$CONTAINER" \
    sh -c 'id -u; echo $COLOUR; cat /host/file; touch /host/x 2>&1; grep CapBnd /proc/self/status; exit 7'
  expect '^5$' && expect '^green$' && expect '^from-host$' && expect 'Read-only file system' && expect '00000000[0-9a-f]*[02468ace]$'
}

@test "buildah: run --terminal" {
  from
  run -3 at_terminal --after '# ' --type 'test -t 0 && echo tty-$((40+2)); exit 3\n' \
    buildah run --runtime "$RUNTIME_PATH" --network none --terminal "$CONTAINER" sh
  expect tty-42
}

@test "buildah: a memory limit is in effect" {
  from --memory 64m
  inside "$CONTAINER" sleep 1212 &
  builder=$!
  wait_for 10 runs '^(/bin/)?sleep 1212$'
  pid=$(pgrep -xf '/bin/sleep 1212')
  group=$(sed -n 's/^[0-9]*:memory://p' "/proc/$pid/cgroup")
  limit=$(cat "/sys/fs/cgroup/memory$group/memory.limit_in_bytes" 2>/dev/null || cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")/memory.max")
  kill -9 "$pid"
  wait "$builder" || true
  [ "$limit" = 67108864 ]
}

@test "buildah: signals end a build step" {
  from
  buildah run --runtime "$RUNTIME_PATH" --network none "$CONTAINER" sleep 1313 3>&- 4>&- </dev/null &
  builder=$!
  wait_for 10 runs '^(/bin/)?sleep 1313$'
  kill -INT "$builder"
  wait_for 10 gone '^(/bin/)?sleep 1313$'
  wait "$builder" || true
}

@test "buildah: nothing is left" {
  b rm --all >/dev/null
  umount -l "$WORK"/storage/overlay 2>/dev/null || true
  nothing_is_left
}
