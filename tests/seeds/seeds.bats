# SPDX-License-Identifier: Apache-2.0
# Each command line that the READMEs of the five learning projects show has its counterpart here, in the words they use.
load ../toydock/toydock

@test "seeds: pull, and run with a volume" {
  BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/registry start_registry
  push_busybox tools:1.0
  export TOYIMG_STORE=$BATS_TEST_TMPDIR/store
  td pull "$REGISTRY/tools:1.0"
  run -0 td images
  expect 'tools +1.0 '
  mkdir "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/c"
  echo first >"$BATS_TEST_TMPDIR/a/file"
  echo second >"$BATS_TEST_TMPDIR/c/file"
  run -0 td run -v "$BATS_TEST_TMPDIR/a:/b;$BATS_TEST_TMPDIR/c:/d" "$REGISTRY/tools:1.0" cat /b/file /d/file
  [ "${lines[*]}" = 'first second' ]
  stop_registry
}

@test "seeds: host name, PID 1, mounts of its own, exit codes, standard streams" {
  run -0 td run --rm -h container "$IMAGE" sh -c 'hostname; echo $$; ps | wc -l'
  [ "${lines[0]} ${lines[1]}" = 'container 1' ]
  [ "${lines[2]}" -lt 8 ]
  local code
  for code in 0 1 3 100 255; do run -$code td run --rm "$IMAGE" sh -c "exit $code"; done
  run -0 td run --rm -i "$IMAGE" cat <<<'standard input'
  [ "$output" = 'standard input' ]
}

@test "seeds: -cpus and -memory with one dash" {
  run -0 td run --rm -cpus 0.1 -memory 64m "$IMAGE" sh -c 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cat /sys/fs/cgroup/cpu.max'
  [[ $output =~ ^10000($|\ ) ]]
  run -137 td run --rm -memory 64m "$IMAGE" tail -c 128m /dev/zero
}

@test "seeds: a published port, several in one option" {
  td run -d --name web -p '8080:80;8081:80' "$IMAGE" sh -c 'mkdir /www; echo served >/www/index.html; exec httpd -f -h /www'
  served() { [ "$(wget -q -T 2 -O - "http://127.0.0.1:$1/")" = served ]; }
  wait_for 10 served 8080
  served 8081
  td rm -f web
}

@test "seeds: redis with a persistent volume on a bridge of its own, 172.27.0.0/16; nothing of it stays" {
  everything() {
    ip -o link | awk '{print $2}' | sort
    nft list ruleset 2>/dev/null
    cut -d' ' -f5 /proc/self/mountinfo | sort
    find /sys/fs/cgroup -type d -path '*/toytest.d/toydock/*'
  }
  redis_image
  everything >"$BATS_TEST_TMPDIR/before"
  td network create --subnet 172.27.0.0/16 redisnet
  serve() { td run -d --name redis --network redisnet -v redis-data:/data redis redis-server --bind 0.0.0.0 --protected-mode no --dir /data --appendonly yes; }
  serve
  [ "$(td inspect -f '{{.NetworkSettings.Networks.redisnet.IPAddress}}' redis)" = 172.27.0.2 ]
  client() { td run --rm --network redisnet redis redis-cli -h redis "$@"; }
  pong() { [ "$(client ping)" = PONG ]; }
  wait_for 20 pong
  run -0 client set answer 42
  [ "$output" = OK ]
  td stop redis
  td rm redis
  serve
  wait_for 20 pong
  run -0 client get answer
  [ "$output" = 42 ]
  td rm -f redis
  td network rm redisnet
  td volume rm redis-data
  everything >"$BATS_TEST_TMPDIR/after"
  diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "seeds: an image of a tarball, run at once" {
  export TOYIMG_STORE=$BATS_TEST_TMPDIR/store
  td import "$(debian_tarball debian)" debian
  run -0 td run --rm debian cat /etc/debian_version
  [[ $output == 12* ]]
}

@test "seeds: several registries, and the image for this machine of several" {
  export TOYIMG_STORE=$BATS_TEST_TMPDIR/store
  local first work=$BATS_TEST_TMPDIR
  BATS_TEST_TMPDIR=$work/one start_registry
  first=$REGISTRY first_pid=$REGISTRY_PID
  BATS_TEST_TMPDIR=$work push_busybox one:1
  BATS_TEST_TMPDIR=$work/two start_registry
  BATS_TEST_TMPDIR=$work push_busybox two:1
  "$TOYIMG" pull -q "$REGISTRY/two:1" 3>&- 4>&-
  "$TOYIMG" manifest create "$REGISTRY/many:1" "$REGISTRY/two:1" 3>&- 4>&-
  "$TOYIMG" manifest push "$REGISTRY/many:1" 3>&- 4>&-
  run -0 td run --rm "$first/one:1" echo first
  expect '^first$'
  run -0 td run --rm --pull always "$REGISTRY/many:1" echo many
  expect '^many$'
  run -0 td run --rm --platform linux/amd64 "$REGISTRY/many:1" echo this machine\'s
  expect "^this machine's$"
  run -125 td run --rm --platform linux/s390x "$REGISTRY/many:1" true
  expect 'linux/s390x'
  kill "$first_pid"
  stop_registry
}

@test "seeds: a Dockerfile with FROM, RUN and COPY" {
  export TOYIMG_STORE=$BATS_TEST_TMPDIR/store
  cp -a "$BATS_FILE_TMPDIR/store" "$TOYIMG_STORE"
  mkdir "$BATS_TEST_TMPDIR/context"
  echo copied >"$BATS_TEST_TMPDIR/context/file"
  printf 'FROM %s\nRUN echo ran >/ran\nCOPY file /file\nCMD ["cat", "/ran", "/file"]\n' "$IMAGE" >"$BATS_TEST_TMPDIR/context/Dockerfile"
  td build -q -t built:1 "$BATS_TEST_TMPDIR/context"
  run -0 td run --rm built:1
  [ "${lines[*]}" = 'ran copied' ]
}
