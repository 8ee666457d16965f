# SPDX-License-Identifier: Apache-2.0
# Many images at once: sync of lists, YAML and whole repositories; indexes made, annotated and pushed.
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  cd "$BATS_TEST_TMPDIR"
  start_registry
}
teardown() {
  stop_registry
  end_test
}

raw_digest() { skopeo inspect --raw --tls-verify=false "$1" | sha256sum | cut -d' ' -f1; }

@test "sync: a list, skopeo's YAML, all tags, a regex; digests kept" {
  push_busybox team/app:1.0
  push_busybox team/app:1.1
  push_busybox team/app:2.0
  push_busybox other/tool:latest
  local digest
  digest=$(raw_digest "docker://$REGISTRY/team/app:1.0")
  cat >list <<LIST
# two images and a whole repository
$REGISTRY/team/app:1.0   # this one

docker://$REGISTRY/other/tool
LIST
  run -0 toyimg sync -q list "docker://$REGISTRY/mirror"
  [ "$(wc -l <<<"$output")" -eq 2 ]
  [ "$(raw_digest "docker://$REGISTRY/mirror/app:1.0")" = "$digest" ]
  skopeo inspect --tls-verify=false "docker://$REGISTRY/mirror/tool:latest" >/dev/null
  run -0 toyimg sync -q --dry-run "docker://$REGISTRY/team/app" dir:out
  [ "$(wc -l <<<"$output")" -eq 3 ]
  [ ! -e out ]
  cat >list.yaml <<YAML
$REGISTRY:
  tls-verify: true
  images:
    other/tool: []
    team/app: ["1.1", "$(printf sha256:%s "$digest")"]
  images-by-tag-regex:
    team/app: ^1\\.
YAML
  run -0 toyimg sync -q --scoped --dry-run list.yaml dir:out
  [ "$(wc -l <<<"$output")" -eq 5 ]
  expect "dir:out/$REGISTRY/team/app:1.1\$"
  toyimg sync -q list.yaml dir:out
  skopeo inspect dir:out/app:1.1 >/dev/null
  skopeo inspect "dir:out/app:${digest:0:12}" >/dev/null
  toyimg sync -q list oci:layout
  [ "$(jq '.manifests | length' layout/index.json)" -eq 2 ]
  toyimg sync -q list store:
  [ "$(toyimg images -q | wc -l)" -eq 2 ]
  # bad input, and going on after a failure
  printf '%s\n%s\n' "$REGISTRY/none:1" "$REGISTRY/team/app:1.0" >bad
  run toyimg sync -q --keep-going bad dir:rest
  [ "$status" -eq 1 ]
  [ -e rest/app:1.0/manifest.json ]
  expect 'none:1'
  run toyimg sync -q bad dir:rest2
  [ "$status" -eq 1 ]
  [ ! -e rest2/app:1.0 ]
  printf 'a/UPPER:1\n' >bad
  run toyimg sync bad dir:x
  [ "$status" -eq 1 ]
  expect 'bad: line 1: '
  printf 'r: {images-by-semver: {a: ">1"}}\n' >bad.yaml
  run toyimg sync bad.yaml dir:x
  [ "$status" -eq 1 ]
  expect 'images-by-semver is not supported'
  printf '{[' >bad.yaml
  run toyimg sync bad.yaml dir:x
  [ "$status" -eq 1 ] && expect 'bad.yaml: is not understood'
}

@test "manifest: create, add, annotate, remove, push; skopeo and buildah agree" {
  push_busybox one:latest
  mkdir tree && echo arm >tree/file && tar -C tree -cf tree.tar .
  toyimg import --platform linux/arm64 tree.tar arm >/dev/null
  toyimg manifest create -q multi "docker://$REGISTRY/one:latest" arm
  run toyimg manifest create -q multi arm
  [ "$status" -eq 1 ]
  expect 'already'
  local arm
  arm=$(toyimg inspect --format '{{.Digest}}' arm)
  run -0 toyimg manifest annotate --variant v8 --os-version 7 --annotation a=b multi "${arm:7:12}"
  run -0 toyimg manifest annotate --annotation c=d multi arm
  run -0 toyimg inspect --raw multi
  jq -e --arg arm "$arm" '(.manifests | length == 2) and ([.manifests[].platform.architecture] == ["amd64", "arm64"])
    and (.manifests[1] | .digest == $arm and .annotations == {a: "b", c: "d"} and .platform.variant == "v8")' <<<"$output"
  toyimg manifest push -q multi "$REGISTRY/multi:latest"
  [ "$(raw_digest "docker://$REGISTRY/multi:latest")" = "$(toyimg inspect --raw multi | sha256sum | cut -d' ' -f1)" ]
  [ "$(skopeo inspect --override-arch arm64 --config --tls-verify=false "docker://$REGISTRY/multi:latest" | jq -r .architecture)" = arm64 ]
  toyimg rmi arm >/dev/null
  run -0 toyimg images
  expect '^multi:latest .* [kM]B$'
  toyimg unpack -q multi -o "$BUNDLE"
  [ -x "$ROOTFS/bin/busybox" ]
  toyimg copy -q --platform linux/arm64 multi oci:still:there
  run -0 toyimg manifest remove multi "$arm"
  [ "$(toyimg inspect --raw multi | jq '.manifests | length')" -eq 1 ]
  toyimg manifest add -q multi "docker://$REGISTRY/one:latest"
  [ "$(toyimg inspect --raw multi | jq '.manifests | length')" -eq 1 ]
  run toyimg manifest annotate multi 0000
  [ "$status" -eq 1 ]
  toyimg import tree.tar other >/dev/null
  run toyimg manifest remove multi other
  [ "$status" -eq 1 ]
  expect 'does not list other'
  run -0 toyimg manifest remove multi "docker://$REGISTRY/one:latest"
  [ "$(toyimg inspect --raw multi | jq '.manifests | length')" -eq 0 ]
  run toyimg manifest paint multi
  [ "$status" -eq 1 ]
  expect 'must be create'
  run toyimg manifest add multi2 arm
  [ "$status" -eq 1 ]
}

@test "sync: tags that a registry makes up become no paths" {
  cat >server.py <<'PY'
import http.server, json
class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"name": "app", "tags": ["../../escaped", "a/../../b", "good", "\u001b[2Jred", ""]}).encode() if "tags" in self.path else b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.HTTPServer(("127.0.0.1", 0), Registry)
print(server.server_port, flush=True)
server.serve_forever()
PY
  python3 server.py >port 2>/dev/null 3>&- &
  local pid=$!
  wait_for 10 test -s port
  mkdir -p deep/er
  run toyimg sync -q --dry-run "docker://127.0.0.1:$(cat port)/app" dir:deep/er
  kill "$pid"
  wait "$pid" 2>/dev/null || true
  expect_not $'\e'
  [ "$(grep -v 'left out' <<<"$output")" = "docker://127.0.0.1:$(cat port)/app:good dir:deep/er/app:good" ]
  [ "$(grep -c 'left out' <<<"$output")" -eq 4 ]
}
