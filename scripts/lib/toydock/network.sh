# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Networks are toyrun's: annotations say what a container wants, `toyrun network` knows what it got. toydock adds the names:
# every container's /etc/hosts has the others of its networks, rewritten as they come and go.

# ---- at create: PAIRS -----------------------------------------------------------------------------------------------

choose_network() {
  local networks='' addresses='' ports='' aliases='' index value mode=''
  for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do
    value=${GIVEN[index + 1]}
    case ${GIVEN[index]} in
      network | net)
        value=${value#name=}
        case $value in none | host | container:*) mode=$value ;; bridge) networks+=,default ;; *) networks+=,$value ;; esac
        ;;
      ip | ip6) addresses+=,$value ;;
      network-alias) aliases+=,$value ;;
      publish) split_list "$value" add_port ;;
    esac
  done
  if [[ ${OPTION["publish-all"]:-} == true ]]; then publish_exposed; fi
  if [[ -n $mode ]]; then
    [[ -z $networks ]] || die "--network $mode excludes other networks"
    [[ -z $ports$addresses$aliases ]] || die "--network $mode has no ports, addresses or aliases of its own" "leave them out, or leave out --network"
    choose_mode "$mode"
    return
  fi
  networks=${networks:-,default}
  need_network "$networks"
  PAIRS+=(network "${networks#,}" network-annotation "org.toyrun.network.names=${networks#,}"
    network-annotation "org.toyrun.network.aliases=$NAME,${ID:0:12}${OPTION[hostname]:+,${OPTION[hostname]}}$aliases")
  if [[ -n $addresses ]]; then PAIRS+=(network-annotation "org.toyrun.network.addresses=${addresses#,}"); fi
  if [[ -n $ports ]]; then PAIRS+=(network-annotation "org.toyrun.network.ports=${ports#,}"); fi
}

choose_mode() {
  local id=$ID directory=$DIRECTORY
  case $1 in
    host) PAIRS+=(host-hostname "$(</proc/sys/kernel/hostname)" network host network-annotation org.toyrun.network.mode=host) ;;
    none) PAIRS+=(network none) ;;
    container:*)
      need_container "${1#container:}"
      running_pid || die "the container ${1#container:} does not run, so its network cannot be shared" "type: toydock start ${1#container:}"
      PAIRS+=(network "container:$ID" network-annotation "org.toyrun.network.mode=container:$ID" files-directory "$DIRECTORY" files-hostname "$(<"$DIRECTORY/hostname")")
      ID=$id DIRECTORY=$directory
      ;;
  esac
}

# add_port [IP:][HOST:]CONTAINER[/PROTOCOL]: docker's to toyrun's, which wants a host port; 0 is any.
add_port() {
  local port=${1%/tcp}
  [[ $port =~ ^((\[[0-9a-fA-F:]+\]|[0-9]+\.[0-9.]+):)?(([0-9-]*):)?([0-9]+(-[0-9]+)?)(/udp)?$ ]] ||
    die "-p $1 is not understood" "examples: 8080:80, 127.0.0.1:8080:80, 53:53/udp, 8000-8009:8000-8009"
  ports+=",${BASH_REMATCH[1]}${BASH_REMATCH[4]:-0}:${BASH_REMATCH[5]}${BASH_REMATCH[7]}"
}
publish_exposed() {
  local port
  while read -r port; do add_port "$port"; done < <(
    jq -r '.Config.ExposedPorts[]' "$DIRECTORY/image.json"
    for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do [[ ${GIVEN[index]} != expose ]] || printf '%s\n' "${GIVEN[index + 1]}"; done
  )
}

need_network() {
  local name known
  [[ $1 != ,default ]] || return 0 # made on first use
  known=" $("$TOYRUN" network ls -q | tr '\n' ' ') default "
  for name in ${1//,/ }; do
    [[ $known == *" $name "* ]] || die "there is no network $name" "type: toydock network create $name"
  done
}

# ---- names ----------------------------------------------------------------------------------------------------------

# write_names [ID]: /etc/hosts of all containers that are in a network, by what toyrun has; for ID also network.json.
write_names() {
  local network networks=() kind id address names
  local -A texts=()
  mapfile -t networks < <("$TOYRUN" network ls -q 2>/dev/null)
  while IFS=$'\t' read -r kind id address names; do
    case $kind in
      host) texts[$id]+=$address$'\t'$names$'\n' ;;
      document) printf '%s\n' "$address" >"$CONTAINERS/$id/network.json" ;;
    esac
  done < <(for network in "${networks[@]}"; do "$TOYRUN" network inspect "$network" 2>/dev/null; done |
    jq -r -s --arg own "${1:-}" -f "$LIBRARY/network.jq")
  exec 5>>"$ROOT/names-lock"
  flock 5
  for id in "${!texts[@]}"; do
    # the file is bound into the container: written in place, and only where toydock made it
    if [[ -e $CONTAINERS/$id/hosts-base ]]; then
      printf '%s\n%s' "$(<"$CONTAINERS/$id/hosts-base")" "${texts[$id]}" >"$CONTAINERS/$id/hosts"
    fi
  done
  exec 5>&-
}

# ---- the verb -------------------------------------------------------------------------------------------------------

OPTIONS_network='- subnet=PREFIX create: such as 10.201.0.0/24 or fd00:1::/64; may be repeated
- gateway=ADDRESS create: the address of the host in a subnet
- ipv6 create: with an IPv6 subnet, too
- internal create: no way out, no published ports
- mtu=BYTES create: the largest packet
- bridge=NAME create: the name of the bridge
d driver=NAME create: bridge, the only one
- label=NAME=VALUE accepted, is not kept
f format=TEMPLATE ls, inspect: table, json or a template such as {{.name}}
q quiet ls: only the names'
USAGE_network='create|ls|inspect|rm|prune [options] [NAME...]'
verb_network() {
  need_root
  parse "$OPTIONS_network" "$@"
  at_least 1 'create, ls, inspect, rm or prune?'
  local action=${WORDS[0]} options=() index name failed=0
  WORDS=("${WORDS[@]:1}")
  case $action in
    create)
      at_least 1 'what is the network called?'
      for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do
        case ${GIVEN[index]} in
          subnet | gateway | mtu | bridge) options+=("--${GIVEN[index]}" "${GIVEN[index + 1]}") ;;
          ipv6 | internal) [[ ${GIVEN[index + 1]} != true ]] || options+=("--${GIVEN[index]}") ;;
          driver) [[ ${GIVEN[index + 1]} == bridge ]] || die "--driver ${GIVEN[index + 1]}: there is only bridge" ;;
        esac
      done
      runtime network "${options[@]}" create "${WORDS[0]}" >/dev/null
      printf '%s\n' "${WORDS[0]}"
      ;;
    ls | list) if [[ ${OPTION[quiet]:-} == true ]]; then runtime network -q ls; else runtime network ls; fi ;;
    inspect)
      at_least 1 'which network?'
      if [[ -n ${OPTION[format]:-} ]]; then
        # shellcheck source=scripts/lib/toydock/template.sh
        source "$LIBRARY/template.sh"
        for name in "${WORDS[@]}"; do runtime network inspect "$name"; done | show_formatted '{{.name}}'
      else
        for name in "${WORDS[@]}"; do runtime network inspect "$name"; done | jq -s .
      fi
      ;;
    rm | remove)
      at_least 1 'which network?'
      for name in "${WORDS[@]}"; do
        if runtime network rm "$name" >/dev/null; then printf '%s\n' "$name"; else failed=1; fi
      done
      return $failed
      ;;
    prune)
      while read -r name; do
        if [[ $("$TOYRUN" network inspect "$name" | jq '.containers | length') == 0 ]] && runtime network rm "$name" >/dev/null; then printf '%s\n' "$name"; fi
      done < <("$TOYRUN" network ls -q)
      ;;
    *) die "network: there is no $action" "create, ls, inspect, rm or prune" ;;
  esac
}
