# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# update: limits, at once by toyrun and for the next start in config.json.
# shellcheck source=scripts/lib/toydock/monitor.sh
source "$LIBRARY/monitor.sh"

OPTIONS_update='m memory=SIZE most memory
- memory-swap=SIZE most memory and swap together, -1 for any
- memory-reservation=SIZE memory that is left alone when it is short
- cpus=NUMBER cores to use
c cpu-shares=NUMBER share of the processors
- cpu-period=MICROSECONDS period of the quota
- cpu-quota=MICROSECONDS processor time in a period
- cpuset-cpus=LIST processors to use
- cpuset-mems=LIST memory nodes to use
- pids-limit=NUMBER most processes
- restart=POLICY no, on-failure[:TIMES], always, unless-stopped'
USAGE_update='[options] CONTAINER...'
verb_update() {
  need_root
  parse "$OPTIONS_update" "$@"
  at_least 1 'which container?'
  ((${#GIVEN[@]})) || die "update: what is to change?" "see: toydock update --help"
  each_container update_one
}
update_one() {
  local resources
  need_lock
  if [[ -n ${OPTION[restart]:-} ]]; then check_restart "${OPTION[restart]}"; fi
  if ! resources=$(jq -L "$LIBRARY" -c -f "$LIBRARY/update.jq" "$DIRECTORY/bundle/config.json" --args -- "${GIVEN[@]}" 2>&1); then
    [[ $resources == *$'\x01'* ]] || die "update: $resources"
    resources=${resources#*$'\x01'}
    die "${resources%%$'\x01'*}" "$([[ $resources != *$'\x01'* ]] || printf '%s' "${resources#*$'\x01'}")"
  fi
  if running_pid; then
    show "$TOYRUN" update --resources - "$ID"
    jq -c 'del(.devices)' <<<"$resources" | "$TOYRUN" update --resources - "$ID" || exit 1
  fi
  replace_file "$DIRECTORY/bundle/config.json" "$(jq -c --argjson resources "$resources" '.linux.resources = $resources' "$DIRECTORY/bundle/config.json")"
  replace_file "$DIRECTORY/container.json" "$(jq -c --argjson resources "$resources" --arg restart "${OPTION[restart]:-}" '
    .HostConfig.Memory = ([$resources.memory.limit // 0, 0] | max) | .HostConfig.MemorySwap = ($resources.memory.swap // 0)
    | .HostConfig.CpuShares = ($resources.cpu.shares // 0) | .HostConfig.CpusetCpus = ($resources.cpu.cpus // "") | .HostConfig.PidsLimit = ($resources.pids.limit // 0)
    | if $resources.cpu.quota then .HostConfig.NanoCpus = ([$resources.cpu.quota, 0] | max) / ($resources.cpu.period // 100000) * 1e9 else . end
    | if $restart != "" then .HostConfig.RestartPolicy.Name = ($restart | split(":")[0]) else . end' "$DIRECTORY/container.json")"
  if [[ -n ${OPTION[restart]:-} ]]; then update_restart "${OPTION[restart]}"; fi
  tell_event update "name=$NAME"
  printf '%s\n' "$1"
}
check_restart() {
  [[ $1 =~ ^(no|always|unless-stopped|on-failure)(:([0-9]{1,9}))?$ ]] || die "--restart $1 is not known" "use no, on-failure[:TIMES], always or unless-stopped"
}
update_restart() {
  check_restart "$1"
  local policy=${BASH_REMATCH[1]} most=$((10#${BASH_REMATCH[3]:-0})) before=$restart_policy
  replace_file "$DIRECTORY/settings" "$(grep -v '^restart_' "$DIRECTORY/settings")
restart_policy=$policy
restart_most=$most"
  if [[ $before == no && $policy != no ]] && running_pid; then begin_supervision; fi
}
