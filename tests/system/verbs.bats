# SPDX-License-Identifier: Apache-2.0
# Verbs that are killed at random moments and that race each other: nothing hangs, nothing is left.
# TOY_ROUNDS (40) rounds, every TOY_STEPth (10) system call; TOY_SEED repeats a run.
load support

# leaves_nothing SCRIPT WORD...: a script that is to print its seed and no more, on names whose cgroups are $CGROUP*.
leaves_nothing() {
  sleeper
  edit 'del(.linux.cgroupsPath)'
  cgroup_of_everything
  snapshot >"$BATS_TEST_TMPDIR/before"
  run python3 "$SYSTEM/$1" "${@:2}" 3>&- 4>&-
  echo "$output"
  [ "${#lines[@]}" -eq 1 ]
  wait_for 10 is_as_before
}
# Without a cgroupsPath the cgroup is named by the id.
cgroup_of_everything() { CGROUP=/$ID-; }
is_as_before() { snapshot >"$BATS_TEST_TMPDIR/after" && diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"; }

# at_random MODE ROUNDS
at_random() { leaves_nothing verbs.py "$1" "$RUNTIME" "$STATE" "$BUNDLE" "$2" "$ID-a" "$ID-b"; }

@test "kill -9 at any moment of create, run, start, exec, delete: delete --force leaves nothing" {
  only_toyrun 'the references leave records and cgroups'
  at_random killed "${TOY_ROUNDS:-40}"
}

@test "kill -9 at each system call of create, run, start, exec and delete, or of their children: delete --force leaves nothing" {
  only_toyrun 'the references leave records and cgroups'
  leaves_nothing sweep.py "$RUNTIME" "$STATE" "$BUNDLE" "${TOY_STEP:-10}" "$ID-a"
}

@test "verbs that race each other on one name never hang, and leave nothing" {
  only_toyrun 'the references leave records and cgroups'
  at_random raced "${TOY_ROUNDS:-40}"
}
