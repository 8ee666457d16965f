# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# toyimg build: what RUN --mount shows and keeps, what .dockerignore hides, and what prune leaves alone.
load support
load registry
load build

# as from a terminal: a background job of a script ignores INT, and toyimg respects that
interruptible() { toyimg() { env --default-signal=INT "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" "$@"; }; }
builder_pid() { pgrep -f "$BATS_TEST_TMPDIR/store build" | head -1; }

@test "build: a device or a FIFO as the source of a writable mount is neither read nor waited for" {
  base
  node() { dockerfile 'FROM localhost/base AS a' "RUN mknod /n $1" 'FROM localhost/base' "RUN --mount=type=bind,from=a,source=/n,target=/x,rw$2 cat /x"; }
  for kind in 'b 7 0' 'c 1 5' p; do
    node "$kind" ''
    run -1 bud
    expect 'source "/n" is neither a file nor a directory'
  done
  # Where a directory is the source its nodes are there, and stay shut.
  dockerfile 'FROM localhost/base AS a' 'RUN mkdir /d && mknod /d/zero c 1 5 && mknod /d/disk b 7 0' 'FROM localhost/base' \
    'RUN --mount=type=bind,from=a,source=/d,target=/x,rw ls /x/zero /x/disk && ! head -c 1 /x/zero && ! head -c 1 /x/disk' \
    'RUN --mount=type=bind,from=a,source=/d,target=/x ! head -c 1 /x/zero'
  run -0 bud
  # The step's own files are another thing: its device cgroup decides.
  dockerfile 'FROM localhost/base' 'RUN mknod /zero c 1 5 && [ "$(head -c 3 /zero | wc -c)" = 3 ] && mknod /disk b 7 0 && ! head -c 1 /disk'
  run -0 bud
}

@test "build: a writable mount of a file keeps owner and mode, and drops what is written" {
  base
  dockerfile 'FROM localhost/base AS a' 'RUN echo x >/f && chown 5:6 /f && chmod 640 /f' 'FROM localhost/base' \
    'RUN --mount=type=bind,from=a,source=/f,target=/f,rw [ "$(stat -c "%u %g %a" /f)" = "5 6 640" ] && echo y >>/f && grep y /f' \
    'RUN --mount=type=bind,from=a,source=/f,target=/f [ "$(cat /f)" = x ]'
  run -0 bud
}

@test "build: prune --build-cache leaves a running build alone" {
  base
  dockerfile 'FROM localhost/base' 'RUN echo one >/one' 'RUN --mount=type=cache,target=/c touch /c/begun; while [ ! -e /c/go ]; do sleep 0.1; done' 'RUN cat /one'
  bud -t made >"$OUT" 2>&1 3>&- 4>&- &
  builder=$!
  cache() { compgen -G "$BATS_TEST_TMPDIR/store/build/cache-mounts/*/begun"; }
  wait_for 20 cache
  find "$BATS_TEST_TMPDIR/store/build" -not -path '*/work-*' | sort >"$OUT.before"
  run -1 toyimg prune --build-cache
  expect 'another toyimg is at work in the store.*nothing was removed'
  find "$BATS_TEST_TMPDIR/store/build" -not -path '*/work-*' | sort | diff "$OUT.before" -
  touch "$(dirname "$(cache)")/go"
  wait $builder
  run -0 toyimg prune --build-cache
  [ -z "$(find "$BATS_TEST_TMPDIR/store/build" -mindepth 2 2>/dev/null)" ]
}

@test "build: a secret in the environment is on no disk, not even after kill -9" {
  not_on runc 'killed itself, it leaves its cgroup'
  base
  word=hush$RANDOM$RANDOM
  dockerfile 'FROM localhost/base' 'RUN --mount=type=secret,id=s,env=S test -n "$S" && sleep 2121'
  WORD=$word bud --secret id=s,env=WORD >"$OUT" 2>&1 3>&- 4>&- &
  builder=$!
  wait_for 20 runs '^sleep 2121$'
  [ -z "$(grep -rl "$word" "$BATS_TEST_TMPDIR/store")" ]
  kill -9 "$(builder_pid)"
  wait $builder || true
  wait_for 10 gone '^sleep 2121$'
  wait_for 10 nothing_of_a_build_is_left
  [ -z "$(grep -rl "$word" "$BATS_TEST_TMPDIR/store")" ]
}

@test "build: what .dockerignore excludes is in no mount of the context" {
  base
  mkdir -p "$CONTEXT/src/deep"
  echo secret | tee "$CONTEXT/.env" "$CONTEXT/src/.env" >"$CONTEXT/src/deep/x"
  echo open | tee "$CONTEXT/src/a" "$CONTEXT/src/deep/keep" >"$CONTEXT/we*ird"
  printf '%s\n' '**/.env' 'src/deep' '!src/deep/keep' >"$CONTEXT/.dockerignore"
  dockerfile 'FROM localhost/base' \
    'RUN --mount=type=bind,target=/m cd /m && cat src/a src/deep/keep && ! ls .env && ! ls src/.env && ! ls src/deep/x' \
    'RUN --mount=type=bind,target=/m,rw cd /m && cat src/a && ! ls .env && echo new >src/a' \
    'RUN --mount=type=bind,source=src/a,target=/f grep -x open /f' 'RUN --mount=type=bind,source=we*ird,target=/f grep -x open /f'
  run -0 bud
  [ "$(cat "$CONTEXT/src/a")" = open ]
  dockerfile 'FROM localhost/base' 'RUN --mount=type=bind,source=.env,target=/f cat /f'
  run -1 bud
  expect 'not found in the build context: .dockerignore excludes it'
}

@test "build: no symlink leads COPY to what .dockerignore excludes" {
  base
  mkdir -p "$CONTEXT/real/hidden" "$CONTEXT/out"
  echo secret | tee "$CONTEXT/.env" "$CONTEXT/real/.key" >"$CONTEXT/real/hidden/f"
  echo open >"$CONTEXT/real/f"
  ln -s .env "$CONTEXT/link"
  ln -s real "$CONTEXT/way"
  ln -s real/hidden "$CONTEXT/door"
  printf '%s\n' .env real/.key real/hidden >"$CONTEXT/.dockerignore"
  for source in link 'lin?' way/.key way/hidden/f door/f door; do
    dockerfile 'FROM scratch' "COPY $source /x/"
    run -1 bud
    expect 'not found in the build context|no source files were found'
  done
  dockerfile 'FROM scratch' 'COPY way /x/'
  run -0 bud -o "type=local,dest=$BATS_TEST_TMPDIR/local"
  [ "$(ls -A "$BATS_TEST_TMPDIR/local/x")" = f ]
}

@test "build: a named context has its own .dockerignore" {
  base
  mkdir "$BATS_TEST_TMPDIR/other"
  echo secret >"$BATS_TEST_TMPDIR/other/.env"
  echo open | tee "$BATS_TEST_TMPDIR/other/f" "$CONTEXT/.env" >/dev/null
  printf '%s\n' .env .dockerignore >"$BATS_TEST_TMPDIR/other/.dockerignore"
  dockerfile 'FROM localhost/base' 'COPY --from=other . /x' 'COPY .env /y' 'RUN --mount=type=bind,from=other,target=/m cat /m/f && ! ls /m/.env'
  run -0 bud --build-context "other=$BATS_TEST_TMPDIR/other" -o "type=local,dest=$BATS_TEST_TMPDIR/local"
  [ "$(ls -A "$BATS_TEST_TMPDIR/local/x")" = f ]
  [ -e "$BATS_TEST_TMPDIR/local/y" ]
}

@test "build: the same cache twice in a step, locked, and two stages that want two caches in turns" {
  base
  dockerfile 'FROM localhost/base' 'RUN --mount=type=cache,id=a,sharing=locked,target=/x --mount=type=cache,id=a,target=/y touch /x/f && ls /y/f'
  run -0 timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" build --pull=never --runtime "$RUNTIME" "$CONTEXT"
  locked() { echo "--mount=type=cache,id=$1,sharing=locked,target=/$1"; }
  dockerfile 'FROM localhost/base AS one' "RUN $(locked a) $(locked b) echo 1 >>/a/n; echo 1 >>/b/n; sleep 0.2; touch /one" \
    'FROM localhost/base AS two' "RUN $(locked b) $(locked a) echo 1 >>/a/n; echo 1 >>/b/n; sleep 0.2; touch /two" \
    'FROM scratch' 'COPY --from=one /one /' 'COPY --from=two /two /'
  run -0 timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" build --pull=never --runtime "$RUNTIME" "$CONTEXT"
  # A stage that another one mounts, and that wants the same cache: it comes first.
  dockerfile 'FROM localhost/base AS one' "RUN $(locked a) touch /one" \
    'FROM localhost/base' "RUN $(locked a) --mount=type=cache,id=seeded,from=one,target=/s ls /s/one"
  run -0 timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" build --pull=never --runtime "$RUNTIME" "$CONTEXT"
}

@test "build: SIGINT ends the wait for a cache that another build has locked" {
  interruptible
  base
  dockerfile 'FROM localhost/base' 'RUN --mount=type=cache,id=a,sharing=locked,target=/c true'
  bud
  exec 7>>"$(ls "$BATS_TEST_TMPDIR"/store/build/cache-mounts/*.lock)"
  flock 7
  bud --no-cache >"$OUT" 2>&1 3>&- 4>&- 7>&- &
  builder=$!
  wait_for 20 contains '^\[stage-0 1/1\] ' "$OUT"
  kill -INT "$(builder_pid)"
  status=0
  wait $builder || status=$?
  exec 7>&-
  [ "$status" -ne 0 ]
  nothing_of_a_build_is_left
}

@test "build: a cache whose seed failed is no cache" {
  base
  dockerfile 'FROM localhost/base AS a' 'RUN mkdir /s && echo x >/s/f' 'FROM localhost/base' 'RUN --mount=type=cache,id=c,from=a,source=/missing,target=/c true'
  run -1 bud
  expect 'not found'
  dockerfile 'FROM localhost/base AS a' 'RUN mkdir /s && echo x >/s/f' 'FROM localhost/base' \
    'RUN --mount=type=cache,id=c,from=a,source=/s,target=/c,mode=750,uid=7 grep x /c/f && [ "$(stat -c "%u %a" /c)" = "7 750" ]'
  run -0 bud
}

@test "build: a context that is mounted is root's, whoever has its files" {
  base
  mkdir "$CONTEXT/sub"
  echo x >"$CONTEXT/sub/f"
  chown -R 1000:1001 "$CONTEXT/sub"
  dockerfile 'FROM localhost/base' 'RUN --mount=source=sub,target=/m stat -c %u:%g /m /m/f >/o' \
    'RUN --mount=source=sub/f,target=/f stat -c %u:%g /f >>/o' 'RUN --mount=source=sub,target=/m,rw echo y >/m/f; stat -c %u:%g /m/f >>/o'
  for rules in '' nothing; do
    [ -z "$rules" ] || echo "$rules" >"$CONTEXT/.dockerignore"
    run -0 bud --no-cache -o "type=tar,dest=$BATS_TEST_TMPDIR/tar"
    [ "$(tar -xOf "$BATS_TEST_TMPDIR/tar" o)" = $'0:0\n0:0\n0:0\n0:0' ]
  done
  [ "$(cat "$CONTEXT/sub/f")" = x ]
}
