# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# images, build, pull, push, tag, rmi, import, history, save, load, login, logout: toyimg's, in docker's words.
# shellcheck source=scripts/lib/toydock/template.sh
source "$LIBRARY/template.sh"

OPTIONS_images='a all accepted: all images are shown
q quiet only the digests
- no-trunc whole digests
- digests accepted: IMAGE ID is the digest
- format=TEMPLATE table, json or a template such as {{.Repository}}'
USAGE_images='[options] [REPOSITORY[:TAG]]'
verb_images() {
  parse "$OPTIONS_images" "$@"
  at_most 1
  "$TOYIMG" images -f json | jq -c --arg wanted "${WORDS[0]:-}" --argjson whole "${OPTION["no-trunc"]:-false}" '
    def size: if . >= 1e9 then "\(. / 1e8 | round / 10)GB" elif . >= 1e6 then "\(. / 1e5 | round / 10)MB" elif . >= 1e3 then "\(. / 1e2 | round / 10)kB" else "\(.)B" end;
    .[] | (.name | ltrimstr("docker.io/") | ltrimstr("library/")) as $name
    | ($name | sub("@.*"; "")) as $tagged | ($tagged | if . == "" then {r: "<none>", t: "<none>"} elif test(":[^/]*$") then capture("^(?<r>.*):(?<t>[^/:]*)$") else {r: ., t: "<none>"} end) as $parts
    | select($wanted == "" or $wanted == $parts.r or $wanted == $tagged or $wanted == .name)
    | {Repository: $parts.r, Tag: $parts.t, ID: (if $whole then .digest else .digest[7:19] end), Digest: .digest, Size: (.size | size)}' |
    if [[ ${OPTION[quiet]:-} == true ]]; then jq -r .ID; else show_formatted $'{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Size}}' | sed '1s/CONTAINER ID/IMAGE ID    /'; fi
}

OPTIONS_pull='q quiet only the name
- platform=OS/ARCH[/VARIANT] the image for this platform'
USAGE_pull='[options] IMAGE'
verb_pull() {
  parse "$OPTIONS_pull" "$@"
  at_least 1 'which image?'
  at_most 1
  local options=()
  if [[ -n ${OPTION[platform]:-} ]]; then options+=(--platform "${OPTION[platform]}"); fi
  if [[ ${OPTION[quiet]:-} == true ]]; then options+=(--quiet); fi
  images pull "${options[@]}" "${WORDS[0]}" >/dev/null || die "cannot fetch ${WORDS[0]}" "is the name right, and the registry within reach?"
  printf '%s\n' "${WORDS[0]}"
}

OPTIONS_rmi='f force also when containers were made from it'
USAGE_rmi='[options] IMAGE...'
verb_rmi() {
  need_root
  parse "$OPTIONS_rmi" "$@"
  at_least 1 'which image?'
  local word failed=0 digest user
  for word in "${WORDS[@]}"; do
    digest=$("$TOYIMG" inspect "$word" 2>/dev/null | jq -r .Digest) || digest=
    user=$(grep -l "\"Image\":\"${digest:-none}\"" "$CONTAINERS"/*/container.json 2>/dev/null | head -1) || true
    if [[ -n $user && ${OPTION[force]:-} != true ]] && ! has_other_name "$word" "$digest"; then
      user=${user%/*}
      (die "the image $word is used by the container $(<"$user/name")" "type: toydock rm -f $(<"$user/name"), or toydock rmi -f $word") || failed=1
      continue
    fi
    images rmi "$word" || failed=1
  done
  return $failed
}

# has_other_name NAME DIGEST: then the image stays when this name goes
has_other_name() {
  [[ $1 != *@* && ! $1 =~ ^(sha256:)?[0-9a-f]{12,64}$ ]] || return 1
  [[ $("$TOYIMG" images -f json | jq --arg digest "$2" 'map(select(.digest == $digest)) | length') -gt 1 ]]
}

OPTIONS_push='q quiet only errors
a all-tags all tags of a repository that are here'
USAGE_push='[options] IMAGE'
verb_push() {
  parse "$OPTIONS_push" "$@"
  at_least 1 'which image?'
  at_most 1
  local options=() name
  if [[ ${OPTION[quiet]:-} == true ]]; then options+=(--quiet); fi
  if [[ ${OPTION["all-tags"]:-} == true ]]; then
    for name in $("$TOYIMG" images -q); do
      if [[ ${name%:*} == "${WORDS[0]}" || ${name%:*} == "docker.io/library/${WORDS[0]}" || ${name%:*} == "docker.io/${WORDS[0]}" ]]; then images push "${options[@]}" "$name"; fi
    done
  else
    images push "${options[@]}" "${WORDS[0]}"
  fi
}

OPTIONS_tag='' USAGE_tag='IMAGE NAME'
verb_tag() {
  parse "$OPTIONS_tag" "$@"
  at_least 2 'an image and its new name, please'
  at_most 2
  images tag "${WORDS[@]}"
}

OPTIONS_save='o output=FILE write to a file instead of standard output'
USAGE_save='[options] IMAGE...'
verb_save() {
  parse "$OPTIONS_save" "$@"
  at_least 1 'which image?'
  [[ -n ${OPTION[output]:-} || ! -t 1 ]] || die "an archive does not go to a terminal" "type: toydock save -o FILE ${WORDS[*]}"
  images save --quiet ${OPTION[output]:+--output "${OPTION[output]}"} "${WORDS[@]}"
}

OPTIONS_load='i input=FILE read a file instead of standard input
q quiet only errors and the names'
USAGE_load='[options]'
verb_load() {
  parse "$OPTIONS_load" "$@"
  at_most 0
  [[ -n ${OPTION[input]:-} || ! -t 0 ]] || die "an archive does not come from a terminal" "type: toydock load -i FILE"
  images load --quiet ${OPTION[input]:+--input "${OPTION[input]}"}
}

OPTIONS_login='u username=NAME log in as NAME instead of asking
p password=PASSWORD the password; others can read a command line
- password-stdin read the password from standard input'
USAGE_login='[options] [REGISTRY]'
verb_login() {
  parse "$OPTIONS_login" "$@"
  at_most 1
  local options=()
  if [[ -n ${OPTION[username]:-} ]]; then options+=(--username "${OPTION[username]}"); fi
  if [[ -n ${OPTION[password]:-} ]]; then
    images login "${options[@]}" --password-stdin "${WORDS[@]}" <<<"${OPTION[password]}"
    return
  fi
  if [[ ${OPTION["password-stdin"]:-} == true ]]; then options+=(--password-stdin); fi
  images login "${options[@]}" "${WORDS[@]}"
}
OPTIONS_logout='' USAGE_logout='[REGISTRY]'
verb_logout() {
  parse "$OPTIONS_logout" "$@"
  at_most 1
  images logout "${WORDS[@]}"
}

OPTIONS_import='c change=INSTRUCTION a Dockerfile instruction for its config; may be repeated
m message=TEXT a comment for its history
- platform=OS/ARCH[/VARIANT] what it is for'
USAGE_import='[options] FILE|- NAME'
verb_import() {
  parse "$OPTIONS_import" "$@"
  at_least 2 'a tar archive (- is standard input) and a name, please'
  at_most 2
  local options=() index
  for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do options+=("--${GIVEN[index]}" "${GIVEN[index + 1]}"); done
  images import "${options[@]}" "${WORDS[0]}" "${WORDS[1]}"
}

OPTIONS_history='- no-trunc whole commands
- format=FORMAT table or json'
USAGE_history='[options] IMAGE'
verb_history() {
  parse "$OPTIONS_history" "$@"
  at_least 1 'which image?'
  at_most 1
  local options=()
  if [[ ${OPTION["no-trunc"]:-} == true ]]; then options+=(--no-trunc); fi
  images history "${options[@]}" ${OPTION[format]:+--format "${OPTION[format]}"} "${WORDS[0]}"
}

OPTIONS_build='t tag=NAME name the image; may be repeated
f file=FILE the Dockerfile; - is standard input
- build-arg=NAME=VALUE the value of an ARG
- build-context=NAME=PLACE another place that FROM and --from may name
- target=STAGE stop at this stage
- platform=OS/ARCH[/VARIANT] build for this platform
- pull ask the registry for newer images
- push push every name
- no-cache make every step anew
- explain-cache say why a step is made anew
- network=MODE host or none, for RUN
- add-host=NAME:ADDRESS a line in /etc/hosts for RUN
- secret=PAIRS id=ID,src=FILE, for RUN --mount=type=secret
- ssh=ID an agent, for RUN --mount=type=ssh
- label=NAME=VALUE a label of the image
- iidfile=FILE write the digest to a file
- squash one layer of all that is new
- check only say what is unwise in the Dockerfile
- dry-run only say what would be done
- progress=KIND auto, plain, tty, json or none
q quiet only errors and the digest'
USAGE_build='[options] [DIR]'
verb_build() {
  need_root
  parse "$OPTIONS_build" "$@"
  at_most 1
  local options=(--runtime "$TOYRUN") index name value
  for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do
    name=${GIVEN[index]} value=${GIVEN[index + 1]}
    case $name in
      pull | push | no-cache | explain-cache | squash | check | dry-run | quiet) [[ $value != true ]] || options+=("--$name") ;;
      *) options+=("--$name" "$value") ;;
    esac
  done
  images build "${options[@]}" "${WORDS[@]}"
}
