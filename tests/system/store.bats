# SPDX-License-Identifier: Apache-2.0
# The store looked after: info, prune, fsck, verify; killed at any moment it is sound afterwards.
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  DISK=$(mktemp -d /var/tmp/toytest-store-XXXXXX)
  STORE=$DISK/store BUNDLE=$DISK/bundle ROOTFS=$DISK/bundle/rootfs
  start_registry
}
teardown() {
  stop_registry
  rm -rf "$DISK"
  end_test
}
toyimg() { "$TOYIMG" --store "$STORE" "$@" 3>&- 4>&-; }
damage() { chmod u+w "$1" && printf '\377' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

@test "info says how layers are mounted, and why" {
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  run -0 toyimg info
  expect '^images: +1$'
  expect '^layers: +2, '
  expect '^mounted: (EROFS images|directories)'
  run -0 toyimg info --format json
  jq -e '.layers.count == 2 and .blobs.count == 4 and (.why | length > 0)' <<<"$output"
  STORE=$BATS_TEST_TMPDIR/on-tmpfs run -0 toyimg info
  expect '^mounted: .*(no files of this file system|only root|no EROFS|user namespace)'
}

@test "verify lists every difference of a flat bundle" {
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest" -o "$BUNDLE"
  run -0 toyimg verify "$BUNDLE"
  [ -z "$output" ]
  echo more >>"$ROOTFS/etc/layer"
  chmod 700 "$ROOTFS/tmp"
  rm "$ROOTFS/bin/ls"
  ln -sfn nowhere "$ROOTFS/bin/cat"
  chown 5:6 "$ROOTFS/etc/passwd"
  setfattr -n user.mark -v x "$ROOTFS/etc/group"
  rm -r "$ROOTFS/var" && touch "$ROOTFS/var" "$ROOTFS/added"
  run toyimg verify "$BUNDLE"
  [ "$status" -eq 1 ]
  [ "$output" = 'extra /added
changed /bin/cat: target is nowhere
missing /bin/ls
changed /etc/group: xattr user.mark is extra
changed /etc/layer: content
changed /etc/passwd: owner 0:0 is 5:6
changed /tmp: mode 1777 is 0700
changed /var: a directory is a file' ]
  run toyimg verify --format json "$BUNDLE"
  [ "$status" -eq 1 ]
  jq -e 'length == 8 and .[0] == {path: "added", kind: "extra", what: []}' <<<"$output"
}

@test "verify lists what a container changed in an overlay" {
  only_toyrun 'an annotation of ours'
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest" --overlay -o "$BUNDLE"
  run -0 toyimg verify "$BUNDLE"
  jq '.process.args = ["sh", "-c", "rm /bin/ls; echo x >/etc/layer; echo y >/added; rm -r /var; mkdir /var"] | .process.terminal = false
      | .mounts += [{"destination": "/made/by/toyrun", "type": "tmpfs", "source": "tmpfs"}]' \
    "$BUNDLE/config.json" >"$DISK/new"
  mv "$DISK/new" "$BUNDLE/config.json"
  mkdir -p "$STATE"
  rt run --bundle "$BUNDLE" "$ID" </dev/null
  run toyimg verify "$BUNDLE"
  [ "$status" -eq 1 ]
  [ "$output" = $'extra /added\nmissing /bin/ls\nchanged /etc/layer: content' ] # a mount point is none
  touch "$BUNDLE/overlay/upper/made/by/hand"
  run toyimg verify "$BUNDLE"
  expect '^extra /made$'
}

@test "verify looks at the layers of an overlay, too, before and after fsck has repaired the store's" {
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest" --overlay -o "$BUNDLE"
  local layer
  layer=$(find -L "$BUNDLE/overlay" -maxdepth 1 -type f -size +100k)
  [ -n "$layer" ] || skip "layers are directories here"
  damage "$layer" 70000
  run toyimg verify "$BUNDLE"
  [ "$status" -eq 1 ]
  expect '^changed /overlay/0: the bundle.s file of layer 1 is not what'
  run toyimg fsck
  [ "$status" -eq 1 ]
  expect '^repaired: layer'
  expect 'bundles that were made from layer sha256:.* keep the damaged one'
  run toyimg verify "$BUNDLE"
  [ "$status" -eq 1 ]
  expect '^changed /overlay/0:'
}

@test "a bundle on another file system keeps the store's layers, whatever its path" {
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  local bundle=$BATS_TEST_TMPDIR/$'a\nbundle'
  toyimg unpack "$REGISTRY/busybox:latest" --overlay -o "$bundle"
  toyimg rmi "$REGISTRY/busybox:latest"
  toyimg prune
  [ -e "$bundle/overlay/0" ]
  mv "$bundle" "$bundle.moved"
  run toyimg verify "$bundle.moved" # the image is gone; what it is about is that prune keeps the layers
  expect 'did not know of the bundle at this place'
  run toyimg verify "$bundle.moved"
  expect_not 'did not know'
  toyimg prune
  [ -e "$bundle.moved/overlay/0" ]
  rm -r "$bundle.moved"
  toyimg prune
  [ -z "$(ls "$STORE/layers")" ]
  mkdir "$DISK/theirs" && chown 1000 "$DISK/theirs"
  pull "$REGISTRY/busybox:latest"
  toyimg copy "$REGISTRY/busybox:latest" "oci:$DISK/theirs:1"
  chown 1000 "$STORE"
  run toyimg images
  [ "$status" -eq 1 ]
  expect 'belongs to the user 1000: choose another one'
}

@test "fsck repairs a layer, and says what has to be pulled again" {
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  run -0 toyimg fsck
  expect '^4 blobs and 2 layers looked at: all is sound$'
  local layer blob
  layer=$(find "$STORE/layers" -name '*.erofs' -size +100k)
  cp "$layer" "$DISK/copy"
  damage "$layer" 70000
  run toyimg fsck --quiet
  [ "$status" -eq 1 ]
  expect '^repaired: layer sha256:'
  cmp "$layer" "$DISK/copy"
  truncate -s -4096 "$layer"
  run toyimg fsck --quiet
  [ "$status" -eq 1 ]
  cmp "$layer" "$DISK/copy"
  run -0 toyimg fsck
  blob=$(find "$STORE/blobs" -type f -size +100k)
  damage "$blob" 5000
  run toyimg fsck
  [ "$status" -eq 1 ]
  expect '^removed: damaged blob sha256:'
  expect '^incomplete: .*busybox:latest: its layer sha256:.* is missing .toyimg pull'
  forget_requests
  pull "$REGISTRY/busybox:latest"
  [ "$(requests 'GET /v2/busybox/blobs')" -eq 1 ] # only what was damaged
  run -0 toyimg fsck
}

@test "prune removes what nobody needs, and leaves a running pull alone" {
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  printf '{"imageLayoutVersion": "1.0.0"}' >"$STORE/blobs/sha256/$(printf '{"imageLayoutVersion": "1.0.0"}' | sha256sum | cut -d' ' -f1)"
  cp "$(find "$STORE/layers" -name '*.erofs' | head -n 1)" "$STORE/layers/sha256-$(printf '0%.0s' {1..64}).erofs"
  exec 9<"$STORE/in-use"
  flock --shared 9
  run -0 toyimg prune
  expect 'another toyimg is at work'
  exec 9<&-
  run -0 toyimg prune
  expect '^removed 1 blob and 1 layer'
  run -0 toyimg fsck
}

@test "on a full disk rmi and prune make room" {
  push_busybox busybox:latest
  mkdir "$BATS_TEST_TMPDIR/small"
  mount -t tmpfs -o size=12M small "$BATS_TEST_TMPDIR/small"
  full() { "$TOYIMG" --store "$BATS_TEST_TMPDIR/small/store" "$@" 3>&- 4>&-; }
  full pull --quiet "$REGISTRY/busybox:latest" >/dev/null
  full tag "$REGISTRY/busybox:latest" other
  : >"$BATS_TEST_TMPDIR/small/store/blobs/sha256/$(printf '%064d' 0)"
  cat /dev/zero >"$BATS_TEST_TMPDIR/small/fill" 2>/dev/null || true
  run -0 full prune
  expect 'removed 1 blob '
  cat /dev/zero >>"$BATS_TEST_TMPDIR/small/fill" 2>/dev/null || true
  run -0 full rmi other # a name alone frees nothing: the reserve goes for it
  [ "$(full images -q | wc -l)" -eq 1 ]
  rm -f "$BATS_TEST_TMPDIR/small/store/reserve"
  cat /dev/zero >>"$BATS_TEST_TMPDIR/small/fill" 2>/dev/null || true
  run -0 full rmi --force "$REGISTRY/busybox:latest" # a store of older days has none
  [ -z "$(full images -q)" ]
  [ -s "$BATS_TEST_TMPDIR/small/store/reserve" ]
  umount "$BATS_TEST_TMPDIR/small"
}

@test "killed at random moments of pull and prune" {
  local round rounds=${TOY_KILL_ROUNDS:-12} pid
  push_busybox busybox:latest
  for ((round = 0; round < rounds; ++round)); do
    [ $((round % 3)) -ne 0 ] || rm -rf "$STORE"
    "$TOYIMG" --store "$STORE" pull --quiet "$REGISTRY/busybox:latest" >/dev/null 2>&1 3>&- 4>&- &
    pid=$!
    sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    [ ! -d "$STORE" ] || [ ! -e "$STORE/oci-layout" ] || {
      "$TOYIMG" --store "$STORE" prune >/dev/null 2>&1 3>&- 4>&- &
      pid=$!
      kill -9 "$pid" 2>/dev/null || true
      wait "$pid" 2>/dev/null || true
      run -0 toyimg fsck
    }
  done
  pull "$REGISTRY/busybox:latest" -o "$BUNDLE"
  run -0 toyimg fsck
  run -0 toyimg verify "$BUNDLE"
  store_is_sound
  # Nothing of those that were killed is left, and nothing whole is fetched again.
  [ -z "$(find "$STORE/layers" -name '.draft*')" ]
  forget_requests
  pull "$REGISTRY/busybox:latest"
  [ "$(requests 'GET /v2/busybox/blobs')" -eq 0 ]
}
