# SPDX-License-Identifier: Apache-2.0
# Descriptors: none of the runtime's inside (CVE-2024-21626), none of the caller's, --preserve-fds, LISTEN_FDS.
load support

@test "the program has 0, 1 and 2 only" {
  make_bundle
  command_is ls /proc/self/fd
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  # 3 is ls reading the directory
  [ "$output" = $'0\n1\n2\n3' ]
}

@test "the waiting init holds no descriptor of a directory outside" {
  sleeper
  created
  local link
  for link in "/proc/$(pid_of)/fd"/*; do
    case $(readlink "$link") in
      /sys/fs/cgroup*) echo "init holds $(readlink "$link")"; is_toyrun && return 1 ;;
    esac
  done
  rt start "$ID"
  wait_for 5 eval "[ \"\$(ls /proc/$(pid_of)/fd | tr '\n' ' ')\" = '0 1 2 ' ]"
}

@test "the caller's other descriptors stay outside" {
  make_bundle
  command_is ls /proc/self/fd
  run -0 bash -c 'exec 7</etc/passwd 9</etc/group; "$0" --root "$1" run --bundle "$2" "$3" </dev/null' "$RUNTIME" "$STATE" "$BUNDLE" "$ID"
  [ "$output" = $'0\n1\n2\n3' ]
}

@test "CVE-2024-21626: a cwd through /proc/self/fd does not lead outside" {
  make_bundle
  local n
  for n in 3 4 5 6 7 8 9 10 11 12; do
    edit '.process.cwd = $cwd' --arg cwd "/proc/self/fd/$n/../../../.."
    run inside 'cat etc/hostname 2>/dev/null; ls /proc/self/cwd/work 2>/dev/null; pwd'
    [ "$status" -ne 0 ] || [ "$(tail -1 <<<"$output")" = / ] || { echo "cwd $n: $output"; false; }
    rt delete --force "$ID" >/dev/null 2>&1 || true
  done
}

@test "CVE-2024-21626: exec with such a cwd" {
  sleeper
  running
  local n
  for n in 3 4 5 6 7 8 9 10 11 12; do
    run rt exec --cwd "/proc/self/fd/$n" "$ID" sh -c 'ls -d usr work 2>/dev/null; true'
    expect_not '^(usr|work)$'
  done
}

@test "--preserve-fds passes exactly as many" {
  make_bundle
  echo three >"$BATS_TEST_TMPDIR/3"
  echo four >"$BATS_TEST_TMPDIR/4"
  command_is sh -c 'cat <&3; cat <&4; ls /proc/self/fd'
  run -0 bash -c 'exec 3<"$4/3" 4<"$4/4" 5</etc/passwd; "$0" --root "$1" run --preserve-fds 2 --bundle "$2" "$3" </dev/null' \
    "$RUNTIME" "$STATE" "$BUNDLE" "$ID" "$BATS_TEST_TMPDIR"
  [ "$output" = $'three\nfour\n0\n1\n2\n3\n4\n5' ]
}

@test "--preserve-fds of a descriptor that is not open is an error" {
  only_spec 'runc passes its own descriptors then (runc 5474)'
  make_bundle
  command_is true
  snapshot >"$BATS_TEST_TMPDIR/before"
  run bash -c 'for n in {3..20}; do eval "exec $n>&-"; done; "$0" --root "$1" run --preserve-fds 2 --bundle "$2" "$3" </dev/null' \
    "$RUNTIME" "$STATE" "$BUNDLE" "$ID"
  failed
  expect 'descriptor|preserve'
}

@test "exec --preserve-fds of a descriptor that is not open: 255, as for all that keeps its program from starting" {
  only_spec 'runc passes its own descriptors then (runc 5474)'
  sleeper
  running
  run bash -c 'for n in {3..20}; do eval "exec $n>&-"; done; "$0" --root "$1" exec --preserve-fds 2 "$2" true' "$RUNTIME" "$STATE" "$ID"
  [ "$status" -eq 255 ]
  expect 'descriptor 3 is not open'
}

@test "LISTEN_FDS for another process, or of descriptors that are not open, keep none of ours" {
  make_bundle
  cp "$ROOTFS/bin/busybox" "$BATS_TEST_TMPDIR/outside"
  local fd
  for fd in {3..24}; do
    command_is "/proc/self/fd/$fd/../../../../../../../../$BATS_TEST_TMPDIR/outside" true
    LISTEN_FDS=22 attempt rt run --bundle "$BUNDLE" "$ID"
    [ "$status" -ne 0 ]
    LISTEN_FDS=22 LISTEN_PID=1 attempt rt run --bundle "$BUNDLE" "$ID"
    [ "$status" -ne 0 ]
  done
  command_is sh -c 'echo "${LISTEN_FDS-none}"; ls /proc/self/fd | wc -l'
  LISTEN_FDS=22 LISTEN_PID=1 run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  is_toyrun || return 0
  [ "$output" = $'none\n4' ] # stdio and what ls opened
  run bash -c 'exec 3</dev/null 4>&-; export LISTEN_FDS=2 LISTEN_PID=$$; exec "$0" --root "$1" run --bundle "$2" "$3" </dev/null' \
    "$RUNTIME" "$STATE" "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect 'descriptor 4 is not open: the process is to have 2 of LISTEN_FDS'
}

@test "LISTEN_FDS are passed, with LISTEN_PID for the program" {
  not_on crun 'another LISTEN_PID'
  make_bundle
  echo three >"$BATS_TEST_TMPDIR/3"
  command_is sh -c 'cat <&3; echo $LISTEN_FDS $LISTEN_PID $$'
  run -0 bash -c 'exec 3<"$4/3"; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" --root "$1" run --bundle "$2" "$3" </dev/null' \
    "$RUNTIME" "$STATE" "$BUNDLE" "$ID" "$BATS_TEST_TMPDIR"
  [ "${lines[0]}" = three ]
  [ "${lines[1]}" = '1 1 1' ]
}

@test "LISTEN_FDS: exec's process gets its own pid, the names too, and the caller's come before the config's" {
  only_spec 'runc writes LISTEN_PID=1 for exec as well'
  sleeper
  edit '.process.env += ["LISTEN_FDS=7", "LISTEN_FDNAMES=none"]'
  running
  run -0 bash -c 'exec 3</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=web; exec "$0" --root "$1" exec "$2" sh -c "echo \$LISTEN_FDS \$LISTEN_FDNAMES; [ \$LISTEN_PID = \$\$ ] && echo own; env | grep -c ^LISTEN_FDS="' \
    "$RUNTIME" "$STATE" "$ID"
  [ "$output" = $'1 web\nown\n1' ]
}

@test "nothing holds the caller's pipe after create" {
  not_on crun 'its waiting init holds it'
  sleeper
  # stdout of the command is a pipe; the container's own stdio goes elsewhere: the reader must see the end at once
  run timeout 10 bash -c '"$0" --root "$1" create --bundle "$2" "$3" </dev/null 7>&1 >/dev/null 2>&1 | cat' "$RUNTIME" "$STATE" "$BUNDLE" "$ID"
  [ "$status" -ne 124 ]
}
