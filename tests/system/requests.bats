# SPDX-License-Identifier: Apache-2.0
# Whatever toyimg does at a registry takes no more requests than skopeo makes for the same, counted by the registry and its token server.
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  mkdir -p "$STATE"
  SERVERS=()
}
teardown() {
  [ "${#SERVERS[@]}" -eq 0 ] || kill "${SERVERS[@]}" 2>/dev/null || true
  end_test
}

# begin_registry NAME [USER:PASSWORD]: as start_registry, several at once; adds its logs to LOGS.
begin_registry() {
  BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/$1
  # shellcheck disable=SC2086
  start_registry ${2/:/ }
  BATS_TEST_TMPDIR=${BATS_TEST_TMPDIR%/*}
  LOGS+=("$REGISTRY_LOG" ${2:+"$TOKEN_LOG"})
  SERVERS+=("$REGISTRY_PID" ${2:+"$TOKEN_PID"})
}

answered() { cat "${LOGS[@]}" | grep -aE '"(GET|HEAD|POST|PUT|PATCH|DELETE) /v2/|^(GET|POST) ' | sed -E 's/.*"((GET|HEAD|POST|PUT|PATCH|DELETE) [^ ?]*).*/\1/' || true; }
forget() {
  local log
  for log in "${LOGS[@]}"; do : >"$log"; done
}
# no_more_than WHAT OURS... -- THEIRS...: toyimg's words and skopeo's for the same; both must work.
no_more_than() {
  local what=$1 ours=() count
  shift
  while [ "$1" != -- ]; do ours+=("$1") && shift; done
  shift
  forget
  toyimg "${ours[@]}" </dev/null >"$OUT" 2>&1 || { echo "$what: toyimg ${ours[*]}: $(cat "$OUT")"; return 1; }
  answered >"$OUT.ours"
  forget
  skopeo copy --quiet --insecure-policy --src-tls-verify=false --dest-tls-verify=false "$@" </dev/null >"$OUT" 2>&1 || { echo "$what: skopeo $*: $(cat "$OUT")"; return 1; }
  answered >"$OUT.theirs"
  count=$(wc -l <"$OUT.theirs")
  echo "$what: ours $(wc -l <"$OUT.ours"), skopeo's $count"
  [ "$(wc -l <"$OUT.ours")" -ge 1 ]
  [ "$(wc -l <"$OUT.ours")" -le "$count" ] || { diff "$OUT.ours" "$OUT.theirs"; return 1; }
}

# every_job FIRST SECOND [USER:PASSWORD]: between registries of which FIRST has `one` and the index `many`.
every_job() {
  local first=$1 second=$2 login=() from=() to=() digest layout=$BATS_TEST_TMPDIR/layout place name
  [ -z "${3:-}" ] || login=(--creds "$3") from=(--src-creds "$3") to=(--dest-creds "$3")
  digest=$(skopeo inspect --tls-verify=false "${login[@]}" --format '{{.Digest}}' "docker://$first/one:1")
  rm -rf "$layout" "$BATS_TEST_TMPDIR/store"
  no_more_than 'pull a tag' pull -q "${login[@]}" "$first/one:1" -- "${from[@]}" "docker://$first/one:1" "oci:$layout:one"
  no_more_than 'pull it again' pull -q "${login[@]}" "$first/one:1" -- "${from[@]}" "docker://$first/one:1" "oci:$layout:one"
  rm -rf "$layout" "$BATS_TEST_TMPDIR/store"
  no_more_than 'pull a digest' pull -q "${login[@]}" "$first/one@$digest" -- "${from[@]}" "docker://$first/one@$digest" "oci:$layout:one"
  no_more_than 'pull from an index' pull -q "${login[@]}" "$first/many:1" -- "${from[@]}" "docker://$first/many:1" "oci:$layout:many"
  no_more_than 'push what is new' push -q "${login[@]}" "$first/one@$digest" "$second/new:1" -- "${to[@]}" "oci:$layout:one" "docker://$second/newer:1"
  no_more_than 'push what is there' push -q "${login[@]}" "$first/one@$digest" "$second/new:1" -- "${to[@]}" "oci:$layout:one" "docker://$second/new:1"
  for place in "$first" "$second"; do
    name="to $([ "$place" = "$first" ] && echo the same || echo another) registry"
    no_more_than "copy $name" copy -q "${from[@]}" "${to[@]}" "docker://$first/one:1" "docker://$place/ours:1" -- \
      "${from[@]}" "${to[@]}" "docker://$first/one:1" "docker://$place/theirs:1"
    no_more_than "copy $name once more" copy -q "${from[@]}" "${to[@]}" "docker://$first/one:1" "docker://$place/ours:1" -- \
      "${from[@]}" "${to[@]}" "docker://$first/one:1" "docker://$place/theirs:1"
    no_more_than "copy an index with all its images $name" copy -q --all "${from[@]}" "${to[@]}" "docker://$first/many:1" "docker://$place/ours-all:1" -- \
      --all "${from[@]}" "${to[@]}" "docker://$first/many:1" "docker://$place/theirs-all:1"
    no_more_than "the index once more $name" copy -q --all "${from[@]}" "${to[@]}" "docker://$first/many:1" "docker://$place/ours-all:1" -- \
      --all "${from[@]}" "${to[@]}" "docker://$first/many:1" "docker://$place/theirs-all:1"
  done
}

# every_job_between_two [USER:PASSWORD]: with a real token server, if a login is given.
every_job_between_two() {
  local login=$1 second options=() work=$BATS_TEST_TMPDIR/other
  LOGS=()
  begin_registry second "$login"
  second=$REGISTRY
  begin_registry first "$login"
  [ -z "$login" ] || options=(--dest-creds "$login")
  push_busybox one:1 "${options[@]}"
  mkdir -p "$work/root/etc"
  echo other >"$work/root/etc/other"
  layout_from "$work/layout" "$work/root"
  umoci config --image "$work/layout:latest" --architecture arm64 >/dev/null 2>&1
  push_layout "$work/layout" other:1 "${options[@]}"
  toyimg manifest create ${login:+--creds "$login"} many:1 "docker://$REGISTRY/one:1" "docker://$REGISTRY/other:1"
  toyimg push -q --all ${login:+--creds "$login"} many:1 "$REGISTRY/many:1"
  every_job "$REGISTRY" "$second" "$login"
}

@test "pull, push and copy: no more requests than skopeo" { every_job_between_two ''; }
@test "pull, push and copy with tokens: no more requests than skopeo" { TOKENS=1 every_job_between_two user:secret; }
