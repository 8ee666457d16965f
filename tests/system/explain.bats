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
