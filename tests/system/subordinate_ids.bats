# SPDX-License-Identifier: Apache-2.0
# toyimg for an ordinary user with ranges in /etc/subuid and /etc/subgid: files keep their owners.
load support
load registry

setup() {
  begin_test
  only_toyrun 'bundles of toyimg'
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  [ -x /usr/bin/newuidmap ] || skip 'no newuidmap on this machine'
  mkdir -p "$STATE"
  # overlayfs keeps user.* xattrs in its upper directory, which an old kernel's tmpfs lacks
  DISK=$(mktemp -d /var/tmp/toytest-ids-XXXXXX)
  chmod 755 "$DISK"
  install -m 755 "$TOYIMG" "$RUNTIME" "$DISK"
  install -d -o 65534 -g 65534 "$DISK/mine"
  cd "$DISK"
  give_ids 200000:65536 300000:65536
}
teardown() {
  stop_registry
  [ -z "${DISK:-}" ] || { umount /etc/subuid /etc/subgid && cd / && rm -rf "$DISK"; }
  end_test
}

# give_ids SUBUID-RANGE SUBGID-RANGE: in this run's mounts only; the files are rewritten when given again.
give_ids() {
  local user file
  user=$(id -nu 65534)
  echo "$user:$1" >uids
  echo "$user:$2" >gids
  for file in uid gid; do mountpoint -q "/etc/sub$file" || mount --bind "${file}s" "/etc/sub$file"; done
}
as_user() { env -u XDG_RUNTIME_DIR HOME="$DISK/mine" TMPDIR="$DISK/mine" setpriv --reuid=65534 --regid=65534 --clear-groups "$@" </dev/null 3>&- 4>&-; }
img() { as_user ./toyimg --store mine/store "$@"; }

# owners_image NAME: files of several owners, a device, a file capability, an opaque directory to be.
owners_image() {
  rm -rf root
  busybox_rootfs root
  mkdir -p root/srv/old && echo secret >root/srv/file && echo x >root/srv/old/x
  chown 1000:1001 root/srv/file && chmod 600 root/srv/file
  mkdir -m 700 root/closed && echo y >root/closed/y && chown -R 42:43 root/closed
  cp root/bin/busybox root/bin/capable && setcap cap_net_raw+ep root/bin/capable
  mknod root/null c 1 3
  tar -C root --numeric-owner --xattrs --xattrs-include='*' -cf root.tar .
  img import -c 'CMD ["sh"]' -c "USER ${2:-root}" root.tar "$1" >/dev/null
}
# in_bundle BUNDLE CODE: what `toyrun run` does with it, as the user.
in_bundle() {
  jq --arg code "$2" '.process.args = ["sh", "-c", $code] | .process.terminal = false' "$1/config.json" >config
  install -o 65534 -g 65534 -m 644 config "$1/config.json"
  as_user ./toyrun --root "$DISK/mine/state" run --bundle "$1" "$ID"
}

@test "unpack, run, verify, commit and export with a subordinate range: owners are the image's" {
  owners_image base
  run -0 img unpack base -o mine/b
  expect 'left out: device node \(1\)'
  [ "$(stat -c %u:%g mine/b/rootfs mine/b/rootfs/srv/file mine/b/rootfs/closed/y)" = $'65534:65534\n200999:301000\n200041:300042' ]
  # capabilities(7): the kernel writes version 3, good in this user's namespaces only
  [[ $(getcap -n mine/b/rootfs/bin/capable) == *cap_net_raw=ep*'[rootid=65534]' ]]
  run -0 img verify mine/b
  [ -z "$output" ]

  run -0 in_bundle mine/b 'stat -c %u:%g:%a /srv/file /closed; cat /proc/sys/net/ipv4/ping_group_range; chown 7:8 /srv/file; rm -r /srv/old; id -u'
  [ "${lines[0]} ${lines[1]} ${lines[3]}" = '1000:1001:600 42:43:700 0' ]
  expect '^0[[:space:]]+65536$'
  run img verify mine/b
  [ "$status" -eq 1 ]
  expect '^changed /srv/file: owner 1000:1001 is 7:8$'

  run -0 img commit mine/b changed
  run -0 img diff base changed
  expect '^C /srv/file: owner 1000:1001 → 7:8$'
  expect '^D /srv/old$' && expect_not null && expect_not capable
  [ "$(img export mine/b | tar -tv --numeric-owner | awk '/srv\/file|closed\/y/ {print $2}' | sort)" = $'42/43\n7/8' ]
  img export mine/b | tar -x --xattrs --xattrs-include='*' -O closed/y | grep -qx y

  run as_user rm -r mine/b
  failed
  run -0 img unshare rm -r mine/b
  [ ! -e mine/b ]
}

@test "pull, and a store of layers as directories: run, commit, fsck, rmi and prune by the user" {
  start_registry
  push_busybox busybox:latest
  owners_image base
  run -0 img pull --quiet "$REGISTRY/busybox:latest" -o mine/pulled
  run -0 in_bundle mine/pulled 'cat /etc/layer'
  [ "$output" = second ]
  run -0 img pull --quiet --overlay "$REGISTRY/busybox:latest" -o mine/over
  run -0 in_bundle mine/over 'cat /etc/layer; rm /etc/layer; ls /etc'
  [ "${lines[0]}" = second ]
  expect_not '^layer$'

  run -0 img unpack --quiet --overlay base -o mine/o
  run -0 in_bundle mine/o 'stat -c %u:%g /srv/file; rm -r /srv/old; mkdir /srv/old; echo z >/srv/new; chown 9:10 /srv/new; ls -A /srv/old'
  [ "${#lines[@]}" -eq 1 ]
  [ "$output" = 1000:1001 ]
  run -0 img commit mine/o changed
  run -0 img diff base changed
  expect '^A /srv/new$'
  expect '^D /srv/old/x$' && expect_not null
  run -0 img unpack --quiet --overlay changed -o mine/o2
  run -0 in_bundle mine/o2 'stat -c %u:%g /srv/new; ls -A /srv/old; stat -c %F /null'
  [ "${lines[0]}" = 9:10 ]
  [ "${lines[1]}" = 'regular empty file' ]

  img unshare sh -c 'chown 3:3 mine/store/layers/*.d/srv/file'
  run img fsck --quiet
  [ "$status" -eq 1 ]
  expect '^repaired: directory of layer sha256:'
  [ "${#lines[@]}" -eq 1 ]
  run -0 img fsck

  # with other ranges these directories would have wrong owners: others are made
  give_ids 400000:65536 500000:65536
  run -0 img unpack --quiet --overlay base -o mine/o3
  run -0 in_bundle mine/o3 'stat -c %u:%g /srv/file'
  [ "$output" = 1000:1001 ]
  run img commit mine/o wrong
  failed
  expect 'mine/o/config.json /linux/uidMappings, gidMappings: the bundle has files of other ids than /etc/subuid and /etc/subgid give you now'
  give_ids 200000:65536 300000:65536

  run -0 img unshare rm -r mine/o mine/o2 mine/over mine/pulled
  give_ids 400000:65536 500000:65536
  run -0 img unshare rm -r mine/o3
  give_ids 200000:65536 300000:65536
  local images
  mapfile -t images < <(img images -q)
  run img rmi --force "${images[@]}"
  failed
  expect 'mine/store/layers/.*.d: has files of ids that are not yours \(any more\): have root remove it'
  find mine/store/layers -path '*.d/closed' -uid 400041 -exec rm -r {} +
  run -0 img prune
  [ -z "$(ls -A mine/store/layers)" ]
}

@test "which form it is: info says, and the user has the last word" {
  run -0 img info
  expect '^owners:  kept: .* has subordinate ids for 1–65536 in /etc/subuid and 1–65536 in /etc/subgid$'
  [ "$(img info -f json | jq -r .owners.form)" = mapped ]
  [ "$("$TOYIMG" --store "$BATS_TEST_TMPDIR/store" info -f json | jq -r .owners.form)" = root ]
  run -0 img --single-id info
  expect '^owners:  all files become yours: --single-id says so$'
  TOYIMG_SINGLE_ID=1 run -0 img info
  expect 'TOYIMG_SINGLE_ID says so'
  HOME=$DISK/mine PATH=/bin-of-nobody run -0 /usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups ./toyimg --store mine/store info
  expect 'newuidmap is not in PATH: install the uidmap package'
  owners_image base
  HOME=$DISK/mine PATH=/bin-of-nobody run /usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups ./toyimg --store mine/store unpack base -o mine/s
  succeeded
  expect 'warning.*owners of files are not kept: newuidmap is not in PATH'
  [ "$(stat -c %u mine/s/rootfs/srv/file)" = 65534 ]
  echo >gids
  run -0 img info
  expect 'owners:  all files become yours: /etc/subgid has no range for'
  run img unshare true
  failed
  expect 'unshare: there are no subordinate ids to use: /etc/subgid has no range for'
  give_ids 200000:65536 300000:65536

  # A bundle stays what it was made as.
  run img verify mine/s
  expect '^changed /bin/capable: .*security.capability'
  [ "${#lines[@]}" -eq 1 ]
  run -0 img commit mine/s same
  run -0 img diff base same
  expect_not owner && expect_not srv
  run -0 img unpack --quiet base -o mine/b
  run img --single-id verify mine/b
  failed
  expect 'has files of other ids than your own: toyimg info says why'
}

@test "unshare: 0 is the user, its toyimg knows where it is; exit codes" {
  owners_image base
  run -0 img unshare sh -c 'id -u; cat /proc/self/uid_map; id -G'
  [ "${lines[0]}" = 0 ]
  expect '^ +0 +65534 +1$'
  expect '^ +1 +200000 +65536$'
  # the same store by default, and bundles that run outside
  as_user ./toyimg import root.tar other >/dev/null
  run -0 as_user ./toyimg unshare ./toyimg images
  expect other
  run -0 img unshare ./toyimg --store mine/store unpack -q base -o mine/b
  run -0 in_bundle mine/b 'stat -c %u:%g /srv/file'
  [ "$output" = 1000:1001 ]
  run -7 img unshare sh -c 'exit 7'
  run -127 img unshare /not/there
  run -126 img unshare /etc/passwd
  run -0 env SHELL=/bin/pwd setpriv --reuid=65534 --regid=65534 --clear-groups ./toyimg unshare
  [ "$output" = "$DISK" ]
  run "$TOYIMG" unshare true
  failed
  expect 'is for ordinary users'
  run img unshare ./toyimg --store mine/store build .
  failed
  expect 'build needs root of the host'
}

@test "ids outside of the range, maps that are refused: one sentence, nothing left behind" {
  owners_image base
  give_ids 200000:500 300000:65536
  for way in '' --overlay; do
    # shellcheck disable=SC2086 # no word when there is no way
    run img unpack $way base -o mine/b
    failed
    expect 'the user id 1000 is outside of the ids 0–500 of this user namespace: give .* a longer range in /etc/subuid'
  done
  run img unpack base -o mine/b
  expect 'layer entry ./srv/file: '
  [ ! -e mine/b ]
  [ -z "$(find mine -maxdepth 1 -name '*.partial')" ]
  give_ids 200000:65536 300000:1000
  run img unpack base -o mine/b
  expect 'the group id 1001 is outside of the ids 0–1000 .* a longer range in /etc/subgid'
  give_ids 200000:65536 300000:65536
  owners_image by_number 70000
  run img unpack by_number -o mine/b
  failed
  expect "the image's user: the user id 70000 is outside of the ids 0–65536"
  [ ! -e mine/b ]

  # a range that holds the user's own id twice
  give_ids 65534:10 300000:65536
  run img unpack base -o mine/b
  failed
  expect 'subordinate ids cannot be used \(toyimg --single-id does without\): newuidmap: '
  give_ids 200000:65536 300000:65536
  run as_user setpriv --no-new-privs ./toyimg --store mine/store unpack base -o mine/b
  failed
  expect 'toyimg --single-id does without\): new[ug]idmap: '
  [ ! -e mine/b ]
  run -0 as_user setpriv --no-new-privs ./toyimg --single-id --store mine/store unpack -q base -o mine/b

  install -m 4755 "$TOYIMG" setuid
  run as_user ./setuid --store mine/store unpack base -o mine/c
  failed
  expect 'must not be set-user-ID'
}

@test "newuidmap gets neither the environment nor a descriptor" {
  mkdir bin
  for name in newuidmap newgidmap; do
    cat >"bin/$name" <<SH
#!/bin/sh
exec >>$DISK/mine/seen 2>&1
tr '\\0' '\\n' </proc/\$\$/environ
ls -l /proc/\$\$/fd
exec /usr/bin/$name "\$@"
SH
    chmod 755 "bin/$name"
  done
  SECRET=hidden PATH=$DISK/bin:$PATH run -0 img unshare true
  grep -q 'bin/newgidmap$' mine/seen
  run grep -E '=|socket|mine/store|/ns/|/proc' mine/seen
  [ "$status" -eq 1 ] || { cat mine/seen; false; }
}
