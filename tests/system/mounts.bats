# SPDX-License-Identifier: Apache-2.0
# mounts: every option word, propagation, binds, tmpfs, targets behind links, special types, pivot_root, read-only root.
load support

# mount_entry DESTINATION TYPE SOURCE OPTION...: appends one mount.
mount_entry() {
  local destination=$1 type=$2 source=$3
  shift 3
  edit '.mounts += [{"destination": $d, "type": $t, "source": $s, "options": $ARGS.positional}]' \
    --arg d "$destination" --arg t "$type" --arg s "$source" --args -- "$@"
}

# flags_of TARGET: the options field of the container's mountinfo for the target, with the program's last words.
flags_of() { inside "grep ' $1 ' /proc/self/mountinfo | cut -d' ' -f6"; }

# tmpfs_with WORD EXPECTED: one option word on a tmpfs.
tmpfs_with() {
  make_bundle_once
  cp "$BUNDLE/plain.json" "$BUNDLE/config.json"
  # shellcheck disable=SC2086
  mount_entry /target tmpfs tmpfs $1
  run flags_of /target
  succeeded && expect "$2"
}
make_bundle_once() {
  [ -e "$BUNDLE/plain.json" ] && return
  make_bundle
  cp "$BUNDLE/config.json" "$BUNDLE/plain.json"
}
has() { echo "(^|,)$1(,|\$)"; }

@test "flag words on a tmpfs" {
  not_on crun 'an earlier ro wins over rw'
  tmpfs_with ro "$(has ro)"
  tmpfs_with rw "$(has rw)"
  tmpfs_with 'ro rw' "$(has rw)"
  tmpfs_with 'rw ro' "$(has ro)"
  tmpfs_with nosuid "$(has nosuid)"
  tmpfs_with nodev "$(has nodev)"
  tmpfs_with noexec "$(has noexec)"
  tmpfs_with noatime "$(has noatime)"
  tmpfs_with nodiratime "$(has nodiratime)"
  tmpfs_with relatime "$(has relatime)"
  tmpfs_with 'nosuid nodev noexec' 'nosuid,nodev,noexec'
}

@test "clearing words: the last of a pair wins" {
  not_on crun 'an earlier nosuid wins over suid'
  tmpfs_with 'nosuid suid' '^rw,relatime$'
  tmpfs_with 'nodev dev' '^rw,relatime$'
  tmpfs_with 'noexec exec' '^rw,relatime$'
  tmpfs_with 'suid nosuid' "$(has nosuid)"
  tmpfs_with 'noatime atime' 'rw'
  tmpfs_with 'nodiratime diratime' '^rw,relatime$'
}

@test "words about the superblock" {
  make_bundle
  mount_entry /target tmpfs tmpfs sync dirsync
  run inside "grep ' /target ' /proc/self/mountinfo | sed 's/.* - //'"
  succeeded
  expect 'sync'
}

@test "words without an effect here are accepted: async loud silent iversion lazytime strictatime" {
  not_on crun 'iversion goes to the kernel'
  make_bundle
  local word
  for word in async iversion noiversion strictatime nostrictatime norelatime diratime; do
    mount_entry "/with-$word" tmpfs tmpfs "$word"
  done
  run inside 'grep -c /with- /proc/self/mountinfo'
  succeeded
  [ "$output" -eq 7 ]
}

@test "the word defaults" {
  not_on runc 'passes it to the file system (documented deviation)'
  tmpfs_with defaults '^rw,relatime$'
}

@test "the words silent, loud, lazytime, mand, nosymfollow" {
  only_spec 'runc 1.1.5 does not know all of them'
  make_bundle
  local word
  for word in silent loud lazytime nolazytime nomand symfollow; do
    mount_entry "/with-$word" tmpfs tmpfs "$word"
  done
  mount_entry /nolinks tmpfs tmpfs nosymfollow
  run inside 'grep -c /with- /proc/self/mountinfo; grep " /nolinks " /proc/self/mountinfo'
  succeeded
  [ "${lines[0]}" -eq 6 ]
  expect nosymfollow
}

@test "tmpfs data: size and mode" {
  make_bundle
  mount_entry /target tmpfs tmpfs size=64k mode=1750
  run inside 'stat -c %a /target; df -k /target | tail -1; dd if=/dev/zero of=/target/big bs=1k count=100; du -k /target/big'
  succeeded
  expect '^1750$'
  expect ' 64 '
  expect 'No space left'
  expect '^64[[:space:]]'
}

@test "a tmpfs without a mode takes that of the directory it covers" {
  not_on crun 'makes it 1777'
  make_bundle
  mkdir -m 0751 "$ROOTFS/covered"
  mount_entry /covered tmpfs tmpfs nosuid
  run -0 inside 'stat -c %a /covered'
  [ "$output" = 751 ]
}

@test "tmpcopyup copies what was below" {
  make_bundle
  mkdir "$ROOTFS/full"
  echo text >"$ROOTFS/full/file"
  ln -s file "$ROOTFS/full/link"
  mkdir "$ROOTFS/full/deep"
  echo deeper >"$ROOTFS/full/deep/file"
  mount_entry /full tmpfs tmpfs tmpcopyup
  run -0 inside 'cat /full/link /full/deep/file; echo new >/full/file; grep -c " /full " /proc/self/mountinfo'
  [ "$output" = $'text\ndeeper\n1' ]
  [ "$(cat "$ROOTFS/full/file")" = text ]
}

@test "an unknown word goes to the file system, which refuses it" {
  not_on crun 'names the mount without its slash'
  make_bundle
  mount_entry /target tmpfs tmpfs nosuchword
  run inside true
  failed
  expect '/target'
  expect '[Ii]nvalid argument|[Uu]nknown parameter|nosuchword'
}

@test "bind mounts: directory, file, relative to the bundle, missing destination made" {
  not_on crun 'makes the destination with another mode'
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source" "$BUNDLE/beside"
  echo one >"$BATS_TEST_TMPDIR/source/file"
  echo two >"$BUNDLE/beside/file"
  mount_entry /a/b/directory bind "$BATS_TEST_TMPDIR/source" bind
  mount_entry /a/file none "$BATS_TEST_TMPDIR/source/file" rbind
  mount_entry /a/beside bind beside bind
  run -0 inside 'cat /a/b/directory/file /a/file /a/beside/file; stat -c %a /a /a/b'
  [ "$output" = $'one\none\ntwo\n755\n755' ]
}

@test "a read-only bind, and a file's" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source"
  touch "$BATS_TEST_TMPDIR/source/file"
  mount_entry /target bind "$BATS_TEST_TMPDIR/source" bind ro
  mount_entry /file bind "$BATS_TEST_TMPDIR/source/file" bind ro nosuid nodev
  run inside 'touch /target/x; echo x >/file; grep -E " /(target|file) " /proc/self/mountinfo'
  expect 'touch: /target/x: Read-only file system'
  expect "can't create /file: Read-only file system"
  expect ' /file ro,nosuid,nodev'
  [ ! -e "$BATS_TEST_TMPDIR/source/x" ]
}

@test "bind with noexec, nosuid, nodev" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source"
  cp "$ROOTFS/bin/busybox" "$BATS_TEST_TMPDIR/source/busybox"
  mount_entry /target bind "$BATS_TEST_TMPDIR/source" bind noexec nosuid nodev
  run inside '/target/busybox true || echo refused; grep " /target " /proc/self/mountinfo'
  expect refused
  expect "$(has 'rw,nosuid,nodev,noexec')|nosuid,nodev,noexec"
}

@test "ro on an rbind covers the top mount, rro all" {
  make_bundle
  mkdir -p "$BATS_TEST_TMPDIR/source/inner"
  mount -t tmpfs inner "$BATS_TEST_TMPDIR/source/inner"
  mount_entry /plain bind "$BATS_TEST_TMPDIR/source" rbind ro
  mount_entry /all bind "$BATS_TEST_TMPDIR/source" rbind rro
  run inside 'touch /plain/inner/a && echo inner-writable; touch /plain/b; touch /all/inner/c; touch /all/d; true'
  umount "$BATS_TEST_TMPDIR/source/inner"
  expect inner-writable
  expect '/plain/b: Read-only'
  expect '/all/inner/c: Read-only'
  expect '/all/d: Read-only'
}

@test "recursive words: rnosuid rnodev rnoexec rnoatime" {
  not_on crun 'does not know all of them'
  make_bundle
  mkdir -p "$BATS_TEST_TMPDIR/source/inner"
  mount -t tmpfs inner "$BATS_TEST_TMPDIR/source/inner"
  mount_entry /all bind "$BATS_TEST_TMPDIR/source" rbind rnosuid rnodev rnoexec rnoatime
  run -0 inside 'grep " /all" /proc/self/mountinfo'
  umount "$BATS_TEST_TMPDIR/source/inner"
  expect ' /all rw,nosuid,nodev,noexec,noatime '
  expect ' /all/inner rw,nosuid,nodev,noexec,noatime '
}

@test "bind without r leaves inner mounts out" {
  make_bundle
  mkdir -p "$BATS_TEST_TMPDIR/source/inner"
  mount -t tmpfs inner "$BATS_TEST_TMPDIR/source/inner"
  touch "$BATS_TEST_TMPDIR/source/inner/file"
  mount_entry /one bind "$BATS_TEST_TMPDIR/source" bind
  mount_entry /tree bind "$BATS_TEST_TMPDIR/source" rbind
  run -0 inside 'ls /one/inner; echo --; ls /tree/inner'
  umount "$BATS_TEST_TMPDIR/source/inner"
  [ "$output" = $'--\nfile' ]
}

@test "a missing bind source is named" {
  make_bundle
  mount_entry /target bind /no/such/source bind
  run inside true
  [ "$status" -eq 1 ]
  expect '/no/such/source'
  expect '[Nn]o such file or directory'
}

# propagation_of WORD: the optional fields of a bind of a shared host mount.
propagation_of() {
  local source=$BATS_TEST_TMPDIR/shared
  make_bundle_once
  cp "$BUNDLE/plain.json" "$BUNDLE/config.json"
  mkdir -p "$source"
  mount -t tmpfs shared "$source"
  mount --make-shared "$source"
  # shellcheck disable=SC2086
  mount_entry /target bind "$source" rbind $1
  run inside "grep ' /target ' /proc/self/mountinfo"
  umount "$source"
  succeeded
}

@test "propagation words" {
  not_on crun 'keeps the first of them'
  propagation_of private
  expect_not 'shared:|master:|unbindable'
  propagation_of rprivate
  expect_not 'shared:|master:|unbindable'
  propagation_of slave
  expect 'master:'
  expect_not 'shared:'
  propagation_of rslave
  expect 'master:'
  propagation_of shared
  expect 'shared:'
  propagation_of rshared
  expect 'shared:'
  propagation_of unbindable
  expect 'unbindable'
  propagation_of runbindable
  expect 'unbindable'
}

@test "rslave: a later host mount appears, and none of the container's comes out" {
  not_on crun 'makes it private'
  make_bundle
  local source=$BATS_TEST_TMPDIR/shared
  mkdir -p "$source"
  mount -t tmpfs shared "$source"
  mount --make-shared "$source"
  mkdir "$source/late"
  mount_entry /target bind "$source" rbind rslave
  command_is sleep 1000
  running
  mount -t tmpfs late "$source/late"
  touch "$source/late/seen"
  run rt exec "$ID" ls /target/late
  umount "$source/late"
  rt delete --force "$ID"
  umount "$source"
  [ "$output" = seen ]
}

@test "nothing of the container's mounts shows on the host" {
  make_bundle
  mount_entry /visible tmpfs tmpfs nosuid
  command_is sleep 1000
  cut -d' ' -f5 /proc/self/mountinfo | sort >"$BATS_TEST_TMPDIR/before"
  running
  cut -d' ' -f5 /proc/self/mountinfo | sort >"$BATS_TEST_TMPDIR/while"
  diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/while"
}

@test "rootfsPropagation" {
  make_bundle
  local word expected
  for word in private:'^$' slave:'^$|master'; do
    expected=${word#*:}
    edit '.linux.rootfsPropagation = $word' --arg word "${word%%:*}"
    run -0 inside "grep ' / / \| / rw' /proc/self/mountinfo | awk '\$5 == \"/\" {print \$7}' | grep -v '^-\$' || true"
    expect "$expected"
  done
}

@test "rootfsPropagation shared and unbindable" {
  not_on runc 'applies them to / since 1.3.1 only (runc 1755)'
  make_bundle
  local word
  for word in shared unbindable; do
    edit '.linux.rootfsPropagation = $word' --arg word "$word"
    run -0 inside "awk '\$5 == \"/\" {print \$7}' /proc/self/mountinfo"
    expect "$word"
  done
}

@test "destinations behind symbolic links stay inside the root" {
  make_bundle
  ln -s /etc "$ROOTFS/absolute"
  ln -s ../../../../../../etc "$ROOTFS/climbing"
  mkdir "$ROOTFS/etc/a" "$ROOTFS/etc/b"
  mount_entry /absolute/a tmpfs tmpfs nosuid
  mount_entry /climbing/b tmpfs tmpfs nosuid
  run -0 inside 'cut -d" " -f5 /proc/self/mountinfo | grep ^/etc'
  [ "$output" = $'/etc/a\n/etc/b' ]
}

@test "a destination with dots" {
  make_bundle
  mount_entry /var/../tmp/./x/ tmpfs tmpfs nosuid
  run -0 inside 'cut -d" " -f5 /proc/self/mountinfo | grep ^/tmp'
  [ "$output" = /tmp/x ]
}

@test "mounts happen in the listed order" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source"
  touch "$BATS_TEST_TMPDIR/source/inner-file"
  mount_entry /outer tmpfs tmpfs nosuid
  mount_entry /outer/inner bind "$BATS_TEST_TMPDIR/source" bind
  run -0 inside 'ls /outer/inner'
  [ "$output" = inner-file ]
}

@test "a later mount covers an earlier one" {
  make_bundle
  mkdir "$BATS_TEST_TMPDIR/source"
  touch "$BATS_TEST_TMPDIR/source/second"
  mount_entry /target tmpfs tmpfs nosuid
  mount_entry /target bind "$BATS_TEST_TMPDIR/source" bind
  run -0 inside 'ls /target'
  [ "$output" = second ]
}

@test "proc, sysfs, devpts, mqueue, shm of the default config" {
  make_bundle
  run -0 inside 'cat /proc/self/mountinfo'
  expect ' /proc .* - proc proc'
  expect ' /sys ro,.* - sysfs sysfs'
  expect ' /dev .* - tmpfs tmpfs'
  expect ' /dev/pts .* - devpts devpts.*ptmxmode=666'
  expect ' /dev/mqueue .* - mqueue mqueue'
  expect ' /dev/shm .* - tmpfs shm'
}

@test "cgroup mount on a v1 or hybrid host" {
  [ "$(stat -f -c %T /sys/fs/cgroup)" = tmpfs ] || skip 'this host has cgroup v2 only'
  not_on crun 'the mount of the private view differs'
  make_bundle
  run -0 inside 'ls /sys/fs/cgroup; cat /sys/fs/cgroup/pids/cgroup.procs | wc -l; touch /sys/fs/cgroup/x || mkdir /sys/fs/cgroup/pids/x || echo read-only'
  expect '^pids$'
  expect '^memory$'
  expect 'read-only'
}

@test "root.readonly" {
  make_bundle
  edit '.root.readonly = true'
  run inside 'touch /x; touch /tmp/x; touch /dev/shm/x && echo shm-writable; grep " / / \| / ro" /proc/self/mountinfo'
  expect 'touch: /x: Read-only file system'
  expect 'touch: /tmp/x: Read-only file system'
  expect shm-writable
}

@test "a read-only /dev tmpfs still gets its devices" {
  make_bundle
  edit '(.mounts[] | select(.destination == "/dev")).options += ["ro"]'
  run inside 'touch /dev/x; echo x >/dev/null && echo null-works; ls /dev/pts >/dev/null && echo pts'
  expect '/dev/x: Read-only'
  expect null-works
  expect pts
}

@test "--no-pivot" {
  make_bundle
  command_is sh -c 'ls /; grep -c . /proc/self/mountinfo >/dev/null && echo proc'
  run -0 rt run --no-pivot --bundle "$BUNDLE" "$ID" </dev/null
  expect '^etc$'
  expect_not '^usr$'
}

@test "the old root is gone after pivot_root" {
  make_bundle
  run -0 inside 'cut -d" " -f5 /proc/self/mountinfo | sort | uniq; ls -a /'
  expect_not 'oldroot|put_old|pivot'
}

@test "without mounts and with a root path outside the bundle" {
  make_bundle
  mv "$ROOTFS" "$BATS_TEST_TMPDIR/elsewhere"
  edit '.root.path = $path | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | .mounts = [{"destination": "/proc", "type": "proc", "source": "proc"}]' \
    --arg path "$BATS_TEST_TMPDIR/elsewhere"
  run -0 inside 'cut -d" " -f5 /proc/self/mountinfo'
  [ "$output" = $'/\n/proc' ]
}

source_directory() {
  mkdir "$BATS_TEST_TMPDIR/source"
  touch "$BATS_TEST_TMPDIR/source/file"
  chown 0:0 "$BATS_TEST_TMPDIR/source/file"
}

@test "idmapped bind: the mount's own mappings" {
  only_spec 'runc 1.1.5 and crun 1.8.1 differ in where they take the mappings from'
  make_bundle
  source_directory
  needs_idmap
  edit '.mounts += [{"destination": "/target", "type": "bind", "source": $s, "options": ["bind", "idmap"],
    "uidMappings": [{"containerID": 0, "hostID": 5000, "size": 1000}], "gidMappings": [{"containerID": 0, "hostID": 6000, "size": 1000}]}]' \
    --arg s "$BATS_TEST_TMPDIR/source"
  run -0 inside 'stat -c %u:%g /target/file'
  [ "$output" = 5000:6000 ]
  # mappings without a word
  edit '.mounts[-1].options = ["bind"]'
  run -0 inside 'stat -c %u:%g /target/file'
  [ "$output" = 5000:6000 ]
  edit 'del(.mounts[-1].gidMappings)'
  leaves_nothing inside true
  failed
  expect 'uidMappings and gidMappings must be given together'
}

@test "idmapped bind: the container's mappings, and crun's word" {
  only_spec '1.1.5 has no idmap, 1.8.1 other errors'
  make_bundle
  source_directory
  needs_idmap
  edit '.mounts += [{"destination": "/target", "type": "bind", "source": $s, "options": ["bind", "idmap"]}]' --arg s "$BATS_TEST_TMPDIR/source"
  leaves_nothing inside true
  failed
  expect '/mounts/7/options/1: needs uidMappings and gidMappings, or a user namespace'
  edit '.mounts[-1].options = ["bind", "idmap=uids=0-7-1;gids=0-8-1"]'
  run -0 inside 'stat -c %u:%g /target/file'
  [ "$output" = 7:8 ]
  edit '.mounts[-1].options = ["bind", "idmap"] | .linux.namespaces += [{"type": "user"}]
    | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}] | .linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 1000}]'
  chown -hR 100000:200000 "$ROOTFS"
  chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR" "$BUNDLE" 2>/dev/null || true
  run -0 inside 'stat -c %u:%g /target/file; touch /target/new'
  [ "$output" = 0:0 ]
  [ "$(stat -c %u:%g "$BATS_TEST_TMPDIR/source/new")" = 0:0 ]
  edit '.mounts[-1].options = ["bind", "idmap=uids=@0-3-1;gids=@0-4-1"]'
  run -0 inside 'stat -c %u:%g /target/file'
  [ "$output" = 3:4 ]
}

@test "ridmap maps the mounts below as well, idmap the top one only" {
  only_spec '1.1.5 has no idmap'
  make_bundle
  source_directory
  needs_idmap
  mkdir "$BATS_TEST_TMPDIR/source/below" "$BATS_TEST_TMPDIR/below"
  mount --bind "$BATS_TEST_TMPDIR/below" "$BATS_TEST_TMPDIR/source/below"
  edit '.mounts += [{"destination": "/target", "type": "bind", "source": $s, "options": ["rbind", "ridmap=uids=0-7-1;gids=0-8-1"]}]' \
    --arg s "$BATS_TEST_TMPDIR/source"
  run inside 'stat -c %u:%g /target /target/below'
  edit '.mounts[-1].options = ["rbind", "idmap=uids=0-7-1;gids=0-8-1"]'
  local all=$output status_of_all=$status
  run inside 'stat -c %u:%g /target /target/below'
  umount "$BATS_TEST_TMPDIR/source/below"
  [ "$status_of_all" -eq 0 ]
  [ "$all" = $'7:8\n7:8' ]
  succeeded
  [ "$output" = $'7:8\n0:0' ]
}

@test "idmapped: a file system that cannot be is named, and nothing is left" {
  only_spec '1.1.5 has no idmap'
  make_bundle
  edit '.mounts += [{"destination": "/target", "type": "bind", "source": "/proc", "options": ["rbind", "idmap=uids=0-7-1;gids=0-8-1"]}]'
  leaves_nothing inside true
  failed
  expect 'map the ids of the mount of /proc \(its file system may not support that\)'
}

@test "symlinks as source: followed, bound themselves, made again" {
  only_spec 'runc has no such words'
  make_bundle
  source_directory
  echo content >"$BATS_TEST_TMPDIR/source/file"
  ln -s file "$BATS_TEST_TMPDIR/source/link"
  edit '.mounts += [{"destination": "/one", "type": "bind", "source": $s, "options": ["bind"]},
    {"destination": "/two", "type": "bind", "source": $s, "options": ["bind", "src-nofollow"]},
    {"destination": "/three", "type": "bind", "source": $s, "options": ["bind", "copy-symlink"]}]' --arg s "$BATS_TEST_TMPDIR/source/link"
  run -0 inside 'cat /one; readlink /one; readlink /two; readlink /three; cut -d" " -f5 /proc/self/mountinfo | grep -E "one|two|three"'
  [ "$output" = $'content\nfile\nfile\n/one\n/two' ]
  # the same link there is no obstacle, something else is
  run -0 inside true
  rm "$ROOTFS/three"
  ln -s other "$ROOTFS/three"
  run inside true
  failed
  expect 'make the link /three: File exists'
}

@test "dest-nofollow covers the symlink and not its target" {
  only_spec 'runc has no such word'
  make_bundle
  source_directory
  echo content >"$BATS_TEST_TMPDIR/source/file"
  ln -s /etc/passwd "$ROOTFS/link"
  edit '.mounts += [{"destination": "/link", "type": "bind", "source": $s, "options": ["bind", "dest-nofollow"]}]' --arg s "$BATS_TEST_TMPDIR/source/file"
  run -0 inside 'cat /link; head -c 4 /etc/passwd'
  [ "$output" = $'content\nroot' ]
}
