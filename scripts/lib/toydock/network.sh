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
      network | net | ip | ip6 | network-alias) [[ $value =~ ^[a-zA-Z0-9_.:=-]+$ ]] || die "--${GIVEN[index]} '$value' is not understood" "letters, digits and _.-" ;;
    esac
    case ${GIVEN[index]} in
      network | net)
        value=${value#name=}
        case $value in none | host | container:*) mode=$value ;; bridge) networks+=,default ;; *) networks+=,$value ;; esac
        ;;
      ip | ip6) addresses+=,$value ;;
      network-alias) aliases+=,$value ;;
      publish)
        one_line publish "$value"
        [[ -n ${value//;/} ]] || add_port ''
        split_list "$value" add_port
        ;;
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
      # not of its /etc/hostname, which is the container's to write and to hold a lease on
      [[ $(<"$DIRECTORY/container.json") =~ \"Hostname\":\"([^\"\\]*)\" ]] || die "cannot read the host name of ${1#container:}"
      PAIRS+=(network "container:$ID" network-annotation "org.toyrun.network.mode=container:$ID" files-directory "$DIRECTORY" files-hostname "${BASH_REMATCH[1]}")
      ID=$id DIRECTORY=$directory
      ;;
  esac
}

# add_port [IP:][HOST:]CONTAINER[/PROTOCOL]: docker's to toyrun's, which wants a host port; 0 is any.
add_port() {
  local port=${1%/tcp}
  [[ $port =~ ^((\[[0-9a-fA-F:]+\]|[0-9]+\.[0-9.]+):)?(([0-9-]*):)?([0-9]+(-[0-9]+)?)(/udp)?$ ]] ||
    die "-p '$1' is not understood" "examples: 8080:80, 127.0.0.1:8080:80, 53:53/udp, 8000-8009:8000-8009"
  ports+=",${BASH_REMATCH[1]}${BASH_REMATCH[4]:-0}:${BASH_REMATCH[5]}${BASH_REMATCH[7]}"
}
publish_exposed() {
  local port first last
  while read -r port; do
    # no more than a port: an image does not choose those of the host
    [[ $port =~ ^[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp))?$ ]] || die "--publish-all: $port is no port of a container" "leave out --publish-all, or the --expose that names it"
    first=$((10#${port%%[-/]*})) last=${port%/*}
    last=$((10#${last#*-}))
    # each of a range any free one
    for (( ; first <= last; ++first)); do add_port "$first${port#"${port%%/*}"}"; done
  done < <(
    jq -r '.Config.ExposedPorts[]' "$DIRECTORY/image.json"
    for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do [[ ${GIVEN[index]} != expose ]] || printf '%s\n' "${GIVEN[index + 1]}"; done
  )
}

need_network() {
  local name known list
  [[ $1 != ,default ]] || return 0 # made on first use
  known=" $("$TOYRUN" network ls -q | tr '\n' ' ') default "
  one_line network "$1"
  IFS=, read -r -a list <<<"${1#,}"
  for name in "${list[@]}"; do
    [[ $name != *' '* && $known == *" $name "* ]] || die "there is no network $name" "type: toydock network create $name"
  done
}

# ---- names ----------------------------------------------------------------------------------------------------------

# write_names: /etc/hosts of all containers that are in a network, by what toyrun has.
write_names() {
  local network id addresses names one base text files=()
  local -A members=() networks=()
  # locked before it is read, so that nobody writes over this with what is older
  exec 5>>"$ROOT/names-lock"
  flock 5
  while IFS=$'\t' read -r network id _ addresses names _; do
    for one in ${addresses//,/ }; do members[$network]+=$one$'\t'${names//,/ }$'\n'; done
    networks[$id]+=" $network"
  done < <("$TOYRUN" network leases)
  for id in "${!networks[@]}"; do
    # toydock did not make it, or it is being removed
    base='' text=''
    { IFS= read -r -d '' base <"$CONTAINERS/$id/hosts-base"; } 2>/dev/null || [[ -n $base ]] || continue
    for network in ${networks[$id]}; do text+=${members[$network]}; done
    # in place: it is bound into the container, which may hold a lease on it; one that was never started cannot
    if [[ $id == "$ID" && ! -e $DIRECTORY/state ]]; then
      { printf '%s%s' "$base" "$text" >"$DIRECTORY/hosts"; } 2>/dev/null || true
    else
      files+=("$CONTAINERS/$id/hosts" "$base$text")
    fi
  done
  if ((${#files[@]})); then printf '%s\0' "${files[@]}" | "$ATTACH" --write; fi
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
- ip=ADDRESS connect: a fixed address; may be repeated
- ip6=ADDRESS connect: a fixed IPv6 address
- alias=NAME connect: a further name in all its networks; may be repeated
f filter=KEY=VALUE ls: only those with name=, driver=, scope=, type=custom|builtin, dangling=true|false
- format=TEMPLATE ls, inspect: table, json or a template such as {{.Name}}; -f of inspect
- force prune: do not ask; rm: one that is not there is no error; -f of both
q quiet ls: only the names'
USAGE_network='create|ls|inspect|rm|prune [options] [NAME...], network connect|disconnect [options] NAME CONTAINER'
verb_network() {
  need_root
  case ${1:-} in
    inspect) with_letter "$OPTIONS_network" f format ;;
    rm | remove | prune | disconnect) with_letter "$OPTIONS_network" f force ;;
    *) TABLE=$OPTIONS_network ;;
  esac
  parse "$TABLE" "$@"
  at_least 1 'create, ls, inspect, rm, prune, connect or disconnect?'
  local action=${WORDS[0]} name failed=0
  WORDS=("${WORDS[@]:1}")
  [[ $action == ls || $action == list || -z ${OPTION[filter]+given} ]] || die "network $action takes no --filter" 'see: toydock network --help'
  case $action in
    create) create_network ;;
    ls | list) list_networks ;;
    inspect)
      at_least 1 'which network?'
      if [[ -n ${OPTION[format]:-} ]]; then format_networks "${WORDS[@]}"; else network_documents "${WORDS[@]}" | jq -s .; fi
      ;;
    rm | remove)
      at_least 1 'which network?'
      for name in "${WORDS[@]}"; do
        if [[ ${OPTION[force]:-} == true ]] && ! "$TOYRUN" network inspect "$name" &>/dev/null; then continue; fi
        if runtime network rm "$name" >/dev/null; then printf '%s\n' "$name"; else failed=1; fi
      done
      return $failed
      ;;
    prune)
      at_most 0
      confirm 'Remove all networks that no container is in?' || return 0
      while read -r name; do
        if [[ $("$TOYRUN" network inspect "$name" | jq '.containers | length') == 0 ]] && runtime network rm "$name" >/dev/null; then printf '%s\n' "$name"; fi
      done < <("$TOYRUN" network ls -q)
      ;;
    connect | disconnect)
      ((${#WORDS[@]} == 2)) || die "network $action: a network and a container, please" 'see: toydock network --help'
      need_network "${WORDS[0]}"
      need_container "${WORDS[1]}"
      load_settings
      case $network_mode in none | host | container:*) die "$NAME was made with --network $network_mode" "make it again without that: toydock run --network ${WORDS[0]} …" ;; esac
      change_networks "$action" "${WORDS[0]}"
      ;;
    *) die "network: there is no $action" "create, ls, inspect, rm, prune, connect or disconnect" ;;
  esac
}

list_networks() {
  at_most 0
  [[ -z ${OPTION[quiet]:-} || -z ${OPTION[format]:-} ]] || die "--quiet and --format exclude each other"
  given_filters name driver scope type dangling
  if ((${#FILTERS[@]} == 0)) && [[ -z ${OPTION[format]:-} ]]; then
    runtime network ${OPTION[quiet]:+-q} ls
    return
  fi
  local name type dangling names=()
  while read -r name; do
    type=custom dangling=false
    if [[ $name == default ]]; then type=builtin; fi
    if [[ " ${FILTERS[*]}" == *' dangling='* ]]; then
      dangling=$("$TOYRUN" network inspect "$name" | jq '.containers == []')
      [[ $type == custom ]] || dangling=false # nobody wants it removed
    fi
    if matches name "$name" && matches driver bridge && matches scope local && matches type "$type" && matches dangling "$dangling"; then names+=("$name"); fi
  done < <("$TOYRUN" network -q ls)
  if [[ ${OPTION[quiet]:-} != true ]]; then
    format_networks "${names[@]}"
  elif ((${#names[@]})); then
    printf '%s\n' "${names[@]}"
  fi
}

create_network() {
  local options=() index
  at_least 1 'what is the network called?'
  at_most 1
  for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do
    case ${GIVEN[index]} in
      subnet | gateway | mtu | bridge) options+=("--${GIVEN[index]}" "${GIVEN[index + 1]}") ;;
      ipv6 | internal) [[ ${GIVEN[index + 1]} != true ]] || options+=("--${GIVEN[index]}") ;;
      driver) [[ ${GIVEN[index + 1]} == bridge ]] || die "--driver ${GIVEN[index + 1]}: there is only bridge" ;;
    esac
  done
  runtime network "${options[@]}" create "${WORDS[0]}" >/dev/null
  printf '%s\n' "${WORDS[0]}"
}

# network_documents NAME...: in docker's words
network_documents() {
  local name
  for name; do "$TOYRUN" network inspect "$name" || return 1; done |
    jq -c '{Name: .name, Driver: "bridge", Scope: "local", Internal: .internal, EnableIPv6: any(.subnets[]; .subnet | contains(":")), Bridge: .bridge, Mtu: .mtu,
      IPAM: {Config: (.subnets | map({Subnet: .subnet, Gateway: .gateway}))},
      Containers: (.containers | map({key: .id, value: {Name: (.aliases[0] // ""), IPv4Address: (.addresses | map(select(contains(":") | not)) | first // ""),
        IPv6Address: (.addresses | map(select(contains(":"))) | first // "")}}) | from_entries)}'
}
format_networks() {
  # shellcheck source=scripts/lib/toydock/template.sh
  source "$LIBRARY/template.sh"
  network_documents "$@" | show_formatted $'{{.Name}}\t{{.Driver}}\t{{.Scope}}'
}

# change_networks connect|disconnect NETWORK: now, if it runs, and in config.json for the next start.
change_networks() {
  local options=() fixed='' aliases='' index config=$DIRECTORY/bundle/config.json was=''
  for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do
    case ${GIVEN[index]} in
      ip | ip6) options+=(--ip "${GIVEN[index + 1]}") fixed+=,${GIVEN[index + 1]} ;;
      alias) options+=(--alias "${GIVEN[index + 1]}") aliases+=,${GIVEN[index + 1]} ;;
    esac
  done
  need_lock
  if [[ $1 == disconnect ]]; then
    was=$("$TOYRUN" network leases | while IFS=$'\t' read -r network id _ addresses _; do [[ $network != "$2" || $id != "$ID" ]] || printf '%s' "$addresses"; done)
  fi
  config=$(jq -c --arg action "$1" --arg network "$2" --arg fixed "${fixed#,}${was:+$was}" --arg aliases "${aliases#,}" -f "$LIBRARY/connect.jq" "$config" 2>&1) ||
    die "${config#*$'\x01'}"
  if running_pid; then runtime network "${options[@]}" "$1" "$2" "$ID" || exit 1; fi
  replace_file "$DIRECTORY/bundle/config.json" "$config"
  if running_pid; then write_names; fi
  EVENT_TYPE=network tell_event "$1" "name=$2" "container=$NAME"
}
