# SPDX-License-Identifier: Apache-2.0
# Images between registries, the store, layouts and archives: skopeo, umoci and podman's formats both ways, digests kept,
# requests counted, hostile archives, and kill -9 at any moment.
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  WORK=$BATS_TEST_TMPDIR
  cd "$WORK"
}
teardown() {
  stop_registry
  end_test
}

skopeo_copy() { skopeo copy --quiet --insecure-policy --src-tls-verify=false --dest-tls-verify=false "$@"; }
raw_digest() { skopeo inspect --raw --tls-verify=false "$1" | sha256sum | cut -d' ' -f1; }
# A busybox in the registry, and in the store under the same name.
busybox_everywhere() {
  start_registry
  push_busybox "busybox:$1" "${@:2}"
  IMAGE=$REGISTRY/busybox:$1
  pull "$IMAGE"
}

@test "round trip registry, store, oci-archive, oci layout, dir, registry: equal digests" {
  start_registry
  push_busybox busybox:one --format v2s2
  local digest
  digest=$(raw_digest "docker://$REGISTRY/busybox:one")
  [ "$(toyimg copy -q "docker://$REGISTRY/busybox:one" store:there)" = "sha256:$digest" ]
  [ "$(toyimg copy -q there oci-archive:archive.tar:tag)" = "sha256:$digest" ]
  [ "$(toyimg copy -q oci-archive:archive.tar:tag oci:layout:tag)" = "sha256:$digest" ]
  [ "$(toyimg copy -q oci:layout:tag dir:directory)" = "sha256:$digest" ]
  [ "$(toyimg copy -q --preserve-digests dir:directory "docker://$REGISTRY/copy:two")" = "sha256:$digest" ]
  [ "$(raw_digest "docker://$REGISTRY/copy:two")" = "$digest" ]
  store_is_sound
  [ "$(ls -A layout | grep -c -v -x -e blobs -e index.json -e oci-layout)" -eq 0 ]
}

@test "skopeo, umoci read what we write, and we what they write" {
  busybox_everywhere latest
  local digest
  digest=$(raw_digest "docker://$IMAGE")
  toyimg copy -q "$IMAGE" oci-archive:ours.tar:latest
  toyimg copy -q "$IMAGE" oci:ours:latest
  toyimg copy -q "$IMAGE" dir:ours.dir
  toyimg copy -q "$IMAGE" docker-archive:ours-docker.tar:busybox:latest
  for place in oci-archive:ours.tar:latest oci:ours:latest dir:ours.dir; do
    [ "$(raw_digest "$place")" = "$digest" ] || { echo "$place"; false; }
  done
  umoci unpack --rootless --image ours:latest umoci-bundle >/dev/null 2>&1
  [ "$(cat umoci-bundle/rootfs/etc/layer)" = second ]
  skopeo_copy docker-archive:ours-docker.tar:busybox:latest dir:read
  [ "$(jq -r '.layers | length' read/manifest.json)" -eq 2 ]
  # theirs
  skopeo_copy "docker://$IMAGE" oci-archive:theirs.tar:latest
  skopeo_copy "docker://$IMAGE" dir:theirs.dir
  skopeo_copy "docker://$IMAGE" docker-archive:theirs-docker.tar:busybox:latest
  [ "$(toyimg copy -q oci-archive:theirs.tar store:a)" = "sha256:$(raw_digest oci-archive:theirs.tar)" ]
  [ "$(toyimg copy -q dir:theirs.dir store:b)" = "sha256:$(raw_digest dir:theirs.dir)" ]
  toyimg copy -q docker-archive:theirs-docker.tar store:c
  for name in a b c; do toyimg unpack -q "$name" -o "bundle-$name"; done
  diff -r --no-dereference bundle-a/rootfs bundle-b/rootfs
  diff -r --no-dereference bundle-a/rootfs bundle-c/rootfs
  store_is_sound
}

@test "save and load: several images, names, gzip zstd xz, standard input" {
  busybox_everywhere 1
  toyimg tag "$IMAGE" other/name:2 third
  toyimg save -o both.tar "$IMAGE" other/name:2
  tar -tf both.tar | grep -qx manifest.json
  jq -e '.[0].RepoTags | length == 2' <(tar -xOf both.tar manifest.json)
  local digest
  digest=$(toyimg images --format json | jq -r '.[0].digest')
  for archive in both.tar both.tar.gz both.tar.zst both.tar.xz both.tar.bz2; do
    case $archive in
      *.gz) gzip -k both.tar ;; *.zst) zstd -q both.tar ;; *.xz) xz -k -T0 -0 both.tar ;; *.bz2) bzip2 -k both.tar ;;
    esac
    rm -rf store
    run -0 toyimg load -q -i "$archive"
    expect "^Loaded image: $IMAGE\$" && expect '^Loaded image: other/name:2$'
    [ "$(toyimg images --format json | jq -r '.[0].digest')" = "$digest" ]
  done
  rm -rf store
  toyimg load -q <both.tar.gz >/dev/null
  toyimg save "$IMAGE" | cmp - <(toyimg save "$IMAGE")
  toyimg save --format oci-archive -o oci.tar third 2>/dev/null && false
  toyimg save --format oci-archive -o oci.tar other/name:2
  rm -rf store
  run -0 toyimg load -q -i oci.tar
  expect '^Loaded image: other/name:2$'
  store_is_sound
}

@test "an image without a name: load says its digest, by which it is saved, named and removed" {
  busybox_everywhere latest
  skopeo_copy "docker://$IMAGE" docker-archive:named.tar:busybox:latest
  mkdir archive && tar -C archive -xf named.tar
  jq -c '.[0].RepoTags = null | .[1] = .[0]' archive/manifest.json >manifest.json
  mv manifest.json archive/manifest.json && rm -f archive/repositories
  tar -C archive -cf unnamed.tar .
  rm -rf store
  run -0 toyimg load -q -i unnamed.tar
  expect '^Loaded image ID: sha256:[0-9a-f]{64}$'
  local digest=${lines[0]##* }
  run -0 toyimg images
  expect '^<none> +[0-9a-f]{12} ' && [ "${#lines[@]}" -eq 2 ]
  [ "$(toyimg images -q)" = "$digest" ]
  run -0 toyimg prune
  expect '^removed 0 blobs'
  toyimg unpack -q "${digest:7:12}" -o "$BUNDLE"
  [ "$(cat "$ROOTFS/etc/layer")" = second ]
  toyimg save -o saved.tar "$digest"
  [ "$(tar -xOf saved.tar manifest.json | jq -c '.[].RepoTags')" = '[]' ]
  [ "$(skopeo inspect docker-archive:saved.tar | jq .RepoTags)" = '[]' ]
  toyimg save --format oci-archive -o saved.oci.tar "$digest"
  run -0 toyimg rmi "${digest:7:12}"
  [ "$output" = "$digest" ]
  [ -z "$(toyimg images -q)" ]
  for archive in saved.tar saved.oci.tar; do
    run -0 toyimg load -q -i "$archive"
    [ "$output" = "Loaded image ID: $digest" ]
  done
  toyimg tag "$digest" named:1
  run -0 toyimg load -q -i saved.tar
  [ "$(toyimg images -q)" = named:1 ]
  run -0 toyimg rmi "$digest"
  [ -z "$(find store/blobs -type f)" ]
}

@test "docker's archive of plain layers is compressed on its way, and its image ID kept" {
  busybox_everywhere latest
  skopeo_copy "docker://$IMAGE" docker-archive:plain.tar:busybox:latest
  local config
  config=$(tar -xOf plain.tar manifest.json | jq -r '.[0].Config')
  run -0 toyimg load -q -i plain.tar
  expect '^Loaded image: busybox:latest$'
  local manifest
  manifest=$(skopeo inspect --raw "oci:store:docker.io/library/busybox:latest")
  [ "$(jq -r .config.digest <<<"$manifest")" = "sha256:${config%.json}" ]
  [ "$(jq -r '.layers[].mediaType' <<<"$manifest" | sort -u)" = application/vnd.oci.image.layer.v1.tar+gzip ]
  toyimg unpack -q busybox -o "$BUNDLE"
  [ "$(cat "$ROOTFS/etc/layer")" = second ]
  store_is_sound
}

@test "an index: all of it, one platform, and the digest of each" {
  start_registry
  local platform index
  for platform in amd64 arm64; do
    umoci_image "$platform"
    skopeo_copy "oci:image-$platform:latest" "docker://$REGISTRY/multi:$platform"
  done
  index=$(index_of amd64 arm64)
  curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary "$index" "http://$REGISTRY/v2/multi/manifests/all"
  local digest
  digest=$(raw_digest "docker://$REGISTRY/multi:all")
  [ "$(toyimg copy -q --all "docker://$REGISTRY/multi:all" oci-archive:all.tar:x)" = "sha256:$digest" ]
  [ "$(toyimg copy -q --all oci-archive:all.tar store:multi)" = "sha256:$digest" ]
  [ "$(toyimg copy -q --all multi "docker://$REGISTRY/again:all")" = "sha256:$digest" ]
  [ "$(toyimg copy -q --all multi dir:all)" = "sha256:$digest" ]
  [ "$(toyimg copy -q --all dir:all oci:all.layout:x)" = "sha256:$digest" ]
  [ "$(raw_digest "docker://$REGISTRY/again:all")" = "$digest" ]
  toyimg copy -q --platform linux/arm64 multi oci:arm:x
  [ "$(skopeo inspect --config oci:arm:x | jq -r .architecture)" = arm64 ]
  # sparse: the index as it is, without what is not there or not asked for
  [ "$(toyimg copy -q --sparse --platform linux/arm64 multi oci:sparse:x)" = "sha256:$digest" ]
  [ "$(jq '.manifests | length' "sparse/blobs/sha256/$digest")" -eq 2 ]
  [ "$(find sparse/blobs -type f | wc -l)" -eq 4 ] # the index, a manifest, a config, a layer
  run toyimg copy -q --all oci:sparse:x oci:whole:x
  [ "$status" -eq 1 ]
  [ "$(toyimg copy -q --sparse oci:sparse:x oci-archive:sparse.tar:x)" = "sha256:$digest" ]
  [ "$(toyimg copy -q --sparse oci-archive:sparse.tar store:sparse)" = "sha256:$digest" ]
  [ "$(toyimg copy -q --platform linux/arm64 sparse oci:arm-again:x)" = "$(toyimg copy -q --platform linux/arm64 multi oci:arm-too:x)" ]
  toyimg fsck
  run toyimg copy -q --platform linux/s390x multi oci:none:x
  [ "$status" -eq 1 ] && expect 'linux/amd64, linux/arm64'
}

@test "an index with what BuildKit attests of its image: the store keeps it, and can let go of it" {
  start_registry
  umoci_image amd64
  skopeo_copy oci:image-amd64:latest "docker://$REGISTRY/multi:amd64"
  skopeo_copy oci:image-amd64:latest oci:attested:x
  echo '{"_type":"https://in-toto.io/Statement/v0.1"}' >statement
  local statement config attestation digest
  statement=$(add_blob statement)
  printf '{"architecture":"unknown","os":"unknown","config":{},"rootfs":{"type":"layers","diff_ids":["%s"]}}' "$statement" >config
  config=$(add_blob config)
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%d},"layers":[{"mediaType":"application/vnd.in-toto+json","digest":"%s","size":%d}]}' \
    "$config" "$(stat -c %s config)" "$statement" "$(stat -c %s statement)" >attestation
  attestation=$(add_blob attestation)
  index_of amd64 | jq -cj --arg digest "$attestation" --argjson size "$(stat -c %s attestation)" '.manifests += [{mediaType: .manifests[0].mediaType, digest: $digest,
    size: $size, platform: {os: "unknown", architecture: "unknown"}, annotations: {"vnd.docker.reference.type": "attestation-manifest"}}]' >index
  digest=$(add_blob index)
  jq -nc --arg digest "$digest" --argjson size "$(stat -c %s index)" '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.index.v1+json",
    digest: $digest, size: $size, annotations: {"org.opencontainers.image.ref.name": "x"}}]}' >attested/index.json
  [ "$(toyimg copy -q --all oci:attested:x store:attested)" = "$digest" ]
  toyimg images | grep attested
  toyimg save -q --all --format oci-archive -o attested.tar attested
  toyimg fsck
  toyimg prune
  toyimg convert -q --all attested attested:zstd
  toyimg inspect --raw attested:zstd | grep -F "$attestation" # its bytes are no layer
  toyimg rmi attested attested:zstd
  [ -z "$(find "$BATS_TEST_TMPDIR/store/blobs" -type f)" ]
  toyimg load -q --all --name again -i attested.tar
  [ "$(toyimg copy -q --all again "docker://$REGISTRY/again:all")" = "$digest" ]
  # alone, it is kept and copied, but nothing to run
  toyimg copy -q "docker://$REGISTRY/again@$attestation" store:statement
  run toyimg unpack -o none statement
  [ "$status" -eq 1 ] && expect 'not a kind of image layer'
}
add_blob() { # add_blob FILE: its digest, once it is in the layout "attested"
  local hex
  hex=$(sha256sum <"$1" | cut -d' ' -f1)
  cp "$1" "attested/blobs/sha256/$hex" && echo "sha256:$hex"
}

umoci_image() { # umoci_image ARCHITECTURE: a layout image-ARCHITECTURE with one file
  umoci init --layout "image-$1" >/dev/null
  umoci new --image "image-$1:latest" >/dev/null 2>&1
  umoci config --image "image-$1:latest" --architecture "$1" --os linux >/dev/null
  mkdir -p "tree-$1" && echo "$1" >"tree-$1/arch"
  umoci insert --rootless --image "image-$1:latest" "tree-$1" / >/dev/null 2>&1
}
index_of() {
  local architecture raw entries=()
  for architecture; do
    raw=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/multi:$architecture"; echo x)
    raw=${raw%x}
    entries+=("{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":${#raw},\"digest\":\"sha256:$(printf %s "$raw" | sha256sum | cut -d' ' -f1)\",\"platform\":{\"os\":\"linux\",\"architecture\":\"$architecture\"}}")
  done
  (IFS=,; printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' "${entries[*]}")
}

@test "compression: gzip to zstd and back, the same files; digests that shall be preserved" {
  busybox_everywhere latest
  toyimg copy -q --compression zstd:5 "$IMAGE" store:small
  [ "$(skopeo inspect --raw oci:store:docker.io/library/small:latest | jq -r '.layers[].mediaType' | sort -u)" = application/vnd.oci.image.layer.v1.tar+zstd ]
  toyimg copy -q --compression none small oci:plain:x
  toyimg unpack -q small -o small-bundle
  toyimg unpack -q "$IMAGE" -o bundle
  diff -r --no-dereference small-bundle/rootfs bundle/rootfs
  umoci unpack --rootless --image plain:x plain-bundle >/dev/null 2>&1
  diff -r --no-dereference plain-bundle/rootfs bundle/rootfs
  run toyimg copy -q --preserve-digests --compression zstd "$IMAGE" oci:never:x
  [ "$status" -eq 1 ]
  expect 'digests cannot be preserved'
  [ ! -e never/index.json ]
  store_is_sound
}

@test "no more requests than skopeo's for the same copy" {
  start_registry
  push_busybox from:latest
  local ours theirs what
  for what in to:fresh to:again; do
    forget_requests
    skopeo_copy "docker://$REGISTRY/from:latest" "docker://$REGISTRY/skopeo-$what"
    theirs=$(requests '[A-Z]+ /v2/')
    forget_requests
    toyimg copy -q "docker://$REGISTRY/from:latest" "docker://$REGISTRY/toyimg-$what"
    ours=$(requests '[A-Z]+ /v2/')
    echo "$what: ours $ours, skopeo's $theirs"
    [ "$ours" -gt 0 ]
    [ "$ours" -le "$theirs" ]
  done
  forget_requests
  skopeo_copy "docker://$REGISTRY/from:latest" oci:theirs:x
  theirs=$(requests '[A-Z]+ /v2/')
  forget_requests
  toyimg copy -q "docker://$REGISTRY/from:latest" oci:ours:x
  [ "$(requests '[A-Z]+ /v2/')" -le "$theirs" ]
}

@test "a copy within a registry mounts: no layer goes over the network" {
  start_registry
  push_busybox from:latest
  forget_requests
  toyimg copy -q "docker://$REGISTRY/from:latest" "docker://$REGISTRY/to:latest"
  [ "$(requests 'GET /v2/from/blobs')" -eq 0 ]
  [ "$(requests 'PATCH|PUT /v2/to/blobs')" -eq 0 ]
}

# hostile_archives.py makes them: one directory per case, with what it must say and a canary outside.
@test "hostile archives: refused with a sentence, nothing stored, no file outside touched" {
  mkdir outside
  echo secret >outside/canary
  python3 "$SYSTEM/hostile_archives.py" cases "$WORK/outside/canary"
  local case before
  before=$(stat -c '%n %i %Y %s %a' outside outside/canary)
  for case in cases/*.tar; do
    run timeout 20 "$TOYIMG" --store "$WORK/store" load -q -i "$case" </dev/null
    [ "$status" -eq 1 ] || { echo "$case: status $status: $output"; false; }
    expect "$(cat "${case%.tar}.says")" || { echo "$case"; false; }
    [ "$(wc -l <<<"$output")" -eq 1 ] || { echo "$case: $output"; false; }
    [ "$(toyimg images -q)" = '' ] || { echo "$case left an image"; false; }
  done
  [ "$before" = "$(stat -c '%n %i %Y %s %a' outside outside/canary)" ]
  run ! grep -r secret store
  [ "$(find cases -name '*.tar' | wc -l)" -ge 15 ]
}

@test "no program is run to decompress an archive" {
  busybox_everywhere latest
  toyimg save -o image.tar "$IMAGE"
  xz -0 image.tar
  mkdir fake
  for program in xz unxz xzcat gzip gunzip unpigz bzip2 zstd lz4; do
    printf '#!/bin/sh\ntouch "%s/executed"\nexit 1\n' "$WORK" >"fake/$program"
    chmod +x "fake/$program"
  done
  PATH=$WORK/fake:$PATH toyimg load -q -i image.tar.xz
  [ ! -e executed ]
}

@test "layouts and directories with symlinks are refused" {
  busybox_everywhere latest
  toyimg copy -q "$IMAGE" oci:layout:x
  local blob
  blob=$(find layout/blobs/sha256 -type f -size +4k | head -1)
  mv "$blob" real
  ln -s "$WORK/real" "$blob"
  run toyimg copy -q oci:layout:x dir:out
  [ "$status" -eq 1 ]
  expect 'symlink'
  [ ! -e out/manifest.json ]
  rm "$blob" && head -c 100 real >"$blob"
  run toyimg copy -q oci:layout:x oci-archive:out.tar
  [ "$status" -eq 1 ]
  expect 'ends after 100'
  [ -z "$(ls out.tar* 2>/dev/null)" ]
}

@test "errors say what is wrong and leave nothing" {
  busybox_everywhere latest
  run toyimg copy -q "$IMAGE" docker-daemon:x
  [ "$status" -eq 1 ]
  expect 'not supported'
  run toyimg copy -q oci-archive:missing.tar store:x
  [ "$status" -eq 1 ]
  expect 'missing.tar'
  run toyimg copy -q nothere oci:x
  [ "$status" -eq 1 ]
  expect 'no image docker.io/library/nothere:latest in the store'
  run toyimg copy -q "$IMAGE" oci-archive:/nonexistent/file.tar
  [ "$status" -eq 1 ]
  expect '/nonexistent/file.tar'
  run toyimg save nothere -o x.tar
  [ "$status" -eq 1 ]
  [ ! -e x.tar ]
  toyimg copy -q "$IMAGE" oci:two:a
  toyimg copy -q "$IMAGE" oci:two:b
  run toyimg copy -q oci:two store:x
  [ "$status" -eq 1 ]
  expect '2 images \(a, b\)'
  toyimg copy -q oci:two:@1 store:x
  run toyimg load -i two/index.json
  [ "$status" -eq 1 ]
  expect 'two/index.json'
  run toyimg copy -q "$IMAGE" dir:"$WORK/two"
  [ "$status" -eq 1 ] && expect 'has files in it'
}

# TOY_KILLS rounds (200 for the full size): the store stays sound, the next run finishes.
@test "kill -9 at any moment of load and copy: nothing half published, the next run finishes" {
  busybox_everywhere latest
  head -c 20000000 /dev/urandom >noise
  mkdir big && mv noise big
  layout_from big-layout "$WORK/big"
  push_layout big-layout big:latest
  toyimg copy -q oci:big-layout:latest store:big
  toyimg save -o big.tar big
  rm -rf store
  local round name
  for ((round = 0; round < ${TOY_KILLS:-12}; ++round)); do
    case $((round % 4)) in
      0) "$TOYIMG" --store store load -q -i big.tar >/dev/null 2>&1 & ;;
      1) "$TOYIMG" --store store copy -q "docker://$REGISTRY/big:latest" store:big >/dev/null 2>&1 & ;;
      2) "$TOYIMG" --store store copy -q oci:big-layout:latest oci-archive:out.tar >/dev/null 2>&1 & ;;
      3) "$TOYIMG" --store store copy -q oci:big-layout:latest oci:out:x >/dev/null 2>&1 & ;;
    esac
    name=$!
    sleep "0.0$((RANDOM % 90 + 10))"
    kill -9 "$name" 2>/dev/null || true
    wait "$name" 2>/dev/null || true
    [ ! -d store ] || store_is_sound
    [ ! -e out.tar ] || skopeo inspect oci-archive:out.tar >/dev/null
    [ ! -e out/index.json ] || skopeo inspect oci:out:x >/dev/null
    if [ -d store ] && [ -n "$(toyimg images -q)" ]; then
      rm -rf bundle && toyimg unpack -q big -o bundle && cmp bundle/rootfs/noise big/noise
      rm -rf store
    fi
    rm -rf out out.tar
  done
  toyimg load -q -i big.tar
  [ -z "$(find store/partial -type f)" ]
  toyimg unpack -q big -o after && cmp after/rootfs/noise big/noise
}

@test "kill -9 at any moment of a push: no tag of what is not whole, the next one sends no whole layer again" {
  busybox_everywhere latest
  mkdir big && head -c 20000000 /dev/urandom >big/noise
  layout_from big-layout "$WORK/big"
  toyimg copy -q oci:big-layout:latest store:big
  local round pid whole layer to
  layer=$(jq -r '.layers[0].digest' "big-layout/blobs/sha256/$(jq -r '.manifests[0].digest' big-layout/index.json | cut -d: -f2)")
  for ((round = 0; round < ${TOY_KILLS:-12}; ++round)); do
    to=big$((round % 4))
    curl -s -X DELETE "http://$REGISTRY/v2/$to/blobs/$layer" >/dev/null # of an earlier round: it is to be sent again
    "$TOYIMG" --store store push -q big "$REGISTRY/$to:$round" >/dev/null 2>&1 &
    pid=$!
    sleep "0.$((RANDOM % 20))$((RANDOM % 10))"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    whole=$(curl -s -o /dev/null -w '%{http_code}' -I "http://$REGISTRY/v2/$to/blobs/$layer")
    if curl -sf -o /dev/null "http://$REGISTRY/v2/$to/manifests/$round" -H 'Accept: application/vnd.oci.image.manifest.v1+json'; then
      [ "$whole" = 200 ]
    fi
    forget_requests
    toyimg push -q big "$REGISTRY/$to:$round"
    [ "$whole" != 200 ] || [ "$(requests "PUT .*${layer#sha256:}")" -eq 0 ]
    skopeo inspect --tls-verify=false "docker://$REGISTRY/$to:$round" >/dev/null
  done
  toyimg copy -q "docker://$REGISTRY/$to:$((round - 1))" store:again
  toyimg unpack -q again -o again && cmp again/rootfs/noise big/noise
}
