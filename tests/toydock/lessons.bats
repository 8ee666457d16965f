# SPDX-License-Identifier: Apache-2.0
# toydock lessons: every walk is walked, shows what it promises, and leaves nothing.
load toydock

# walk LESSON: no command in it fails unless its exit code is what is shown
walk() { run -0 td lessons -i "$IMAGE" "$1"; }
leaves_nothing_behind() {
  [ -z "$(td ps -aq)" ]
  [ -z "$(td volume ls -q)" ]
  expect_not '^toydock:|not found|No such file or directory$'
}

@test "lessons: the list" {
  run -0 td lessons
  [ "$(grep -cE '^  [1-6]\. [a-z]+' <<<"$output")" = 6 ]
  run ! td lessons nosuchlesson
}

@test "lessons: namespaces" {
  run -0 td lesson -i "$IMAGE" 1 # by its number
  expect '^island$'
  expect '^NSpid:[[:space:]]+[0-9]+[[:space:]]+1$'
  expect 'mnt:\[[0-9]+\] uts:'
  leaves_nothing_behind
}

@test "lessons: rootfs" {
  walk rootfs
  expect '^changed$'
  expect 'pivot'
  expect ' /data '
  expect 'Read-only file system'
  [ -z "$(td ps -aq)" ]
}

@test "lessons: cgroups" {
  walk cgroups
  expect '^(memory.limit_in_bytes|memory.max) = 33554432$'
  expect '^(cpu.cfs_quota_us = 10000|cpu.max = 10000 100000)$'
  expect 'exit code 137'
  leaves_nothing_behind
}

@test "lessons: network" {
  walk network
  expect '^hello from the island$'
  expect 'dnat'
  expect 'toy0'
  expect '1 packets received'
  expect '^no such rule$'
  leaves_nothing_behind
}

@test "lessons: images" {
  walk images
  expect '"layers"'
  expect '^no engine at all$'
  leaves_nothing_behind
}

@test "lessons: build" {
  walk build
  expect '^hello$'
  expect '^built$'
  expect '^a file of the host$'
  leaves_nothing_behind
}
