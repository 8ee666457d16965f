# SPDX-License-Identifier: Apache-2.0
# toyimg against registries and layers that lie: a clear sentence, exit code 1, nothing left.
#
# The rows of image.md 5.4 that concern pulling, loading, storing and converting, and their tests (those of builds are listed in
# build_hostile.bats; files without a folder are in tests/unit/imagetool, `.bats` here):
#   2021-29136, 2021-32760, 2025-47290, 2026-17106   layer/layer_escape_test.cpp, store/layer_image_escape_test.cpp; here "hostile layers"
#   2019-14271, 2026-41567                           archives.bats "no program is run to decompress"
#   2018-15664, 2026-41568, 2026-42306               here "a bundle that changes while it is read" (toydock cp: tests/toydock)
#   2024-3727                                        oci/digest_test.cpp; here "manifests" (digest-form); archives.bats "hostile archives"
#   2021-41190                                       oci/manifest_test.cpp; registries.bats of that name
#   2020-15157, 2019-10214, 2021-41092               registries.bats of that name
#   2020-1702, 2023-25153                            here "manifests" (manifest-huge); registries.bats "a token has a limit"; archives.bats "hostile archives"
#   2021-20291                                       here of that name; layer/inflate_test.cpp
#   2025-62518, 2026-53655                           layer/tar_reader_test.cpp PaxSizeBeatsTheHeader, AmbiguousExtensionsAreRefused
#   2022-23648, 2019-19921                           here "volumes and working directories"
#   2024-40635, 2026-46680, 2022-2989                bundle/user_test.cpp
#   2026-47262                                       here "user files that are fifos"
#   2026-53488, 2026-57231, 2022-24769               bundle/runtime_config_from_image_test.cpp
#   2026-55686, 2024-21626                           here "volumes and working directories"; fds.bats
#   jib 4522, undock 460, ggcr 2306                  archives.bats "hostile archives", "layouts and directories with symlinks"
#   2021-41091                                       here of that name
#   ggcr: realm, Location, Link                      registries.bats "a token server on an internal address", "a push is not led elsewhere"
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
  [ -z "$(find "$BATS_TEST_TMPDIR/store" -type f ! -path '*/blobs/sha256/*' ! -name index.json ! -name oci-layout ! -name '*lock*' ! -name in-use ! -name reserve 2>/dev/null)" ] ||
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
  # as an EROFS image: refused or taken like the directory, nothing of the outside in it
  local before=$status
  run timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store-e-$1" pull --quiet "$REGISTRY/image:latest" </dev/null
  [ "$status" -eq "$before" ] || { echo "$1: as a directory $before, as an image $status: $output"; return 1; }
  [ "$(cat "$OUTSIDE/victim")" = original ] || { echo "$1: changed the victim"; return 1; }
  ! grep -q original -r "$BATS_TEST_TMPDIR/store-e-$1" || { echo "$1: the canary is in the store"; return 1; }
  if [ "$status" -eq 0 ]; then
    run -0 timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store-e-$1" fsck
    run -0 timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store-e-$1" verify "$BATS_TEST_TMPDIR/b-$1"
  fi
}

@test "hostile layers: .., absolute names, through links, hard links out, whiteout tricks" {
  local one
  for one in tar-dotdot tar-absolute tar-symlink tar-symlink-up tar-hardlink tar-hardlink-symlink tar-whiteout-up tar-whiteout-link tar-opaque-link; do
    harmless "$one"
  done
}

@test "CVE-2021-20291: layers that break in the middle, several at once, end in time" {
  refused many-broken 'gzip|compress|data|inflate|digest|damaged|tar'
  run timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/image:latest" </dev/null
  [ "$status" -eq 1 ]
}

@test "CVE-2021-41091: whatever the umask, store and bundle are nobody else's" {
  serve sound
  (
    umask 000
    pull "$REGISTRY/image:latest" -o "$BUNDLE"
    toyimg unpack -q "$REGISTRY/image:latest" -o "$BUNDLE-2"
    toyimg unpack -q --overlay "$REGISTRY/image:latest" -o "$BUNDLE-3" || true
    toyimg copy -q "$REGISTRY/image:latest" store:again
    toyimg prune
    toyimg fsck
  )
  [ "$(stat -c %a "$BATS_TEST_TMPDIR/store")" = 700 ]
  local one
  for one in "$BUNDLE" "$BUNDLE-2" "$BUNDLE-3"; do
    [ ! -e "$one" ] || [ "$(stat -c %a "$one")" = 700 ] || { ls -ld "$one"; false; }
  done
  [ -e "$BUNDLE-2" ]
  [ -z "$(find "$BATS_TEST_TMPDIR/store" -perm /022 ! -type l)" ] || { find "$BATS_TEST_TMPDIR/store" -perm /022 -ls; false; }
}

# swapping DIRECTORY LINK: exchanges the two until it is killed; sets SWAPPER.
swapping() {
  python3 - "$1" "$2" 3>&- <<'PY' &
import ctypes, os, sys
libc = ctypes.CDLL(None)
one, two = (os.fsencode(word) for word in sys.argv[1:])
while os.getppid() != 1:
    libc.renameat2(-100, one, -100, two, 2)  # RENAME_EXCHANGE
PY
  SWAPPER=$!
}

@test "a bundle that changes while it is read: export, commit, verify and diff see nothing of the host" {
  serve sound
  pull "$REGISTRY/image:latest" -o "$BUNDLE"
  mkdir -p "$OUTSIDE/deep" "$ROOTFS/v/deep"
  echo 'the canary' | tee "$OUTSIDE/victim" >"$OUTSIDE/deep/victim"
  echo inside | tee "$ROOTFS/v/victim" >"$ROOTFS/v/deep/victim"
  ln -s "$OUTSIDE" "$ROOTFS/l"
  swapping "$ROOTFS/v" "$ROOTFS/l"
  local round
  for ((round = 0; round < ${TOY_ROUNDS:-15}; ++round)); do
    # what disappears under its hands may be an error; the canary may not be in what comes of it
    "$TOYIMG" export "$BUNDLE" >"$OUT" 2>/dev/null 3>&- || true
    toyimg commit "$BUNDLE" "race:$round" >/dev/null 2>&1 || true
    run toyimg verify "$BUNDLE"
    expect_not 'the canary'
    lacks 'the canary' "$OUT"
  done
  kill -9 "$SWAPPER"
  wait "$SWAPPER" || true
  toyimg commit "$BUNDLE" race:last >/dev/null
  local name
  for name in $(toyimg images -q | grep race); do
    rm -rf "$BATS_TEST_TMPDIR/race"
    toyimg unpack -q "$name" -o "$BATS_TEST_TMPDIR/race"
    run ! grep -q -r 'the canary' "$BATS_TEST_TMPDIR/race/rootfs"
  done
  [ "$(cat "$OUTSIDE/victim")" = 'the canary' ]
}

@test "volumes and working directories that lead out: nothing of the host in the bundle" {
  mkdir -p "$OUTSIDE"
  echo original >"$OUTSIDE/victim"
  local one
  for one in volume-up volume-link volume-proc volume-empty cwd-link cwd-proc; do
    serve "$one"
    rm -rf "$BUNDLE" "$BATS_TEST_TMPDIR/store"
    run timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/image:latest" -o "$BUNDLE" </dev/null
    [ "$status" -le 1 ]
    [ "$(ls -A "$OUTSIDE")" = victim ] || { echo "$one: wrote outside"; false; }
    if [ "$status" -eq 1 ]; then
      [ ! -e "$BUNDLE" ] || { echo "$one: left a bundle"; false; }
      continue
    fi
    jq -e '[.mounts[] | select(.type == "bind" or (.options // [] | index("bind")))] == []' "$BUNDLE/config.json" || { echo "$one binds from the host"; false; }
    # started, too: the working directory is made inside
    run inside 'pwd; ls'
    [ "$(ls -A "$OUTSIDE")" = victim ] || { echo "$one: the container wrote outside"; false; }
    expect_not victim
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
