# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# volume create|ls|inspect|rm|prune: $VOLUMES/NAME/_data is what a container sees.
# shellcheck source=scripts/lib/toydock/template.sh
source "$LIBRARY/template.sh"

OPTIONS_volume='q quiet only the names
f force no question, no complaint
- format=TEMPLATE table, json or a template such as {{.Name}}
- label=NAME=VALUE accepted, is not kept
a all prune those with a name of their own, too'
USAGE_volume='create|ls|inspect|rm|prune [options] [NAME...]'
verb_volume() {
  need_root
  parse "$OPTIONS_volume" "$@"
  at_least 1 'create, ls, inspect, rm or prune?'
  local action=${WORDS[0]} name failed=0
  WORDS=("${WORDS[@]:1}")
  make_root
  case $action in
    create)
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
      each_volume volume_document | if [[ ${OPTION[quiet]:-} == true ]]; then jq -r .Name; else show_formatted $'{{.Driver}}\t{{.Name}}'; fi
      ;;
    inspect)
      at_least 1 'which volume?'
      for name in "${WORDS[@]}"; do need_volume "$name"; done
      for name in "${WORDS[@]}"; do volume_document "$name"; done | if [[ -n ${OPTION[format]:-} ]]; then show_formatted '{{.Name}}'; else jq -s .; fi
      ;;
    rm | remove)
      at_least 1 'which volume?'
      for name in "${WORDS[@]}"; do (remove_volume "$name") || failed=1; done
      return $failed
      ;;
    prune) prune_volumes ;;
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
  local answer
  if [[ ${OPTION[force]:-} != true ]]; then
    [[ -t 0 ]] || die "volume prune removes volumes that no container has" "type: toydock volume prune -f"
    read -r -p 'Remove all volumes that no container has? [y/N] ' answer
    [[ $answer == [yY]* ]] || return 0
  fi
  lock_volumes -x
  each_volume remove_unused
}
remove_unused() { # as docker: what somebody has given a name is kept without --all
  [[ ${OPTION[all]:-} == true || $1 =~ ^[0-9a-f]{64}$ ]] || return 0
  volume_user "$1" >/dev/null || remove_volume "$1"
}
