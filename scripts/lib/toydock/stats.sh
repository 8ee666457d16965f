# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# stats and events.
# shellcheck source=scripts/lib/toydock/template.sh
source "$LIBRARY/template.sh"

OPTIONS_stats='- no-stream print once
- format=TEMPLATE table, json or a template such as {{.CPUPerc}}
a all accepted: what does not run uses nothing
- no-trunc whole ids'
USAGE_stats='[options] [CONTAINER...]'
verb_stats() {
  need_root
  parse "$OPTIONS_stats" "$@"
  make_root
  local before after rows
  before=$(sample)
  while :; do
    # the distance of the two samples: a processor's share needs time to be measured in
    read -r -t 1 -u "$SILENCE" || true
    after=$(sample)
    rows=$(show_usage "$before" "$after")
    if [[ -t 1 && ${OPTION["no-stream"]:-} != true ]]; then printf '\e[H\e[J'; fi
    printf '%s\n' "$rows"
    [[ ${OPTION["no-stream"]:-} != true ]] || return 0
    before=$after
  done
}
# nothing ever comes out of this; to read it is to wait without a process
exec {SILENCE}<> <(:)

# sample: of each container that runs one line: its id, name, the time and toyrun's statistics
sample() {
  local word DIRECTORY ID NAME
  if ((${#WORDS[@]})); then
    for word in "${WORDS[@]}"; do
      need_container "$word"
      load_settings
      need_running
      sample_one
    done
  else
    for DIRECTORY in "$CONTAINERS"/*/; do
      DIRECTORY=${DIRECTORY%/} ID=${DIRECTORY##*/}
      ID=${ID%/}
      [[ -s $DIRECTORY/settings ]] || continue
      settle
      read_state
      running_pid || continue
      load_settings
      sample_one
    done
  fi
}
sample_one() {
  local statistics received=0 sent=0
  statistics=$("$TOYRUN" events --stats "$ID" 2>/dev/null) || return 0
  count_traffic
  printf '{"id":"%s","name":"%s","time":%s,"received":%s,"sent":%s,"stats":%s}\n' "$ID" "$NAME" "${EPOCHREALTIME/,/.}" "$received" "$sent" "$statistics"
}
# count_traffic: bytes of all the container's network devices but the loopback; those of the host are not its own
count_traffic() {
  local words
  [[ $network_mode != host ]] || return 0
  while read -r -a words; do
    [[ ${words[0]} == *: && ${words[0]} != lo: ]] || continue
    received=$((received + words[1])) sent=$((sent + words[9]))
  done <"/proc/$PID/net/dev"
}

show_usage() {
  printf '%s\n%s\n' "$1" "$2" | jq -c -n --argjson whole "${OPTION["no-trunc"]:-false}" '
    def size: if . >= 1073741824 then "\(. / 1073741824 * 100 | floor / 100)GiB" elif . >= 1048576 then "\(. / 1048576 * 10 | floor / 10)MiB" elif . >= 1024 then "\(. / 1024 * 10 | floor / 10)KiB" else "\(.)B" end;
    def percent: "\(. * 100 | round / 100)%";
    [inputs] | group_by(.id)[] | select(length == 2) | sort_by(.time) as [$before, $after]
    | $after.stats.data as $now | ($after.time - $before.time) as $seconds
    | ($now.memory.usage.usage // 0) as $used | ($now.memory.usage.limit // 0) as $limit
    | ([$now.blkio.ioServiceBytesRecursive[]? | select(.op | ascii_downcase == "read") | .value] | add // 0) as $read
    | ([$now.blkio.ioServiceBytesRecursive[]? | select(.op | ascii_downcase == "write") | .value] | add // 0) as $written
    | {ID: (if $whole then .[0].id else .[0].id[:12] end), Container: .[0].id[:12], Name: $after.name,
       CPUPerc: ((($now.cpu.usage.total // 0) - ($before.stats.data.cpu.usage.total // 0)) / ($seconds * 1e9) * 100 | percent),
       MemUsage: "\($used | size) / \(if $limit > 1e15 or $limit == 0 then "max" else $limit | size end)",
       MemPerc: (if $limit > 1e15 or $limit == 0 then "--" else $used / $limit * 100 | percent end),
       NetIO: "\($after.received | size) / \($after.sent | size)", BlockIO: "\($read | size) / \($written | size)", PIDs: ($now.pids.current // 0)}' |
    show_formatted $'{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}'
}

OPTIONS_events='- since=TIME from this time on: a time, or 10m for ten minutes ago
- until=TIME until this time; without it new events are waited for
f filter=KEY=VALUE container=, event=, type=
- format=TEMPLATE json or a template such as {{.Action}}'
USAGE_events='[options]'
verb_events() {
  need_root
  parse "$OPTIONS_events" "$@"
  at_most 0
  make_root
  # shellcheck source=scripts/lib/toydock/logs.sh
  source "$LIBRARY/logs.sh"
  local since='' until='' options=(-n 0 -F) index filters=() program
  if [[ -n ${OPTION[since]:-} ]]; then
    moment "${OPTION[since]}" && since=$MOMENT
    options=(-n +1 -F)
  fi
  if [[ -n ${OPTION[until]:-} ]]; then
    moment "${OPTION[until]}" && until=$MOMENT
    if [[ $until > $(TZ=UTC0 date +%Y-%m-%dT%H:%M:%S.%N) ]]; then die "--until lies in the future" "leave it out and end with Ctrl-C"; fi
    options=(-n +1)
  fi
  for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do
    if [[ ${GIVEN[index]} == filter ]]; then
      [[ ${GIVEN[index + 1]} =~ ^(container|event|type)= ]] || die "--filter ${GIVEN[index + 1]} is not known" "container=, event=, type="
      filters+=("${GIVEN[index + 1]}")
    fi
  done
  program='"\(.time) \(.Type) \(.Action | shown) \(.id[:12])\(del(.time, .Type, .Action, .id) | to_entries | map(" \(.key)=\(.value | shown)") | join(","))"'
  case ${OPTION[format]:-} in
    '') ;;
    json) program=tojson ;;
    *)
      template_program "${OPTION[format]}"
      program=$PROGRAM
      ;;
  esac
  touch "$EVENTS"
  tail "${options[@]}" "$EVENTS" 2>/dev/null | jq -r --unbuffered --arg since "$since" --arg until "$until" "$TEXT_FUNCTIONS"'
    select(($since == "" or .time >= $since) and ($until == "" or .time <= $until))
    | select(. as $event | [$ARGS.positional[] | index("=") as $at | [.[:$at], .[$at + 1:]]] | group_by(.[0]) | all(.[]; any(.[]; . as [$key, $value]
        | ({container: [$event.id, $event.name, $event.id[:12]], event: [$event.Action], type: [$event.Type]}[$key] // []) | index($value) != null))) | '"$program" --args -- "${filters[@]}"
}
