# SPDX-License-Identifier: Apache-2.0
# toyimg login and logout; where logins are looked for; helper programs; tokens, against real registries.
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  mkdir -p "$STATE" "$BATS_TEST_TMPDIR/home" "$BATS_TEST_TMPDIR/run" "$BATS_TEST_TMPDIR/bin"
  export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
  unset XDG_CONFIG_HOME DOCKER_CONFIG REGISTRY_AUTH_FILE DOCKER_AUTH_CONFIG
  FILE=$XDG_RUNTIME_DIR/containers/auth.json
}
teardown() {
  stop_registry
  end_test
}

encoded() { printf %s "$1" | base64 -w0; }
fetch() { rm -rf "$BATS_TEST_TMPDIR/store"; pull "$@"; }

@test "login keeps what the registry accepts, mode 0600, all else in the file as it was; logout takes it out" {
  start_registry user secret
  push_busybox private:latest --dest-creds user:secret
  mkdir -p "${FILE%/*}"
  echo '{"auths": {"other.example": {"auth": "b3RoZXI6eA=="}}, "unknown": {"deep": [1, 2.5]}}' >"$FILE"
  chmod 644 "$FILE"
  run toyimg login -u user --password-stdin "$REGISTRY" <<<wrong
  [ "$status" -eq 1 ]
  expect 'refuses the login'
  expect_not wrong
  jq -e '.auths | length == 1' "$FILE"
  run -0 toyimg login -u user --password-stdin "$REGISTRY" <<<secret
  expect "$FILE"
  expect_not secret
  [ "$(stat -c %a "$FILE")" = 600 ]
  jq -e --arg key "$REGISTRY" --arg auth "$(encoded user:secret)" \
    '.auths[$key].auth == $auth and .auths["other.example"].auth == "b3RoZXI6eA==" and .unknown.deep == [1, 2.5]' "$FILE"
  run -0 toyimg login --get-login "$REGISTRY"
  [ "$output" = user ]
  run -0 fetch "$REGISTRY/private:latest"
  run -0 skopeo inspect --authfile "$FILE" --tls-verify=false "docker://$REGISTRY/private:latest"
  run -0 toyimg logout "https://$REGISTRY/"
  jq -e '.auths | keys == ["other.example"]' "$FILE"
  run toyimg logout "$REGISTRY"
  [ "$status" -eq 1 ]
  expect 'nobody is logged in'
  run fetch "$REGISTRY/private:latest"
  [ "$status" -eq 1 ]
  [ "$(find "${FILE%/*}" -type f | wc -l)" -eq 1 ]
}

@test "login: no password on the command line, none without a terminal, no nonsense" {
  start_registry
  run toyimg login -u user -p secret "$REGISTRY"
  [ "$status" -eq 1 ]
  expect 'password-stdin'
  run toyimg login "$REGISTRY" </dev/null
  [ "$status" -eq 1 ]
  expect 'no terminal'
  run toyimg login -u user --password-stdin "$REGISTRY" </dev/null
  [ "$status" -eq 1 ]
  expect 'empty'
  local name
  for name in '' 'plain' 'a b' 'host:port' 'x.y/UPPER' '../etc' "$REGISTRY/a:tag" 'user@x.y'; do
    run toyimg login -u user --password-stdin "$name" <<<x
    [ "$status" -eq 1 ] || { echo "accepted '$name'"; false; }
  done
  [ ! -e "$FILE" ]
  run -0 toyimg login -u user --password-stdin "$REGISTRY" <<<x
  expect 'wants no login'
}

@test "login asks a terminal, which does not show the password" {
  start_registry user secret
  run -0 python3 - "$TOYIMG" login "$REGISTRY" <<'PY'
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown = b""
def until(what):
    global shown
    while what not in shown:
        shown += os.read(terminal, 1000)
until(b"user name: ")
os.write(terminal, b"user\n")
until(b"password: ")
os.write(terminal, b"secret\n")
try:
    while piece := os.read(terminal, 1000):
        shown += piece
except OSError:
    pass
status = os.waitpid(pid, 0)[1]
assert status == 0 and b"secret" not in shown, shown
print("fine")
PY
  expect fine
}

@test "logins are kept per repository; the longest key counts" {
  start_registry user secret
  push_busybox team/app:latest --dest-creds user:secret
  push_busybox other/app:latest --dest-creds user:secret
  run -0 toyimg login -u user --password-stdin "$REGISTRY/team" <<<secret
  run -0 fetch "$REGISTRY/team/app:latest"
  run fetch "$REGISTRY/other/app:latest"
  [ "$status" -eq 1 ]
  expect 'wants a login'
  jq --arg key "$REGISTRY" --arg auth "$(encoded user:wrong)" '.auths[$key].auth = $auth' "$FILE" >"$FILE.new"
  mv "$FILE.new" "$FILE"
  run -0 fetch "$REGISTRY/team/app:latest"
  run fetch "$REGISTRY/other/app:latest"
  [ "$status" -eq 1 ]
  expect 'refuses the login'
}

@test "the search order of files" {
  start_registry user secret
  push_busybox private:latest --dest-creds user:secret
  local good bad place
  good="{\"auths\": {\"$REGISTRY\": {\"auth\": \"$(encoded user:secret)\"}}}"
  bad="{\"auths\": {\"$REGISTRY\": {\"auth\": \"$(encoded user:wrong)\"}}}"
  mkdir -p "$HOME/.docker" "$HOME/.config/containers" "${FILE%/*}" "$BATS_TEST_TMPDIR/docker"
  # the last of the order first: each next one goes before those that are there
  echo "{\"https://$REGISTRY/v1/\": {\"auth\": \"$(encoded user:secret)\"}}" >"$HOME/.dockercfg"
  run -0 fetch "$REGISTRY/private:latest"
  rm "$HOME/.dockercfg"
  for place in "$HOME/.docker/config.json" "$BATS_TEST_TMPDIR/docker/config.json" "$HOME/.config/containers/auth.json" "$FILE"; do
    [[ $place != */docker/* ]] || export DOCKER_CONFIG=$BATS_TEST_TMPDIR/docker
    echo "$good" >"$place"
    run -0 fetch "$REGISTRY/private:latest"
    echo "$bad" >"$place"
    run fetch "$REGISTRY/private:latest"
    [ "$status" -eq 1 ] || { echo "$place does not count"; false; }
  done
  echo "$good" >"$BATS_TEST_TMPDIR/named.json"
  REGISTRY_AUTH_FILE=$BATS_TEST_TMPDIR/named.json run -0 fetch "$REGISTRY/private:latest"
  REGISTRY_AUTH_FILE=$FILE run -0 fetch --authfile "$BATS_TEST_TMPDIR/named.json" "$REGISTRY/private:latest"
  run -0 fetch --creds user:secret "$REGISTRY/private:latest"
  run fetch --authfile "$BATS_TEST_TMPDIR/absent.json" "$REGISTRY/private:latest"
  [ "$status" -eq 1 ]
  expect 'absent.json'
}

# helper NAME CODE: a docker-credential-NAME that runs this code.
helper() {
  printf '#!/bin/sh\necho "$1" >>"%s/asked"\n%s\n' "$BATS_TEST_TMPDIR" "$2" >"$BATS_TEST_TMPDIR/bin/docker-credential-$1"
  chmod +x "$BATS_TEST_TMPDIR/bin/docker-credential-$1"
  export PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "credential helpers: get, store, erase; what is missing or fails" {
  start_registry user secret
  push_busybox private:latest --dest-creds user:secret
  push_busybox public:latest --dest-creds user:secret
  mkdir -p "${FILE%/*}"
  helper kept 'case $1 in
    get) [ -s "$HOME/kept" ] && cat "$HOME/kept" || { echo "credentials not found in native keychain"; exit 1; } ;;
    store) cat >"$HOME/kept" ;;
    erase) cat >"$HOME/erased"; rm "$HOME/kept" ;;
  esac'
  echo "{\"credHelpers\": {\"$REGISTRY\": \"kept\"}}" >"$FILE"
  run -0 toyimg login -u user --password-stdin "$REGISTRY" <<<secret
  expect docker-credential-kept
  jq -e --arg key "$REGISTRY" '.ServerURL == $key and .Username == "user" and .Secret == "secret"' "$HOME/kept"
  lacks auths "$FILE"
  run -0 fetch "$REGISTRY/private:latest"
  run -0 toyimg logout "$REGISTRY"
  [ "$(cat "$HOME/erased")" = "$REGISTRY" ]
  run fetch "$REGISTRY/private:latest"
  [ "$status" -eq 1 ]
  expect 'wants a login'
  # one for this registry has to work, one for all has not
  echo "{\"credHelpers\": {\"$REGISTRY\": \"absent\"}}" >"$FILE"
  run fetch "$REGISTRY/private:latest"
  [ "$status" -eq 1 ]
  expect 'docker-credential-absent'
  expect "$FILE"
  echo "{\"credsStore\": \"absent\", \"auths\": {\"$REGISTRY\": {\"auth\": \"$(encoded user:secret)\"}}}" >"$FILE"
  run -0 toyimg --store "$BATS_TEST_TMPDIR/other" pull "$REGISTRY/private:latest"
  expect 'warning: .*credsStore'
  helper broken 'echo "something is wrong"; exit 3'
  echo "{\"credHelpers\": {\"$REGISTRY\": \"broken\"}}" >"$FILE"
  run fetch "$REGISTRY/private:latest"
  [ "$status" -eq 1 ]
  expect 'something is wrong'
  helper flood 'head -c 10000000 /dev/zero | tr "\0" x'
  echo "{\"credHelpers\": {\"$REGISTRY\": \"flood\"}}" >"$FILE"
  run fetch "$REGISTRY/private:latest"
  [ "$status" -eq 1 ]
  expect 'prints more than'
  echo "{\"credHelpers\": {\"$REGISTRY\": \"../../bin/sh\"}}" >"$FILE"
  run fetch "$REGISTRY/private:latest"
  [ "$status" -eq 1 ]
  expect 'not the name of a credential helper'
}

@test "credential-helpers of registries.conf: in their order, the files among them" {
  start_registry user secret
  push_busybox private:latest --dest-creds user:secret
  helper kept 'case $1 in
    get) [ -s "$HOME/kept" ] && cat "$HOME/kept" || { echo "credentials not found in native keychain"; exit 1; } ;;
    store) cat >"$HOME/kept" ;;
    erase) rm "$HOME/kept" ;;
  esac'
  export CONTAINERS_REGISTRIES_CONF=$HOME/registries.conf
  echo 'credential-helpers = ["kept", "containers-auth.json"]' >"$CONTAINERS_REGISTRIES_CONF"
  run -0 toyimg login -u user --password-stdin "$REGISTRY" <<<secret
  expect docker-credential-kept
  [ ! -e "$FILE" ]
  run -0 fetch "$REGISTRY/private:latest"
  run -0 toyimg logout "$REGISTRY"
  [ ! -e "$HOME/kept" ]
  run fetch "$REGISTRY/private:latest"
  [ "$status" -eq 1 ]
  expect 'wants a login'
  mkdir -p "${FILE%/*}"
  echo "{\"auths\": {\"$REGISTRY\": {\"auth\": \"$(encoded user:secret)\"}}}" >"$FILE"
  run -0 fetch "$REGISTRY/private:latest"
  echo 'credential-helpers = ["kept"]' >"$CONTAINERS_REGISTRIES_CONF"
  run fetch "$REGISTRY/private:latest"
  [ "$status" -eq 1 ]
  echo 'credential-helpers = ["absent", "containers-auth.json"]' >"$CONTAINERS_REGISTRIES_CONF"
  run -0 toyimg pull "$REGISTRY/private:latest"
  expect 'warning: registries.conf: credential-helpers'
}

@test "tokens: anonymous where that is enough, by password, by identity token; refused ones" {
  TOKENS=1 start_registry user secret
  push_busybox public/app:latest --dest-creds user:secret
  push_busybox private/app:latest --dest-creds user:secret
  run -0 fetch "$REGISTRY/public/app:latest"
  run fetch "$REGISTRY/private/app:latest"
  [ "$status" -eq 1 ]
  expect 'wants a login'
  run fetch --creds user:wrong "$REGISTRY/public/app:latest"
  [ "$status" -eq 1 ]
  expect 'refuses the login'
  run -0 toyimg login -u user --password-stdin "$REGISTRY" <<<secret
  run toyimg login -u user --password-stdin "$REGISTRY" <<<wrong
  [ "$status" -eq 1 ]
  : >"$TOKEN_LOG"
  run -0 fetch "$REGISTRY/private/app:latest"
  [ "$(token_requests)" -eq 1 ] # for a manifest, a config and two layers
  echo "{\"auths\": {\"$REGISTRY\": {\"auth\": \"$(encoded '<token>:')\", \"identitytoken\": \"refresh-user\"}}}" >"$FILE"
  : >"$TOKEN_LOG"
  run -0 fetch "$REGISTRY/private/app:latest"
  contains '^POST refresh_token user asks repository:private/app:pull gets' "$TOKEN_LOG"
  lacks refresh-user "$REGISTRY_LOG"
  echo "{\"auths\": {\"$REGISTRY\": {\"identitytoken\": \"stale\"}}}" >"$FILE"
  run fetch "$REGISTRY/private/app:latest"
  [ "$status" -eq 1 ]
  expect 'refuses the login'
  expect_not stale
}

@test "login keeps the identity token that a token server gives, and not the password" {
  TOKENS=1 start_registry user secret
  push_busybox private/app:latest --dest-creds user:secret
  run -0 toyimg login -u user --password-stdin "$REGISTRY" <<<secret
  jq -e --arg key "$REGISTRY" --arg auth "$(encoded user:)" '.auths[$key] == {auth: $auth, identitytoken: "refresh-user"}' "$FILE"
  [ "$(toyimg login --get-login "$REGISTRY")" = user ]
  : >"$TOKEN_LOG"
  run -0 fetch "$REGISTRY/private/app:latest"
  contains '^POST refresh_token user asks' "$TOKEN_LOG"
  lacks '^GET' "$TOKEN_LOG"
  # a helper knows it by the user name <token>
  helper kept '[ "$1" != store ] && exec cat "$HOME/kept" || exec cat >"$HOME/kept"'
  echo "{\"credsStore\": \"kept\"}" >"$FILE"
  run -0 toyimg login -u user --password-stdin "$REGISTRY" <<<secret
  jq -e '.Username == "<token>" and .Secret == "refresh-user"' "$HOME/kept"
  rm -rf "$BATS_TEST_TMPDIR/store"
  run -0 fetch "$REGISTRY/private/app:latest"
}

@test "token servers that know only one way to ask: the query, or the form" {
  TOKENS=1 TOKEN_FLAGS=no-get start_registry user secret
  push_busybox private/app:latest --dest-creds user:secret || true # skopeo knows the query only
  run fetch --creds user:secret "$REGISTRY/private/none:latest"
  expect 'not found'
  contains '^GET not served' "$TOKEN_LOG"
  contains '^POST password user asks repository:private/none:pull gets' "$TOKEN_LOG"
  stop_registry
  TOKENS=1 TOKEN_FLAGS=no-post start_registry user secret
  push_busybox private/app:latest --dest-creds user:secret
  mkdir -p "${FILE%/*}"
  echo "{\"auths\": {\"$REGISTRY\": {\"auth\": \"$(encoded user:secret)\", \"identitytoken\": \"refresh-user\"}}}" >"$FILE"
  run -0 fetch "$REGISTRY/private/app:latest"
  contains '^POST not served' "$TOKEN_LOG"
  contains '^GET user asks repository:private/app:pull gets' "$TOKEN_LOG"
}

@test "tokens: a registrytoken is used as it is" {
  TOKENS=1 start_registry user secret
  push_busybox private/app:latest --dest-creds user:secret
  local token
  token=$(curl -s -u user:secret "http://tokens.test:$TOKEN_PORT/token?scope=repository:private/app:pull" | jq -r .token)
  mkdir -p "${FILE%/*}"
  echo "{\"auths\": {\"$REGISTRY\": {\"registrytoken\": \"$token\"}}}" >"$FILE"
  : >"$TOKEN_LOG"
  run -0 fetch "$REGISTRY/private/app:latest"
  [ "$(token_requests)" -eq 0 ]
}

@test "no secret in what --debug says" {
  TOKENS=1 start_registry user secret
  push_busybox private/app:latest --dest-creds user:secret
  run -0 toyimg --debug pull --creds user:secret "$REGISTRY/private/app:latest"
  expect 'debug: .*token'
  expect_not "secret|$(encoded user:secret)|eyJ"
}
