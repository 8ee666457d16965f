# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A real docker-registry on loopback, images made for it, and toyimg with a store of the test's own.
# Loaded after support.bash.

# start_registry [USER PASSWORD]: sets REGISTRY (host:port) and REGISTRY_LOG. With TOKENS=1 the login goes to a token server, whose
# requests are in TOKEN_LOG (TOKEN_FLAGS: its further words); with TLS=1 it speaks https with the certificate of an authority in
# AUTHORITY/ca.crt, with TLS=client only to clients that show one (AUTHORITY/client.cert, client.key).
start_registry() {
  # below the kernel's ephemeral ports: one that a client used within the last minute (TIME_WAIT) cannot be bound
  local port=$((20000 + RANDOM % 12000)) directory=$BATS_TEST_TMPDIR/registry authentication='' tls='' scheme=http
  REGISTRY=127.0.0.1:$port
  REGISTRY_LOG=$directory/log
  mkdir -p "$directory/data"
  if [ -n "${TOKENS:-}" ]; then
    start_token_server "$1" "$2"
    authentication="auth: {token: {realm: 'http://tokens.test:$TOKEN_PORT/token', service: registry, issuer: tokens, rootcertbundle: $directory/tokens/cert.pem}}"
  elif [ -n "${1:-}" ]; then
    # perl is in every Debian and its crypt knows bcrypt, which docker-registry insists on
    perl -e 'print "$ARGV[0]:", crypt($ARGV[1], q($2y$05$abcdefghijklmnopqrstuu)), "\n"' "$1" "$2" >"$directory/htpasswd"
    authentication="auth: {htpasswd: {realm: test, path: $directory/htpasswd}}"
  fi
  if [ -n "${TLS:-}" ]; then
    make_authority
    scheme=https
    tls=", tls: {certificate: $AUTHORITY/server.cert, key: $AUTHORITY/server.key"
    [ "$TLS" != client ] || tls+=", clientcas: [$AUTHORITY/ca.crt]"
    tls+='}'
  fi
  cat >"$directory/config.yml" <<YAML
version: 0.1
log: {level: info, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: $directory/data}, delete: {enabled: true}}
http: {addr: $REGISTRY$tls}
validation: {manifests: {urls: {allow: ['^http://']}}}
$authentication
YAML
  docker-registry serve "$directory/config.yml" >"$REGISTRY_LOG" 2>&1 3>&- &
  REGISTRY_PID=$!
  # shellcheck disable=SC2086
  wait_for 20 curl -sk ${TLS:+--cert $AUTHORITY/client.cert --key $AUTHORITY/client.key} -o "$directory/answer" "$scheme://$REGISTRY/v2/"
}

start_token_server() {
  local directory=$BATS_TEST_TMPDIR/registry/tokens
  mkdir -p "$directory"
  # a name: no registry may send us to another internal address. The mount is in the namespace of the run.
  grep -q tokens.test /etc/hosts || {
    { cat /etc/hosts; echo '127.0.0.1 tokens.test'; } >"$BATS_RUN_TMPDIR/hosts"
    mount --bind "$BATS_RUN_TMPDIR/hosts" /etc/hosts
  }
  TOKEN_LOG=$directory/log
  # shellcheck disable=SC2086
  python3 "$REPO/tests/support/token_server.py" "$directory" "$1" "$2" ${TOKEN_FLAGS:-} >"$TOKEN_LOG" 2>&1 3>&- &
  TOKEN_PID=$!
  wait_for 20 contains '^port' "$TOKEN_LOG"
  TOKEN_PORT=$(sed -n 's/^port //p' "$TOKEN_LOG")
}
token_requests() { grep -cE "^(GET|POST)" "$TOKEN_LOG" || true; }

# An authority in $AUTHORITY with a certificate for 127.0.0.1 and one for a client.
make_authority() {
  AUTHORITY=$BATS_TEST_TMPDIR/authority
  mkdir -p "$AUTHORITY"
  local name
  {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$AUTHORITY/ca.key" -out "$AUTHORITY/ca.crt" -days 2 -subj /CN=authority
    for name in server client; do
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$AUTHORITY/$name.key" -out "$AUTHORITY/$name.csr" -subj "/CN=$name"
      openssl x509 -req -in "$AUTHORITY/$name.csr" -CA "$AUTHORITY/ca.crt" -CAkey "$AUTHORITY/ca.key" -CAcreateserial -days 2 -out "$AUTHORITY/$name.cert" \
        -extfile <(echo 'subjectAltName = IP:127.0.0.1, DNS:localhost')
    done
  } >"$AUTHORITY/log" 2>&1
}

stop_registry() {
  local pid
  for pid in ${REGISTRY_PID:-} ${TOKEN_PID:-}; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
}
# requests REGEX: how many requests of the access log match "METHOD path".
requests() { grep -cE "\"$1" "$REGISTRY_LOG" || true; }
forget_requests() { : >"$REGISTRY_LOG"; }

toyimg() { "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" "$@" 3>&- 4>&-; }
pull() { toyimg pull --quiet "$@" </dev/null; }

# The most memory a pull may take, in KiB; under AddressSanitizer what is freed waits in its quarantine (256 MB).
memory_limit() { [ -n "${ASAN_OPTIONS:-}" ] && echo $((400 * 1024)) || echo $((64 * 1024)); }

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
