# SPDX-License-Identifier: Apache-2.0
# mounts add, mounts remove: mounts of a running container.
load support

setup() {
  begin_test
  only_toyrun 'newer than the packaged crun'
}

# mounts_are JSON...: $LIST, a file with these.
mounts_are() { LIST=$BATS_TEST_TMPDIR/mounts.json; printf '%s' "$1" >"$LIST"; }
seen() { rt exec "$ID" grep -c " $1 " /proc/self/mountinfo; }

@test "a bind and a tmpfs come and go" {
  sleeper
  running
  mkdir "$BATS_TEST_TMPDIR/source"
  echo hello >"$BATS_TEST_TMPDIR/source/file"
  mounts_are "[{\"destination\": \"/mnt/new\", \"type\": \"bind\", \"source\": \"$BATS_TEST_TMPDIR/source\", \"options\": [\"rbind\", \"ro\", \"nosuid\"]},
    {\"destination\": \"/mnt/memory\", \"type\": \"tmpfs\", \"source\": \"tmpfs\", \"options\": [\"size=64k\", \"nodev\"]}]"
  cut -d' ' -f4,5 /proc/self/mountinfo >"$BATS_TEST_TMPDIR/before"
  run -0 rt mounts add "$ID" "$LIST"
  [ -z "$output" ]
  run -0 rt exec "$ID" cat /mnt/new/file
  [ "$output" = hello ]
  run rt exec "$ID" sh -c 'echo x >/mnt/new/file'
  failed
  run -0 rt exec "$ID" sh -c 'echo x >/mnt/memory/file; grep " /mnt/memory " /proc/self/mountinfo'
  expect 'nodev.*tmpfs.*size=64k'
  run -0 rt mounts remove "$ID" "$LIST"
  run rt exec "$ID" grep -c ' /mnt/' /proc/self/mountinfo
  [ "$output" = 0 ]
  # nothing of it is on the host
  diff "$BATS_TEST_TMPDIR/before" <(cut -d' ' -f4,5 /proc/self/mountinfo)
}

@test "an object with mounts, from standard input; a file; a source seen from the bundle" {
  sleeper
  running
  echo text >"$BUNDLE/file"
  rt mounts add "$ID" - <<<'{"mounts": [{"destination": "/etc/added", "type": "bind", "source": "file", "options": ["bind"]}]}'
  run -0 rt exec "$ID" cat /etc/added
  [ "$output" = text ]
}

@test "a read-only tmpfs" {
  sleeper
  running
  mounts_are '[{"destination": "/mnt/ro", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]}]'
  rt mounts add "$ID" "$LIST"
  run rt exec "$ID" touch /mnt/ro/file
  failed
  expect 'Read-only'
}

@test "all or none, in clear words" {
  sleeper
  running
  mounts_are '[{"destination": "/mnt/a", "type": "tmpfs", "source": "tmpfs"}, {"destination": "/mnt/b", "type": "tmpfs", "source": "tmpfs", "options": ["size=many"]}]'
  run -1 rt mounts add "$ID" "$LIST"
  expect 'tmpfs'
  run rt exec "$ID" grep -c ' /mnt/' /proc/self/mountinfo
  [ "$output" = 0 ]
  local one
  for one in '{"destination": "/mnt/p", "type": "proc", "source": "proc"}' '{"destination": "/mnt/c", "type": "cgroup", "source": "cgroup"}' \
    '{"destination": "/tmp", "options": ["remount", "ro"]}' '{"destination": "/mnt/x", "type": "bind", "source": "/no/such", "options": ["bind"]}' \
    '{"destination": "/", "type": "tmpfs", "source": "tmpfs"}' '{"destination": "/proc/sys", "type": "tmpfs", "source": "tmpfs"}'; do
    mounts_are "[$one]"
    run rt mounts add "$ID" "$LIST"
    [ "$status" -eq 1 ] || { echo "added: $one"; false; }
  done
  mounts_are '[{"destination": "/mnt/nothing"}]'
  run -1 rt mounts remove "$ID" "$LIST"
  mounts_are '[{"destination": "/tmp"}]'
  run -1 rt mounts remove "$ID" "$LIST"
  expect 'nothing is mounted on /tmp'
  run -1 rt mounts remove nosuch "$LIST"
  expect 'container does not exist'
  run -1 rt mounts move "$ID" "$LIST"
  expect 'neither add nor remove'
  mounts_are '{"mounts": 5}'
  run -1 rt mounts add "$ID" "$LIST"
  expect '/mounts'
}

@test "a link in the container does not lead outside" {
  sleeper
  running
  mkdir "$BATS_TEST_TMPDIR/outside"
  ln -s "../../../../../../..$BATS_TEST_TMPDIR/outside" "$ROOTFS/mnt"
  mounts_are '[{"destination": "/mnt/deep", "type": "tmpfs", "source": "tmpfs"}]'
  run rt mounts add "$ID" "$LIST"
  [ -z "$(ls "$BATS_TEST_TMPDIR/outside")" ]
  ! grep -q "$BATS_TEST_TMPDIR/outside" /proc/self/mountinfo
}

@test "in a user namespace" {
  sleeper
  edit '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
    .linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 65536}]'
  chown -R 100000:200000 "$ROOTFS"
  chmod 755 "$BUNDLE" "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR"
  running
  mkdir "$BATS_TEST_TMPDIR/source"
  chmod 700 "$BATS_TEST_TMPDIR/source"
  mounts_are "[{\"destination\": \"/mnt/new\", \"type\": \"bind\", \"source\": \"$BATS_TEST_TMPDIR/source\", \"options\": [\"bind\"]},
    {\"destination\": \"/mnt/memory\", \"type\": \"tmpfs\", \"source\": \"tmpfs\"}]"
  run -0 rt mounts add "$ID" "$LIST"
  run -0 rt exec "$ID" sh -c 'touch /mnt/memory/file && stat -c %u /mnt/memory/file'
  [ "$output" = 0 ]
  run -0 rt mounts remove "$ID" "$LIST"
}

@test "an ordinary user: a file system yes, a bind of the host's is refused" {
  make_bundle
  HOME_OF_USER=$(mktemp -d /tmp/toytest-mounts.XXXXXX)
  chmod 755 "$HOME_OF_USER"
  install -m 755 "$TOYRUN" "$HOME_OF_USER/runtime"
  mv "$ROOTFS" "$HOME_OF_USER/rootfs"
  mkdir -p "$HOME_OF_USER"/{source,rootfs"$HOME_OF_USER"/source}
  echo host >"$HOME_OF_USER/source/file"
  echo container >"$HOME_OF_USER/rootfs$HOME_OF_USER/source/file"
  chown -hR 65534:65534 "$HOME_OF_USER"
  as_user() { (cd "$HOME_OF_USER" && setpriv --reuid=65534 --regid=65534 --clear-groups ./runtime --root "$HOME_OF_USER/state" "$@" 3>&- 4>&-); }
  as_user spec --rootless
  jq '.process.terminal = false | .process.args = ["sleep", "1000"]' "$HOME_OF_USER/config.json" >"$BATS_TEST_TMPDIR/config.json"
  cp "$BATS_TEST_TMPDIR/config.json" "$HOME_OF_USER/config.json"
  as_user run -d "$ID" </dev/null >"$OUT" 2>&1 || { cat "$OUT"; rm -rf "$HOME_OF_USER"; return 1; }
  run as_user mounts add "$ID" - <<<"[{\"destination\": \"/tmp\", \"type\": \"tmpfs\", \"source\": \"tmpfs\"},
    {\"destination\": \"/mnt\", \"type\": \"bind\", \"source\": \"$HOME_OF_USER/source\", \"options\": [\"bind\"]}]"
  local refused=$status words=$output
  run as_user mounts add "$ID" - <<<'[{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]'
  local added=$status
  run as_user exec "$ID" grep -c -E ' /(mnt|tmp) ' /proc/self/mountinfo
  as_user delete --force "$ID"
  rm -rf "$HOME_OF_USER"
  [ "$refused" -eq 1 ]
  grep 'an ordinary user cannot bind what is on the host into a running container' <<<"$words"
  [ "$added" -eq 0 ]
  [ "$output" = 1 ]
}
