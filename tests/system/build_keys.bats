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
  run -1 toyimg build "$CONTEXT"
  expect 'wants a login'
  run -1 toyimg build --creds user:secret -t "$REGISTRY/made:1" "$CONTEXT"
  expect '^toyimg: --creds are for what --push, --cache-from and --cache-to name'
  run -1 toyimg build --creds user:secret -t "${REGISTRY/127.0.0.1/127.0.0.2}/made:1" --push "$CONTEXT"
  expect 'wants a login'
  run -0 toyimg build --creds user:secret -t "$REGISTRY/made:1" --push "$CONTEXT"
  skopeo inspect --tls-verify=false --creds user:secret "docker://$REGISTRY/made:1"
}

@test "build: every word of a RUN --mount is part of the key" {
  base
  echo AAA >"$BATS_TEST_TMPDIR/s1"
  echo BBB >"$BATS_TEST_TMPDIR/s2"
  secrets=(--secret "id=x,src=$BATS_TEST_TMPDIR/s1" --secret "id=y,src=$BATS_TEST_TMPDIR/s2" -o "type=tar,dest=$BATS_TEST_TMPDIR/tar")
  dockerfile 'FROM localhost/base' 'RUN --mount=type=secret,id=x,mode=0400,target=/s stat -c %a /s >/out; cat /s >>/out'
  run -0 bud "${secrets[@]}"
  run -0 bud "${secrets[@]}"
  expect ' cached$'
  sed -i 's/id=x,mode=0400/id=y,mode=0444/' "$CONTEXT/Dockerfile"
  run -0 bud "${secrets[@]}"
  [ "$(tar -xOf "$BATS_TEST_TMPDIR/tar" out)" = $'444\nBBB' ]
  sed -i 's/id=y,mode=0444/id=z,required=true/' "$CONTEXT/Dockerfile"
  run -1 bud "${secrets[@]}"
  expect 'secret z: not found'
  for words in id=a id=b id=b,sharing=locked id=b,uid=3 id=b,gid=3; do
    dockerfile 'FROM localhost/base' "RUN --mount=type=cache,$words,target=/c touch /c/x"
    run -0 bud
    expect_not ' cached$'
  done
}

@test "build: what a cache mount begins with is part of the key" {
  base
  for version in 1 2; do
    dockerfile 'FROM localhost/base AS s' "RUN mkdir /seed; echo v$version >/seed/f" 'FROM localhost/base' \
      "RUN --mount=type=cache,id=seed-$version,from=s,source=/seed,target=/k cp /k/f /out"
    run -0 bud -o "type=tar,dest=$BATS_TEST_TMPDIR/tar"
    [ "$(tar -xOf "$BATS_TEST_TMPDIR/tar" out)" = v$version ]
  done
  run -0 bud
  expect ' cached$'
  sed -i 's/echo v2/echo v3/' "$CONTEXT/Dockerfile"
  run -0 bud
  expect '\[stage-1 1/1\] done'
}

@test "build: the caller's umask is of the caller's files alone" {
  base
  echo x >"$CONTEXT/f"
  dockerfile 'FROM localhost/base' 'WORKDIR /a/b' 'COPY <<X /h/x' 'text' 'X' 'ADD --chown=3:4 f /z/' 'RUN mkdir /r'
  (umask 077; bud -o "type=tar,dest=$BATS_TEST_TMPDIR/tar" --iidfile "$BATS_TEST_TMPDIR/id")
  [ "$(stat -c %a "$BATS_TEST_TMPDIR/tar" "$BATS_TEST_TMPDIR/id")" = $'600\n600' ]
  mkdir "$BATS_TEST_TMPDIR/tree"
  tar -xpf "$BATS_TEST_TMPDIR/tar" -C "$BATS_TEST_TMPDIR/tree"
  [ "$(cd "$BATS_TEST_TMPDIR/tree" && stat -c %a a a/b h h/x z z/f r)" = $'755\n755\n755\n644\n755\n644\n755' ]
}

@test "build: outputs that are no files stay what they are" {
  base
  dockerfile 'FROM localhost/base' 'ENV a=b'
  mknod "$BATS_TEST_TMPDIR/null" c 1 3
  for words in "--iidfile $BATS_TEST_TMPDIR/null" "--metadata-file $BATS_TEST_TMPDIR/null" "-o type=tar,dest=$BATS_TEST_TMPDIR/null" \
    "-o type=oci,dest=$BATS_TEST_TMPDIR/null" "-o type=docker,dest=$BATS_TEST_TMPDIR/null"; do
    # shellcheck disable=SC2086
    run -0 bud $words
    [ -c "$BATS_TEST_TMPDIR/null" ]
  done
  ln -s real "$BATS_TEST_TMPDIR/link"
  : >"$BATS_TEST_TMPDIR/real"
  run -0 bud --iidfile "$BATS_TEST_TMPDIR/link"
  [ -L "$BATS_TEST_TMPDIR/link" ]
  [ -s "$BATS_TEST_TMPDIR/real" ]
  mkfifo "$BATS_TEST_TMPDIR/fifo"
  wc -c <"$BATS_TEST_TMPDIR/fifo" >"$OUT" 3>&- 4>&- &
  reader=$!
  run -0 bud -o "type=docker,dest=$BATS_TEST_TMPDIR/fifo"
  wait $reader
  [ "$(cat "$OUT")" -gt 100000 ]
  [ -z "$(compgen -G "$BATS_TEST_TMPDIR/*.new-*")" ]
}

@test "build: the network of steps" {
  base
  network() { tar -xOf "$BATS_TEST_TMPDIR/tar" n; }
  host=$(readlink /proc/self/ns/net)
  for words in '' --network=host --network=default --network=none; do
    dockerfile 'FROM localhost/base' "RUN $words readlink /proc/self/ns/net >/n"
    run -0 bud -o "type=tar,dest=$BATS_TEST_TMPDIR/tar"
    case $words in *none) [ "$(network)" != "$host" ] ;; *) [ "$(network)" = "$host" ] ;; esac
    case $words in
      *host) run -1 bud --network none && expect 'the build was given --network none' ;;
      *) run -0 bud --network none -o "type=tar,dest=$BATS_TEST_TMPDIR/tar" && [ "$(network)" != "$host" ] ;;
    esac
  done
}

@test "build: one stage made anew, other rules of what is ignored" {
  base
  echo a >"$CONTEXT/a"
  dockerfile 'FROM localhost/base AS One' 'COPY a /' 'FROM localhost/base' 'COPY --from=one /a /b' 'RUN touch /c'
  bud
  run -0 bud --no-cache-filter one
  expect '\[One 1/1\] done'
  [ "$(grep -c ' cached$' <<<"$output")" = 2 ]
  echo a >"$BATS_TEST_TMPDIR/rules"
  run -1 bud --ignorefile "$BATS_TEST_TMPDIR/rules"
  expect 'excludes it'
  run -1 bud --ignorefile "$BATS_TEST_TMPDIR/nothing"
  expect 'there is no file'
}

@test "build: a terminal is shown what runs, its last lines and its time" {
  base
  dockerfile 'FROM localhost/base' 'RUN --mount=type=cache,target=/c for n in 1 2 3 4 5 6; do echo line-$n; done; touch /c/begun; for n in $(seq 600); do [ ! -e /c/go ] || exit 0; sleep 0.1; echo waiting; done'
  toyimg build --pull=never --progress tty --runtime "$RUNTIME" "$CONTEXT" >"$OUT" 2>&1 </dev/null 3>&- 4>&- &
  builder=$!
  begun() { compgen -G "$BATS_TEST_TMPDIR/store/build/cache-mounts/*/begun"; }
  wait_for 20 begun
  wait_for 20 contains '\[stage-0 1/1\] RUN .* [0-9]+\.[0-9]s$' "$OUT"
  wait_for 20 contains '^  \| waiting$' "$OUT"
  touch "$(dirname "$(begun)")/go"
  wait $builder
  contains $'\e\\[[0-9]+A' "$OUT" # drawn over
}
