# SPDX-License-Identifier: Apache-2.0
# toyimg tags, catalog, referrers and delete against a real registry.
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

put_manifest() { curl -sf -X PUT -H "Content-Type: application/vnd.oci.image.$1.v1+json" --data-binary "@$3" "http://$REGISTRY/v2/$2"; }

@test "tags and catalog" {
  start_registry
  push_busybox team/app:one
  push_busybox team/app:two
  push_busybox other:latest
  run -0 toyimg tags "$REGISTRY/team/app"
  [ "$(sort <<<"$output")" = $'one\ntwo' ]
  run -0 toyimg catalog "$REGISTRY"
  [ "$output" = $'other\nteam/app' ]
  run toyimg tags "$REGISTRY/nosuch"
  [ "$status" -eq 1 ]
  expect 'not found'
  run toyimg tags "$REGISTRY/team/app:one"
  [ "$status" -eq 1 ]
  run toyimg catalog "$REGISTRY/team"
  [ "$status" -eq 1 ]
}

@test "catalog of more than a page" {
  start_registry
  push_busybox first:latest
  local number
  # a repository is a directory: more than the thousand of one page
  for number in $(seq 1 1200); do echo "$BATS_TEST_TMPDIR/registry/data/docker/registry/v2/repositories/r$number"; done |
    xargs -n1 cp -al "$BATS_TEST_TMPDIR/registry/data/docker/registry/v2/repositories/first"
  forget_requests
  run -0 toyimg catalog "$REGISTRY"
  [ "${#lines[@]}" -eq 1201 ]
  [ "$(requests 'GET /v2/_catalog')" -eq 2 ]
}

@test "catalog and tags with a login and tokens" {
  TOKENS=1 start_registry user secret
  push_busybox team/app:one --dest-creds user:secret
  run -0 toyimg catalog --creds user:secret "$REGISTRY"
  [ "$output" = team/app ]
  run -0 toyimg tags --creds user:secret "$REGISTRY/team/app"
  [ "$output" = one ]
  run toyimg catalog "$REGISTRY"
  [ "$status" -eq 1 ]
  expect 'login'
}

@test "referrers, by the fallback tag of a registry that has no API for them" {
  start_registry
  push_busybox app:latest
  local digest size
  skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/app:latest" >"$BATS_TEST_TMPDIR/subject"
  digest=sha256:$(sha256sum <"$BATS_TEST_TMPDIR/subject" | cut -d' ' -f1)
  size=$(stat -c %s "$BATS_TEST_TMPDIR/subject")
  run -0 toyimg referrers "$REGISTRY/app:latest"
  [ -z "$output" ]
  jq -c --arg digest "$digest" --argjson size "$size" '{schemaVersion, mediaType: "application/vnd.oci.image.manifest.v1+json",
    artifactType: "application/vnd.example.signature", config, layers: [], subject: {mediaType, digest: $digest, size: $size}, annotations: {by: "test"}}' \
    "$BATS_TEST_TMPDIR/subject" >"$BATS_TEST_TMPDIR/signature"
  put_manifest manifest "app/manifests/sha256:$(sha256sum <"$BATS_TEST_TMPDIR/signature" | cut -d' ' -f1)" "$BATS_TEST_TMPDIR/signature"
  jq -nc --arg digest "sha256:$(sha256sum <"$BATS_TEST_TMPDIR/signature" | cut -d' ' -f1)" --argjson size "$(stat -c %s "$BATS_TEST_TMPDIR/signature")" \
    '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: $digest, size: $size, artifactType: "application/vnd.example.signature"}]}' >"$BATS_TEST_TMPDIR/list"
  put_manifest index "app/manifests/${digest/:/-}" "$BATS_TEST_TMPDIR/list"
  run -0 toyimg referrers "$REGISTRY/app:latest"
  expect '^sha256:[0-9a-f]{64}  [0-9]+  application/vnd.example.signature$'
  run -0 toyimg referrers --format json --artifact-type application/vnd.example.signature "$REGISTRY/app@$digest"
  jq -e '.manifests | length == 1' <<<"$output"
  run -0 toyimg referrers --artifact-type application/other "$REGISTRY/app:latest"
  [ -z "$output" ]
}

@test "delete: by digest, by --all-tags; a tag alone where the registry cannot" {
  start_registry
  push_busybox app:one
  push_busybox app:two
  run toyimg delete "$REGISTRY/app:one"
  [ "$status" -eq 1 ]
  expect 'does not delete tags; with --all-tags'
  run toyimg delete "$REGISTRY/app"
  [ "$status" -eq 1 ]
  run -0 toyimg delete --all-tags "$REGISTRY/app:one"
  expect '^sha256:'
  run toyimg delete --all-tags "$REGISTRY/app:two"
  [ "$status" -eq 1 ]
  expect 'not found'
  push_busybox app:three
  local digest
  digest=$(skopeo inspect --tls-verify=false "docker://$REGISTRY/app:three" | jq -r .Digest)
  run -0 toyimg delete "$REGISTRY/app@$digest"
  run toyimg delete "$REGISTRY/app@$digest"
  [ "$status" -eq 1 ]
}

@test "delete asks for a token that may delete" {
  TOKENS=1 start_registry user secret
  push_busybox app:one --dest-creds user:secret
  : >"$TOKEN_LOG"
  run -0 toyimg delete --creds user:secret --all-tags "$REGISTRY/app:one"
  contains 'app:.*delete' "$TOKEN_LOG"
}
