# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A real docker-registry on loopback, images made for it, and toyimg with a store of the test's own.
# Loaded after support.bash.

# start_registry [USER PASSWORD]: sets REGISTRY (host:port) and REGISTRY_LOG.
start_registry() {
  local port=$((20000 + RANDOM % 20000)) directory=$BATS_TEST_TMPDIR/registry authentication=
  REGISTRY=127.0.0.1:$port
  REGISTRY_LOG=$directory/log
  mkdir -p "$directory/data"
  if [ -n "${1:-}" ]; then
    # perl is in every Debian and its crypt knows bcrypt, which docker-registry insists on
    perl -e 'print "$ARGV[0]:", crypt($ARGV[1], q($2y$05$abcdefghijklmnopqrstuu)), "\n"' "$1" "$2" >"$directory/htpasswd"
    authentication="auth: {htpasswd: {realm: test, path: $directory/htpasswd}}"
  fi
  cat >"$directory/config.yml" <<YAML
version: 0.1
log: {level: info, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: $directory/data}, delete: {enabled: true}}
http: {addr: $REGISTRY}
$authentication
YAML
  docker-registry serve "$directory/config.yml" >"$REGISTRY_LOG" 2>&1 3>&- &
  REGISTRY_PID=$!
  wait_for 20 curl -s -o "$directory/answer" "http://$REGISTRY/v2/"
}

stop_registry() { [ -z "${REGISTRY_PID:-}" ] || { kill "$REGISTRY_PID" 2>/dev/null; wait "$REGISTRY_PID" 2>/dev/null || true; }; }
# requests REGEX: how many requests of the access log match "METHOD path".
requests() { grep -cE "\"$1" "$REGISTRY_LOG" || true; }
forget_requests() { : >"$REGISTRY_LOG"; }

toyimg() { "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" "$@" 3>&- 4>&-; }
pull() { toyimg pull --quiet "$@" </dev/null; }

# An OCI layout at $1 with an image "latest" that has the directories in $2... as layers, made with umoci.
layout_from() {
  local layout=$1 directory
  shift
  umoci init --layout "$layout" >/dev/null 2>&1
  umoci new --image "$layout:latest" >/dev/null 2>&1
  for directory; do umoci insert --rootless --image "$layout:latest" "$directory" / >/dev/null 2>&1; done
  umoci config --image "$layout:latest" --config.cmd sh --config.env PATH=/bin:/usr/bin:/sbin:/usr/sbin >/dev/null 2>&1
}

push_layout() { # push_layout LAYOUT REPOSITORY:TAG [skopeo options]
  local layout=$1 name=$2
  shift 2
  skopeo copy --quiet --insecure-policy --dest-tls-verify=false "$@" "oci:$layout:latest" "docker://$REGISTRY/$name"
}

# push_busybox NAME: a busybox image of two layers.
push_busybox() {
  local work=$BATS_TEST_TMPDIR/busybox-image
  if [ ! -d "$work" ]; then
    busybox_rootfs "$work/one"
    mkdir -p "$work/two/etc"
    echo second >"$work/two/etc/layer"
    layout_from "$work/layout" "$work/one" "$work/two"
  fi
  push_layout "$work/layout" "$1" "${@:2}"
}

# A Debian root filesystem, made once by tests/system/prepare (which has a network).
debian_tarball() {
  local file=/var/cache/toyrun-tests/$1.tar
  [ -s "$file" ] || { echo "no $file: tests/system/prepare makes it"; return 1; }
  echo "$file"
}

# store_is_sound: the store is an OCI layout whose blobs all have the digest they are named by, and nothing temporary.
store_is_sound() {
  local blob
  while read -r blob; do
    [ "$(sha256sum <"$blob" | cut -d' ' -f1)" = "${blob##*/}" ] || { echo "bad blob $blob"; return 1; }
  done < <(find "$BATS_TEST_TMPDIR/store/blobs" -type f 2>/dev/null)
  [ ! -e "$BATS_TEST_TMPDIR/store/index.json" ] || jq -e .manifests "$BATS_TEST_TMPDIR/store/index.json" >/dev/null
}
