# SPDX-License-Identifier: Apache-2.0
# scripts/examples: several containers that belong together, started and removed by a script.
load toydock

setup() {
  use_root "$BATS_TEST_TMPDIR/root"
  export TOYIMG_STORE=$BATS_TEST_TMPDIR/store REDIS=redis BUSYBOX=$IMAGE
  cp -a "$BATS_FILE_TMPDIR/store" "$TOYIMG_STORE"
  redis_image
  leftovers >"$BATS_TEST_TMPDIR/before"
}
teardown() {
  end_toydock
  for network in $(td network ls -q 2>/dev/null); do td network rm "$network" >/dev/null 2>&1 || true; done
}
example() { "$REPO/scripts/examples/$1" "${@:2}" 3>&- 4>&-; }
leftovers() {
  ip -o link | awk '{print $2}' | sort
  nft list ruleset
  td ps -aq
  td network ls -q
}
nothing_left() { leftovers | diff "$BATS_TEST_TMPDIR/before" -; }

@test "examples: redis with a client, its data outlives it" {
  run -0 timeout 60 "$REPO/scripts/examples/redis-with-client" up
  expect '^hello from a container$'
  example redis-with-client down
  nothing_left
  run -0 timeout 60 "$REPO/scripts/examples/redis-with-client" up
  [ "$(grep -c '^hello from a container$' <<<"$output")" = 2 ]
  example redis-with-client down
  [ "$(td volume ls -q)" = redis-data ]
  nothing_left
}

@test "examples: a web server that counts its visitors in a redis of an inner network" {
  run -0 timeout 60 env PORT=18080 "$REPO/scripts/examples/web-with-counter" up
  expect '^visitors so far: [0-9]+$'
  counts() { wget -q -T 2 -O - http://127.0.0.1:18080/cgi-bin/visits | grep -E '^visitors so far: [0-9]+'; }
  wait_for 10 counts
  well() { health_is counter-web healthy; }
  wait_for 20 well
  run ! td run --rm "$IMAGE" nc -w 1 counter-memory 6379 # not in the inner network
  example web-with-counter down
  nothing_left
}
