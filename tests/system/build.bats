# SPDX-License-Identifier: Apache-2.0
# toyimg build: the table of tests/build, the cache, outputs, secrets, kill -9. Hostile files: build_hostile.bats.
load support
load registry
load build

@test "build: every case of tests/build" {
  run "$REPO/tests/build/run" "$TOYIMG" "$BATS_TEST_TMPDIR/cases"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *' 0 failed'* ]]
}

# Four minutes: on demand.
@test "build: the same cases by buildah come to the same" {
  [ -n "${BUILD_COMPARE:-}" ] || skip "BUILD_COMPARE=1 runs it"
  printf '[storage]\ndriver = "overlay"\nrunroot = "/run/buildah"\ngraphroot = "%s"\n' "$BATS_TEST_TMPDIR/buildah" >"$BATS_TEST_TMPDIR/storage.conf"
  export BATS_TEST_TIMEOUT=900 CONTAINERS_STORAGE_CONF=$BATS_TEST_TMPDIR/storage.conf COMPARE=1
  run "$REPO/tests/build/run" "$TOYIMG" "$BATS_TEST_TMPDIR/cases"
  echo "$output"
  [ "$status" -eq 0 ]
}

@test "build: the same again makes nothing, and gives the same image" {
  base
  dockerfile 'FROM localhost/base' 'COPY a /a' 'RUN echo b >/b' 'WORKDIR /w' 'ENV c=d'
  echo a >"$CONTEXT/a"
  run -0 --separate-stderr bud -t one
  first=$output
  run -0 --separate-stderr bud -t two
  [ "$output" = "$first" ]
  [ "$(grep -c ' cached$' <<<"$stderr")" -eq 3 ]
  [ "$(grep -c ' done' <<<"$stderr")" -eq 0 ]
  store_is_sound
}

@test "build: what changed is made anew, with the reason" {
  base
  dockerfile 'FROM localhost/base' 'ARG v=1' 'COPY a d /x/' 'RUN cat /x/a; echo $v >/b'
  mkdir "$CONTEXT/d"
  echo a >"$CONTEXT/a"
  echo b >"$CONTEXT/d/b"
  run -0 bud --explain-cache
  expect 'cache miss: never built here'
  touch "$CONTEXT/a" # a time is no content
  run -0 bud --explain-cache
  expect_not 'cache miss'
  echo c >"$CONTEXT/d/b"
  run -0 bud --explain-cache
  expect '\[stage-0 2/3\] cache miss: file d/b changed$'
  expect '\[stage-0 3/3\] cache miss: parent differs'
  run -0 bud --explain-cache --build-arg v=2
  expect '\[stage-0 2/3\] cache hit'
  expect '\[stage-0 3/3\] cache miss: env v changed$'
  chmod 600 "$CONTEXT/a"
  run -0 bud --explain-cache
  expect 'cache miss: file a changed$'
  run -0 bud --no-cache
  expect_not ' cached$'
}

@test "build: a stage made anew with the same files leaves the next one cached" {
  base
  dockerfile 'FROM localhost/base AS one' 'ARG n' 'RUN echo same >/same' 'FROM localhost/base' 'COPY --from=one /same /same'
  bud --build-arg n=1
  run -0 bud --build-arg n=2
  expect '^\[one 2/2\] done'
  expect '^\[stage-1 1/1\] cached$'
}

@test "build: pulls its base, makes a bundle that runs, pushes" {
  start_registry
  push_busybox busybox:latest
  dockerfile "FROM $REGISTRY/busybox" 'RUN cat /etc/layer >/made' 'CMD ["cat", "/made"]'
  run -0 toyimg build --quiet --push -t "$REGISTRY/made:1" -o "$BUNDLE" "$CONTEXT"
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  [ "$output" = second ]
  run -0 skopeo inspect --tls-verify=false "docker://$REGISTRY/made:1"
  jq -e '.Layers | length == 3' <<<"$output"
}

@test "build: a base from a registry is mounted as the store has it" {
  start_registry
  work=$BATS_TEST_TMPDIR/layers
  busybox_rootfs "$work/one"
  mkdir -p "$work/one/gone" "$work/one/kept" "$work/two" "$work/three/kept"
  chmod 751 "$work/one" "$work/two" "$work/three"
  touch "$work/one/kept/old" "$work/three/kept/new"
  layout_from "$work/layout" "$work/one" "$work/three"
  umoci insert --rootless --image "$work/layout:latest" --whiteout /gone >/dev/null 2>&1
  umoci insert --rootless --image "$work/layout:latest" --opaque "$work/three/kept" /kept >/dev/null 2>&1
  push_layout "$work/layout" layered:1
  dockerfile "FROM $REGISTRY/layered:1 AS a" 'RUN stat -c %a / >/made; ls -d /gone /kept/* >>/made 2>/dev/null; rm -r /kept; mkdir /kept' \
    "FROM $REGISTRY/layered:1" 'COPY --from=a /made /kept /' "RUN --mount=from=$REGISTRY/layered:1,target=/m,rw ls /m/kept >>/made && touch /m/x"
  run -0 toyimg build --quiet -o "$BUNDLE" "$CONTEXT"
  pull "$REGISTRY/layered:1" -o "$BUNDLE.flat"
  [ "$(cat "$ROOTFS/made")" = "$(stat -c %a "$BUNDLE.flat/rootfs")"$'\n/kept/new\nnew' ]
  [ ! -e "$ROOTFS/gone" ]
  nothing_of_a_build_is_left
  ! toyimg info | grep -q 'mounted from the file' || [ -z "$(ls "$BATS_TEST_TMPDIR"/store/build/boot-*/trees)" ]
}

@test "build: outputs: directory, tar, iidfile, metadata, label, annotation" {
  base
  dockerfile 'FROM localhost/base' 'RUN mkdir /d && echo x >/d/x && chown 5:6 /d/x && ln -s x /d/y'
  run -0 --separate-stderr bud -t made --label l=1 --annotation a=2 --iidfile "$OUT.iid" --metadata-file "$OUT.json" -o "type=local,dest=$OUT.dir" -o "type=tar,dest=$OUT.tar"
  digest=$output
  [ "$(stat -c %u:%g "$OUT.dir/d/x")" = 5:6 ]
  [ "$(readlink "$OUT.dir/d/y")" = x ]
  tar tf "$OUT.tar" | grep -x d/x
  [ "$(jq -r '."containerimage.digest"' "$OUT.json")" = "$digest" ]
  [ "$(jq -r '."image.name"' "$OUT.json")" = docker.io/library/made:latest ]
  [ "$(config_of "$OUT.iid" | jq -r .config.Labels.l)" = 1 ]
  [ "$(jq -r .annotations.a "$BATS_TEST_TMPDIR/store/blobs/sha256/${digest#sha256:}")" = 2 ]
  # Once more over it: what is there of these names is replaced, and no link in it leads out.
  dockerfile 'FROM scratch' 'COPY <<X /d/x' 'new' 'X' 'COPY <<X /l/file' 'new' 'X'
  ln -s "$CANARY" "$OUT.dir/l"
  echo kept >"$OUT.dir/kept"
  run -1 bud -o "type=local,dest=$OUT.dir"
  expect 'cannot copy to non-directory'
  rm "$OUT.dir/l"
  run -0 bud -o "type=local,dest=$OUT.dir"
  [ "$(cat "$OUT.dir/d/x" "$OUT.dir/l/file" "$OUT.dir/kept")" = $'new\nnew\nkept' ]
}

@test "build: the words of docker buildx for what is so anyway" {
  start_registry
  base
  dockerfile 'FROM localhost/base' 'ENV a=b'
  run -0 bud --load --rm --force-rm --layers --provenance=false --sbom=false -o "type=image,name=$REGISTRY/made:1,push=true" -o "type=registry,name=$REGISTRY/made:2"
  skopeo inspect --tls-verify=false "docker://$REGISTRY/made:1" >/dev/null
  skopeo inspect --tls-verify=false "docker://$REGISTRY/made:2" >/dev/null
  run -0 bud -o "type=image,name=here"
  toyimg inspect here >/dev/null
  for words in --provenance --sbom=true --provenance=mode=max '-o type=image,push=maybe' '-o type=registry' '-o type=image,oci-mediatypes=true'; do
    # shellcheck disable=SC2086
    run -1 bud $words
    [ "${#lines[@]}" -le 2 ]
  done
}

@test "build: archives of the image" {
  base
  dockerfile 'FROM localhost/base' 'RUN echo x >/x'
  run -0 --separate-stderr bud -t made:1 -o "type=oci,dest=$OUT.oci" -o "type=docker,dest=$OUT.docker"
  [ "$(skopeo inspect "oci-archive:$OUT.oci" | jq -r .Digest)" = "$output" ]
  skopeo inspect "docker-archive:$OUT.docker" | jq -e '.Layers | length == 2'
  tar xOf "$OUT.docker" manifest.json | jq -e '.[0].RepoTags == ["made:1"] or .[0].RepoTags == ["docker.io/library/made:1"]'
}

@test "build: rmi keeps what steps made, prune --build-cache does not" {
  base
  dockerfile 'FROM localhost/base' 'RUN echo x >/x'
  bud -t made
  toyimg rmi made
  run -0 bud
  expect ' cached$'
  run -0 toyimg prune
  run -0 bud
  expect ' cached$'
  run -0 toyimg prune --build-cache
  [[ $output == removed* ]]
  run -0 bud
  expect_not ' cached$'
}

@test "build: squash makes one layer with the same files" {
  base
  dockerfile 'FROM localhost/base' 'RUN echo a >/a && rm -r /root' 'RUN echo b >/b && rm /a' 'RUN mkdir /root && touch /root/new'
  bud -t plain -o "type=tar,dest=$OUT.1"
  bud -t flat --squash -o "type=tar,dest=$OUT.2"
  [ "$(layers_of flat | wc -l)" -eq 2 ]
  diff <(tar tvf "$OUT.1" | sort) <(tar tvf "$OUT.2" | sort)
  [ "$(tar tf "$OUT.2" | grep -cx a)" -eq 0 ]
}

@test "build: the same bytes twice with SOURCE_DATE_EPOCH" {
  base
  dockerfile 'FROM localhost/base' 'COPY a /a' 'RUN date >/dev/null; mkdir /d; echo x >/d/x' 'WORKDIR /w'
  echo a >"$CONTEXT/a"
  export SOURCE_DATE_EPOCH=1700000000
  run -0 bud --verify-reproducible --iidfile "$OUT"
  expect 'reproducible: both builds made the same layers'
  [ "$(config_of "$OUT" | jq -r .created)" = 2023-11-14T22:13:20Z ]
  dockerfile 'FROM localhost/base' 'RUN cat /proc/sys/kernel/random/uuid >/u'
  run -1 bud --verify-reproducible
  expect 'not reproducible: layer 2 of 2'
}

@test "build: secrets and proxies are nowhere" {
  base
  word=hush$RANDOM$RANDOM
  echo "$word" >"$BATS_TEST_TMPDIR/secret"
  dockerfile 'FROM localhost/base' 'RUN --mount=type=secret,id=s,env=S,target=/run/s grep -q hush /run/s && test -n "$S" && test -n "$http_proxy"'
  PLAIN=x$word run -0 bud -t made --secret "id=s,src=$BATS_TEST_TMPDIR/secret" --build-arg "http_proxy=$word"
  [ -z "$(grep -rl "$word" "$BATS_TEST_TMPDIR/store")" ]
  for blob in "$BATS_TEST_TMPDIR"/store/blobs/sha256/*; do
    [ "$({ gzip -dc "$blob" 2>/dev/null || true; } | grep -c "$word")" -eq 0 ]
  done
  # Another value is no reason to run the step again.
  echo other >"$BATS_TEST_TMPDIR/secret"
  run -0 bud --secret "id=s,src=$BATS_TEST_TMPDIR/secret" --build-arg http_proxy=other
  expect ' cached$'
}

@test "build: an agent's socket is there for the step alone" {
  base
  python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$BATS_TEST_TMPDIR/agent"
  dockerfile 'FROM localhost/base' 'RUN --mount=type=ssh,required test -S $SSH_AUTH_SOCK && stat -c %i $SSH_AUTH_SOCK >/inode' \
    'RUN --mount=type=ssh,target=/agent test $SSH_AUTH_SOCK = /agent -a -S /agent' 'RUN env >/after; find / -xdev -type s >>/after'
  run -0 bud --ssh "default=$BATS_TEST_TMPDIR/agent" -o "$BUNDLE"
  [ "$(cat "$ROOTFS/inode")" = "$(stat -c %i "$BATS_TEST_TMPDIR/agent")" ]
  run ! grep -E 'SSH|agent' "$ROOTFS/after"
  [ ! -e "$ROOTFS/run/buildkit" ]
  [ ! -e "$ROOTFS/agent" ]
  run -1 bud --no-cache
  expect 'ssh default: not found: give --ssh default'
  run -1 bud --ssh "default=$BATS_TEST_TMPDIR/nothing"
  expect "is no agent's socket"
}

@test "build: parallel stages" {
  base
  # Each waits for the others: one after the other they would not meet.
  meet() { echo "RUN --mount=type=cache,id=meet,target=/c touch /c/$1; for _ in \$(seq 300); do [ -e /c/a ] && [ -e /c/b ] && [ -e /c/c ] && exec touch /made-$1; sleep 0.1; done; exit 1"; }
  dockerfile 'FROM localhost/base AS a' "$(meet a)" 'FROM localhost/base AS b' "$(meet b)" 'FROM localhost/base AS c' "$(meet c)" \
    'FROM scratch' 'COPY --from=a /made-a /' 'COPY --from=b /made-b /' 'COPY --from=c /made-c /'
  run -0 bud
}

@test "build: one stage that fails ends the others" {
  base
  dockerfile 'FROM localhost/base AS a' 'RUN sleep 1717' 'FROM localhost/base AS b' 'RUN exit 5' 'FROM scratch' 'COPY --from=a /etc /' 'COPY --from=b /etc /'
  run -1 bud
  expect 'exit code: 5'
  nothing_of_a_build_is_left
}

@test "build: SIGINT ends it and leaves nothing" {
  base
  # a background job of a script ignores INT, and toyimg respects that: as from a terminal
  toyimg() { env --default-signal=INT "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" "$@"; }
  dockerfile 'FROM localhost/base' 'RUN sleep 1818'
  bud 3>&- 4>&- &
  builder=$!
  wait_for 10 runs '^sleep 1818$'
  kill -INT "$(pgrep -f "$BATS_TEST_TMPDIR/store build" | head -1)"
  wait $builder || true
  wait_for 10 gone '^sleep 1818$'
  nothing_of_a_build_is_left
}

@test "build: kill -9 leaves no container, mount or cgroup, and the finished step counts" {
  base
  dockerfile 'FROM localhost/base' 'RUN echo one >/one' 'RUN sleep 1919'
  for round in $(seq "${BUILD_KILLS:-3}"); do
    bud 3>&- 4>&- >"$OUT" 2>&1 &
    builder=$!
    wait_for 10 runs '^sleep 1919$'
    kill -9 "$(pgrep -f "$BATS_TEST_TMPDIR/store build" | head -1)"
    wait $builder || true
    wait_for 10 gone '^sleep 1919$'
    wait_for 10 nothing_of_a_build_is_left
    [ "$round" -eq 1 ] || contains '^\[stage-0 1/2\] cached$' "$OUT"
  done
  store_is_sound
  # a pid namespace that dies as a whole takes the watcher with it: the next build cleans up
  unshare --pid --fork --kill-child --mount-proc "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" build --pull=never --runtime "$RUNTIME" "$CONTEXT" \
    </dev/null >"$OUT" 2>&1 3>&- 4>&- &
  builder=$!
  wait_for 10 runs '^sleep 1919$'
  kill -9 "$(pgrep -P $builder)"
  wait $builder || true
  wait_for 10 gone '^sleep 1919$'
  [ -n "$(comm -13 <(echo "$builds_before") <(cgroups_of_builds))" ]
  dockerfile 'FROM localhost/base' 'RUN echo one >/one'
  sleep 2 # a work directory younger than that may belong to a build that just begins
  run -0 bud
  expect ' cached$'
  [ -z "$(find "$BATS_TEST_TMPDIR/store/build" -maxdepth 1 -name 'work-*')" ]
  nothing_of_a_build_is_left
}

@test "build: kill -9 at random moments" {
  not_on runc 'killed itself, it leaves its cgroup'
  base
  dockerfile 'FROM localhost/base' 'COPY f /f' 'ARG n' 'RUN cat /f/* >/all; rm -r /f' 'FROM localhost/base' 'COPY --from=0 /all /all'
  mkdir "$CONTEXT/f"
  for n in $(seq 300); do echo "$n" >"$CONTEXT/f/$n"; done
  for round in $(seq "${BUILD_KILLS:-10}"); do
    # by turns all anew, and a new step behind finished ones
    [ $((round % 2)) = 0 ] && words=(--no-cache) || words=(--build-arg "n=$round")
    bud "${words[@]}" >/dev/null 2>&1 3>&- 4>&- &
    builder=$!
    sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
    kill -9 "$(pgrep -f "$BATS_TEST_TMPDIR/store build" | head -1)" 2>/dev/null || true
    wait $builder || true
    wait_for 10 nothing_of_a_build_is_left
  done
  store_is_sound
  run -0 bud
  run -0 bud -o "$BUNDLE"
  expect_not ' done'
  [ "$(wc -l <"$ROOTFS/all")" -eq 300 ]
}

@test "build: check names what is unwise, and only that" {
  base
  dockerfile 'FROM localhost/base as Build' 'ENV key value' 'ARG API_TOKEN' 'MAINTAINER me' 'WORKDIR here' 'cmd a' 'CMD b $c' 'EXPOSE 80/TCP 1.2.3.4:5:6' 'COPY x $nope/' 'RUN a \' '' 'b'
  run -1 toyimg build --check "$CONTEXT"
  for rule in FromAsCasing StageNameCasing LegacyKeyValueFormat SecretsUsedInArgOrEnv MaintainerDeprecated WorkdirRelativePath ConsistentInstructionCasing \
    JSONArgsRecommended MultipleInstructionsDisallowed ExposeProtoCasing ExposeInvalidFormat UndefinedVar NoEmptyContinuation; do
    expect "^Dockerfile:[0-9]+: $rule: "
  done
  dockerfile 'FROM --platform=linux/amd64 localhost/base$NOPE AS context' 'FROM --platform=$TARGETPLATFORM localhost/base AS twice' 'FROM localhost/base AS twice'
  run -1 toyimg build --check "$CONTEXT"
  [ "${#lines[@]}" -eq 5 ]
  for rule in 1:.FromPlatformFlagConstDisallowed 1:.ReservedStageName 1:.UndefinedArgInFrom 2:.RedundantTargetPlatform 3:.DuplicateStageName; do
    expect "^Dockerfile:$rule: "
  done
  dockerfile '# check=skip=all' 'FROM localhost/base as Build'
  run -0 toyimg build --check "$CONTEXT"
  dockerfile '# check=error=true' 'FROM localhost/base as Build'
  run -1 bud
  expect 'its check directive makes them errors'
  dockerfile 'FROM localhost/base AS build' 'RUN true' 'CMD ["sh"]'
  run -0 toyimg build --check "$CONTEXT"
}

@test "build: check sees what files and base images bring" {
  base
  start_registry
  printf 'a\n*.o\n!b.o\n' >"$CONTEXT/.dockerignore"
  dockerfile 'FROM localhost/base' 'COPY a b.o /x/' 'ADD c.o /x/' 'COPY --from=localhost/base a.o /x/' 'COPY . /y/'
  run -1 toyimg build --check --pull=never "$CONTEXT"
  [ "$(grep -c CopyIgnoredFile <<<"$output")" -eq 2 ]
  expect '^Dockerfile:2: CopyIgnoredFile: Attempting to Copy file "a" that is excluded by .dockerignore$'
  expect '^Dockerfile:3: CopyIgnoredFile: Attempting to Add file "c.o"'
  rm "$CONTEXT/.dockerignore"
  # An image alone under its name is taken for what it is.
  dockerfile 'FROM --platform=linux/arm64 scratch' 'COPY Dockerfile /'
  toyimg build --quiet --push -t "$REGISTRY/arm:1" "$CONTEXT" </dev/null
  toyimg rmi "$REGISTRY/arm:1"
  dockerfile "FROM $REGISTRY/arm:1" 'COPY Dockerfile /again'
  run -1 toyimg build --check "$CONTEXT"
  expect '^Dockerfile:1: InvalidBaseImagePlatform: Base image .*/arm:1 was pulled with platform "linux/arm64", expected "linux/amd64" for current build$'
  run -0 toyimg build --progress plain --iidfile "$OUT" "$CONTEXT"
  expect 'warning: Dockerfile:1: InvalidBaseImagePlatform'
  [ "$(config_of "$OUT" | jq -r .architecture)" = arm64 ]
}

@test "build: check of ARGs that name a base, and of what comments describe" {
  base
  dockerfile 'ARG TAG' 'ARG NAME=localhost/base' 'ARG BAD=UPPER CASE' 'FROM localhost/base:${TAG} AS a' 'FROM ${NAME} AS b' 'FROM ${NAME}${TAG:+:}${TAG} AS c' 'FROM $BAD'
  run -1 toyimg build --check --pull=never --build-arg TAG=latest --build-arg BAD=localhost/base "$CONTEXT"
  expect '^Dockerfile:4: InvalidDefaultArgInFrom: Default value for ARG localhost/base:\$\{TAG\} results in empty or invalid base image name$'
  expect '^Dockerfile:7: InvalidDefaultArgInFrom'
  [ "$(grep -c InvalidDefaultArgInFrom <<<"$output")" -eq 2 ]
  dockerfile '# check=experimental=InvalidDefinitionDescription' '# VERSION is what is built' 'ARG VERSION=1' '# of the program' 'ARG NAME=x' '# apart' '' 'ARG OTHER=y' \
    '# this builds' 'FROM localhost/base AS builder' '# two things' 'ARG a=1 b=2' '# final is the result' 'FROM localhost/base AS final'
  run -1 toyimg build --check --pull=never "$CONTEXT"
  [ "${#lines[@]}" -eq 3 ]
  expect '^Dockerfile:5: InvalidDefinitionDescription: Comment for build argument should follow the format: `# NAME <description>`'
  expect '^Dockerfile:10: InvalidDefinitionDescription: Comment for build stage should follow the format: `# builder <description>`'
  expect '^Dockerfile:12: InvalidDefinitionDescription: .*`# <arg_key> <description>`'
  sed -i 1d "$CONTEXT/Dockerfile"
  run -0 toyimg build --check --pull=never "$CONTEXT"
}

@test "build: dry-run prints the steps and builds nothing" {
  base
  dockerfile 'FROM localhost/base AS a' 'RUN exit 1' 'FROM localhost/base' 'ENV a=b' 'COPY --from=a /x /x'
  run -0 toyimg build --dry-run "$CONTEXT"
  [ "${lines[0]}" = 'stage a: FROM localhost/base AS a (linux/amd64)' ]
  expect '^  1 config ENV a=b$'
  expect '^  2 layer  COPY --from=a /x /x$'
}

@test "build: ADD by URL, with checksum" {
  base
  mkdir "$BATS_TEST_TMPDIR/web"
  echo content >"$BATS_TEST_TMPDIR/web/file"
  touch -d 2020-02-03T04:05:06Z "$BATS_TEST_TMPDIR/web/file"
  port=$((20000 + RANDOM % 12000))
  python3 -m http.server --bind 127.0.0.1 --directory "$BATS_TEST_TMPDIR/web" "$port" >/dev/null 2>&1 3>&- &
  server=$!
  wait_for 10 curl -so /dev/null "http://127.0.0.1:$port/"
  digest=$(sha256sum <"$BATS_TEST_TMPDIR/web/file" | cut -d' ' -f1)
  dockerfile 'FROM localhost/base' "ADD http://127.0.0.1:$port/file /d/" "ADD --checksum=sha256:$digest http://127.0.0.1:$port/file /e"
  run -0 bud -o "$BUNDLE"
  [ "$(stat -c '%a %u %Y' "$ROOTFS/d/file")" = "600 0 1580702706" ]
  [ "$(cat "$ROOTFS/e")" = content ]
  run -0 bud
  [ "$(grep -c ' cached$' <<<"$output")" -eq 2 ]
  dockerfile 'FROM localhost/base' "ADD --checksum=sha256:${digest/[0-9]/f} http://127.0.0.1:$port/file /e"
  run -1 bud
  expect 'digest mismatch|not --checksum'
  dockerfile 'FROM localhost/base' "ADD http://127.0.0.1:$port/nope /e"
  run -1 bud
  expect 'the server answered 404'
  kill $server
}

@test "build: progress as JSON, errors in one line" {
  base
  dockerfile 'FROM localhost/base' 'RUN echo words'
  run -0 --separate-stderr toyimg build --pull=never --progress json "$CONTEXT"
  jq -es 'map(select(.status == "output" and .text == "words")) | length == 1' <<<"$stderr"
  dockerfile 'FROM localhost/base' $'RUN echo \e[31m\nBAD'
  run -1 --separate-stderr toyimg build --pull=never --quiet "$CONTEXT"
  [ "$(wc -l <<<"$stderr")" -eq 1 ]
  [[ $stderr != *$'\e'* ]]
}
