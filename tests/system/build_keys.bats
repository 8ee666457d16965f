# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# toyimg build: what belongs to a step's key, what is kept of a base image, and who gets the credentials.
load support
load registry
load build

@test "build: file capabilities are part of what is copied" {
  base
  echo a >"$CONTEXT/a"
  dockerfile 'FROM localhost/base AS one' 'COPY a /a' 'FROM localhost/base' 'COPY --from=one /a /b'
  bud --explain-cache
  run -0 bud
  expect_not ' done'
  setcap cap_net_raw+ep "$CONTEXT/a"
  run -0 bud -o "type=local,dest=$BATS_TEST_TMPDIR/local" --explain-cache
  expect 'cache miss: file a changed'
  expect_not ' cached$'
  [[ $(getcap "$BATS_TEST_TMPDIR/local/b") == *cap_net_raw* ]]
  run -0 bud
  expect_not ' done'
}

@test "build: --add-host is part of a RUN's key" {
  base
  dockerfile 'FROM localhost/base' 'RUN cat /etc/hosts >/hosts'
  bud --explain-cache
  run -0 bud --add-host one:10.1.2.3 --explain-cache -o "type=local,dest=$BATS_TEST_TMPDIR/local"
  expect 'cache miss: host is new'
  grep -q '^10.1.2.3' "$BATS_TEST_TMPDIR/local/hosts"
  run -0 bud --add-host one:10.1.2.3
  expect ' cached$'
}

@test "build: a step whose files changed meanwhile is not remembered" {
  base
  dockerfile 'FROM localhost/base' \
    'RUN --mount=type=bind,target=/m --mount=type=cache,target=/c touch /c/begun; while [ ! -e /c/go ]; do sleep 0.1; done; cat /m/a >/a'
  echo before >"$CONTEXT/a"
  bud >"$OUT" 2>&1 3>&- 4>&- &
  builder=$!
  cache() { compgen -G "$BATS_TEST_TMPDIR/store/build/cache-mounts/*/begun"; }
  wait_for 20 cache
  echo after >"$CONTEXT/a"
  touch "$(dirname "$(cache)")/go"
  wait $builder
  contains 'warning: \[stage-0 1/1\] files of the build context changed during this step' "$OUT"
  echo before >"$CONTEXT/a"
  run -0 bud -o "type=local,dest=$BATS_TEST_TMPDIR/local"
  expect_not ' cached$|warning'
  [ "$(cat "$BATS_TEST_TMPDIR/local/a")" = before ]
  run -0 bud
  expect ' cached$'
}

@test "build: a damaged record of a step is none" {
  base
  dockerfile 'FROM localhost/base' 'RUN echo one >/one'
  bud
  records() { find "$BATS_TEST_TMPDIR/store/build/steps" -type f; }
  records | while read -r record; do : >"$record"; done
  run -0 bud
  expect_not ' cached$'
  run -0 bud
  expect ' cached$'
  records | while read -r record; do echo '{"layer":' >"$record"; done
  run -1 toyimg fsck
  expect 'removed: damaged record of the build step [0-9a-f]{64}$'
  [ -z "$(records)" ]
  store_is_sound
}

@test "build: on a base of Docker's kind, with members that no instruction speaks of" {
  start_registry
  base
  directory=$BATS_TEST_TMPDIR/docker
  skopeo copy -q "oci:$BATS_TEST_TMPDIR/store:localhost/base:latest" "dir:$directory"
  config=$directory/$(jq -r '.config.digest[7:]' "$directory/manifest.json")
  jq -c '.["os.features"] = ["win32k"] | .container_config = {"Env": ["OF=theirs"]} | .config.StopTimeout = 7 | .config.Cmd = ["old"]' "$config" >"$OUT"
  digest=$(sha256sum "$OUT" | cut -d' ' -f1)
  cp "$OUT" "$directory/$digest"
  jq -c ".config.digest = \"sha256:$digest\" | .config.size = $(stat -c %s "$OUT")" "$directory/manifest.json" >"$OUT"
  cp "$OUT" "$directory/manifest.json"
  skopeo copy -q --format v2s2 --dest-tls-verify=false "dir:$directory" "docker://$REGISTRY/base:docker"
  dockerfile "FROM $REGISTRY/base:docker" 'RUN echo x >/x' 'ENV a=b' 'ENTRYPOINT ["/bin/sh"]'
  run -0 toyimg build --quiet -t made --iidfile "$BATS_TEST_TMPDIR/id" "$CONTEXT"
  config_of "$BATS_TEST_TMPDIR/id" | jq -e '.["os.features"] == ["win32k"] and .config.StopTimeout == 7 and .container_config == null
    and .config.Cmd == null and .config.Env[-1] == "a=b" and (.rootfs.diff_ids | length) == 2'
  skopeo inspect --raw "oci:$BATS_TEST_TMPDIR/store:docker.io/library/made:latest" | jq -e '.mediaType == "application/vnd.oci.image.manifest.v1+json"
    and ([.layers[].mediaType] | unique) == ["application/vnd.oci.image.layer.v1.tar+gzip"]'
  skopeo copy -q "oci:$BATS_TEST_TMPDIR/store:docker.io/library/made:latest" "oci:$BATS_TEST_TMPDIR/layout:made"
  umoci unpack --image "$BATS_TEST_TMPDIR/layout:made" "$BATS_TEST_TMPDIR/unpacked"
  [ "$(cat "$BATS_TEST_TMPDIR/unpacked/rootfs/x")" = x ]
}

@test "build: --creds go to the registry that is pushed to, not to one that a Dockerfile names" {
  start_registry user secret
  base
  skopeo copy -q --dest-tls-verify=false --dest-creds user:secret "oci:$BATS_TEST_TMPDIR/store:localhost/base:latest" "docker://$REGISTRY/base:1"
  dockerfile "FROM $REGISTRY/base:1" 'ENV a=b'
  run -1 toyimg build --creds user:secret "$CONTEXT"
  expect 'wants a login'
  run -1 toyimg build --creds user:secret -t "$REGISTRY/made:1" "$CONTEXT"
  expect 'wants a login'
  run -0 toyimg build --creds user:secret -t "$REGISTRY/made:1" --push "$CONTEXT"
  skopeo inspect --tls-verify=false --creds user:secret "docker://$REGISTRY/made:1"
}
