# SPDX-License-Identifier: Apache-2.0
# Which registry is asked and how: certificates, proxies, mirrors; and what one may not make us do (image.md 1.14, 5.4 F).
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  mkdir -p "$STATE" "$BATS_TEST_TMPDIR/home"
  export HOME=$BATS_TEST_TMPDIR/home
  SERVERS=()
}
teardown() {
  [ "${#SERVERS[@]}" -eq 0 ] || kill -9 "${SERVERS[@]}" 2>/dev/null || true
  stop_registry
  end_test
}

# background LOG COMMAND...: a server that prints its port; sets PORT.
background() {
  local log=$1
  shift
  rm -f "$log" # of an earlier one, whose port would be found
  "$@" >"$log" 2>&1 3>&- &
  SERVERS+=($!)
  wait_for 20 contains '^port' "$log"
  PORT=$(sed -n 's/^port //p' "$log")
}
# serve CASE: a registry of that case, whose canary is another server; sets REGISTRY.
serve() {
  background "$BATS_TEST_TMPDIR/canary" python3 "$SYSTEM/hostile.py" canary
  background "$BATS_TEST_TMPDIR/server" python3 "$SYSTEM/hostile.py" "$1" "127.0.0.1:$PORT"
  REGISTRY=127.0.0.1:$PORT
}
fetch() { timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --progress plain --creds user:secret "$@" </dev/null 3>&-; }
canary_heard() { grep -vc '^port' "$BATS_TEST_TMPDIR/canary" || true; }
canary_heard_no_login() { lacks login "$BATS_TEST_TMPDIR/canary"; }
is_printable() { ! grep -qP '[\x00-\x09\x0b-\x1f\x7f]' <<<"$output" || return 1; }

@test "certificates: certs.d, --cert-dir, one for the client; a key that is missing" {
  TLS=client start_registry
  local own=$HOME/.config/containers/certs.d/$REGISTRY
  mkdir -p "$own" "$BATS_TEST_TMPDIR/named"
  cp "$AUTHORITY"/{ca.crt,client.cert,client.key} "$BATS_TEST_TMPDIR/named"
  run skopeo copy --quiet --insecure-policy --dest-cert-dir "$BATS_TEST_TMPDIR/named" "oci:$(umoci init --layout "$BATS_TEST_TMPDIR/l" >/dev/null &&
    umoci new --image "$BATS_TEST_TMPDIR/l:latest" >/dev/null 2>&1; echo "$BATS_TEST_TMPDIR/l"):latest" "docker://$REGISTRY/empty:latest"
  [ "$status" -eq 0 ]
  run -0 pull --cert-dir "$BATS_TEST_TMPDIR/named" "$REGISTRY/empty:latest"
  run pull "$REGISTRY/empty:latest"
  [ "$status" -eq 1 ]
  cp "$AUTHORITY/ca.crt" "$own"
  run pull "$REGISTRY/empty:latest"
  [ "$status" -eq 1 ]
  cp "$AUTHORITY/client.cert" "$own"
  run pull "$REGISTRY/empty:latest"
  [ "$status" -eq 1 ]
  expect 'client.key'
  mv "$own/client.cert" "$own/client.away"
  cp "$AUTHORITY/client.key" "$own"
  run pull "$REGISTRY/empty:latest"
  [ "$status" -eq 1 ]
  expect 'client.key: client.cert beside it is missing'
  mv "$own/client.away" "$own/client.cert"
  # a folder that says something else hides no certificates
  mkdir -p "$HOME/.config/containerd/certs.d/$REGISTRY"
  mv "$own"/* "$HOME/.config/containerd/certs.d/$REGISTRY"
  run -0 pull "$REGISTRY/empty:latest"
  run pull --cert-dir "$BATS_TEST_TMPDIR/nosuch" "$REGISTRY/empty:latest"
  [ "$status" -eq 1 ]
  expect 'nosuch'
}

@test "proxies: by scheme, upper and lower case, NO_PROXY with names and networks, never for loopback" {
  start_registry
  push_busybox busybox:latest
  background "$BATS_TEST_TMPDIR/proxy" python3 "$REPO/tests/support/proxy.py"
  local there=registry.test:${REGISTRY#*:} variable
  for variable in HTTP_PROXY http_proxy; do
    rm -rf "$BATS_TEST_TMPDIR/store"
    : >"$BATS_TEST_TMPDIR/proxy"
    run -0 env "$variable=http://127.0.0.1:$PORT" "HTTPS_PROXY=http://127.0.0.1:$PORT" "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" \
      pull --quiet --tls-verify=false "$there/busybox:latest"
    contains "http://$there/v2/busybox/blobs" "$BATS_TEST_TMPDIR/proxy"
    contains "CONNECT $there" "$BATS_TEST_TMPDIR/proxy"
  done
  # a proxy that wants a login gets it, and nobody sees it; the registry does not
  rm -rf "$BATS_TEST_TMPDIR/store"
  forget_requests
  run -0 env "http_proxy=http://user:secret@127.0.0.1:$PORT" "$TOYIMG" --debug --store "$BATS_TEST_TMPDIR/store" pull --tls-verify=false "$there/busybox:latest"
  expect_not 'secret|dXNlcjpzZWNyZXQ='
  contains "GET http://$there/v2/busybox/blobs.* Basic dXNlcjpzZWNyZXQ=" "$BATS_TEST_TMPDIR/proxy"
  # an exception for another port is none
  run -0 env "http_proxy=http://127.0.0.1:$PORT" NO_PROXY=registry.test:1 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet --tls-verify=false "$there/busybox:latest"
  for variable in other,registry.test other,.test '*' 'other *' "registry.test:${REGISTRY#*:}"; do
    run env "http_proxy=http://127.0.0.1:$PORT" "https_proxy=http://127.0.0.1:$PORT" "NO_PROXY=$variable" "$TOYIMG" --store "$BATS_TEST_TMPDIR/other" \
      pull --quiet --tls-verify=false "$there/busybox:latest"
    [ "$status" -eq 1 ] # nobody knows the name
    expect 'registry.test'
  done
  : >"$BATS_TEST_TMPDIR/proxy"
  run env "http_proxy=http://127.0.0.1:$PORT" "https_proxy=http://127.0.0.1:$PORT" NO_PROXY=192.0.2.0/24 timeout 5 "$TOYIMG" --store "$BATS_TEST_TMPDIR/other" \
    pull --quiet --retry 0 --tls-verify=false 192.0.2.1:5000/busybox:latest
  [ "$status" -ne 0 ]
  [ ! -s "$BATS_TEST_TMPDIR/proxy" ]
  run -0 env "http_proxy=http://127.0.0.1:1" "$TOYIMG" --store "$BATS_TEST_TMPDIR/other" pull --quiet "$REGISTRY/busybox:latest"
}

@test "a token server on an internal address is not asked, and gets no login" {
  local one
  for one in realm-metadata realm-canary realm-file; do
    serve "$one"
    run fetch "$REGISTRY/image:latest"
    [ "$status" -eq 1 ] || { echo "$one: $output"; false; }
    expect 'token server'
    [ "$(canary_heard)" -eq 0 ]
    expect_not secret
  done
}

@test "a token has a limit, and a page, an error and a wait too" {
  serve token-huge
  run fetch "$REGISTRY/image:latest"
  [ "$status" -eq 1 ]
  expect 'more than'
  serve error-huge
  run fetch "$REGISTRY/image:latest"
  [ "$status" -eq 1 ]
  expect '403'
  [ "${#output}" -lt 2000 ]
  serve retry-absurd
  run timeout 20 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/image:latest"
  [ "$status" -eq 1 ]
  expect '429.*86400 seconds.*login'
}

@test "a redirected blob: storage gets no login, and is no one to log in at" {
  serve redirect-canary
  run fetch "$REGISTRY/image:latest"
  [ "$status" -eq 1 ]
  [ "$(canary_heard)" -gt 0 ]
  canary_heard_no_login
  expect_not 'secret=1|user:secret'
}

@test "https is not left for plain http: a manifest is not fetched there, a blob without the login" {
  background "$BATS_TEST_TMPDIR/canary" python3 "$SYSTEM/hostile.py" canary
  make_authority
  TOY_AUTHORITY=$AUTHORITY background "$BATS_TEST_TMPDIR/server" python3 "$SYSTEM/hostile.py" downgrade "127.0.0.1:$PORT"
  export SSL_CERT_FILE=$AUTHORITY/ca.crt
  run fetch "127.0.0.1:$PORT/image:latest"
  [ "$status" -eq 1 ]
  expect 'redirects from https to plain http'
  [ "$(canary_heard)" -eq 0 ]
  run fetch "127.0.0.1:$PORT/image:blobs"
  [ "$status" -eq 1 ]
  [ "$(canary_heard)" -gt 0 ]
  canary_heard_no_login
}

@test "CVE-2020-15157: a foreign layer's host gets no login, whatever it answers" {
  serve foreign
  run fetch "$REGISTRY/image:latest"
  [ "$status" -eq 1 ]
  contains 'GET /layer' "$BATS_TEST_TMPDIR/canary"
  canary_heard_no_login
  lacks token "$BATS_TEST_TMPDIR/canary"
}

@test "a client's certificate is shown to its registry, not to a foreign layer's host nor to one that a redirect leads to" {
  make_authority
  export TOY_AUTHORITY=$AUTHORITY
  mkdir "$BATS_TEST_TMPDIR/named"
  cp "$AUTHORITY"/{ca.crt,client.cert,client.key} "$BATS_TEST_TMPDIR/named"
  local one
  for one in foreign redirect-canary; do
    serve "$one"
    run fetch --cert-dir "$BATS_TEST_TMPDIR/named" "$REGISTRY/image:latest"
    [ "$status" -eq 1 ]
    contains 'GET /v2/image/manifests/latest.* certificate' "$BATS_TEST_TMPDIR/server"
    contains 'GET /(layer|signed)' "$BATS_TEST_TMPDIR/canary"
    lacks certificate "$BATS_TEST_TMPDIR/canary"
  done
}

@test "CVE-2021-41092: a helper that fails, lies or hangs gives nobody another host's login" {
  serve bearer
  mkdir -p "$BATS_TEST_TMPDIR/bin" "$HOME/.docker"
  export PATH=$BATS_TEST_TMPDIR/bin:$PATH
  printf '{"credsStore": "bad", "auths": {"other.example": {"auth": "%s"}}}' "$(printf user:secret | base64)" >"$HOME/.docker/config.json"
  local code
  for code in 'exit 1' 'echo garbage' 'echo "{\"ServerURL\":\"other.example\"}"; exit 1'; do
    printf '#!/bin/sh\n%s\n' "$code" >"$BATS_TEST_TMPDIR/bin/docker-credential-bad"
    chmod +x "$BATS_TEST_TMPDIR/bin/docker-credential-bad"
    rm -rf "$BATS_TEST_TMPDIR/store"
    run timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --progress plain "$REGISTRY/image:latest"
    [ "$status" -eq 0 ]
    expect 'warning: .*credsStore'
    lacks 'login Basic' "$BATS_TEST_TMPDIR/server"
  done
}

@test "CVE-2019-10214: a token server behind a certificate nobody trusts gets no login" {
  TLS=1 TOKENS=1 start_registry user secret
  export SSL_CERT_FILE=$AUTHORITY/ca.crt
  # the registry is https and trusted, its token server plain http
  run fetch "$REGISTRY/image:latest"
  [ "$status" -eq 1 ]
  expect 'not https'
  [ "$(token_requests)" -eq 0 ]
}

# name_host ADDRESS NAME: /etc/hosts of the run has it.
name_host() {
  grep -q " $2\$" /etc/hosts && return
  mountpoint -q /etc/hosts || { cp /etc/hosts "$BATS_RUN_TMPDIR/hosts"; mount --bind "$BATS_RUN_TMPDIR/hosts" /etc/hosts; }
  echo "$1 $2" >>/etc/hosts
}
# serve_afar CASE NAME: as serve, but the registry is no neighbour of the canary's, which is called NAME.
serve_afar() {
  ip address show dev lo | grep -q 192.0.2.1/32 || ip address add 192.0.2.1/32 dev lo
  local address=127.0.0.1
  case $2 in *6.test) address=::1 ;; *mapped.test) address=::ffff:127.0.0.1 ;; esac
  name_host "$address" "$2"
  TOY_ADDRESS=127.0.0.1
  [ "$address" != ::1 ] || TOY_ADDRESS=::1
  TOY_ADDRESS=$TOY_ADDRESS background "$BATS_TEST_TMPDIR/canary" python3 "$SYSTEM/hostile.py" canary
  TOY_ADDRESS=0.0.0.0 background "$BATS_TEST_TMPDIR/server" python3 "$SYSTEM/hostile.py" "$1" "$2:$PORT"
  REGISTRY=192.0.2.1:$PORT
}

@test "a name that means this machine is no way in: redirects, token servers, uploads, foreign layers" {
  local name one
  for name in lo.test lo6.test mapped.test; do
    for one in redirect-canary realm-canary foreign; do
      serve_afar "$one" "$name"
      run fetch --tls-verify=false "$REGISTRY/image:latest"
      [ "$status" -eq 1 ]
      expect "the registry $REGISTRY sends us on to $name, which is (127.0.0.1|::1|::ffff:127.0.0.1), an address of this machine"
      [ "$(canary_heard)" -eq 0 ]
      kill -9 "${SERVERS[@]}"
      SERVERS=()
    done
  done
  serve sound
  pull "$REGISTRY/image:latest"
  local from=$REGISTRY
  serve_afar push-canary lo.test
  run toyimg push --quiet --tls-verify=false --creds user:secret "$from/image:latest" "$REGISTRY/image:latest"
  [ "$status" -eq 1 ]
  expect 'sends us on to lo.test, which is 127.0.0.1'
  [ "$(canary_heard)" -eq 0 ]
  # a registry that is on this machine itself may send us about it
  name_host 127.0.0.1 lo.test
  background "$BATS_TEST_TMPDIR/canary" python3 "$SYSTEM/hostile.py" canary
  background "$BATS_TEST_TMPDIR/server" python3 "$SYSTEM/hostile.py" redirect-canary "lo.test:$PORT"
  run fetch "127.0.0.1:$PORT/image:latest"
  [ "$status" -eq 1 ]
  expect "lo.test:[0-9]+, to which 127.0.0.1:$PORT redirects, wants a login of its own \\(401"
  expect_not 'give --creds'
  [ "$(canary_heard)" -gt 0 ]
  canary_heard_no_login
  # a proxy may be here, and what is behind it is not for us to know
  serve_afar redirect-canary lo.test
  local registry=$REGISTRY
  background "$BATS_TEST_TMPDIR/proxy" python3 "$REPO/tests/support/proxy.py"
  : >"$BATS_TEST_TMPDIR/canary"
  run env "http_proxy=http://127.0.0.1:$PORT" "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet --tls-verify=false "$registry/image:latest"
  [ "$status" -eq 1 ]
  [ "$(canary_heard)" -gt 0 ]
}

@test "a push is not led elsewhere, nor is a list" {
  serve sound
  pull "$REGISTRY/image:latest"
  local from=$REGISTRY
  serve push-canary
  run toyimg push --quiet --creds user:secret "$from/image:latest" "$REGISTRY/image:latest"
  [ "$status" -eq 1 ]
  expect 'sends us on to'
  [ "$(canary_heard)" -eq 0 ]
  serve link-canary
  run toyimg tags --creds user:secret "$REGISTRY/image"
  [ "$status" -eq 1 ]
  [ "$(canary_heard)" -eq 0 ]
}

@test "errors and warnings of registries are printable, and shown once" {
  serve error-escapes
  run fetch "$REGISTRY/image:latest"
  [ "$status" -eq 1 ]
  expect DENIED
  is_printable
  serve warning
  run fetch "$REGISTRY/image:latest"
  [ "$status" -eq 0 ]
  [ "$(grep -c 'this registry closes' <<<"$output")" -eq 1 ]
  is_printable
}

@test "CVE-2021-41190 and other manifests that are two things or none; encoded content" {
  local one
  for one in both-kinds schema1 encoded; do
    serve "$one"
    run fetch "$REGISTRY/image:latest"
    [ "$status" -eq 1 ] || { echo "$one: $output"; false; }
    expect 'ambiguous|schema 1|encoded'
  done
}

@test "insecure is for the registry that says so: not for its mirrors, nor for another" {
  serve_afar sound lo.test
  local there=$REGISTRY
  serve sound
  export CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/registries.conf
  printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$there" >"$CONTAINERS_REGISTRIES_CONF"
  run -0 pull "$there/image:latest"
  printf '[[registry]]\nprefix = "a.test"\nlocation = "%s"\n[[registry.mirror]]\nlocation = "%s"\ninsecure = true\n' "$REGISTRY" "$there" >"$CONTAINERS_REGISTRIES_CONF"
  : >"$BATS_TEST_TMPDIR/server"
  run -0 toyimg pull --progress plain a.test/image:latest
  expect_not warning
  # the mirror's leave is not the registry's, nor the other way round
  printf '[[registry]]\nprefix = "a.test"\nlocation = "%s"\n[[registry.mirror]]\nlocation = "127.0.0.1:1"\ninsecure = true\n' "$there" >"$CONTAINERS_REGISTRIES_CONF"
  run toyimg pull --retry 0 --progress plain a.test/image:1
  [ "$status" -eq 1 ]
  expect 'no TLS connection to the registry 192.0.2.1'
  printf '[[registry]]\nprefix = "a.test"\nlocation = "%s"\ninsecure = true\n[[registry.mirror]]\nlocation = "%s"\n' "$REGISTRY" "$there" >"$CONTAINERS_REGISTRIES_CONF"
  run -0 toyimg pull --retry 0 --progress plain a.test/image:2
  expect 'warning: .*no TLS connection to the registry 192.0.2.1'
}

@test "mirrors: by digest only, by tag only, a broken one, a blocked registry, a moved one, wildcards" {
  start_registry
  push_busybox hub/library/alpine:latest
  export CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/registries.conf
  mkdir -p "$CONTAINERS_REGISTRIES_CONF.d"
  conf() { rm -rf "$BATS_TEST_TMPDIR/store"; cat >"$CONTAINERS_REGISTRIES_CONF"; }
  conf <<TOML
[[registry]]
prefix = "docker.io"
location = "127.0.0.1:1"
[[registry.mirror]]
location = "127.0.0.1:1/broken"
[[registry.mirror]]
location = "$REGISTRY/hub"
pull-from-mirror = "tag-only"
TOML
  run -0 toyimg pull --progress plain --retry 1 alpine
  expect 'warning: .*trying the next place'
  sed -i 's/tag-only/digest-only/' "$CONTAINERS_REGISTRIES_CONF"
  rm -rf "$BATS_TEST_TMPDIR/store"
  run pull --retry 0 alpine
  [ "$status" -eq 1 ]
  conf <<TOML
[[registry]]
prefix = "*.example.com"
blocked = true
[[registry]]
prefix = "good.example.com/team"
location = "$REGISTRY/hub/library"
TOML
  run pull bad.example.com/alpine
  [ "$status" -eq 1 ]
  expect 'blocks'
  run -0 pull good.example.com/team/alpine
  # a drop-in file replaces the rule of the same prefix
  printf '[[registry]]\nprefix = "good.example.com/team"\nblocked = true\n' >"$CONTAINERS_REGISTRIES_CONF.d/50.conf"
  rm -rf "$BATS_TEST_TMPDIR/store"
  run pull good.example.com/team/alpine
  [ "$status" -eq 1 ]
  run toyimg push --quiet x good.example.com/team/alpine
  [ "$status" -eq 1 ]
}

# hosts_toml NAME: what comes on stdin becomes the hosts.toml for the registry NAME.
hosts_toml() {
  mkdir -p "$HOME/.config/containerd/certs.d/$1"
  cat >"$HOME/.config/containerd/certs.d/$1/hosts.toml"
}

@test "hosts.toml: mirrors in their order, ns, headers, override_path, who may resolve and who takes a push" {
  start_registry
  push_busybox library/app:latest
  background "$BATS_TEST_TMPDIR/proxy" python3 "$REPO/tests/support/proxy.py" "$REGISTRY"
  local proxy=127.0.0.1:$PORT
  hosts_toml docker.io <<TOML
server = "http://$REGISTRY"
[host."http://127.0.0.1:1"]
  capabilities = ["pull", "resolve"]
  dial_timeout = "2s"
[host."http://$proxy/v2/"]
  override_path = true
  capabilities = ["pull", "resolve"]
  [host."http://$proxy/v2/".header]
    x-mirror = ["one", "two"]
TOML
  run -0 toyimg pull app
  expect '127.0.0.1:1.*trying the next place'
  [ "$(grep -c '^GET /v2/library/app/.*[?&]ns=docker.io' "$BATS_TEST_TMPDIR/proxy")" -eq 4 ]
  contains '^x-mirror: one, two' "$BATS_TEST_TMPDIR/proxy"
  run -0 toyimg inspect app
  # who may not resolve is asked by digest only; a push goes to the first that takes one
  rm -rf "$BATS_TEST_TMPDIR/store"
  hosts_toml docker.io <<TOML
server = "http://$REGISTRY"
[host."http://$proxy"]
  capabilities = ["pull"]
TOML
  : >"$BATS_TEST_TMPDIR/proxy"
  forget_requests
  run -0 pull app
  lacks manifests/latest "$BATS_TEST_TMPDIR/proxy"
  contains '^GET /v2/library/app/blobs/sha256:.*ns=docker.io' "$BATS_TEST_TMPDIR/proxy"
  [ "$(requests 'GET /v2/library/app/manifests/latest\?ns=docker.io ')" -eq 1 ]
  : >"$BATS_TEST_TMPDIR/proxy"
  run -0 toyimg push --quiet app docker.io/team/app:latest
  [ ! -s "$BATS_TEST_TMPDIR/proxy" ]
  run -0 toyimg tags docker.io/team/app
  # nobody may
  hosts_toml docker.io <<TOML
server = "http://$REGISTRY"
capabilities = ["resolve"]
TOML
  run pull app
  [ "$status" -eq 1 ]
  expect 'no registry is configured to give it'
  run toyimg push --quiet app docker.io/team/app:latest
  [ "$status" -eq 1 ]
  expect 'names no host that may be pushed to'
  hosts_toml docker.io <<<'server = "ftp://x"'
  run pull app
  [ "$status" -eq 1 ]
  expect 'docker.io/hosts.toml:1: '
}

@test "hosts.toml: its certificates are for its host, _default is for all others" {
  TLS=client start_registry
  mkdir "$BATS_TEST_TMPDIR/certificates"
  cp "$AUTHORITY"/{ca.crt,client.cert,client.key} "$BATS_TEST_TMPDIR/certificates"
  push_busybox app:latest --dest-cert-dir "$BATS_TEST_TMPDIR/certificates"
  hosts_toml _default <<TOML
[host."https://$REGISTRY"]
  ca = "$AUTHORITY/ca.crt"
  client = [["$AUTHORITY/client.cert", "$AUTHORITY/client.key"]]
TOML
  run -0 pull any.test/app:latest
  hosts_toml _default <<TOML
[host."https://$REGISTRY"]
  client = [["$AUTHORITY/client.cert", "$AUTHORITY/client.key"]]
TOML
  rm -rf "$BATS_TEST_TMPDIR/store"
  run toyimg pull --retry 0 any.test/app:latest
  [ "$status" -eq 1 ]
  expect 'warning: .*certificate'
  hosts_toml _default <<TOML
[host."https://$REGISTRY"]
  skip_verify = true
  client = [["$AUTHORITY/client.cert", "$AUTHORITY/client.key"]]
TOML
  run -0 pull any.test/app:latest
}

@test "aliases of registries.conf: a short name means the same in every verb, not in documents" {
  start_registry
  push_busybox team/app:latest
  export CONTAINERS_REGISTRIES_CONF=$HOME/registries.conf
  printf '[aliases]\napp = "%s/team/app"\n' "$REGISTRY" >"$CONTAINERS_REGISTRIES_CONF"
  run -0 pull app
  run -0 toyimg images
  expect "$REGISTRY/team/app"
  run -0 toyimg inspect app:latest
  run -0 toyimg tags app
  run -0 toyimg tag app app:other
  run -0 toyimg inspect "$REGISTRY/team/app:other"
  run -0 toyimg push --quiet app:other
  run -0 toyimg tags "$REGISTRY/team/app"
  expect '^other$'
  # what an archive calls "app" is Docker Hub's
  run -0 toyimg copy --quiet app "docker-archive:$BATS_TEST_TMPDIR/app.tar:app:latest"
  run -0 toyimg load -i "$BATS_TEST_TMPDIR/app.tar"
  run -0 toyimg inspect docker.io/library/app:latest
  run -0 toyimg rmi app
  run toyimg inspect "$REGISTRY/team/app:latest"
  [ "$status" -eq 1 ]
  # a mode is for what has no alias
  printf 'short-name-mode = "disabled"\n[aliases]\napp = "%s/team/app"\n' "$REGISTRY" >"$CONTAINERS_REGISTRIES_CONF"
  run -0 pull app
  run -0 toyimg inspect "$REGISTRY/team/app:latest"
}

@test "short names: search registries in their order, one clear error where several may be meant" {
  start_registry
  local first=$REGISTRY second conf=$HOME/registries.conf
  SERVERS+=("$REGISTRY_PID")
  BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/second start_registry
  second=$REGISTRY
  push_busybox team/app:1
  export CONTAINERS_REGISTRIES_CONF=$conf
  search() { printf 'unqualified-search-registries = ["%s", "%s"]\nshort-name-mode = "%s"\n' "$first" "$second" "$1" >"$conf"; }
  search permissive
  run -0 toyimg pull --progress plain --explain team/app:1
  expect "$first/team/app:1: not found .*; trying $second/team/app:1"
  expect "the name is short, and registries.conf has it searched in $first, $second"
  expect "tried first $first/team/app:1: not found"
  run -0 toyimg images
  expect "$second/team/app:1"
  expect_not "$first/team|docker.io"
  # every verb finds it under its short name, a Dockerfile too; docker:// is searched for nowhere
  run -0 toyimg inspect --format '{{.Name}}' team/app:1
  [ "$output" = "$second/team/app:1" ]
  printf 'FROM team/app:1\nLABEL a=b\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  run -0 toyimg build --quiet --pull=never -t built -f "$BATS_TEST_TMPDIR/Dockerfile" "$HOME"
  run -0 toyimg rmi team/app:1
  run -0 toyimg build --quiet -t built -f "$BATS_TEST_TMPDIR/Dockerfile" "$HOME"
  expect "warning: team/app:1 is $second/team/app:1, as $first/team/app:1: not found"
  run toyimg inspect --retry 0 docker://team/app:1
  [ "$status" -eq 1 ]
  expect 'docker.io/team/app:1'
  # the first that has it serves it; what is wrong with it then is not mended elsewhere
  run -0 skopeo copy --quiet --insecure-policy --src-tls-verify=false --dest-tls-verify=false "docker://$second/team/app:1" "docker://$first/team/app:1"
  run -0 pull team/app:1
  run -0 toyimg inspect "$first/team/app:1"
  run toyimg pull --quiet --creds user:secret team/app:1
  [ "$status" -eq 1 ]
  expect 'searched in several registries: with --creds give the one'
  expect_not secret
  search enforcing
  run pull other
  [ "$status" -eq 1 ]
  expect "the short name other may mean several images; give the one you want: $first/other, $second/other"
  # who asks one registry does not guess, in no mode
  search disabled
  run toyimg tags team/app
  [ "$status" -eq 1 ]
  expect "may mean several images; .*$first/team/app, $second/team/app"
  run pull other
  [ "$status" -eq 1 ]
  expect "$first/other:latest: not found.*; $second/other:latest: not found"
  printf 'short-name-mode = "enforcing"\nunqualified-search-registries = ["%s"]\n' "$second" >"$conf"
  run -0 pull team/app:1
  run -0 toyimg tags team/app
  [ "$output" = 1 ]
}

@test "pull --explain and --trace: who gave what, why this platform, what was reused, what it cost" {
  start_registry
  push_busybox hub/library/alpine:latest
  export CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/registries.conf
  cat >"$CONTAINERS_REGISTRIES_CONF" <<TOML
[[registry]]
prefix = "docker.io"
location = "127.0.0.1:1"
[[registry.mirror]]
location = "$REGISTRY/hub"
TOML
  run -0 pull --explain --trace "$BATS_TEST_TMPDIR/trace" alpine -o "$BUNDLE"
  expect "from $REGISTRY: 4 requests, 0 of them"
  expect 'platform linux/amd64: this host is'
  expect 'layer 1 sha256:[0-9a-f]{64}, .*: downloading [0-9.]+ s'
  expect '  in [0-9.]+ s'
  jq -e '[.traceEvents[] | select(.cat == "request")] | length == 4' "$BATS_TEST_TMPDIR/trace"
  jq -e '[.traceEvents[] | select(.cat == "layer" and .name == "downloading")] | length == 2' "$BATS_TEST_TMPDIR/trace"
  run -0 pull --explain alpine
  expect 'nothing was fetched'
  run pull --trace "$BATS_TEST_TMPDIR/failed" nosuch
  [ "$status" -eq 1 ]
  jq -e '[.traceEvents[] | select(.cat == "request")] | length >= 1' "$BATS_TEST_TMPDIR/failed"
}
