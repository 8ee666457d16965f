# SPDX-License-Identifier: Apache-2.0
# toyimg against registries and layers that lie: a clear sentence, exit code 1, nothing left.
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  OUTSIDE=$BATS_TEST_TMPDIR/outside
}
teardown() {
  [ -z "${SERVER:-}" ] || kill "$SERVER" 2>/dev/null || true
  end_test
}

serve() { # serve CASE: sets REGISTRY
  [ -z "${SERVER:-}" ] || kill "$SERVER" 2>/dev/null || true
  rm -f "$BATS_TEST_TMPDIR/server"
  python3 "$SYSTEM/hostile.py" "$1" "$OUTSIDE" >"$BATS_TEST_TMPDIR/server" 2>&1 3>&- &
  SERVER=$!
  wait_for 10 contains '^port' "$BATS_TEST_TMPDIR/server"
  REGISTRY=127.0.0.1:$(sed -n 's/^port //p' "$BATS_TEST_TMPDIR/server")
}

# refused CASE REGEX: pull fails with exit code 1 and one sentence; no bundle, no name, no bad blob.
refused() {
  serve "$1"
  run timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/image:latest" -o "$BUNDLE" </dev/null
  [ "$status" -eq 1 ] || { echo "$1: status $status: $output"; return 1; }
  expect "$2" || { echo "in case $1"; return 1; }
  [ "${#lines[@]}" -eq 1 ] || { echo "$1: more than one line: $output"; return 1; }
  [ ! -e "$BUNDLE" ] || { echo "$1: left a bundle"; return 1; }
  [ -z "$(ls -A "$(dirname "$BUNDLE")" | grep -vE '^(store|server|outside)$' || true)" ] || { echo "$1: left $(ls -A "$(dirname "$BUNDLE")")"; return 1; }
  store_is_sound
  [ -z "$(toyimg images --quiet)" ] || { echo "$1: left an image"; return 1; }
  [ -z "$(find "$BATS_TEST_TMPDIR/store" -type f ! -path '*/blobs/sha256/*' ! -name index.json ! -name oci-layout ! -name '*lock*' ! -name in-use 2>/dev/null)" ] ||
    { find "$BATS_TEST_TMPDIR/store"; echo "$1: left something in the store"; return 1; }
}

@test "the server of these tests serves a sound image" {
  serve sound
  run -0 pull "$REGISTRY/image:latest" -o "$BUNDLE"
  [ "$(cat "$ROOTFS/etc/fine")" = fine ]
}

@test "an unreachable registry, an unknown host, a bad reference" {
  run timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet 127.0.0.1:1/image -o "$BUNDLE"
  [ "$status" -eq 1 ]
  expect '127.0.0.1:1'
  run timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet registry.invalid/image
  [ "$status" -eq 1 ]
  expect 'registry.invalid'
  local reference
  for reference in '' 'UPPER/case' 'a//b' 'a:b:c:d' 'x@sha256:short' '-' '../x'; do
    run pull "$reference"
    [ "$status" -eq 1 ] || { echo "accepted '$reference': $output"; false; }
  done
  [ ! -e "$BUNDLE" ]
}

@test "401, 403, 404, 429, 500 and a redirect loop" {
  refused 401 '[Ll]og ?in|credential|unauthorized|401'
  refused 403 'denied|403|[Dd]enied'
  refused 404 'not found|404|unknown|no image|no such'
  refused 429 '429|too many|limit'
  refused 500 '500'
  refused loop 'redirect'
}

@test "manifests: garbage, another type, wrong digest, no such platform, too big" {
  refused manifest-garbage 'manifest'
  refused manifest-type 'type|text/html|manifest'
  refused no-platform 'platform|linux/'
  refused manifest-huge 'manifest|large|big|limit|MiB|bytes'
  refused digest-form 'digest'
  refused negative-size 'size'
}

@test "a manifest asked for by digest must have it" {
  serve sound
  run timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/image@sha256:$(printf '1%.0s' {1..64})" -o "$BUNDLE"
  [ "$status" -eq 1 ]
  expect 'digest|sha256'
  [ ! -e "$BUNDLE" ]
}

@test "blobs: wrong digest, truncated, short, oversized, missing, wrong sizes" {
  refused wrong-digest 'digest|sha256'
  refused truncated 'broke|bytes|short|size|digest|ended'
  refused short 'bytes|short|size|digest|ended'
  refused oversized 'bytes|more|size|larger|digest'
  refused blob-404 '404|not found|unknown|blob'
  refused size-small 'size|bytes|more'
  refused size-large 'size|bytes|less|short|ended'
}

@test "configs and layers: garbage, wrong diff id, none, unknown media types, a broken gzip, a cut tar" {
  refused config-garbage 'config'
  refused wrong-diffid 'diff|digest|sha256'
  refused few-diffids 'diff|layers|rootfs'
  refused layer-type 'application/x-nosuch'
  refused config-type 'application/x-nosuch|config'
  refused bad-gzip 'gzip|compress|data|inflate|digest'
  refused tar-cut 'tar|archive|end|cut'
}

# harmless CASE: whether refused or applied inside the root, nothing outside changed.
harmless() {
  mkdir -p "$OUTSIDE"
  echo original >"$OUTSIDE/victim"
  serve "$1"
  run timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store-$1" pull --quiet "$REGISTRY/image:latest" -o "$BATS_TEST_TMPDIR/b-$1" </dev/null
  [ "$status" -le 1 ] || { echo "$1: status $status: $output"; return 1; }
  [ "$(ls -A "$OUTSIDE")" = victim ] || { echo "$1: wrote outside: $(ls -A "$OUTSIDE")"; return 1; }
  [ "$(cat "$OUTSIDE/victim")" = original ] || { echo "$1: changed the victim"; return 1; }
  [ "$(stat -c %h "$OUTSIDE/victim")" -eq 1 ] || { echo "$1: linked the victim"; return 1; }
  [ "$status" -eq 0 ] || [ ! -e "$BATS_TEST_TMPDIR/b-$1" ] || { echo "$1: left a bundle"; return 1; }
}

@test "hostile layers: .., absolute names, through links, hard links out, whiteout tricks" {
  local one
  for one in tar-dotdot tar-absolute tar-symlink tar-symlink-up tar-hardlink tar-hardlink-symlink tar-whiteout-up tar-whiteout-link tar-opaque-link; do
    harmless "$one"
  done
}

@test "a bomb behind the end mark does not fill memory or disk" {
  serve bomb
  run python3 - "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/image:latest" -o "$BUNDLE" <<'PY'
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, "status", status)
PY
  [ "$(sed -n 's/^peak \([0-9]*\).*/\1/p' <<<"$output")" -le "$(memory_limit)" ]
  [ "$(du -sm "$BATS_TEST_TMPDIR" | cut -f1)" -le 100 ]
}

@test "sizes and digests that an index or a manifest lies about; indexes in indexes" {
  refused index-size 'bytes long, not'
  refused config-digest 'does not match the digest'
  refused nested-deep 'indexes'
  serve nested
  run -0 pull "$REGISTRY/image:latest" -o "$BUNDLE"
  [ "$(cat "$ROOTFS/etc/fine")" = fine ]
}

@test "user files that are fifos or links to the host's; NUL bytes" {
  refused fifo-passwd 'no user daemon'
  refused host-passwd 'no user daemon'
  refused nul-command 'NUL'
}

@test "text from images and registries cannot steer the terminal" {
  local one
  for one in escapes escapes-user escapes-labels escapes-platform; do
    serve "$one"
    run timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --progress plain "$REGISTRY/image:latest" -o "$BUNDLE" </dev/null
    [ "$status" -eq 1 ]
    if grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|^second' <<<"$output"; then
      echo "$one: raw: $(cat -v <<<"$output")"
      return 1
    fi
    [ ! -e "$BUNDLE" ]
  done
}

@test "INT ends a download that drips with 130, and leaves nothing" {
  serve drip
  # a background job of a script ignores INT, and toyimg respects that: as from a terminal
  python3 - "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/image:latest" -o "$BUNDLE" >"$OUT" 2>&1 <<'PY' &
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
PY
  local pid=$! status=0
  wait_for 10 contains "GET /v2/image/blobs" "$BATS_TEST_TMPDIR/server"
  sleep 0.3
  kill -INT "$pid"
  wait "$pid" || status=$?
  [ "$status" -eq 130 ]
  [ "$(cat "$OUT")" = 'toyimg: interrupted' ]
  [ ! -e "$BUNDLE" ]
  [ -z "$(find "$BATS_TEST_TMPDIR" -name '*.partial' -o -path '*/partial/*')" ]
}
