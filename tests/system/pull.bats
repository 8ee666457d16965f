# SPDX-License-Identifier: Apache-2.0
# toyimg against a real registry: pull, the store, logins, mirrors, repetition, interruption.
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  mkdir -p "$STATE"
}
teardown() {
  stop_registry
  end_test
}

@test "pull makes a bundle that runs" {
  start_registry
  push_busybox busybox:latest
  run -0 pull "$REGISTRY/busybox:latest" -o "$BUNDLE"
  [ "$(cat "$ROOTFS/etc/layer")" = second ]
  jq '.process.args = ["sh", "-c", "echo from the image; cat /etc/layer"] | .process.terminal = false' "$BUNDLE/config.json" >"$BUNDLE/new"
  mv "$BUNDLE/new" "$BUNDLE/config.json"
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  [ "$output" = $'from the image\nsecond' ]
}

@test "a second pull asks for the manifest only" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  forget_requests
  pull "$REGISTRY/busybox:latest"
  [ "$(requests '(GET|HEAD) /v2/busybox/manifests/latest')" -eq 1 ]
  [ "$(requests 'GET /v2/busybox/blobs')" -eq 0 ]
}

@test "no more requests than layers, config and manifest" {
  start_registry
  push_busybox busybox:latest
  forget_requests
  pull "$REGISTRY/busybox:latest"
  [ "$(requests 'GET /v2/busybox/blobs')" -eq 3 ]
  [ "$(requests '(GET|HEAD) /v2/busybox/manifests')" -le 2 ]
}

@test "other tools read the store" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  store_is_sound
  local name
  name=$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' "$BATS_TEST_TMPDIR/store/index.json")
  run -0 skopeo inspect "oci:$BATS_TEST_TMPDIR/store:$name"
  jq -e '.Layers | length == 2' <<<"$output"
  diff <(skopeo inspect --raw "oci:$BATS_TEST_TMPDIR/store:$name") <(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/busybox:latest")
}

@test "images, inspect, rmi, unpack without a network" {
  start_registry
  push_busybox busybox:1.0
  pull "$REGISTRY/busybox:1.0"
  run -0 toyimg images
  expect "$REGISTRY/busybox:1.0"
  run -0 toyimg images --format json
  jq -e --arg name "$REGISTRY/busybox:1.0" '.[0].name == $name' <<<"$output"
  run -0 toyimg inspect "$REGISTRY/busybox:1.0"
  jq -e '(.Layers | length == 2) and .Config.Cmd == ["sh"]' <<<"$output"
  stop_registry
  run -0 toyimg unpack "$REGISTRY/busybox:1.0" -o "$BUNDLE"
  [ "$(cat "$ROOTFS/etc/layer")" = second ]
  run -0 toyimg rmi "$REGISTRY/busybox:1.0"
  run -0 toyimg images --quiet
  [ -z "$output" ]
  [ -z "$(find "$BATS_TEST_TMPDIR/store/blobs" -type f)" ]
  run toyimg inspect "$REGISTRY/busybox:1.0"
  [ "$status" -eq 1 ]
}

@test "Docker manifests and gzip of any tool; zstd layers" {
  start_registry
  push_busybox docker:latest --format v2s2
  pull "$REGISTRY/docker:latest" -o "$BATS_TEST_TMPDIR/a"
  [ -x "$BATS_TEST_TMPDIR/a/rootfs/bin/busybox" ]
  push_busybox zstd:latest --format oci --dest-compress-format zstd
  skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/zstd:latest" | grep -q zstd || skip 'this skopeo does not write zstd'
  pull "$REGISTRY/zstd:latest" -o "$BATS_TEST_TMPDIR/b"
  diff -r --no-dereference "$BATS_TEST_TMPDIR/a/rootfs" "$BATS_TEST_TMPDIR/b/rootfs"
}

@test "by digest" {
  start_registry
  push_busybox busybox:latest
  local digest
  digest=$(skopeo inspect --tls-verify=false "docker://$REGISTRY/busybox:latest" | jq -r .Digest)
  run -0 pull "$REGISTRY/busybox@$digest" -o "$BUNDLE"
  expect "$digest"
  run pull "$REGISTRY/busybox@sha256:$(printf '0%.0s' {1..64})"
  [ "$status" -eq 1 ]
}

@test "Basic auth: --creds, an auth file, none, wrong ones" {
  start_registry user secret
  push_busybox private:latest --dest-creds user:secret
  run -0 pull --creds user:secret "$REGISTRY/private:latest" -o "$BUNDLE"
  run pull --creds user:wrong "$REGISTRY/private:latest"
  [ "$status" -eq 1 ]
  expect '[Ll]og ?in|credential|[Uu]nauthorized|401|password'
  run pull "$REGISTRY/private:latest"
  [ "$status" -eq 1 ]
  expect_not secret
  printf '{"auths": {"%s": {"auth": "%s"}}}' "$REGISTRY" "$(printf user:secret | base64)" >"$BATS_TEST_TMPDIR/auth.json"
  REGISTRY_AUTH_FILE=$BATS_TEST_TMPDIR/auth.json run -0 pull "$REGISTRY/private:latest"
  run -0 pull --authfile "$BATS_TEST_TMPDIR/auth.json" "$REGISTRY/private:latest"
}

@test "a mirror for docker.io by registries.conf" {
  start_registry
  push_busybox library/alpine:latest
  cat >"$BATS_TEST_TMPDIR/registries.conf" <<TOML
unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "$REGISTRY"
insecure = true
TOML
  export CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/registries.conf
  run -0 pull alpine -o "$BUNDLE"
  [ -x "$ROOTFS/bin/busybox" ]
  run -0 toyimg images --quiet
  [ "$output" = alpine:latest ]
  run -0 pull docker.io/library/alpine:latest
}

@test "--platform chooses from an index; a platform that is not there" {
  start_registry
  push_busybox arm:latest
  local work=$BATS_TEST_TMPDIR/index layout=$BATS_TEST_TMPDIR/busybox-image/layout
  umoci config --image "$layout:latest" --architecture arm64 >/dev/null 2>&1
  push_layout "$layout" amd:latest
  skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/amd:latest" >"$BATS_TEST_TMPDIR/manifest"
  jq -n --arg digest "sha256:$(sha256sum <"$BATS_TEST_TMPDIR/manifest" | cut -d' ' -f1)" --argjson size "$(stat -c %s "$BATS_TEST_TMPDIR/manifest")" \
    '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: $digest, size: $size, platform: {os: "linux", architecture: "arm64", variant: "v8"}}]}' >"$work"
  curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary "@$work" "http://$REGISTRY/v2/amd/manifests/multi"
  run -0 pull --platform linux/arm64 "$REGISTRY/amd:multi"
  run pull --platform linux/riscv64 "$REGISTRY/amd:multi"
  [ "$status" -eq 1 ]
  expect 'riscv64'
  expect 'arm64'
}

@test "two pulls at once into one store" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest" -o "$BATS_TEST_TMPDIR/a" &
  local first=$!
  pull "$REGISTRY/busybox:latest" -o "$BATS_TEST_TMPDIR/b" &
  local second=$!
  wait "$first"
  wait "$second"
  store_is_sound
  diff -r --no-dereference "$BATS_TEST_TMPDIR/a/rootfs" "$BATS_TEST_TMPDIR/b/rootfs"
  [ "$(toyimg images --quiet | wc -l)" -eq 1 ]
}

@test "kill -9 at any moment leaves a sound store, and the next pull works" {
  start_registry
  push_busybox busybox:latest
  local delay
  for delay in 0.003 0.008 0.015 0.025 0.04 0.07; do
    "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/busybox:latest" -o "$BATS_TEST_TMPDIR/cut-$delay" </dev/null >/dev/null 2>&1 3>&- &
    sleep "$delay"
    kill -9 $! 2>/dev/null || true
    wait $! || true
    # a blob with its final name is whole; a half one may only wait under another name
    store_is_sound
    # a bundle is there as a whole or not at all
    [ ! -e "$BATS_TEST_TMPDIR/cut-$delay" ] || [ -s "$BATS_TEST_TMPDIR/cut-$delay/config.json" ]
  done
  run -0 pull "$REGISTRY/busybox:latest" -o "$BUNDLE"
  [ "$(cat "$ROOTFS/etc/layer")" = second ]
}

@test "TERM in the middle ends with 143 and leaves no bundle" {
  start_registry
  mkdir -p "$BATS_TEST_TMPDIR/big"
  head -c 60000000 /dev/urandom >"$BATS_TEST_TMPDIR/big/file"
  layout_from "$BATS_TEST_TMPDIR/layout" "$BATS_TEST_TMPDIR/big"
  push_layout "$BATS_TEST_TMPDIR/layout" big:latest
  "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/big:latest" -o "$BUNDLE" </dev/null >"$OUT" 2>&1 3>&- &
  local pid=$! status=0
  sleep 0.06
  kill -TERM "$pid" 2>/dev/null || skip 'it was done already'
  wait "$pid" || status=$?
  [ "$status" -ne 0 ] || skip 'it was done already'
  [ "$status" -eq 143 ]
  [ ! -e "$BUNDLE" ]
  store_is_sound
}

@test "an existing bundle directory is not overwritten" {
  start_registry
  push_busybox busybox:latest
  mkdir -p "$BUNDLE"
  echo mine >"$BUNDLE/config.json"
  run pull "$REGISTRY/busybox:latest" -o "$BUNDLE"
  [ "$status" -eq 1 ]
  expect "$BUNDLE"
  [ "$(cat "$BUNDLE/config.json")" = mine ]
}

@test "--progress json and plain lines; --quiet says nothing" {
  start_registry
  push_busybox busybox:latest
  toyimg pull --progress json "$REGISTRY/busybox:latest" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
  [ -s "$BATS_TEST_TMPDIR/err" ]
  jq -es 'length > 0' "$BATS_TEST_TMPDIR/err"
  grep -qE '^sha256:[0-9a-f]{64}$' "$BATS_TEST_TMPDIR/out"
  push_busybox other:latest
  toyimg pull --quiet "$REGISTRY/other:latest" 2>"$BATS_TEST_TMPDIR/err"
  [ ! -s "$BATS_TEST_TMPDIR/err" ]
}

@test "the memory of a pull does not grow with the layer" {
  start_registry
  mkdir -p "$BATS_TEST_TMPDIR/big"
  head -c 300000000 /dev/zero | openssl enc -aes-128-ctr -pass pass:x -nosalt 2>/dev/null >"$BATS_TEST_TMPDIR/big/file"
  layout_from "$BATS_TEST_TMPDIR/layout" "$BATS_TEST_TMPDIR/big"
  push_layout "$BATS_TEST_TMPDIR/layout" big:latest
  run -0 python3 - "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/big:latest" -o "$BUNDLE" <<'PY'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PY
  local peak
  peak=$(sed -n 's/^peak //p' <<<"$output")
  echo "peak memory: $peak KiB"
  [ "$peak" -le "$(memory_limit)" ]
}

@test "images lists what other tools put into the store" {
  umoci init --layout "$BATS_TEST_TMPDIR/store" >/dev/null
  umoci new --image "$BATS_TEST_TMPDIR/store:v1.0-x+y" >/dev/null
  run -0 toyimg images --quiet
  [ "$output" = v1.0-x+y ]
  run -0 toyimg images
  expect '^v1.0-x\+y +[0-9a-f]{12} '
  run -0 toyimg rmi v1.0-x+y
  run -0 toyimg images --quiet
  [ -z "$output" ]
}

@test "a store on a read-only disk can be listed and unpacked from" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  mkdir "$BATS_TEST_TMPDIR/view"
  mount --bind "$BATS_TEST_TMPDIR/store" "$BATS_TEST_TMPDIR/view"
  mount -o remount,ro,bind "$BATS_TEST_TMPDIR/view"
  run -0 "$TOYIMG" --store "$BATS_TEST_TMPDIR/view" images --quiet
  expect busybox
  run -0 "$TOYIMG" --store "$BATS_TEST_TMPDIR/view" unpack --quiet "$REGISTRY/busybox:latest" -o "$BUNDLE"
  [ "$(cat "$ROOTFS/etc/layer")" = second ]
  run "$TOYIMG" --store "$BATS_TEST_TMPDIR/view" rmi "$REGISTRY/busybox:latest"
  [ "$status" -eq 1 ]
  expect 'Read-only'
  umount "$BATS_TEST_TMPDIR/view"
}

@test "a full disk under the store or under the bundle is named, and nothing is left" {
  start_registry
  mkdir -p "$BATS_TEST_TMPDIR/big" "$BATS_TEST_TMPDIR/small"
  head -c 30000000 /dev/zero | openssl enc -aes-128-ctr -pass pass:x -nosalt 2>/dev/null >"$BATS_TEST_TMPDIR/big/file"
  layout_from "$BATS_TEST_TMPDIR/layout" "$BATS_TEST_TMPDIR/big"
  push_layout "$BATS_TEST_TMPDIR/layout" big:latest
  mount -t tmpfs -o size=8M small "$BATS_TEST_TMPDIR/small"
  run "$TOYIMG" --store "$BATS_TEST_TMPDIR/small/store" pull --quiet "$REGISTRY/big:latest" -o "$BUNDLE"
  [ "$status" -eq 1 ]
  expect "$BATS_TEST_TMPDIR/small/store.*No space left on device"
  [ "${#lines[@]}" -eq 1 ]
  [ ! -e "$BUNDLE" ]
  [ -z "$(find "$BATS_TEST_TMPDIR/small/store/partial" -type f)" ]
  rm -r "$BATS_TEST_TMPDIR/small/store"
  run pull "$REGISTRY/big:latest" -o "$BATS_TEST_TMPDIR/small/bundle"
  [ "$status" -eq 1 ]
  expect 'No space left on device'
  [ -z "$(ls -A "$BATS_TEST_TMPDIR/small")" ]
  [ -z "$(toyimg images --quiet)" ]
  umount "$BATS_TEST_TMPDIR/small"
}

@test "where a bundle may go: new parents, a trailing slash, a symlink; what it may not replace is refused at once" {
  start_registry
  push_busybox busybox:latest
  cd "$BATS_TEST_TMPDIR"
  mkdir -p real/empty
  ln -s real/empty link
  ln -s real way
  : >file
  run -0 pull "$REGISTRY/busybox:latest" -o new/parents/bundle//
  [ -s new/parents/bundle/config.json ]
  run -0 pull "$REGISTRY/busybox:latest" -o link
  [ -s real/empty/config.json ]
  run -0 pull "$REGISTRY/busybox:latest" -o way/other
  [ -s real/other/config.json ]
  local one
  for one in file . .. /proc file/below; do
    forget_requests
    run pull "$REGISTRY/busybox:latest" -o "$one"
    [ "$status" -eq 1 ] || { echo "accepted $one"; false; }
    [ "$(requests 'GET')" -eq 0 ] || { echo "$one: refused late"; false; }
  done
  run pull "$REGISTRY/nosuch:latest" -o made/for/nothing
  [ "$status" -eq 1 ]
  [ ! -e made ]
}

@test "a digest with two names is not removed by the digest" {
  start_registry
  push_busybox busybox:1
  push_busybox busybox:2
  pull "$REGISTRY/busybox:1"
  local digest
  digest=$(pull "$REGISTRY/busybox:2")
  run toyimg rmi "$digest"
  [ "$status" -eq 1 ]
  expect 'several names'
  run -0 toyimg rmi "$REGISTRY/busybox:1"
  run -0 toyimg rmi "$digest"
  [ -z "$(find "$BATS_TEST_TMPDIR/store/blobs" -type f)" ]
}

@test "zero layers, an empty layer, the same layer twice" {
  start_registry
  umoci init --layout "$BATS_TEST_TMPDIR/none" >/dev/null
  umoci new --image "$BATS_TEST_TMPDIR/none:latest" >/dev/null
  push_layout "$BATS_TEST_TMPDIR/none" none:latest
  run -0 pull "$REGISTRY/none:latest" -o "$BATS_TEST_TMPDIR/b0"
  [ -z "$(ls -A "$BATS_TEST_TMPDIR/b0/rootfs")" ]
  run -0 python3 - "$BATS_TEST_TMPDIR/twice" <<'PY'
import gzip, hashlib, io, json, os, sys, tarfile
root = sys.argv[1]
os.makedirs(root + "/blobs/sha256")
def put(data):
    name = hashlib.sha256(data).hexdigest()
    open(f"{root}/blobs/sha256/{name}", "wb").write(data)
    return {"digest": "sha256:" + name, "size": len(data)}
def tar(names):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return out.getvalue()
archives = [tar(["a"]), tar([]), tar([".wh.a", "b"]), tar(["a"])]
kind = "application/vnd.oci.image."
config = put(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(one).hexdigest() for one in archives]}}).encode())
layers = [put(gzip.compress(one, mtime=0)) | {"mediaType": kind + "layer.v1.tar+gzip"} for one in archives]
manifest = put(json.dumps({"schemaVersion": 2, "mediaType": kind + "manifest.v1+json", "config": config | {"mediaType": kind + "config.v1+json"}, "layers": layers}).encode())
entry = manifest | {"mediaType": kind + "manifest.v1+json", "annotations": {"org.opencontainers.image.ref.name": "latest"}}
json.dump({"schemaVersion": 2, "manifests": [entry]}, open(root + "/index.json", "w"))
open(root + "/oci-layout", "w").write('{"imageLayoutVersion": "1.0.0"}')
PY
  push_layout "$BATS_TEST_TMPDIR/twice" twice:latest
  run -0 pull "$REGISTRY/twice:latest" -o "$BATS_TEST_TMPDIR/b1"
  [ "$(find "$BATS_TEST_TMPDIR/b1/rootfs" -mindepth 1 -printf '%f\n' | sort | xargs)" = "a b" ]
}
