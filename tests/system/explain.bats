# SPDX-License-Identifier: Apache-2.0
# create --explain: the plan of every example bundle as a golden text, made as nobody and without touching anything.
load support

@test "every example bundle's plan matches its golden file, as nobody" {
  only_toyrun 'no reference explains'
  [ -x "$REPO/tests/golden/explain.sh" ] || { echo "tests/golden/explain.sh is missing"; false; }
  "$REPO/tests/golden/explain.sh" "$TOYRUN"
}

@test "--explain runs without privileges and touches nothing" {
  only_toyrun 'no reference explains'
  make_bundle
  chmod -R o+rX "$BATS_RUN_TMPDIR" "$BUNDLE"
  install -m 755 "$TOYRUN" "$BATS_TEST_TMPDIR/toyrun"
  leaves_nothing setpriv --reuid nobody --regid nogroup --clear-groups "$BATS_TEST_TMPDIR/toyrun" --root "$STATE" create --explain --bundle "$BUNDLE" "$ID"
  succeeded
  expect '^ *1[.:)]? '
  expect '/proc'
}

@test "--explain refuses what create would refuse" {
  only_toyrun 'no reference explains'
  make_bundle
  edit '.process.cwd = "relative"'
  run rt create --explain --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect '/process/cwd'
}

@test "explain tells how an existing container was made" {
  only_toyrun 'no reference explains'
  sleeper
  created
  run rt explain "$ID"
  succeeded
  expect "^How the container \"$ID\", made at .* and now created, came to life"
  expect 'which is as it was then'
  expect_not Beware
  expect 'execute sleep 1000'
  expect "make the cgroup $CGROUP "
  # From there on it is the text of create --explain.
  sed -n '/^On the host/,$p' <<<"$output" >"$BATS_TEST_TMPDIR/after"
  rt create --explain --bundle "$BUNDLE" "$ID" | sed -n '/^On the host/,$p' >"$BATS_TEST_TMPDIR/before"
  diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "explain says when config.json was edited, and tells what the record holds" {
  only_toyrun 'no reference explains'
  sleeper
  created
  command_is sleep 2000
  edit '.linux.cgroupsPath = "/elsewhere" | .hostname = "edited"'
  run rt explain "$ID"
  succeeded
  expect 'Beware: .*config.json was changed after that'
  expect 'Beware: the process is told as the container has it'
  expect 'Beware: the cgroups are told as the container has them'
  expect 'execute sleep 1000'
  expect "make the cgroup $CGROUP "
  expect 'host name to edited'
}

@test "explain and audit know --no-pivot" {
  only_toyrun 'no reference explains'
  sleeper
  rt create --no-pivot --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
  rt start "$ID"
  rt create --no-pivot --explain --bundle "$BUNDLE" "$ID" | grep -iE 'chroot|pivot|move' >"$OUT.planned"
  rt explain "$ID" | grep -iE 'chroot|pivot|move' >"$OUT.explained"
  diff "$OUT.planned" "$OUT.explained"
  ! rt create --explain --bundle "$BUNDLE" "$ID" | grep -iE 'chroot|pivot|move' | diff - "$OUT.explained" || false
  run rt audit "$ID"
  expect_not '^drift +mount'
}

@test "explain of a container that is not there, and of one whose bundle is gone" {
  only_toyrun 'no reference explains'
  run rt explain nobody
  [ "$status" -eq 1 ]
  expect 'container does not exist'
  sleeper
  created
  mv "$BUNDLE/config.json" "$BUNDLE/aside.json"
  run rt explain "$ID"
  [ "$status" -eq 1 ]
  expect 'worked out from its bundle: .*config.json not found'
}
