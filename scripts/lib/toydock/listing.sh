# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ps, inspect, port: documents of containers for people and programs.
# shellcheck source=scripts/lib/toydock/template.sh
source "$LIBRARY/template.sh"
# shellcheck source=scripts/lib/toydock/monitor.sh
source "$LIBRARY/monitor.sh"

OPTIONS_ps='a all also those that do not run
q quiet only the ids
l latest the one made last
n last=NUMBER the ones made last
f filter=KEY=VALUE name=, id=, status=, label=, ancestor=, exited=, volume=, network=, health=
- format=TEMPLATE table, json or a template such as {{.Names}}
- no-trunc whole ids and commands
s size accepted, does nothing'
USAGE_ps='[options]'
OPTIONS_ls=$OPTIONS_ps
USAGE_ls=$USAGE_ps
verb_ls() { verb_ps "$@"; }
verb_ps() {
  need_root
  parse "$OPTIONS_ps" "$@"
  at_most 0
  make_root
  sweep
  local last=${OPTION[last]:-0} filters=() index
  if [[ ${OPTION[latest]:-} == true ]]; then last=1; fi
  [[ $last =~ ^-?[0-9]{1,9}$ ]] || die "--last $last: a number, please" "example: toydock ps --last 3"
  for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do
    if [[ ${GIVEN[index]} == filter ]]; then
      case ${GIVEN[index + 1]} in name=* | id=* | status=* | label=* | ancestor=* | exited=* | volume=* | network=* | health=*) filters+=("${GIVEN[index + 1]}") ;; *) die "--filter ${GIVEN[index + 1]} is not known" "name=, id=, status=, label=, ancestor=, exited=, volume=, network=, health=" ;; esac
    fi
  done
  documents | jq -L "$LIBRARY" -c --arg leases "$("$TOYRUN" network leases)" --argjson all "${OPTION[all]:-false}" --argjson last "$last" --argjson whole "${OPTION["no-trunc"]:-false}" \
    -s -f "$LIBRARY/ps.jq" --args -- "${filters[@]}" |
    if [[ ${OPTION[quiet]:-} == true ]]; then jq -r .ID; else show_formatted $'{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}'; fi
}

# documents: of each container container.json with its state, one a line; those that ended unseen are settled first.
documents() {
  local ID DIRECTORY document STATUS CODE PID STATE RESTARTS STARTED
  for DIRECTORY in "$CONTAINERS"/*/; do
    DIRECTORY=${DIRECTORY%/} ID=${DIRECTORY##*/}
    ID=${ID%/}
    if [[ ! -s $DIRECTORY/settings ]]; then
      [[ ! -e $DIRECTORY/settings ]] || is_damaged
      continue
    fi
    settle
    one_document || true
  done
}
is_damaged() { note "the files of the container ${ID:0:12} are damaged; to remove it: toydock rm -f ${ID:0:12}"; }
# one_document: of DIRECTORY, with the STATE that settle has found
one_document() {
  local document='' health=''
  [[ -e $DIRECTORY/container.json ]] || return 0 # --rm, this very moment
  [[ $STATE != '{}' ]] || STATE='{"Status":"created","Running":false,"Paused":false,"Restarting":false,"OOMKilled":false,"Dead":false,"Pid":0,"ExitCode":0,"Error":"","StartedAt":"0001-01-01T00:00:00Z","FinishedAt":"0001-01-01T00:00:00Z","RestartCount":0}'
  { read -r document <"$DIRECTORY/container.json"; } 2>/dev/null || [[ -e $DIRECTORY/container.json ]] || return 0
  if [[ $document != '{'*'}' ]]; then
    is_damaged
    return 1
  fi
  { read -r health <"$DIRECTORY/health"; } 2>/dev/null && [[ $health == '{'*'}' ]] || health=
  health=${health:+,\"Health\":$health}
  printf '%s\n' "${document%\}},\"RestartCount\":${RESTARTS:-0},\"State\":${STATE%\}}$health}}"
}

OPTIONS_inspect='f format=TEMPLATE json or a template such as {{.State.ExitCode}}
- type=container|image|volume|network look for this kind only
s size accepted, does nothing'
USAGE_inspect='[options] NAME...'
verb_inspect() {
  need_root
  parse "$OPTIONS_inspect" "$@"
  at_least 1 'which container, image, volume or network?'
  local failed=0 format=${OPTION[format]:-} found
  found=$(for word in "${WORDS[@]}"; do inspect_one "$word" || exit 1; done) || failed=1
  template_program "$format"
  if ! has_c1 "$found"; then ASCII=(); fi # a ü is shown as it is
  case $format in
    '') with_network . | jq "${ASCII[@]}" -s . ;;
    json) with_network . | jq "${ASCII[@]}" -c -s . ;;
    *) with_network -r "$PROGRAM" ;;
  esac <<<"$found"
  return $failed
}
has_c1() { local LC_ALL=C && [[ $1 == *$'\xc2'[$'\x80'-$'\x9f']* ]]; }
# with_network [OPTION...] JQ: containers among the documents get what they have of their networks
with_network() {
  jq -L "$LIBRARY" -c --arg leases "$("$TOYRUN" network leases)" "${@:1:$#-1}" \
    "include \"network\"; $TEXT_FUNCTIONS if .HostConfig then with_network(\$leases) else . end | ${*: -1}"
}
inspect_one() {
  local type=${OPTION[type]:-}
  if [[ -z $type || $type == container ]] && find_container "$1"; then
    one_document
  elif [[ -z $type || $type == image ]] && document=$("$TOYIMG" inspect "$1" 2>/dev/null); then
    jq -c '{Id: .Digest, RepoTags: [.Name], Created, Author, Os: (.Platform | split("/")[0]), Architecture: (.Platform | split("/")[1]), Size: (.Layers | map(.Size) | add),
      Config, RootFS: {Type: "layers", Layers: (.Layers | map(.DiffId))}}' <<<"$document"
  elif [[ -z $type || $type == volume ]] && [[ $1 =~ ^[a-zA-Z0-9_.-]+$ && -d $VOLUMES/$1 ]]; then
    source "$LIBRARY/volumes.sh"
    volume_document "$1"
  elif [[ -z $type || $type == network ]] && [[ " $("$TOYRUN" network ls -q | tr '\n' ' ')" == *" $1 "* ]]; then
    network_documents "$1"
  else
    complain "nothing is called $1" "see: toydock ps -a, toydock images, toydock volume ls, toydock network ls"
    return 1
  fi
}

OPTIONS_port=''
USAGE_port='CONTAINER [PORT[/PROTOCOL]]'
verb_port() {
  need_root
  parse "$OPTIONS_port" "$@"
  at_least 1 'which container?'
  at_most 2
  need_container "${WORDS[0]}"
  one_document | with_network -r --arg wanted "${WORDS[1]:-}" '.NetworkSettings.Ports // {} | to_entries[]
    | select($wanted == "" or .key == $wanted or .key == $wanted + "/tcp") | .key as $key | .value[]? | (if $wanted == "" then "\($key) -> " else "" end) + "\(.HostIp):\(.HostPort)"'
}
