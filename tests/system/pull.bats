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
  [ "$peak" -le $((96 * 1024)) ]
}
