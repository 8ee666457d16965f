#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# checkpoint and restore through CRIU. What is refused is tested everywhere, the rest where `criu check` succeeds: on a
# kernel that this CRIU knows, as in the guest of tests/vm.
load support.bash

IMAGES() { echo "$BATS_TEST_TMPDIR/images"; }
need_criu() { command -v criu >/dev/null && criu check >/dev/null 2>&1 || skip "the criu here does not work with this kernel"; }

# counter: a bundle whose program counts in its memory and in a tmpfs; what it says goes to $OUT.
counter() {
  make_bundle
  command_is sh -c 'i=0; while :; do echo "count $i"; echo "$i" >/dev/shm/count; i=$((i + 1)); sleep 0.2; done'
}
# criu CODE: a program of that name on a PATH of its own.
fake_criu() {
  mkdir -p "$BATS_TEST_TMPDIR/bin"
  { echo '#!/usr/bin/python3'; cat; } >"$BATS_TEST_TMPDIR/bin/criu"
  chmod +x "$BATS_TEST_TMPDIR/bin/criu"
}
counts() { [ "$(grep -c '^count' "$1")" -ge "$2" ]; }
checkpoint() { rt checkpoint --image-path "$(IMAGES)" "$@" "$ID"; }
# restored [OPTIONS]: detached, its output through a pipe as an engine reads it, into $OUT.restored.
restored() { rt restore -d --bundle "$BUNDLE" --image-path "$(IMAGES)" "$@" "$ID" </dev/null 2>"$OUT.err" > >(cat >"$OUT.restored") || { cat "$OUT.err"; return 1; }; }
start_counter() {
  rt create --bundle "$BUNDLE" "$ID" </dev/null > >(cat >"$OUT") 2>&1
  rt start "$ID"
  wait_for 10 counts "$OUT" 3
}

@test "checkpoint without criu is refused, and the container runs on" {
  only_toyrun 'its words'
  sleeper
  running
  run env PATH=/nowhere "$RUNTIME" --root "$STATE" checkpoint --image-path "$(IMAGES)" "$ID"
  [ "$status" -eq 1 ]
  expect 'exec: "criu": executable file not found in \$PATH'
  has_status running
}

@test "an old criu, and one that does not answer, are refused" {
  only_toyrun 'its words'
  sleeper
  running
  # type VERSION, success, version 3.11
  fake_criu <<'PYTHON'
import os
os.read(3, 4096)
os.write(3, bytes([8, 10, 16, 1, 0x52, 4, 8, 3, 16, 11]))
PYTHON
  run env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$RUNTIME" --root "$STATE" checkpoint --image-path "$(IMAGES)" "$ID"
  [ "$status" -eq 1 ]
  expect 'criu is version 3.11.0, checkpoint and restore need 3.15.0 or newer'
  fake_criu <<<'pass'
  run env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$RUNTIME" --root "$STATE" checkpoint --image-path "$(IMAGES)" "$ID"
  [ "$status" -eq 1 ]
  expect 'criu ended without an answer .does .criu check. succeed on this host'
  fake_criu <<'PYTHON'
import os
os.write(3, b"\xff" * 40)
PYTHON
  run env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$RUNTIME" --root "$STATE" checkpoint --image-path "$(IMAGES)" "$ID"
  [ "$status" -eq 1 ]
  expect 'criu sent what is no message of its protocol'
  has_status running
}

@test "only a running container can be checkpointed" {
  not_on crun 'Debian builds it without checkpoint'
  sleeper
  created
  run checkpoint
  [ "$status" -eq 1 ]
  expect 'Container cannot be checkpointed in created state|annot be checkpointed'
  rt start "$ID"
  rt kill "$ID" KILL
  wait_for 10 has_status stopped
  run checkpoint
  [ "$status" -eq 1 ]
  expect 'annot be checkpointed in stopped state'
  run rt checkpoint --image-path "$(IMAGES)" nobody
  [ "$status" -eq 1 ]
  expect 'container does not exist'
}

@test "options of checkpoint and restore that make no sense are refused" {
  not_on crun 'Debian builds it without checkpoint'
  sleeper
  running
  run checkpoint --manage-cgroups-mode maybe
  failed
  run checkpoint --empty-ns pid
  failed
  expect 'not supported'
  run checkpoint --page-server nowhere
  failed
  expect 'page-server ADDRESS:PORT'
  run checkpoint --parent-path /absolute
  failed
  run checkpoint --parent-path ../missing
  failed
  # What podman asks before it restores into a pod.
  run rt restore --lsm-mount-context
  failed
  expect 'flag needs an argument'
  run rt checkpoint --help
  succeeded
}

@test "restore from what is no checkpoint is refused and leaves nothing" {
  only_toyrun 'its words'
  sleeper
  leaves_nothing rt restore -d --bundle "$BUNDLE" --image-path "$BATS_TEST_TMPDIR/nothing" "$ID"
  [ "$status" -eq 1 ]
  expect 'nothing/descriptors.json: No such file'
  mkdir "$(IMAGES)"
  echo '{"a": 1}' >"$(IMAGES)/descriptors.json"
  leaves_nothing restored
  [ "$status" -eq 1 ]
  contains 'is not an array of three strings' "$OUT.err"
  running
  run restored
  [ "$status" -eq 1 ]
}

@test "an annotation may name options for criu below /etc/criu only" {
  only_toyrun 'an image may have written annotation and file'
  sleeper
  edit '.annotations["org.criu.config"] = "/etc/passwd"'
  running
  fake_criu <<<'pass'
  run env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$RUNTIME" --root "$STATE" checkpoint --image-path "$(IMAGES)" "$ID"
  [ "$status" -eq 1 ]
  expect 'org.criu.config: /etc/passwd is not below /etc/criu'
}

@test "a counter goes on where it was, with its limits, mounts, hooks and credentials" {
  need_criu
  counter
  mkdir "$BATS_TEST_TMPDIR/data"
  echo outside >"$BATS_TEST_TMPDIR/data/file"
  edit '.mounts += [{"destination": "/data", "source": $source, "options": ["bind", "ro"]}]' --arg source "$BATS_TEST_TMPDIR/data"
  edit '.root.readonly = true | .linux.resources.pids.limit = 77'
  printf '#!/bin/sh\ncat >>%q\n' "$BATS_TEST_TMPDIR/hooked" >"$BATS_TEST_TMPDIR/hook"
  chmod +x "$BATS_TEST_TMPDIR/hook"
  edit '.hooks.createRuntime = [{"path": $path}]' --arg path "$BATS_TEST_TMPDIR/hook"
  start_counter
  checkpoint
  run rt state "$ID"
  [ "$status" -eq 1 ]
  expect 'container does not exist'
  [ -z "$(cgroup_directories)" ]
  last=$(grep -c '^count' "$OUT")

  # Another root file system of the same content: mount points are made again.
  rmdir "$ROOTFS/data"
  : >"$BATS_TEST_TMPDIR/hooked"
  restored --pid-file "$BATS_TEST_TMPDIR/pid"
  [ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$(pid_of)" ]
  has_status running
  [ "$(jq -r .status "$BATS_TEST_TMPDIR/hooked")" = creating ]
  wait_for 10 counts "$OUT.restored" 3
  [ "$(sed -n '1s/^count //p' "$OUT.restored")" -ge "$((last - 1))" ]
  [ "$(rt exec "$ID" cat /data/file)" = outside ]
  run rt exec "$ID" touch /data/other
  failed
  [ "$(cat "$(cgroup_file pids pids.max)")" = 77 ]
  if is_toyrun; then
    run rt audit "$ID"
    succeeded
    expect 'no drift'
  fi
  rt kill "$ID" KILL
  wait_for 10 has_status stopped
  rt delete "$ID"
  [ -z "$(find "$STATE" -mindepth 1)" ]
  [ -z "$(cgroup_directories)" ]
  lacks "$ID" /proc/self/mountinfo
}

@test "--pre-dump, then --leave-running, then restore in the foreground with the program's status" {
  need_criu
  make_bundle
  command_is sh -c 'while [ ! -e /tmp/end ]; do sleep 0.1; done; exit 42'
  running
  rt checkpoint --pre-dump --image-path "$BATS_TEST_TMPDIR/first" "$ID"
  has_status running
  rt checkpoint --parent-path ../first --image-path "$(IMAGES)" --leave-running "$ID"
  has_status running
  rt delete -f "$ID"
  touch "$ROOTFS/tmp/end"
  # Its stdout was a file, and a file is what it gets.
  attempt rt restore --bundle "$BUNDLE" --image-path "$(IMAGES)" "$ID"
  [ "$status" -eq 42 ] || { echo "$status: $output"; return 1; }
  [ -z "$(rt list -q)" ]
}

@test "a checkpoint with more than config.json allows is not restored" {
  need_criu
  counter
  edit '.process.capabilities |= map_values(["CAP_KILL", "CAP_SYS_ADMIN"])'
  start_counter
  checkpoint
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config.json"
  edit '.process.capabilities |= map_values(["CAP_KILL"])'
  only_toyrun 'runc restores what the image says'
  leaves_nothing restored
  failed
  contains 'is not what config.json asks for; capabilities, bounding: asked KILL, restored KILL, SYS_ADMIN' "$OUT.err"
  cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
  edit '.process.user = {"uid": 5, "gid": 0}'
  leaves_nothing restored
  failed
  contains 'is not what config.json asks for; user: asked 5' "$OUT.err"
  cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
  edit '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ERRNO"}]}'
  leaves_nothing restored
  failed
  contains 'do not have the seccomp filter' "$OUT.err"
}

@test "seccomp filter, terminal and paused state survive" {
  need_criu
  make_bundle
  edit '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
  edit '.process.terminal = true'
  command_is sh -c 'while [ ! -e /tmp/end ]; do sleep 0.1; done; mkdir /tmp/x || echo refused; tty; sleep 1000'
  console=$BATS_TEST_TMPDIR/console
  python3 "$SYSTEM/console.py" "$console.1" >"$console.log1" 2>&1 3>&- &
  wait_for 10 contains ready "$console.log1"
  rt create --console-socket "$console.1" --bundle "$BUNDLE" "$ID" </dev/null
  rt start "$ID"
  rt pause "$ID"
  checkpoint
  python3 "$SYSTEM/console.py" "$console.2" >"$console.log2" 2>&1 3>&- &
  wait_for 10 contains ready "$console.log2"
  rt restore -d --console-socket "$console.2" --bundle "$BUNDLE" --image-path "$(IMAGES)" "$ID" </dev/null
  touch "$ROOTFS/tmp/end"
  wait_for 10 contains refused "$console.log2"
  wait_for 10 contains '/dev/pts/0|/dev/console' "$console.log2"
  rt delete -f "$ID"
}

@test "a mount point whose name would change the meaning of criu's keys is refused" {
  need_criu
  only_toyrun 'CVE-2026-119101'
  sleeper
  mkdir "$BATS_TEST_TMPDIR/data" "$ROOTFS/a]:b"
  ln -s 'a]:b' "$ROOTFS/link"
  edit '.mounts += [{"destination": "/link", "source": $source, "options": ["bind"]}]' --arg source "$BATS_TEST_TMPDIR/data"
  running
  run checkpoint
  failed
  expect 'CRIU takes no brackets and control characters there'
  has_status running
}

@test "a network namespace named by path stays outside" {
  need_criu
  counter
  touch "$BATS_TEST_TMPDIR/net"
  unshare --net="$BATS_TEST_TMPDIR/net" ip link set lo up
  edit '(.linux.namespaces[] | select(.type == "network")).path = $path' --arg path "$BATS_TEST_TMPDIR/net"
  start_counter
  checkpoint
  restored
  [ "$(readlink "/proc/$(pid_of)/ns/net")" = "net:[$(stat -Lc %i "$BATS_TEST_TMPDIR/net")]" ]
  rt delete -f "$ID"
  umount "$BATS_TEST_TMPDIR/net"
}
