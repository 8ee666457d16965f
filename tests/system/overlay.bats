# SPDX-License-Identifier: Apache-2.0
# Bundles over the store's layers: toyimg makes them, toyrun mounts them, nothing is left on the host.
load support
load registry

setup() {
  begin_test
  only_toyrun 'an annotation of ours'
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  mkdir -p "$STATE"
  # The kernel mounts no images that lie on a tmpfs, as everything else of a test does.
  DISK=$(mktemp -d /var/tmp/toytest-overlay-XXXXXX)
  chmod 755 "$DISK"
  BUNDLE=$DISK/bundle ROOTFS=$DISK/bundle/rootfs STORE=$DISK/store
}
teardown() {
  stop_registry
  [ -z "${LOOP_NODES:-}" ] || rm -f /dev/loop-control /dev/loop[0-9]*
  rm -rf "$DISK"
  end_test
}
toyimg() { "$TOYIMG" --store "$STORE" "$@" 3>&- 4>&-; }

# The program of the bundle, for `run`.
program() {
  edit '.process.args = ["sh", "-c", $code] | .process.terminal = false' --arg code "$1"
  [ -z "${2:-}" ] || edit "$2"
  rt run --bundle "$BUNDLE" "$ID" </dev/null
}
host_mounts() { grep -cE ' (erofs|overlay) ' /proc/self/mounts || true; }

@test "pull --overlay: the layers, one above the other, and an upper for changes" {
  start_registry
  push_busybox busybox:latest
  local before
  before=$(host_mounts)
  pull "$REGISTRY/busybox:latest" --overlay -o "$BUNDLE"
  jq -e '.annotations["org.toyrun.rootfs.layers"] == "0:1"' "$BUNDLE/config.json"
  [ -z "$(ls "$ROOTFS")" ]
  run -0 program 'cat /etc/layer; echo new >/etc/layer; rm /bin/ls; mkdir /made; stat -c %a /tmp'
  [ "$output" = $'second\n1777' ]
  [ "$(cat "$BUNDLE/overlay/upper/etc/layer")" = new ]
  [ "$(stat -c '%F %t:%T' "$BUNDLE/overlay/upper/bin/ls")" = 'character special file 0:0' ]
  [ -d "$BUNDLE/overlay/upper/made" ]
  # What it changed is there the next time, and nothing of it on the host.
  run -0 program 'cat /etc/layer; ls / | grep made'
  [ "$(host_mounts)" -eq "$before" ]
  [ "$(losetup -a | grep -c "$BUNDLE")" -eq 0 ]
}

@test "create, exec, delete; killed at once nothing stays mounted" {
  start_registry
  push_busybox busybox:latest
  local before
  before=$(host_mounts)
  pull "$REGISTRY/busybox:latest" --overlay -o "$BUNDLE"
  edit '.process.args = ["sleep", "1000"] | .process.terminal = false'
  running
  run -0 rt exec "$ID" cat /etc/layer
  [ "$output" = second ]
  run -0 rt exec "$ID" sh -c 'echo x >/x; cat /x'
  rt delete --force "$ID"
  [ "$(host_mounts)" -eq "$before" ]
}

@test "a store on a tmpfs, whose images cannot be mounted: directories" {
  start_registry
  push_busybox busybox:latest
  STORE=$BATS_TEST_TMPDIR/store
  [ ! -e /dev/loop-control ] || skip 'there are loop devices'
  pull "$REGISTRY/busybox:latest" --overlay -o "$BUNDLE"
  [ -d "$(readlink "$BUNDLE/overlay/0")" ]
  run -0 program 'cat /etc/layer; stat -c %u /bin/busybox; rm /etc/layer'
  [ "$output" = $'second\n0' ]
}

@test "images that the kernel mounts not from the file: a loop device, free again afterwards" {
  start_registry
  push_busybox busybox:latest
  STORE=$BATS_TEST_TMPDIR/store BUNDLE=$BATS_TEST_TMPDIR/looped
  local number
  if [ ! -e /dev/loop-control ]; then
    LOOP_NODES=made # the tests have a /dev of their own
    mknod /dev/loop-control c 10 237
    for number in {0..31}; do mknod "/dev/loop$number" b 7 "$number"; done
  fi
  : 3<>/dev/loop-control || skip 'no loop devices here'
  run -0 toyimg info
  expect '^mounted: (EROFS images, mounted by a loop device|directories)'
  [[ $output == *loop\ device:* ]] || skip 'no EROFS here'
  pull "$REGISTRY/busybox:latest" --overlay -o "$BUNDLE"
  [ -f "$BUNDLE/overlay/0" ]
  run -0 program 'cat /etc/layer; rm /etc/layer'
  [ "$output" = second ]
  wait_for 10 sh -c "! grep -qF '$BUNDLE' /sys/block/loop*/loop/backing_file 2>/dev/null"
}

@test "a read-only root" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest" --overlay -o "$BUNDLE"
  run program 'touch /x || echo read-only' '.root.readonly = true'
  expect read-only
}

@test "a user namespace: the image's ids are the container's" {
  start_registry
  push_busybox busybox:latest
  local before
  before=$(host_mounts)
  pull "$REGISTRY/busybox:latest" --overlay -o "$BUNDLE"
  edit '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
        | .linux.gidMappings = .linux.uidMappings | del(.linux.sysctl)'
  run -0 program 'stat -c %u /bin/busybox /; echo mine >/etc/layer; stat -c %u /etc/layer; chown 5 /etc/layer'
  [ "$output" = $'0\n0\n0' ]
  [ "$(stat -c %u "$BUNDLE/overlay/upper/etc/layer")" -eq 100005 ]
  [ "$(host_mounts)" -eq "$before" ]
}

@test "--explain says it" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest" --overlay -o "$BUNDLE"
  run -0 rt create --explain --bundle "$BUNDLE" "$ID"
  expect 'overlay of the layers 0,1 in .*/overlay'
}

@test "the bundle outlives its image; prune removes what nobody needs" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest" --overlay -o "$BUNDLE"
  toyimg rmi "$REGISTRY/busybox:latest"
  [ -z "$(ls "$STORE/layers")" ]
  run -0 program 'cat /etc/layer'
  [ "$output" = second ]
}

@test "a second bundle downloads and unpacks nothing" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  [ "$(find "$STORE/layers" -name '*.erofs' | wc -l)" -eq 2 ]
  stop_registry
  toyimg unpack --quiet --overlay "$REGISTRY/busybox:latest" -o "$BUNDLE"
  [ "$(stat -c %h "$BUNDLE/overlay/0")" -eq 2 ] # the store's own file
  # A layer that is lost is made again from its blob.
  rm -f "$STORE/layers"/*
  toyimg unpack --quiet --overlay "$REGISTRY/busybox:latest" -o "$DISK/again"
  cmp "$BUNDLE/overlay/0" "$DISK/again/overlay/0"
}

@test "an annotation reaches no file of the host" {
  make_bundle
  mkdir -p "$BUNDLE/overlay/upper" "$BUNDLE/overlay/work"
  local value
  for value in / ../rootfs 0:../../etc '' 0::1 upper work .. .hidden /etc:0 'a b' rootfs/x; do
    edit '.annotations = {"org.toyrun.rootfs.layers": $value}' --arg value "$value"
    run inside true
    failed
    expect 'org.toyrun.rootfs.layers: ".*" is no name of a layer'
  done
  edit '.annotations = {"org.toyrun.rootfs.layers": "0"}'
  run inside true
  failed
  expect 'layer .*/overlay/0 is gone'
  rm -r "$BUNDLE/overlay"
  run inside true
  failed
}

@test "layers as directories, as an ordinary user" {
  start_registry
  push_busybox busybox:latest
  local home=$DISK/home
  install -d -o 65534 "$home"
  install -m 755 "$TOYIMG" "$RUNTIME" "$home"
  cd "$home"
  setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$home" XDG_RUNTIME_DIR="$home" bash -ec "
    ./toyimg --store store pull --quiet --overlay $REGISTRY/busybox:latest -o b
    ./toyrun spec --rootless --bundle .
    jq -s '.[1] + {annotations: .[0].annotations} | .process.terminal = false | .root.readonly = false
      | .process.args = [\"sh\", \"-c\", \"cat /etc/layer; rm /etc/layer; echo x >/x; ls / | grep x\"]' b/config.json config.json >new
    mv new b/config.json
    ./toyrun --root state run --bundle b rootless" </dev/null >"$OUT" 2>&1 3>&- || { cat "$OUT"; return 1; }
  [ "$(tail -n 2 "$OUT")" = $'second\nx' ] || { cat "$OUT"; return 1; }
  [ "$(stat -c %F b/overlay/upper/etc/layer)" = 'character special file' ]
  # Those are not links: the store keeps them as long as the bundle is there.
  setpriv --reuid=65534 --regid=65534 --clear-groups ./toyimg --store store rmi "$REGISTRY/busybox:latest"
  [ -d store/layers/"$(basename "$(readlink b/overlay/0)")" ]
}

@test "limits and policies of layers" {
  start_registry
  local work=$BATS_TEST_TMPDIR/image applet
  mkdir -p "$work/one/bin"
  cp "$(command -v busybox)" "$work/one/bin/su"
  chmod 4755 "$work/one/bin/su"
  cp "$work/one/bin/su" "$work/one/bin/busybox"
  for applet in sh stat ls; do ln -s busybox "$work/one/bin/$applet"; done
  mknod "$work/one/null" c 1 3
  umoci init --layout "$work/layout" && umoci new --image "$work/layout:latest"
  umoci insert --image "$work/layout:latest" "$work/one" / >/dev/null
  push_layout "$work/layout" hostile:latest
  run toyimg pull --max-entries 2 "$REGISTRY/hostile:latest" -o "$BUNDLE"
  failed
  expect 'more than the 2 entries'
  run toyimg pull --max-size 100000 --overlay "$REGISTRY/hostile:latest" -o "$BUNDLE"
  failed
  [ ! -e "$BUNDLE" ]
  local limit report=$BATS_TEST_TMPDIR/report.json
  for limit in '--max-name 5' '--max-depth 1' '--max-header 1 --max-entries 2'; do
    # shellcheck disable=SC2086
    run toyimg pull $limit --report "$report" "$REGISTRY/hostile:latest" -o "$BUNDLE"
    failed
    expect 'allowed'
    [ ! -e "$BUNDLE" ]
    jq -e '(.error | test("allowed")) and .layers[0].read == false and .digest == null' "$report"
  done
  run -0 toyimg pull --no-setuid --no-devices --report "$report" "$REGISTRY/hostile:latest" -o "$BATS_TEST_TMPDIR/flat"
  expect 'setuid or setgid bit .1.'
  jq -e '
    .image == "'"$REGISTRY"'/hostile:latest" and (.digest | startswith("sha256:")) and .limits.devices == false and .limits.bytes == null
    and (.layers | length) == 1 and .layers[0].read and .layers[0].leftOut == {"device node": 1, "setuid or setgid bit": 1}
    and .layers[0].entries > 5 and .layers[0].fileBytes > 100000' "$report"
  run toyimg unpack --report "$BATS_TEST_TMPDIR/nosuch/report" "$REGISTRY/hostile:latest" -o "$BUNDLE"
  failed
  [ ! -e "$BUNDLE" ]
  run -0 toyimg unpack --report "$report" "$REGISTRY/hostile:latest" -o "$BATS_TEST_TMPDIR/again"
  jq -e '.limits.setuid and .layers[0].read and .layers[0].leftOut == {}' "$report"
  [ "$(stat -c %a "$BATS_TEST_TMPDIR/flat/rootfs/bin/su")" = 755 ]
  [ ! -e "$BATS_TEST_TMPDIR/flat/rootfs/null" ]
  # A layer made so is kept apart from the whole one.
  pull --no-setuid --no-devices --overlay "$REGISTRY/hostile:latest" -o "$DISK/safe"
  pull --overlay "$REGISTRY/hostile:latest" -o "$DISK/whole"
  BUNDLE=$DISK/safe run -0 program 'stat -c %a /bin/su; ls /null 2>/dev/null || echo none'
  [ "$output" = $'755\nnone' ]
  BUNDLE=$DISK/whole run -0 program 'stat -c %a /bin/su; stat -c %F /null'
  [ "$output" = $'4755\ncharacter special file' ]
}
