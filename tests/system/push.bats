# SPDX-License-Identifier: Apache-2.0
# toyimg push against a real registry: equal digests, no request too many, logins, mounts, chunks.
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

push() { toyimg push --quiet "$@" </dev/null; }
# all_requests: how many the registry has answered.
all_requests() { grep -cE '"(GET|HEAD|POST|PUT|PATCH|DELETE) /v2/' "$REGISTRY_LOG" || true; }
digest_at() { skopeo inspect --tls-verify=false "${@:2}" "docker://$REGISTRY/$1" | jq -r .Digest; }

@test "push: the same digest, and no more requests than skopeo makes" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  local ours theirs
  forget_requests
  run -0 push "$REGISTRY/busybox:latest" "$REGISTRY/other:1"
  ours=$(all_requests)
  [ "$output" = "$(digest_at busybox:latest)" ]
  [ "$output" = "$(digest_at other:1)" ]
  forget_requests
  push_layout "$BATS_TEST_TMPDIR/busybox-image/layout" third:1
  theirs=$(all_requests)
  echo "ours $ours, skopeo $theirs"
  [ "$theirs" -gt 0 ]
  [ "$ours" -le "$theirs" ]
  run -0 pull "$REGISTRY/other:1" -o "$BUNDLE"
  [ "$(cat "$ROOTFS/etc/layer")" = second ]
}

@test "push, pull and tags: docker:// may stand before the name" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  push "$REGISTRY/busybox:latest" "docker://$REGISTRY/written:1"
  run -0 toyimg tags "docker://$REGISTRY/written"
  [ "$output" = 1 ]
  toyimg pull --quiet "docker://$REGISTRY/written:1"
  run -1 toyimg tag "$REGISTRY/written:1" "docker://$REGISTRY/written:2"
}

@test "push: what is there is only looked at" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  forget_requests
  run -0 push "$REGISTRY/busybox:latest"
  [ "$(requests 'HEAD /v2/busybox/blobs')" -eq 3 ]
  [ "$(requests 'PUT /v2/busybox/manifests/latest')" -eq 1 ]
  [ "$(all_requests)" -eq 4 ]
}

@test "push: layers of another repository are mounted" {
  start_registry
  push_busybox base:latest
  pull "$REGISTRY/base:latest"
  forget_requests
  run -0 push "$REGISTRY/base:latest" "$REGISTRY/derived:latest"
  [ "$(requests 'POST /v2/derived/blobs/uploads/\?mount=sha256%3A[0-9a-f]*&from=base')" -eq 2 ]
  [ "$(requests 'PUT /v2/derived/blobs/uploads')" -eq 1 ] # the config
  [ "$(digest_at derived:latest)" = "$(digest_at base:latest)" ]
}

@test "push: in chunks" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  rm -rf "$BATS_TEST_TMPDIR/registry/data/docker"
  forget_requests
  run -0 push --chunk-size 300000 "$REGISTRY/busybox:latest" "$REGISTRY/chunks:1"
  [ "$(requests 'PATCH /v2/chunks/blobs/uploads')" -ge 3 ]
  run -0 toyimg --store "$BATS_TEST_TMPDIR/other" pull --quiet "$REGISTRY/chunks:1" -o "$BUNDLE"
  [ "$(cat "$ROOTFS/etc/layer")" = second ]
}

@test "push: Basic auth, right and wrong" {
  start_registry user secret
  push_busybox private:latest --dest-creds user:secret
  pull --creds user:secret "$REGISTRY/private:latest"
  run -0 push --creds user:secret "$REGISTRY/private:latest" "$REGISTRY/private:2"
  [ "$output" = "$(digest_at private:2 --creds user:secret)" ]
  run push --creds user:wrong "$REGISTRY/private:latest" "$REGISTRY/private:3"
  [ "$status" -eq 1 ]
  expect 'refuses the login'
  run push "$REGISTRY/private:latest" "$REGISTRY/private:3"
  [ "$status" -eq 1 ]
  expect 'wants a login'
  expect_not secret
}

@test "push: token auth; one token for all blobs, one more for a mount" {
  TOKENS=1 start_registry user secret
  push_busybox base:latest --dest-creds user:secret
  : >"$TOKEN_LOG"
  run -0 pull --creds user:secret "$REGISTRY/base:latest"
  [ "$(token_requests)" -eq 1 ]
  : >"$TOKEN_LOG"
  run -0 push --creds user:secret "$REGISTRY/base:latest" "$REGISTRY/derived:1"
  cat "$TOKEN_LOG"
  [ "$(token_requests)" -le 2 ]
  contains 'derived:pull,push' "$TOKEN_LOG"
  contains 'base:pull' "$TOKEN_LOG"
  run -0 pull --creds user:secret "$REGISTRY/derived:1"
  run push "$REGISTRY/base:latest" "$REGISTRY/derived:2"
  [ "$status" -eq 1 ]
  expect 'login|denied'
}

@test "push: over TLS with an authority of our own" {
  TLS=1 start_registry
  export SSL_CERT_FILE=$AUTHORITY/ca.crt
  push_busybox busybox:latest
  run -0 pull "$REGISTRY/busybox:latest"
  run -0 push "$REGISTRY/busybox:latest" "$REGISTRY/other:1"
  unset SSL_CERT_FILE
  run push "$REGISTRY/busybox:latest" "$REGISTRY/other:2"
  [ "$status" -eq 1 ]
  expect 'certificate'
  run -0 push --tls-verify=false "$REGISTRY/busybox:latest" "$REGISTRY/other:2"
}

@test "push: an index alone means this host's image, with --all it and all it lists" {
  start_registry
  push_busybox busybox:amd
  pull "$REGISTRY/busybox:amd"
  toyimg manifest create both >/dev/null
  toyimg manifest add both "$REGISTRY/busybox:amd" >/dev/null
  mkdir -p "$BATS_TEST_TMPDIR/arm" && echo arm >"$BATS_TEST_TMPDIR/arm/file"
  tar -C "$BATS_TEST_TMPDIR/arm" -cf "$BATS_TEST_TMPDIR/arm.tar" .
  toyimg import --platform linux/arm64 "$BATS_TEST_TMPDIR/arm.tar" arm >/dev/null
  toyimg manifest add both arm >/dev/null
  run -0 push both "$REGISTRY/one:1"
  [ "$output" = "$(digest_at busybox:amd)" ]
  forget_requests
  run -0 push --all both "$REGISTRY/all:1"
  skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/all:1" | jq -e '.manifests | length == 2 and ([.[].platform.architecture] | sort == ["amd64", "arm64"])'
  [ "$output" = "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/all:1" | sha256sum | cut -d' ' -f1)" ]
  local digest
  for digest in $(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/all:1" | jq -r '.manifests[].digest'); do
    skopeo inspect --tls-verify=false "docker://$REGISTRY/all@$digest" >/dev/null
  done
  # each blob is asked about once, whoever lists it
  [ "$(grep -oE 'HEAD /v2/all/blobs/[^ ]*' "$REGISTRY_LOG" | sort | uniq -d | wc -l)" -eq 0 ]
  skopeo copy -q --insecure-policy --all --src-tls-verify=false "docker://$REGISTRY/all:1" "dir:$BATS_TEST_TMPDIR/dir"
}

@test "push: layers that are kept elsewhere stay there, unless --foreign" {
  start_registry
  push_busybox busybox:latest
  local layout=$BATS_TEST_TMPDIR/foreign manifest
  cp -a "$BATS_TEST_TMPDIR/busybox-image/layout" "$layout"
  manifest=$(jq -r '.manifests[0].digest[7:]' "$layout/index.json")
  jq -c --arg url "http://$REGISTRY/elsewhere" '.layers[0] |= (.mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" | .urls = [$url])' \
    "$layout/blobs/sha256/$manifest" | tr -d '\n' >"$layout/new"
  local digest size layer
  digest=$(sha256sum <"$layout/new" | cut -d' ' -f1) size=$(stat -c %s "$layout/new")
  layer=$(jq -r '.layers[0].digest' "$layout/new")
  mv "$layout/new" "$layout/blobs/sha256/$digest"
  jq -c --arg digest "sha256:$digest" --argjson size "$size" '.manifests[0] |= (.digest = $digest | .size = $size)' "$layout/index.json" >"$layout/index.new"
  mv "$layout/index.new" "$layout/index.json"
  toyimg copy -q "oci:$layout:latest" store:foreign
  run -0 push foreign "$REGISTRY/kept:1"
  [ "$output" = "sha256:$digest" ]
  [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$REGISTRY/v2/kept/blobs/$layer")" = 404 ]
  run -0 push --foreign foreign "$REGISTRY/sent:1"
  [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$REGISTRY/v2/sent/blobs/$layer")" = 200 ]
}

@test "push: what cannot be pushed" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  run push nosuch
  [ "$status" -eq 1 ]
  expect 'no image'
  run push "$REGISTRY/busybox:latest" 127.0.0.1:1/busybox
  [ "$status" -eq 1 ]
  expect '127.0.0.1:1'
  [ "${#lines[@]}" -eq 1 ]
  run push "$REGISTRY/busybox:latest" "$REGISTRY/busybox@sha256:$(printf '1%.0s' {1..64})"
  [ "$status" -eq 1 ]
  expect 'has the digest'
  # a layer that was lost, here and there
  rm -rf "$BATS_TEST_TMPDIR/registry/data/docker"
  rm "$(ls -S "$BATS_TEST_TMPDIR"/store/blobs/sha256/* | head -1)"
  run push "$REGISTRY/busybox:latest" "$REGISTRY/lost:1"
  [ "$status" -eq 1 ]
  expect 'not in the store'
  run skopeo inspect --tls-verify=false "docker://$REGISTRY/lost:1"
  [ "$status" -ne 0 ]
}

@test "push: a blob whose upload is cut off goes on when the registry is back" {
  start_registry
  push_busybox busybox:latest
  pull "$REGISTRY/busybox:latest"
  rm -rf "$BATS_TEST_TMPDIR/registry/data/docker"
  kill -STOP "$REGISTRY_PID"
  push "$REGISTRY/busybox:latest" "$REGISTRY/again:1" >"$OUT" 2>&1 &
  local pid=$!
  sleep 0.2
  kill -KILL "$REGISTRY_PID"
  wait "$REGISTRY_PID" || true
  docker-registry serve "$BATS_TEST_TMPDIR/registry/config.yml" >"$REGISTRY_LOG" 2>&1 3>&- &
  REGISTRY_PID=$!
  wait "$pid" || { cat "$OUT"; false; }
  run -0 digest_at again:1
}
