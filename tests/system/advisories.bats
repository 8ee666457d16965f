# SPDX-License-Identifier: Apache-2.0
# Advisories against runtimes, 2019 to 2026, that a system test can show; each names the class. Others are in security.bats,
# fds.bats, apparmor.bats, checkpoint.bats, seccomp.bats and tests/unit/runtime/kernel/rootfs_attack_test.cpp.
load support

@test "GHSA-g54h-m393-cpwq: without device rules a node that the container makes cannot be opened" {
  not_on crun 'denies no device when the config has no linux.resources'
  make_bundle
  edit 'del(.linux.resources) | .process.capabilities |= map_values(. + ["CAP_MKNOD"])'
  run inside 'mknod /tmp/disk b 7 0 && cat /tmp/disk'
  failed
  expect "can't open.*not permitted"
}

@test "CVE-2020-15257: no abstract socket while a container is made" {
  sleeper
  printf '#!/bin/sh\ncat >/dev/null\ncat /proc/net/unix >"%s"\n' "$BATS_TEST_TMPDIR/sockets" >"$BATS_TEST_TMPDIR/hook"
  chmod +x "$BATS_TEST_TMPDIR/hook"
  edit '.hooks.createRuntime = [{"path": $path}]' --arg path "$BATS_TEST_TMPDIR/hook"
  running
  [ -s "$BATS_TEST_TMPDIR/sockets" ]
  run ! grep @ "$BATS_TEST_TMPDIR/sockets"
  run ! grep @ /proc/net/unix
}

@test "CVE-2022-0811: a sysctl's name and value carry nothing else with them" {
  not_on crun 'its own words, and it knows fewer rules'
  make_bundle
  local name
  for name in 'net.ipv4.ip_forward+kernel.core_pattern' 'net.ipv4.ip_forward=1' 'net/../kernel/core_pattern' 'net..kernel' 'kernel.core_pattern' \
    'kernel.shm_rmid_forced+net' 'net.ipv4.ip_forward ' '/net/ipv4/ip_forward' 'kernel.hostname' 'fs.file-max'; do
    edit '.linux.sysctl = {($name): "1"}' --arg name "$name"
    leaves_nothing rt create --bundle "$BUNDLE" "$ID"
    [ "$status" -eq 1 ] || { echo "accepted: $name"; return 1; }
  done
  only_toyrun 'its words'
  edit '.linux.sysctl = {"net.ipv4.ip_forward": "1\n+kernel.core_pattern=|/x"}'
  run rt create --bundle "$BUNDLE" "$ID"
  expect 'line break'
}

@test "CVE-2022-0492: the cgroups of the default config are read-only inside" {
  make_bundle
  edit '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
  run -0 inside 'for file in $(find /sys/fs/cgroup -name cgroup.procs -o -name release_agent -o -name notify_on_release); do echo 0 2>/dev/null >"$file" && echo "wrote $file"; done; grep -c cgroup /proc/self/mountinfo'
  expect_not wrote
}

@test "CVE-2022-24769, -29162, CVE-2025-27612: nothing inheritable or ambient but what was asked for, in exec neither" {
  make_bundle
  edit '.process.capabilities |= (.inheritable = [] | .ambient = [])'
  command_is sleep 1000
  running
  none() { # none COMMAND...: the process that runs has no inheritable and no ambient capability
    run -0 "$@"
    expect '^CapInh:.0000000000000000$'
    expect '^CapAmb:.0000000000000000$'
  }
  none cat "/proc/$(pid_of)/status"
  none rt exec "$ID" cat /proc/self/status
  none rt exec --cap CAP_SYS_TIME "$ID" cat /proc/self/status
  none rt exec --user 1000:1000 "$ID" cat /proc/self/status
  jq '.process | .args = ["cat", "/proc/self/status"]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process.json"
  none rt exec --process "$BATS_TEST_TMPDIR/process.json" "$ID"
}

@test "CVE-2022-2989, CVE-2023-25173: the supplementary groups are those of the config, in exec too" {
  not_on crun '1.8.1 keeps the groups of its caller'
  make_bundle
  edit '.process.user = {"uid": 1000, "gid": 1000}'
  command_is sleep 1000
  running
  run -0 rt exec "$ID" id -G
  [ "$output" = 1000 ]
  run -0 rt exec --user 7:8 "$ID" id -G
  [ "$output" = 8 ]
  run -0 rt exec --user 7:8 --additional-gids 9 --additional-gids 10 "$ID" id -G
  [ "$output" = '8 9 10' ]
}

@test "CVE-2024-21626: no program and no directory is found through a descriptor of the runtime" {
  sleeper
  running
  local n
  for n in 3 4 5 6 7 8 9 10 11 12 13 14 15 16 20 32 64 128 256 512 1023; do
    run rt exec "$ID" "/proc/self/fd/$n/bin/true"
    failed
    run rt exec "$ID" "/proc/self/fd/$n"
    failed
  done
}

@test "CVE-2024-23652: what was a mount point is left alone when the container goes, whatever it is by then" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/host"
  echo host >"$BATS_TEST_TMPDIR/host/file"
  edit '.mounts += [{"destination": "/new/point", "type": "tmpfs", "source": "tmpfs"}]'
  command_is sleep 1000
  running
  rm -rf "$ROOTFS/new"
  ln -s "$BATS_TEST_TMPDIR/host" "$ROOTFS/new"
  mkdir "$BATS_TEST_TMPDIR/host/point"
  rt delete --force "$ID"
  [ "$(cat "$BATS_TEST_TMPDIR/host/file")" = host ]
  [ -d "$BATS_TEST_TMPDIR/host/point" ]
}

@test "CVE-2024-1753: two option words in one string are no two options" {
  not_on runc 'does not look at the words of a bind'
  not_on crun 'does not look at the words of a bind'
  make_bundle
  edit '.mounts += [{"destination": "/mnt", "type": "bind", "source": "/etc", "options": ["bind", "rprivate,rw"]}]'
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect 'rprivate,rw'
}

@test "CVE-2024-5154: /etc of the image as a link to the host's" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/host"
  rm -r "$ROOTFS/etc"
  ln -s "$BATS_TEST_TMPDIR/host" "$ROOTFS/etc"
  echo hosts >"$BATS_TEST_TMPDIR/hosts"
  edit '.mounts += [{"destination": "/etc/hosts", "type": "bind", "source": $hosts, "options": ["bind", "ro"]}] | .process.cwd = "/etc/new"' --arg hosts "$BATS_TEST_TMPDIR/hosts"
  run inside 'cat /etc/hosts'
  [ -z "$(ls "$BATS_TEST_TMPDIR/host")" ]
}

@test "CVE-2026-88265: the null device of the image is a file of the host: standard input does not touch it" {
  not_on crun 'has the flaw up to 1.29.1'
  make_bundle
  echo host >"$BATS_TEST_TMPDIR/host"
  chmod 640 "$BATS_TEST_TMPDIR/host"
  # no file system on /dev, so that the image's own is used
  edit '.mounts |= map(select(.destination | startswith("/dev") | not)) | .linux.maskedPaths = [] | .process.user = {"uid": 1000, "gid": 1000}
    | .mounts += [{"destination": "/dev/null", "type": "bind", "source": $host, "options": ["bind"]}]' --arg host "$BATS_TEST_TMPDIR/host"
  command_is true
  echo in | rt run --bundle "$BUNDLE" "$ID" 2>&1 | cat >"$OUT"
  [ "$(cat "$BATS_TEST_TMPDIR/host")" = host ]
  [ "$(stat -c '%a %u' "$BATS_TEST_TMPDIR/host")" = '640 0' ]
}

@test "crun 1.30: a mount point that is missing in a read-only bind is an error, and nothing is made in the source" {
  not_on runc 'makes it, since the source can be written'
  not_on crun '1.8.1 makes it'
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source"
  edit '.mounts += [{"destination": "/mnt", "type": "bind", "source": $source, "options": ["bind", "ro"]},
    {"destination": "/mnt/inner", "type": "tmpfs", "source": "tmpfs"}]' --arg source "$BATS_TEST_TMPDIR/source"
  mkdir "$ROOTFS/mnt"
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  [ -z "$(ls "$BATS_TEST_TMPDIR/source")" ]
}

@test "runc 1.5.3: without a mount namespace the host's mounts and their propagation stay as they are" {
  not_on runc '1.1.5 refuses, or changes them'
  not_on crun 'mounts on the host'
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "mount")) | .mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | .linux.rootfsPropagation = "shared"'
  cut -d' ' -f4- /proc/self/mountinfo >"$BATS_TEST_TMPDIR/mounts"
  run inside true
  cut -d' ' -f4- /proc/self/mountinfo | diff "$BATS_TEST_TMPDIR/mounts" -
}

@test "CVE-2019-16884: what is no procfs is refused on /proc" {
  not_on crun '1.8.1 lets a tmpfs be mounted there'
  make_bundle
  local mount
  for mount in '{"destination": "/proc", "type": "tmpfs", "source": "tmpfs"}' '{"destination": "/proc", "type": "bind", "source": "/tmp", "options": ["bind"]}' \
    '{"destination": "/proc/self", "type": "tmpfs", "source": "tmpfs"}' '{"destination": "/proc/sys/net", "type": "bind", "source": "/tmp", "options": ["bind"]}'; do
    [ -e "$BUNDLE/plain.json" ] || cp "$BUNDLE/config.json" "$BUNDLE/plain.json"
    cp "$BUNDLE/plain.json" "$BUNDLE/config.json"
    edit ".mounts += [$mount]"
    leaves_nothing rt create --bundle "$BUNDLE" "$ID"
    [ "$status" -eq 1 ] || { echo "accepted: $mount"; return 1; }
  done
  # lxcfs covers single files of it
  cp "$BUNDLE/plain.json" "$BUNDLE/config.json"
  echo 42.00 42.00 >"$BATS_TEST_TMPDIR/uptime"
  edit '.mounts += [{"destination": "/proc/uptime", "type": "bind", "source": $file, "options": ["bind", "ro"]}]' --arg file "$BATS_TEST_TMPDIR/uptime"
  run -0 inside 'cat /proc/uptime'
  [ "$output" = '42.00 42.00' ]
}
