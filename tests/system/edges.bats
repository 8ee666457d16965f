# SPDX-License-Identifier: Apache-2.0
# Fields of config.json at their edges: what their plain tests, and the conformance tests, do not reach.
load support

@test "a bind of nothing over the root is refused" {
  not_on crun 'allows it'
  make_bundle
  edit '.mounts += [{"destination": "/", "type": "tmpfs", "source": "tmpfs"}]'
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
}

@test "a tmpfs on a new mount point has the kernel's mode, on an old one that of the directory" {
  not_on runc '1.1.5 copies the mode of the directory it has just made (fixed in 1.4)'
  not_on crun 'copies it as well'
  make_bundle
  mkdir -m 2711 "$ROOTFS/old"
  edit '.mounts += [{"destination": "/old", "type": "tmpfs", "source": "tmpfs"}, {"destination": "/fresh", "type": "tmpfs", "source": "tmpfs"},
    {"destination": "/given", "type": "tmpfs", "source": "tmpfs", "options": ["mode=700"]}]'
  run -0 inside 'stat -c %a /old /fresh /given'
  [ "$output" = $'2711\n1777\n700' ]
}

@test "HOME: the user's of the image, the config's own, and / for a stranger" {
  not_on crun '1.8.1 sets none for a user that /etc/passwd does not have'
  make_bundle
  echo 'guest:x:1000:1000::/home/guest:/bin/sh' >>"$ROOTFS/etc/passwd"
  edit '.process.user = {"uid": 1000, "gid": 1000}'
  run -0 inside 'echo $HOME'
  [ "$output" = /home/guest ]
  edit '.process.env += ["HOME=/own"]'
  run -0 inside 'echo $HOME'
  [ "$output" = /own ]
  edit '.process.env -= ["HOME=/own"] | .process.user.uid = 4711'
  run -0 inside 'echo $HOME'
  [ "$output" = / ]
}

@test "exec --process without env still has HOME" {
  make_bundle
  command_is sleep 1000
  running
  echo '{"args": ["/bin/sh", "-c", "echo $HOME"], "cwd": "/", "user": {"uid": 0, "gid": 0}}' >"$BATS_TEST_TMPDIR/process.json"
  run -0 rt exec --process "$BATS_TEST_TMPDIR/process.json" "$ID"
  [ "$output" = /root ]
}

@test "standard output that is a file belongs to the program's user" {
  not_on crun 'leaves files alone'
  not_on runc 'puts pipes between in the foreground'
  make_bundle
  edit '.process.user = {"uid": 1000, "gid": 1000}'
  command_is sh -c 'echo again >/proc/self/fd/1'
  rt run --bundle "$BUNDLE" "$ID" </dev/null >"$OUT"
  [ "$(cat "$OUT")" = again ]
  [ "$(stat -c %u "$OUT")" = 1000 ]
}

@test "sysctl: user.* with a user namespace only, domainname with uts, slashes as separators" {
  not_on runc '1.1.5 refuses user.* and kernel.domainname'
  not_on crun '1.8.1 refuses user.*'
  make_bundle
  edit '.linux.sysctl = {"kernel.domainname": "example", "net/ipv4/ip_forward": "1", "net/ipv4/conf/lo/forwarding": "1"}'
  run -0 inside 'cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/lo/forwarding'
  [ "$output" = $'example\n1\n1' ]
  edit '.linux.sysctl = {"user.max_net_namespaces": "7"}'
  run -1 rt create --bundle "$BUNDLE" "$ID"
  expect user.max_net_namespaces
  chmod -R o+rX "$BATS_RUN_TMPDIR"
  chown -hR 100000:100000 "$ROOTFS"
  edit '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
  run -0 inside 'cat /proc/sys/user/max_net_namespaces'
  [ "$output" = 7 ]
}

@test "paths that are masked, or read-only, twice" {
  make_bundle
  edit '.linux.maskedPaths = ["/etc/passwd", "/etc/passwd", "/sys/firmware", "/sys/firmware"] | .linux.readonlyPaths = ["/root", "/root", "/root/"]'
  run -0 inside 'wc -c </etc/passwd; touch /root/x 2>&1; true'
  expect '^0$'
  expect Read-only
}

@test "the words of a hook that fails are in the error, its number too" {
  not_on crun 'prints neither'
  make_bundle
  printf '#!/bin/sh\ncat >/dev/null\necho said; echo complained >&2; exit 3\n' >"$BATS_TEST_TMPDIR/hook"
  chmod +x "$BATS_TEST_TMPDIR/hook"
  edit '.hooks.createRuntime = [{"path": "/bin/true"}, {"path": $path}]' --arg path "$BATS_TEST_TMPDIR/hook"
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect 'error running .*hook #1: .*exit status 3, stdout: said.*, stderr: complained'
}

@test "a cgroups path with dots, and one that is too long" {
  only_spec 'the references clean the path, and so use another one than the config names'
  make_bundle
  edit '.linux.cgroupsPath = "/toytest.d/inner/../" + $id' --arg id "$ID"
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
  expect '/linux/cgroupsPath'
  edit '.linux.cgroupsPath = "/toytest.d/" + ("d/" * 3000)'
  leaves_nothing rt create --bundle "$BUNDLE" "$ID"
  [ "$status" -eq 1 ]
}

@test "swap without memory, below memory, and a reservation above the limit" {
  only_toyrun 'its pointers'
  make_bundle
  local memory
  for memory in '{"swap": 100000000}' '{"limit": 100000000, "swap": 50000000}' '{"limit": -2}'; do
    edit ".linux.resources.memory = $memory"
    leaves_nothing rt create --bundle "$BUNDLE" "$ID"
    [ "$status" -eq 1 ] || { echo "accepted: $memory"; return 1; }
    expect 'memory'
  done
}
