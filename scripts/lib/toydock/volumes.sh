# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# volume create|ls|inspect|rm|prune: $VOLUMES/NAME/_data is what a container sees.
# shellcheck source=scripts/lib/toydock/template.sh
source "$LIBRARY/template.sh"

OPTIONS_volume='q quiet only the names
f filter=KEY=VALUE ls: only those with name=, driver=, dangling=true|false
- force prune: do not ask; rm: one that is not there is no error; -f of both
- format=TEMPLATE ls, inspect: table, json or a template such as {{.Name}}; -f of inspect
- label=NAME=VALUE accepted, is not kept
a all prune those with a name of their own, too'
USAGE_volume='create|ls|inspect|rm|prune [options] [NAME...]'
verb_volume() {
  need_root
  case ${1:-} in
    inspect) with_letter "$OPTIONS_volume" f format ;;
    rm | remove | prune) with_letter "$OPTIONS_volume" f force ;;
    *) TABLE=$OPTIONS_volume ;;
  esac
  parse "$TABLE" "$@"
  at_least 1 'create, ls, inspect, rm or prune?'
  local action=${WORDS[0]} name failed=0
  WORDS=("${WORDS[@]:1}")
  [[ $action == ls || $action == list || -z ${OPTION[filter]+given} ]] || die "volume $action takes no --filter" 'see: toydock volume --help'
  make_root
  case $action in
    create)
      at_most 1
      name=${WORDS[0]:-}
      if [[ -z $name ]]; then
        new_id
        name=$ID
      fi
      check_volume_name "$name"
      mkdir -p "$VOLUMES/$name/_data"
      printf '%s\n' "$name"
      ;;
    ls | list)
      at_most 0
      [[ -z ${OPTION[quiet]:-} || -z ${OPTION[format]:-} ]] || die "--quiet and --format exclude each other"
      given_filters name driver dangling
      each_volume matching_volume | if [[ ${OPTION[quiet]:-} == true ]]; then jq -r .Name; else show_formatted $'{{.Driver}}\t{{.Name}}'; fi
      ;;
    inspect)
      at_least 1 'which volume?'
      for name in "${WORDS[@]}"; do need_volume "$name"; done
      for name in "${WORDS[@]}"; do volume_document "$name"; done | if [[ -n ${OPTION[format]:-} ]]; then show_formatted ''; else jq -s .; fi
      ;;
    rm | remove)
      at_least 1 'which volume?'
      for name in "${WORDS[@]}"; do (remove_volume "$name") || failed=1; done
      return $failed
      ;;
    prune)
      at_most 0
      prune_volumes
      ;;
    *) die "volume: there is no $action" "create, ls, inspect, rm or prune" ;;
  esac
}

need_volume() { [[ $1 =~ ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$ && -d $VOLUMES/$1/_data ]] || die "no volume is called $1" "see: toydock volume ls"; }
each_volume() {
  local directory
  for directory in "$VOLUMES"/*/; do
    directory=${directory%/}
    [[ ! -d $directory/_data ]] || "$1" "${directory##*/}"
  done
}
volume_document() { printf '{"Name":"%s","Driver":"local","Mountpoint":"%s","Scope":"local"}\n' "$1" "$VOLUMES/$1/_data"; }
matching_volume() {
  local dangling=false
  if [[ " ${FILTERS[*]}" == *' dangling='* ]] && ! volume_user "$1" >/dev/null; then dangling=true; fi
  if matches name "$1" && matches driver local && matches dangling "$dangling"; then volume_document "$1"; fi
}
remove_volume() {
  local user
  if [[ ${OPTION[force]:-} == true && ! -d $VOLUMES/$1 ]]; then return 0; fi
  lock_volumes -x
  need_volume "$1"
  if user=$(volume_user "$1"); then die "the volume $1 is used by the container $(<"${user%/*}/name")" "type: toydock rm -f $(<"${user%/*}/name")"; fi
  step rm -rf --one-file-system "${VOLUMES:?}/$1"
  printf '%s\n' "$1"
}
prune_volumes() {
  confirm 'Remove all volumes that no container has?' || return 0
  lock_volumes -x
  each_volume remove_unused
}
remove_unused() { # as docker: what somebody has given a name is kept without --all
  [[ ${OPTION[all]:-} == true || $1 =~ ^[0-9a-f]{64}$ ]] || return 0
  volume_user "$1" >/dev/null || remove_volume "$1"
}
