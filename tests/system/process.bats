# SPDX-License-Identifier: Apache-2.0
# process: capabilities, rlimits, no_new_privs, umask, groups, cwd, environment, oom score, arguments.
load support

# cap_bits NAME...: the mask of these bits, as /proc/self/status prints it.
cap_bits() {
  local mask=0 bit
  for bit; do mask=$((mask | 1 << bit)); done
  printf '%016x' "$mask"
}

@test "the five capability sets" {
  make_bundle
  edit '.process.capabilities = {
    "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_NET_RAW"], "permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"],
    "effective": ["CAP_CHOWN"], "inheritable": ["CAP_KILL", "CAP_SETUID"], "ambient": ["CAP_KILL"]} | .process.user = {"uid": 1000, "gid": 1000}'
  run -0 inside 'grep Cap /proc/self/status'
  expect "CapInh:[[:space:]]$(cap_bits 5 7)"
  expect "CapBnd:[[:space:]]$(cap_bits 0 5 7 13)"
  expect "CapAmb:[[:space:]]$(cap_bits 5)"
  # a program without file capabilities keeps the ambient set only
  expect "CapPrm:[[:space:]]$(cap_bits 5)"
  expect "CapEff:[[:space:]]$(cap_bits 5)"
}

@test "root's permitted and effective sets are the bounding set after execve" {
  make_bundle
  edit '.process.capabilities = ([ "bounding", "permitted", "effective" ] | map({(.): ["CAP_CHOWN", "CAP_FOWNER"]}) | add)'
  run -0 inside 'grep Cap /proc/self/status'
  expect "CapPrm:[[:space:]]$(cap_bits 0 3)"
  expect "CapEff:[[:space:]]$(cap_bits 0 3)"
  expect "CapInh:[[:space:]]0000000000000000"
}

@test "no capabilities object: none" {
  make_bundle
  edit 'del(.process.capabilities)'
  run -0 inside 'grep -E "Cap(Eff|Prm|Bnd|Amb|Inh)" /proc/self/status'
  [ "$(grep -c 0000000000000000 <<<"$output")" -eq 5 ]
}

@test "an unknown capability is a warning, the rest is applied" {
  make_bundle
  edit '.process.capabilities.bounding += ["CAP_UNKNOWN"] | .process.capabilities.effective += ["CAP_UNKNOWN"]'
  run inside 'echo fine'
  succeeded
  expect fine
}

@test "rlimits: soft and hard exactly" {
  make_bundle
  edit '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
    {"type": "RLIMIT_FSIZE", "soft": 1048576, "hard": 2097152}]'
  run -0 inside 'cat /proc/self/limits'
  expect 'Max open files +100 +200 '
  expect 'Max core file size +0 +0 '
  expect 'Max file size +1048576 +2097152 '
}

@test "an unlimited rlimit" {
  make_bundle
  # jq 1.6 keeps numbers as doubles and would print one too many
  python3 - "$BUNDLE/config.json" <<'PY'
import json, sys
config = json.load(open(sys.argv[1]))
config["process"]["args"] = ["grep", "cpu time", "/proc/self/limits"]
config["process"]["rlimits"] = [{"type": "RLIMIT_CPU", "soft": 2**64 - 1, "hard": 2**64 - 1}]
json.dump(config, open(sys.argv[1], "w"))
PY
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  expect 'Max cpu time +unlimited +unlimited'
}

@test "noNewPrivileges on and off" {
  make_bundle
  run -0 inside 'grep NoNewPrivs /proc/self/status'
  expect '1$'
  edit '.process.noNewPrivileges = false'
  run -0 inside 'grep NoNewPrivs /proc/self/status'
  expect '0$'
}

@test "user, group, additional groups, umask" {
  make_bundle
  edit '.process.user = {"uid": 1000, "gid": 2000, "additionalGids": [3000, 4000], "umask": 63}'
  run -0 inside 'id -u; id -g; grep Groups /proc/self/status; umask; touch /tmp/f; stat -c %a /tmp/f'
  [ "${lines[0]}" = 1000 ]
  [ "${lines[1]}" = 2000 ]
  expect 'Groups:[[:space:]]3000 4000'
  expect '^0077$'
  expect '^600$'
}

@test "no additional groups means none" {
  make_bundle
  run -0 inside 'grep Groups /proc/self/status'
  expect 'Groups:[[:space:]]*$'
}

@test "the default umask is 0022" {
  make_bundle
  umask 0
  run -0 inside 'umask'
  [ "$output" = 0022 ]
}

@test "cwd: created when missing, and refused when relative" {
  make_bundle
  edit '.process.cwd = "/var/some/where"'
  run -0 inside 'pwd'
  [ "$output" = /var/some/where ]
  not_on crun 'accepts a relative cwd'
  edit '.process.cwd = "var"'
  run inside 'pwd'
  failed
  expect '[Cc]wd'
}

@test "a cwd that only the user may enter" {
  make_bundle
  mkdir "$ROOTFS/home"
  install -d -m 700 -o 1000 -g 1000 "$ROOTFS/home/user"
  edit '.process.cwd = "/home/user" | .process.user = {"uid": 1000, "gid": 1000}'
  run -0 inside 'pwd'
  [ "$output" = /home/user ]
}

@test "environment: exactly the config's, and HOME" {
  make_bundle
  edit '.process.env = ["PATH=/bin", "A=1", "EMPTY=", "A=2"] | .process.args = ["env"]'
  LEAK=1 run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  expect '^A=2$'
  expect '^EMPTY=$'
  expect '^HOME=/root$'
  expect_not LEAK
}

@test "PATH of the container finds the program" {
  make_bundle
  mkdir "$ROOTFS/elsewhere"
  mv "$ROOTFS/bin/echo" "$ROOTFS/elsewhere/say"
  ln -sf /bin/busybox "$ROOTFS/elsewhere/echo"
  edit '.process.env = ["PATH=/nowhere:/elsewhere"]'
  command_is echo found
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  [ "$output" = found ]
}

@test "a missing program fails create with the wording engines match" {
  not_on crun 'other words'
  make_bundle
  command_is nosuchprogram
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect 'executable file not found in \$PATH'
  command_is /bin/nosuch
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect 'no such file or directory'
}

@test "a directory and a file without x: permission denied" {
  not_on crun 'says Operation not permitted for a directory'
  make_bundle
  command_is /etc
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  failed
  expect 'permission denied'
  command_is /etc/passwd
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  failed
  expect 'permission denied'
}

@test "oomScoreAdj is set exactly, and left alone when absent" {
  make_bundle
  edit '.process.oomScoreAdj = 100'
  run -0 inside 'cat /proc/self/oom_score_adj'
  [ "$output" = 100 ]
  edit 'del(.process.oomScoreAdj)'
  run -0 inside 'cat /proc/self/oom_score_adj'
  [ "$output" = "$(cat /proc/self/oom_score_adj)" ]
}

@test "stdin reaches the program, and its end too" {
  make_bundle
  command_is cat
  run -0 bash -c 'printf "a\nb\n" | "$0" --root "$1" run --bundle "$2" "$3"' "$RUNTIME" "$STATE" "$BUNDLE" "$ID"
  [ "$output" = $'a\nb' ]
}

@test "stdout may be reopened by an unprivileged program" {
  make_bundle
  edit '.process.user = {"uid": 1000, "gid": 1000}'
  command_is sh -c 'echo again >/proc/self/fd/1'
  run -0 bash -c '"$0" --root "$1" run --bundle "$2" "$3" </dev/null | cat' "$RUNTIME" "$STATE" "$BUNDLE" "$ID"
  [ "$output" = again ]
}

@test "the host's /dev/null keeps its owner" {
  not_on crun 'gives it to the user'
  make_bundle
  edit '.process.user = {"uid": 1000, "gid": 1000}'
  command_is true
  rt run --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
  [ "$(stat -c %u:%g /dev/null)" = 0:0 ]
}

@test "devices and directories as stdio keep their owner" {
  only_toyrun 'runc gives all but /dev/null to the user'
  make_bundle
  edit '.process.user = {"uid": 1000, "gid": 1000}'
  command_is true
  mknod "$BATS_TEST_TMPDIR/zero" c 1 5
  mkdir "$BATS_TEST_TMPDIR/directory"
  rt run --bundle "$BUNDLE" "$ID" <"$BATS_TEST_TMPDIR/zero" >"$BATS_TEST_TMPDIR/zero"
  rt run --bundle "$BUNDLE" "$ID" <"$BATS_TEST_TMPDIR/directory"
  [ "$(stat -c %u "$BATS_TEST_TMPDIR/zero")" = 0 ]
  [ "$(stat -c %u "$BATS_TEST_TMPDIR/directory")" = 0 ]
}

@test "ten thousand characters and odd bytes in an argument" {
  make_bundle
  local long
  long=$(printf 'x%.0s' {1..10000})
  command_is printf '%s|%s' "$long" 'a "b" \ é	c'
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  [ "$output" = "$long|a \"b\" \\ é	c" ]
}

@test "the program is its session's leader and has no parent's signal mask" {
  make_bundle
  run -0 inside 'grep -E "Sig(Blk|Ign)" /proc/self/status; ps -o pid,sid 2>/dev/null || true'
  expect 'SigBlk:[[:space:]]0000000000000000'
}
