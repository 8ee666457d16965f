# SPDX-License-Identifier: Apache-2.0
# config.md: root, mounts, process, hostname, hooks, annotations, extensibility.
load conformance

# ---- version, root --------------------------------------------------------------------------------------------

@test "config.md#specification-version 1: ociVersion is required, in SemVer format" {
  refused 'del(.ociVersion)'
  refused '.ociVersion = "one"'
  refused '.ociVersion = "1.0"'
  accepted '.ociVersion = "1.0.2-dev"'
  accepted '.ociVersion = "1.0.0"'
}

@test "config.md#root 1: root is required" { refused 'del(.root)'; }

@test "config.md#root 2: an absolute path, and one relative to the bundle" {
  make_bundle
  edit '.root.path = "./rootfs"'
  accepted
  mv "$ROOTFS" "$BATS_TEST_TMPDIR/elsewhere"
  edit '.root.path = $path' --arg path "$BATS_TEST_TMPDIR/elsewhere"
  cd /
  accepted
}

@test "config.md#root 3: a directory must be there" {
  refused '.root.path = "nosuch"'
  make_bundle
  touch "$BUNDLE/file"
  edit '.root.path = "file"'
  refused
}

@test "config.md#root 4: readonly makes the root read-only, and only if asked" {
  make_bundle
  run -0 inside 'touch /x && echo written'
  expect written
  edit '.root.readonly = true'
  run inside 'touch /x || echo refused; awk "\$5 == \"/\" {print \$6}" /proc/self/mountinfo'
  expect 'Read-only file system'
  expect '^ro(,|$)'
}

# ---- mounts ---------------------------------------------------------------------------------------------------

@test "config.md#mounts 1: entries are mounted in the listed order" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source"
  touch "$BATS_TEST_TMPDIR/source/second"
  mount_entry /outer tmpfs tmpfs mode=755
  mount_entry /outer/inner bind "$BATS_TEST_TMPDIR/source" bind
  mount_entry /covered bind "$BATS_TEST_TMPDIR/source" bind
  mount_entry /covered tmpfs tmpfs mode=755
  run -0 inside 'ls /outer/inner; ls /covered'
  [ "$output" = second ]
}

@test "config.md#mounts 2: a relative destination is taken from /" {
  make_bundle
  edit '.process.cwd = "/tmp"'
  mount_entry relative/place tmpfs tmpfs mode=755
  run -0 mount_line /relative/place
  expect ' /relative/place '
}

@test "config.md#mounts 3: a bind source is absolute or relative to the bundle" {
  make_bundle
  mkdir "$BUNDLE/beside" "$BATS_TEST_TMPDIR/source"
  echo relative >"$BUNDLE/beside/file"
  echo absolute >"$BATS_TEST_TMPDIR/source/file"
  mount_entry /one none beside bind
  mount_entry /two none "$BATS_TEST_TMPDIR/source" rbind
  cd /
  run -0 inside 'cat /one/file /two/file'
  [ "$output" = $'relative\nabsolute' ]
}

@test "config.md#mounts 4: bind or rbind makes a bind mount, whatever the type says" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source"
  touch "$BATS_TEST_TMPDIR/source/file"
  mount_entry /one tmpfs "$BATS_TEST_TMPDIR/source" bind
  edit '.mounts += [{"destination": "/two", "source": $s, "options": ["rbind"]}]' --arg s "$BATS_TEST_TMPDIR/source"
  run -0 inside 'ls /one /two'
  [ "$(grep -c '^file$' <<<"$output")" -eq 2 ]
}

# flags_of WORDS: the options field of a tmpfs with these words.
flags_of() {
  make_bundle
  # shellcheck disable=SC2086
  mount_entry /target tmpfs tmpfs $1
  run mount_line /target
  succeeded || return 1
  FLAGS=,$(cut -d' ' -f6 <<<"${lines[-1]}"),
  SUPER=,$(sed 's/.* - [^ ]* [^ ]* //' <<<"${lines[-1]}"),
}
with() { flags_of "$1" && [[ $FLAGS == *",$2,"* ]] || { echo "$1: $FLAGS"; return 1; }; }
without() { flags_of "$1" && [[ $FLAGS != *",$2,"* ]] || { echo "$1: $FLAGS"; return 1; }; }

@test "config.md#linux-mount-options 1: defaults" {
  flags_of defaults
  [ "$FLAGS" = ,rw,relatime, ]
}

@test "config.md#linux-mount-options 2: ro and rw" {
  with ro ro
  with rw rw
  with 'ro rw' rw
}

@test "config.md#linux-mount-options 3,4,5: suid, dev, exec and their opposites" {
  local word
  for word in suid dev exec; do
    with "no$word" "no$word"
    without "no$word $word" "no$word"
    with "$word no$word" "no$word"
  done
}

@test "config.md#linux-mount-options 6: the words about access times" {
  with noatime noatime
  without 'noatime atime' noatime
  with nodiratime nodiratime
  without 'nodiratime diratime' nodiratime
  with relatime relatime
  without strictatime relatime
  with 'strictatime nostrictatime' relatime
  with 'noatime norelatime' noatime || with norelatime relatime
}

@test "config.md#linux-mount-options 7: sync, async, dirsync" {
  flags_of sync
  [[ $SUPER == *,sync,* ]]
  flags_of 'sync async'
  [[ $SUPER != *,sync,* ]]
  flags_of dirsync
  [[ $SUPER == *,dirsync,* ]]
}

@test "config.md#linux-mount-options 8,9: bind takes one mount, rbind the tree" {
  make_bundle
  host_tree
  mount_entry /one none "$TREE" bind
  mount_entry /all none "$TREE" rbind
  run inside 'ls /one/inner; echo --; ls /all/inner'
  end_tree
  [ "$output" = $'--\nbusybox' ]
}

# propagation WORD: the optional fields of the bind and of the mount below it.
propagation() {
  make_bundle
  host_tree
  mount_entry /all none "$TREE" rbind "$1"
  run inside 'grep " /all" /proc/self/mountinfo'
  end_tree
  succeeded || return 1
  TOP=$(grep ' /all ' <<<"$output" | sed 's/ - .*//')
  BELOW=$(grep ' /all/inner ' <<<"$output" | sed 's/ - .*//')
}

@test "config.md#linux-mount-options 10: private, rprivate" {
  propagation private
  [[ $TOP != *shared:* && $TOP != *master:* ]]
  propagation rprivate
  [[ $TOP$BELOW != *shared:* && $TOP$BELOW != *master:* ]]
}

@test "config.md#linux-mount-options 11: shared, rshared" {
  propagation shared
  [[ $TOP == *shared:* ]]
  propagation rshared
  [[ $TOP == *shared:* && $BELOW == *shared:* ]]
}

@test "config.md#linux-mount-options 12: slave, rslave, and a later mount of the host comes in" {
  propagation slave
  [[ $TOP == *master:* && $TOP != *shared:* ]]
  propagation rslave
  [[ $TOP == *master:* && $BELOW == *master:* && $TOP$BELOW != *shared:* ]]
  make_bundle
  host_tree
  mount_entry /all none "$TREE" rbind rslave
  sleeping
  mount -t tmpfs late "$TREE/late"
  touch "$TREE/late/seen"
  run rt exec "$ID" ls /all/late
  umount "$TREE/late"
  rt delete --force "$ID"
  end_tree
  [ "$output" = seen ]
}

@test "config.md#linux-mount-options 13: unbindable, runbindable" {
  propagation unbindable
  [[ $TOP == *unbindable* ]]
  propagation runbindable
  [[ $TOP == *unbindable* && $BELOW == *unbindable* ]]
}

@test "config.md#linux-mount-options 14: remount changes a mount that is there" {
  make_bundle
  mount_entry /target tmpfs tmpfs mode=755
  mount_entry /target tmpfs tmpfs remount ro nosuid
  run -0 mount_line /target
  [ "${#lines[@]}" -eq 1 ]
  expect ' /target ro,nosuid'
}

@test "config.md#linux-mount-options 15: words without a visible effect on a tmpfs are accepted" {
  make_bundle
  local word
  for word in iversion noiversion lazytime nolazytime silent loud; do mount_entry "/with-$word" tmpfs tmpfs "$word"; done
  run -0 inside 'grep -c " /with-" /proc/self/mountinfo'
  [ "$output" = 6 ]
}

mapped() { # mapped WORD: a bind of the host's tree with mappings of its own
  needs_idmap
  make_bundle
  host_tree
  edit '.mounts += [{"destination": "/all", "type": "none", "source": $s, "options": ["rbind", $word],
    "uidMappings": [{"containerID": 0, "hostID": 5000, "size": 1000}], "gidMappings": [{"containerID": 0, "hostID": 6000, "size": 1000}]}]' \
    --arg s "$TREE" --arg word "$1"
  run inside 'stat -c %u:%g /all /all/inner'
  end_tree
  succeeded
}

@test "config.md#linux-mount-options 16,17: idmap applies the mount's own mappings, to the one mount" {
  mapped idmap
  [ "$output" = $'5000:6000\n0:0' ]
}

@test "config.md#linux-mount-options 18: idmap without mappings and without a user namespace is an error" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source"
  mount_entry /target none "$BATS_TEST_TMPDIR/source" bind idmap
  refused
}

@test "config.md#linux-mount-options 19: ridmap applies them to the tree" {
  mapped ridmap
  [ "$output" = $'5000:6000\n5000:6000' ]
}

@test "config.md#linux-mount-options 20: recursive words reach the mounts below" {
  make_bundle
  host_tree
  mount_entry /all none "$TREE" rbind rro rnosuid rnodev rnoexec rnoatime
  mount_entry /plain none "$TREE" rbind ro nosuid
  run inside 'grep -E " /(all|plain)" /proc/self/mountinfo; touch /all/inner/x; touch /plain/inner/x && echo plain-written'
  end_tree
  expect ' /all ro,nosuid,nodev,noexec,noatime '
  expect ' /all/inner ro,nosuid,nodev,noexec,noatime '
  expect '/all/inner/x: Read-only'
  expect plain-written
}

@test "config.md#linux-mount-options 21: a word that is not known goes to the file system" {
  make_bundle
  mount_entry /target tmpfs tmpfs size=64k nr_inodes=7
  run -0 mount_line /target
  expect 'size=64k.*nr_inodes=7'
}

@test "config.md#posix-platform-mounts 1: uidMappings and gidMappings come together" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source"
  mount_entry /target none "$BATS_TEST_TMPDIR/source" bind idmap
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/plain.json"
  edit '.mounts[-1].uidMappings = [{"containerID": 0, "hostID": 5000, "size": 1000}]'
  refused
  cp "$BATS_TEST_TMPDIR/plain.json" "$BUNDLE/config.json"
  edit '.mounts[-1].gidMappings = [{"containerID": 0, "hostID": 5000, "size": 1000}]'
  refused
}

# ---- process --------------------------------------------------------------------------------------------------

@test "config.md#process 2: consoleSize is ignored without a terminal" {
  accepted '.process.consoleSize = {"height": 33, "width": 77}'
}

@test "config.md#process 3: cwd is required, and absolute" {
  refused 'del(.process.cwd)'
  refused '.process.cwd = "tmp"'
  make_bundle
  edit '.process.cwd = "/tmp"'
  run -0 inside pwd
  [ "$output" = /tmp ]
}

refused_args() {
  make_bundle
  edit "$1"
  attempt rt create --bundle "$BUNDLE" "$ID"
  failed
  no_container
}
@test "config.md#process 4: args has at least one entry" {
  refused_args '.process.args = []'
  refused_args 'del(.process.args)'
}

@test "config.md#process 5: a terminal is a pty on the standard streams" {
  make_bundle
  edit '.process.terminal = true | .process.consoleSize = {"height": 33, "width": 77}'
  command_is sh -c 'test -t 0 && test -t 1 && test -t 2 && echo three terminals; stty size'
  python3 "$SYSTEM/console.py" "$BATS_TEST_TMPDIR/console.sock" >"$OUT" 2>&1 3>&- &
  wait_for 10 contains ready "$OUT"
  rt create --console-socket "$BATS_TEST_TMPDIR/console.sock" --bundle "$BUNDLE" "$ID" </dev/null
  rt start "$ID"
  wait_for 10 contains '^end' "$OUT"
  contains 'three terminals' "$OUT"
  contains '33 77' "$OUT"
}

@test "config.md#process 6: args[0] is found as execvp finds it, args are argv" {
  make_bundle
  mkdir "$ROOTFS/elsewhere"
  printf '#!/bin/sh\necho "$#|$1|$2"\n' >"$ROOTFS/elsewhere/found"
  chmod +x "$ROOTFS/elsewhere/found"
  edit '.process.env = ["PATH=/nowhere:/elsewhere"]'
  command_is found 'a  b' ''
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  [ "$output" = '2|a  b|' ]
}

@test "config.md#process 7: env is the environment" {
  make_bundle
  edit '.process.env += ["ONE=1", "EMPTY=", "SPACED=a b", "EQUALS=a=b"]'
  LEAKED=1 run -0 inside env
  expect '^ONE=1$'
  expect '^EMPTY=$'
  expect '^SPACED=a b$'
  expect '^EQUALS=a=b$'
  expect_not LEAKED
}

@test "config.md#posix-process 1: a limit that does not exist is an error" {
  refused '.process.rlimits = [{"type": "RLIMIT_NOSUCH", "soft": 1, "hard": 1}]'
}

@test "config.md#posix-process 2,3: soft and hard match exactly, for each type" {
  make_bundle
  edit '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 4096},
    {"type": "RLIMIT_FSIZE", "soft": 1048576, "hard": 2097152}, {"type": "RLIMIT_NPROC", "soft": 1000, "hard": 1001},
    {"type": "RLIMIT_STACK", "soft": 4194304, "hard": 5242880}, {"type": "RLIMIT_CPU", "soft": 100, "hard": 101},
    {"type": "RLIMIT_DATA", "soft": 1073741824, "hard": 2147483648}, {"type": "RLIMIT_AS", "soft": 4294967296, "hard": 8589934592},
    {"type": "RLIMIT_LOCKS", "soft": 5, "hard": 6}, {"type": "RLIMIT_MEMLOCK", "soft": 4096, "hard": 8192},
    {"type": "RLIMIT_MSGQUEUE", "soft": 1000, "hard": 2000}, {"type": "RLIMIT_NICE", "soft": 0, "hard": 0},
    {"type": "RLIMIT_RSS", "soft": 7, "hard": 8}, {"type": "RLIMIT_RTPRIO", "soft": 0, "hard": 0},
    {"type": "RLIMIT_RTTIME", "soft": 9, "hard": 10}, {"type": "RLIMIT_SIGPENDING", "soft": 11, "hard": 12}]'
  run -0 inside 'cat /proc/self/limits'
  expect 'Max open files +100 +200 '
  expect 'Max core file size +0 +4096 '
  expect 'Max file size +1048576 +2097152 '
  expect 'Max processes +1000 +1001 '
  expect 'Max stack size +4194304 +5242880 '
  expect 'Max cpu time +100 +101 '
  expect 'Max data size +1073741824 +2147483648 '
  expect 'Max address space +4294967296 +8589934592 '
  expect 'Max file locks +5 +6 '
  expect 'Max locked memory +4096 +8192 '
  expect 'Max msgqueue size +1000 +2000 '
  expect 'Max nice priority +0 +0 '
  expect 'Max resident set +7 +8 '
  expect 'Max realtime priority +0 +0 '
  expect 'Max realtime timeout +9 +10 '
  expect 'Max pending signals +11 +12 '
}

@test "config.md#posix-process 4: the same type twice is an error" {
  refused '.process.rlimits = [{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]'
}

@test "config.md#linux-process 1: the five capability sets" {
  make_bundle
  edit '.process.capabilities = {"bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_NET_RAW"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
    "effective": ["CAP_CHOWN"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]} | .process.user = {"uid": 1000, "gid": 1000}'
  run -0 inside 'grep Cap /proc/self/status'
  expect 'CapInh:[[:space:]]0000000000000020'
  expect 'CapBnd:[[:space:]]00000000000020a1'
  expect 'CapAmb:[[:space:]]0000000000000020'
  expect 'CapPrm:[[:space:]]0000000000000020'
  expect 'CapEff:[[:space:]]0000000000000020'
}

@test "config.md#linux-process 3: noNewPrivileges" {
  make_bundle
  run -0 inside 'grep NoNewPrivs /proc/self/status'
  expect '0$'
  edit '.process.noNewPrivileges = true'
  run -0 inside 'grep NoNewPrivs /proc/self/status'
  expect '1$'
}

@test "config.md#linux-process 4: oomScoreAdj is set to the value, zero too" {
  make_bundle
  edit '.process.oomScoreAdj = 321'
  run -0 inside 'cat /proc/self/oom_score_adj'
  [ "$output" = 321 ]
  # from a caller with another value; lowering one's own needs CAP_SYS_RESOURCE, so the raised one is the minimum then
  setpriv -d | grep -q '^Capability bounding set:.*\bsys_resource\b' || return 0
  edit '.process.oomScoreAdj = 0'
  command_is cat /proc/self/oom_score_adj
  run -0 bash -c 'echo 55 >/proc/self/oom_score_adj; exec "$0" --root "$1" run --bundle "$2" "$3" </dev/null' "$RUNTIME" "$STATE" "$BUNDLE" "$ID"
  [ "$output" = 0 ]
}

@test "config.md#linux-process 5: without oomScoreAdj the caller's stays" {
  make_bundle
  command_is cat /proc/self/oom_score_adj
  run -0 bash -c 'echo 55 >/proc/self/oom_score_adj; exec "$0" --root "$1" run --bundle "$2" "$3" </dev/null' "$RUNTIME" "$STATE" "$BUNDLE" "$ID"
  [ "$output" = 55 ]
}

@test "config.md#linux-process 6: scheduler" {
  make_bundle
  edit '.process.scheduler = {"policy": "SCHED_BATCH", "nice": 7}'
  sleeping
  run -0 chrt -p "$(pid_of)"
  expect SCHED_BATCH
  [ "$(ps -o ni= -p "$(pid_of)" | tr -d ' ')" = 7 ]
  rt delete --force "$ID"
  refused '.process.scheduler = {"policy": "SCHED_NOSUCH"}'
  refused '.process.scheduler = {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_NOSUCH"]}'
}

@test "config.md#linux-process 7: ioPriority" {
  make_bundle
  edit '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 6}'
  sleeping
  run -0 ionice -p "$(pid_of)"
  [ "$output" = 'best-effort: prio 6' ]
  rt delete --force "$ID"
  refused '.process.ioPriority = {"class": "IOPRIO_CLASS_NOSUCH", "priority": 1}'
  refused '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 8}'
}

@test "config.md#linux-process 8: execCPUAffinity is where an exec runs" {
  [ "$(nproc)" -gt 1 ] || skip 'this machine has one CPU'
  make_bundle
  edit '.process.execCPUAffinity = {"initial": "0", "final": "1"}'
  sleeping
  run -0 rt exec "$ID" grep Cpus_allowed_list /proc/self/status
  expect '[[:space:]]1$'
  run -0 grep Cpus_allowed_list "/proc/$(pid_of)/status"
  expect '[[:space:]]0-'
  rt delete --force "$ID"
  refused '.process.execCPUAffinity = {"initial": "one"}'
}

@test "config.md#linux-process 9: a profile or label that the kernel cannot apply is an error" {
  make_bundle
  if [ -e /sys/kernel/security/apparmor ] || [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then
    refused '.process.apparmorProfile = "no-such-profile"'
  else
    refused '.process.apparmorProfile = "unconfined-but-there-is-none"'
  fi
  [ -e /sys/fs/selinux/enforce ] || refused '.process.selinuxLabel = "system_u:system_r:container_t:s0"'
}

# ---- user, names ----------------------------------------------------------------------------------------------

@test "config.md#posix-platform-user 1: uid and gid are ids of the container's namespace" {
  make_bundle
  user_namespace
  edit '.process.user = {"uid": 1000, "gid": 1001}'
  started 'id -u; id -g; exec sleep 1000'
  wait_for 5 contains 1001 "$OUT"
  [ "$(cat "$OUT")" = $'1000\n1001' ]
  run -0 stat -c %u:%g "/proc/$(pid_of)"
  [ "$output" = 101000:201001 ]
}

@test "config.md#posix-platform-user 2: additionalGids, exactly" {
  make_bundle
  edit '.process.user = {"uid": 1000, "gid": 1001, "additionalGids": [5, 7]}'
  run -0 inside 'grep Groups: /proc/self/status'
  [ "$(tr -d '[:space:]' <<<"$output")" = Groups:57 ]
  edit 'del(.process.user.additionalGids)'
  command_is grep Groups: /proc/self/status
  run -0 setpriv --groups 11,12 "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID" </dev/null
  [ "$(tr -d '[:space:]' <<<"$output")" = Groups: ]
}

@test "config.md#posix-platform-user 3: umask" {
  make_bundle
  edit '.process.user.umask = 63'
  run -0 inside umask
  [ "$output" = 0077 ]
}

@test "config.md#hostname 1; config.md#domainname 1: what processes of the container see" {
  make_bundle
  local before
  before=$(hostname)
  edit '.hostname = "box" | .domainname = "example.net"'
  run -0 inside 'cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname'
  [ "$output" = $'box\nexample.net' ]
  [ "$(hostname)" = "$before" ]
}

# ---- hooks ----------------------------------------------------------------------------------------------------

@test "config.md#posix-platform-hooks 1: a path is absolute" {
  local kind
  for kind in prestart createRuntime createContainer startContainer poststart poststop; do
    make_bundle
    printf '#!/bin/sh\n' | tee "$BUNDLE/relative" >"$ROOTFS/relative"
    chmod +x "$BUNDLE/relative" "$ROOTFS/relative"
    edit '.hooks[$kind] = [{"path": "relative"}]' --arg kind "$kind"
    refused || { echo "kind $kind"; false; }
  done
}

@test "config.md#posix-platform-hooks 2: a timeout is greater than zero, and ends the hook" {
  refused '.hooks.createRuntime = [{"path": "/bin/true", "timeout": 0}]'
  refused '.hooks.createRuntime = [{"path": "/bin/true", "timeout": -1}]'
  local begin=$SECONDS
  refused '.hooks.createRuntime = [{"path": "/bin/sleep", "args": ["sleep", "30"], "timeout": 1}]'
  [ $((SECONDS - begin)) -lt 15 ]
}

@test "config.md#posix-platform-hooks 3: hooks are called in the listed order" {
  make_bundle
  local kind number
  for kind in prestart createRuntime createContainer poststart poststop; do
    for number in 1 2 3; do hook "$kind-$number" "$kind"; done
  done
  for number in 1 2 3; do inner_hook "startContainer-$number" startContainer; done
  sleeping
  rt delete --force "$ID"
  [ "$(order)" = "$(for kind in prestart createRuntime createContainer poststart poststop; do for number in 1 2 3; do printf '%s ' "$kind-$number"; done; done)" ]
  [ "$(tr '\n' ' ' <"$ROOTFS/tmp/order")" = 'startContainer-1 startContainer-2 startContainer-3 ' ]
}

@test "config.md#posix-platform-hooks 4: the state is on standard input" {
  make_bundle
  edit '.annotations = {"org.example.key": "value"}'
  local kind word
  for kind in prestart createRuntime createContainer poststart poststop; do hook "$kind" "$kind"; done
  inner_hook startContainer startContainer
  sleeping
  local pid
  pid=$(pid_of)
  rt delete --force "$ID"
  mv "$ROOTFS/tmp/stdin-startContainer" "$BATS_TEST_TMPDIR/"
  while read -r kind word; do
    jq -e --arg id "$ID" --arg word "$word" --arg bundle "$BUNDLE" '(.ociVersion | test("^1\\.[0-9]+\\.[0-9]+")) and .id == $id and .status == $word
      and .bundle == $bundle and .annotations["org.example.key"] == "value"' "$BATS_TEST_TMPDIR/stdin-$kind" || { cat "$BATS_TEST_TMPDIR/stdin-$kind"; echo "$kind"; false; }
  done <<'WORDS'
prestart creating
createRuntime creating
createContainer creating
startContainer created
poststart running
poststop stopped
WORDS
  [ "$(given poststart pid)" = "$pid" ]
}

@test "config.md#posix-platform-hooks 5: args is argv and env the environment" {
  make_bundle
  compiled_hook
  edit '.hooks.createRuntime = [{"path": $path, "args": ["zero", "one", "two words"], "env": ["A=1", "B=x y"]}]' --arg path "$BATS_TEST_TMPDIR/show"
  run -0 inside true
  [ "$(cat "$BATS_TEST_TMPDIR/shown")" = $'zero\none\ntwo words\nA=1\nB=x y' ]
}
compiled_hook() {
  command -v gcc >/dev/null || skip 'no compiler in this guest'
  gcc -static -O1 -xc -o "$BATS_TEST_TMPDIR/show" - <<C
#include <stdio.h>
int main(int c, char **v, char **e) { FILE *f = fopen("$BATS_TEST_TMPDIR/shown", "w"); while (*v) fprintf(f, "%s\n", *v++); while (*e) fprintf(f, "%s\n", *e++); return fclose(f); }
C
}

# The pid in the state, its namespaces, what of the host it sees: noted by a hook of the runtime's side.
watcher() {
  cat <<SCRIPT
pid=\$(tr -d '\\n' <$BATS_TEST_TMPDIR/stdin-$1 | sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')
readlink /proc/self/ns/mnt >$BATS_TEST_TMPDIR/$1-own
readlink /proc/\$pid/ns/net >$BATS_TEST_TMPDIR/$1-net
test -e /proc/\$pid/root$BUNDLE/config.json && echo not-pivoted >$BATS_TEST_TMPDIR/$1-root
tr '\\0' ' ' </proc/\$pid/cmdline >$BATS_TEST_TMPDIR/$1-cmdline
true
SCRIPT
}
# of_create KIND: called with the namespaces there, the root not yet changed, in the runtime's namespaces.
of_create() {
  make_bundle
  hook watch "$1" "$(watcher watch)"
  command_is sleep 1000
  created
  [ "$(cat "$BATS_TEST_TMPDIR/watch-net")" = "$(readlink "/proc/$(pid_of)/ns/net")" ]
  [ "$(cat "$BATS_TEST_TMPDIR/watch-net")" != "$(own net)" ]
  [ "$(cat "$BATS_TEST_TMPDIR/watch-root")" = not-pivoted ]
  [ "$(cat "$BATS_TEST_TMPDIR/watch-own")" = "$(own mnt)" ]
}

@test "config.md#prestart 1,3,4: in create, with the namespaces there, before pivot_root, in the runtime's namespaces" { of_create prestart; }

@test "config.md#prestart 2: before the createRuntime hooks" {
  make_bundle
  hook second createRuntime
  hook first prestart
  created
  [ "$(order)" = 'first second ' ]
}

@test "config.md#createruntime 1,2,3: in create, with the namespaces there, before pivot_root, in the runtime's namespaces" { of_create createRuntime; }

@test "config.md#createcontainer 1,2,3: in create, before pivot_root, path of the runtime's, in the container's namespaces" {
  make_bundle
  hook inner createContainer "for n in mnt net uts ipc; do readlink /proc/self/ns/\$n; done >$BATS_TEST_TMPDIR/namespaces
    test -e $BUNDLE/config.json && echo not-pivoted >$BATS_TEST_TMPDIR/root; echo made >$ROOTFS/from-hook"
  command_is sleep 1000
  created
  local pid n
  pid=$(pid_of)
  [ "$(cat "$BATS_TEST_TMPDIR/namespaces")" = "$(for n in mnt net uts ipc; do readlink "/proc/$pid/ns/$n"; done)" ]
  [ "$(cat "$BATS_TEST_TMPDIR/root")" = not-pivoted ]
  rt start "$ID"
  run -0 rt exec "$ID" cat /from-hook
  [ "$output" = made ]
}

@test "config.md#startcontainer 1,2,3: in start, before the program, path and namespaces of the container" {
  make_bundle
  inner_hook inner startContainer 'for n in mnt net uts ipc pid; do readlink /proc/self/ns/$n; done >/tmp/namespaces; cat /proc/1/cmdline >/tmp/cmdline'
  command_is sh -c 'cp /tmp/order /tmp/seen; exec sleep 1000'
  created
  [ ! -e "$ROOTFS/tmp/order" ]
  rt start "$ID"
  wait_for 5 test -s "$ROOTFS/tmp/seen"
  local pid n
  pid=$(pid_of)
  [ "$(cat "$ROOTFS/tmp/namespaces")" = "$(for n in mnt net uts ipc pid; do readlink "/proc/$pid/ns/$n"; done)" ]
  run ! grep -a seen "$ROOTFS/tmp/cmdline"
}

@test "config.md#poststart 1,2,3: in start, after the program was executed, in the runtime's namespaces" {
  make_bundle
  hook watch poststart "$(watcher watch)"
  command_is sleep 1000
  created
  [ ! -e "$BATS_TEST_TMPDIR/order" ]
  rt start "$ID"
  [ "$(cat "$BATS_TEST_TMPDIR/watch-own")" = "$(own mnt)" ]
  [ "$(cat "$BATS_TEST_TMPDIR/watch-cmdline")" = 'sleep 1000 ' ]
}

@test "config.md#poststop 1,2,3: in delete, after the container is gone, in the runtime's namespaces" {
  make_bundle
  hook watch poststop "readlink /proc/self/ns/mnt >$BATS_TEST_TMPDIR/own; ls -d /sys/fs/cgroup/*$CGROUP /sys/fs/cgroup$CGROUP >$BATS_TEST_TMPDIR/cgroups 2>/dev/null; true"
  sleeping
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  [ ! -e "$BATS_TEST_TMPDIR/order" ]
  rt delete "$ID"
  [ "$(order)" = 'watch ' ]
  [ "$(cat "$BATS_TEST_TMPDIR/own")" = "$(own mnt)" ]
  [ ! -s "$BATS_TEST_TMPDIR/cgroups" ]
}

# ---- annotations, extensibility, values -----------------------------------------------------------------------

@test "config.md#annotations 1: a map of strings whose keys are not empty" {
  refused '.annotations = ["a"]'
  refused '.annotations = {"": "value"}'
}

@test "config.md#annotations 2: values are strings, empty ones too" {
  refused '.annotations = {"org.example.key": 5}'
  refused '.annotations = {"org.example.key": {"a": "b"}}'
  accepted '.annotations = {"org.example.key": ""}'
}

@test "config.md#annotations 3: an unknown key is no error" {
  accepted '.annotations = {"org.example.nosuch": "value", "org.opencontainers.nosuch": "value", "plain": "value"}'
}

@test "config.md#extensibility 1: unknown properties are ignored, at every level" {
  accepted '.nosuch = {"a": [1]} | .process.nosuch = 1 | .process.user.nosuch = true | .root.nosuch = "x" | .mounts[0].nosuch = null
    | .linux.nosuch = [] | .linux.resources.nosuch = {} | .linux.namespaces[0].nosuch = 1 | .solaris = {} | .vm = {"kernel": {"path": "/nosuch"}} | .zos = {}'
}

@test "config.md#valid-values 1: invalid and unsupported values are errors" {
  refused '.process.args = "sh"'
  refused '.process.user.uid = "root"'
  refused '.process.user.uid = -1'
  refused '.process.user.gid = 4294967296'
  refused '.process.terminal = "yes"'
  refused '.mounts = {}'
  refused '.root = "rootfs"'
  refused '.hostname = 5'
  refused '.linux.resources.pids = {"limit": "many"}'
  refused '.linux.resources.memory = {"limit": 1.5}'
  refused '.linux.namespaces += [{"type": "nosuch"}]'
  refused '.linux.rootfsPropagation = "nosuch"'
  refused '.linux.seccomp = {"defaultAction": "SCMP_ACT_NOSUCH"}'
  refused '.linux.devices = [{"path": "/dev/x", "type": "z", "major": 1, "minor": 3}]'
}
