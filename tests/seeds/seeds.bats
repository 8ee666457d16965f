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
