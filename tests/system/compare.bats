# SPDX-License-Identifier: Apache-2.0
# The rootfs that toyimg unpacks against umoci's and against skopeo + tar's: a Debian image of several layers with
# whiteouts, opaque directories, replaced files and everything a tar can carry.
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
}
teardown() {
  stop_registry
  end_test
}

# tar_layer NAME DIRECTORY: a gzip layer made by tar with xattrs and exact owners.
tar_layer() { tar -C "$2" --xattrs --xattrs-include='*' --numeric-owner --format=pax --pax-option=delete=atime,delete=ctime -czf "$1" .; }

# layer_two: what a tar can carry beyond Debian's own files.
odd_files() {
  local d=$1
  mkdir -p "$d"/odd/{deep/er,sticky}
  echo one >"$d/odd/first"
  ln "$d/odd/first" "$d/odd/second"
  ln "$d/odd/first" "$d/odd/deep/third"
  ln -s ../first "$d/odd/deep/link"
  ln -s /nowhere "$d/odd/dangling"
  mkfifo "$d/odd/fifo"
  mknod "$d/odd/null" c 1 3
  mknod "$d/odd/loop" b 7 9
  chmod 1777 "$d/odd/sticky"
  install -m 4755 /dev/null "$d/odd/setuid"
  install -m 2755 -o 12 -g 34 /dev/null "$d/odd/setgid"
  chown -h 1234:5678 "$d/odd/dangling"
  truncate -s 5M "$d/odd/sparse"
  echo middle | dd of="$d/odd/sparse" bs=1 seek=2000000 conv=notrunc status=none
  printf 'x' >"$d/odd/$(printf 'n%.0s' {1..200})"
  mkdir -p "$d/odd/$(printf 'd%.0s' {1..120})/$(printf 'e%.0s' {1..120})"
  echo long >"$d/odd/$(printf 'd%.0s' {1..120})/$(printf 'e%.0s' {1..120})/file"
  printf 'bytes' >"$d/odd/$(printf 'caf\xe9 \x01 name')"
  echo utf >"$d/odd/grüße"
  setfattr -n user.note -v "with attribute" "$d/odd/first" 2>/dev/null || true
  setcap cap_net_raw+ep "$d/odd/setuid" 2>/dev/null || true
  chown 4000000000:4000000000 "$d/odd/sticky"
  touch -d '1999-12-31 23:59:58' "$d/odd/second" "$d/odd/deep"
  touch -hd '2001-02-03 04:05:06' "$d/odd/dangling"
}

# build_image: an OCI layout by hand with the base and four more layers; leaves it at $LAYOUT.
build_image() {
  local work=$BATS_TEST_TMPDIR/work n diff_ids=() layers=() blob
  LAYOUT=$BATS_TEST_TMPDIR/layout
  mkdir -p "$work" "$LAYOUT/blobs/sha256"
  gzip -1 <"$(debian_tarball debian)" >"$work/0.gz"
  odd_files "$work/1"
  tar_layer "$work/1.gz" "$work/1"
  # replaced: a file by another, a directory by a file, a file by a directory, a link by a file
  mkdir -p "$work/2/etc/hostname" "$work/2/odd" "$work/2/etc/apt"
  echo replaced >"$work/2/etc/debian_version"
  echo was-a-link >"$work/2/odd/dangling"
  echo directory-before >"$work/2/odd/deep"
  echo inside >"$work/2/etc/hostname/file"
  chmod 700 "$work/2/etc/apt"
  tar_layer "$work/2.gz" "$work/2"
  # whiteouts: a file, a directory, one name of a hard link; an opaque directory with new content
  mkdir -p "$work/3/usr/share/doc" "$work/3/etc/init.d" "$work/3/odd" "$work/3/usr/share"
  touch "$work/3/etc/.wh.fstab" "$work/3/usr/share/.wh.man" "$work/3/odd/.wh.second" "$work/3/usr/share/doc/.wh..wh..opq" "$work/3/odd/.wh.nosuch"
  echo only-this >"$work/3/usr/share/doc/README"
  tar_layer "$work/3.gz" "$work/3"
  # a name that was whited out comes back
  mkdir -p "$work/4/usr/share/man"
  echo back >"$work/4/usr/share/man/new"
  tar_layer "$work/4.gz" "$work/4"
  for n in 0 1 2 3 4; do
    diff_ids+=("sha256:$(gzip -dc "$work/$n.gz" | sha256sum | cut -d' ' -f1)")
    blob=$(sha256sum <"$work/$n.gz" | cut -d' ' -f1)
    layers+=("$blob:$(stat -c %s "$work/$n.gz")")
    mv "$work/$n.gz" "$LAYOUT/blobs/sha256/$blob"
  done
  printf '%s\n' "${diff_ids[@]}" | jq -R . | jq -sc '{architecture: "amd64", os: "linux", config: {Cmd: ["bash"]}, rootfs: {type: "layers", diff_ids: .}}' >"$work/config"
  local config_size config_digest manifest_digest
  config_digest=$(sha256sum <"$work/config" | cut -d' ' -f1)
  config_size=$(stat -c %s "$work/config")
  mv "$work/config" "$LAYOUT/blobs/sha256/$config_digest"
  printf '%s\n' "${layers[@]}" | jq -R 'split(":") | {mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: ("sha256:" + .[0]), size: (.[1] | tonumber)}' |
    jq -sc --arg digest "sha256:$config_digest" --argjson size "$config_size" \
      '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $digest, size: $size}, layers: .}' >"$work/manifest"
  manifest_digest=$(sha256sum <"$work/manifest" | cut -d' ' -f1)
  jq -nc --arg digest "sha256:$manifest_digest" --argjson size "$(stat -c %s "$work/manifest")" \
    '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $digest, size: $size, annotations: {"org.opencontainers.image.ref.name": "latest"}}]}' >"$LAYOUT/index.json"
  mv "$work/manifest" "$LAYOUT/blobs/sha256/$manifest_digest"
  echo '{"imageLayoutVersion": "1.0.0"}' >"$LAYOUT/oci-layout"
  LAYERS=("${layers[@]%%:*}")
}

# by_tar ROOT: the layers with GNU tar, the whiteouts by hand: the plainest reading of the image-spec.
by_tar() {
  local root=$1 layer name directory
  mkdir -p "$root"
  for layer in "${LAYERS[@]}"; do
    while read -r name; do
      directory=$root/$(dirname "$name")
      case ${name##*/} in
        .wh..wh..opq) find "$directory" -mindepth 1 -delete ;;
        .wh.*) rm -rf "${directory:?}/${name##*/.wh.}" ;;
      esac
    done < <(tar -tzf "$LAYOUT/blobs/sha256/$layer" | grep -E '(^|/)\.wh\.' || true)
    # tar does not replace a non-empty directory by a file: clear those first
    tar -tzf "$LAYOUT/blobs/sha256/$layer" --quoting-style=literal | grep -a -v '/$' | while IFS= read -r name; do
      [ -d "$root/$name" ] && [ ! -L "$root/$name" ] && rm -rf "${root:?}/$name"
    done || true
    tar -C "$root" --xattrs --xattrs-include='*' --numeric-owner --same-permissions --exclude='.wh.*' --unlink-first -xzf "$LAYOUT/blobs/sha256/$layer" 2>/dev/null ||
      tar -C "$root" --xattrs --xattrs-include='*' --numeric-owner --same-permissions --exclude='.wh.*' -xzf "$LAYOUT/blobs/sha256/$layer"
  done
}

@test "the same tree as umoci's and as tar's" {
  start_registry
  build_image
  push_layout "$LAYOUT" debian:latest
  pull "$REGISTRY/debian:latest" -o "$BATS_TEST_TMPDIR/toyimg"
  skopeo copy --quiet --insecure-policy --src-tls-verify=false "docker://$REGISTRY/debian:latest" "oci:$BATS_TEST_TMPDIR/copy:latest"
  umoci unpack --keep-dirlinks --image "$BATS_TEST_TMPDIR/copy:latest" "$BATS_TEST_TMPDIR/umoci" >"$OUT" 2>&1
  by_tar "$BATS_TEST_TMPDIR/tar/rootfs"
  local one
  for one in toyimg umoci tar; do python3 "$SYSTEM/tree.py" "$BATS_TEST_TMPDIR/$one/rootfs" >"$BATS_TEST_TMPDIR/$one.tree"; done
  [ "$(wc -l <"$BATS_TEST_TMPDIR/toyimg.tree")" -gt 3000 ]
  # Directories' times where a later layer touched what is inside differ between the two references: files must agree
  # in all, directories in all but the time.
  for one in toyimg umoci tar; do
    awk '$2 ~ /^d/ {$4 = "-"} {print}' "$BATS_TEST_TMPDIR/$one.tree" >"$BATS_TEST_TMPDIR/$one.plain"
  done
  diff "$BATS_TEST_TMPDIR/umoci.plain" "$BATS_TEST_TMPDIR/toyimg.plain"
  diff "$BATS_TEST_TMPDIR/tar.plain" "$BATS_TEST_TMPDIR/toyimg.plain"
}

@test "sparse files stay sparse and whiteout names do not appear" {
  start_registry
  build_image
  push_layout "$LAYOUT" debian:latest
  pull "$REGISTRY/debian:latest" -o "$BATS_TEST_TMPDIR/toyimg"
  [ -z "$(find "$BATS_TEST_TMPDIR/toyimg/rootfs" -name '.wh.*')" ]
  [ "$(stat -c %s "$BATS_TEST_TMPDIR/toyimg/rootfs/odd/sparse")" -eq $((5 << 20)) ]
}
