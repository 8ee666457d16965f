# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# system df|prune|start|stop, info, version.
# shellcheck source=scripts/lib/toydock/monitor.sh
source "$LIBRARY/monitor.sh"

OPTIONS_system='f force do not ask
- volumes also volumes without a name of their own that nobody uses
a all accepted'
USAGE_system='df|prune|start|stop [options]'
verb_system() {
  need_root
  parse "$OPTIONS_system" "$@"
  at_least 1 'df, prune, start or stop?'
  at_most 1
  make_root
  case ${WORDS[0]} in
    df) show_usage ;;
    prune) prune ;;
    start) each_known start_again ;;
    stop) each_known stop_for_now ;;
    *) die "system: there is no ${WORDS[0]}" "df, prune, start or stop" ;;
  esac
}

show_usage() {
  local count
  printf '%-14s %8s %10s\n' TYPE COUNT SIZE
  count=("$CONTAINERS"/*/settings)
  printf '%-14s %8s %10s\n' Images "$("$TOYIMG" images -q | wc -l)" "$(size_of "${TOYIMG_STORE:-/var/lib/toyimg}")"
  printf '%-14s %8s %10s\n' Containers "$(find "$CONTAINERS" -mindepth 2 -maxdepth 2 -name settings | wc -l)" "$(size_of "$CONTAINERS")"
  printf '%-14s %8s %10s\n' Volumes "$(find "$VOLUMES" -mindepth 1 -maxdepth 1 | wc -l)" "$(size_of "$VOLUMES")"
}
size_of() {
  local size
  size=$(du -shx -- "$1" 2>/dev/null) || size='0'
  printf '%s' "${size%%[[:space:]]*}"
}

prune() {
  local directory
  confirm 'Remove all stopped containers?' || return 0
  sweep
  for directory in "$CONTAINERS"/*/; do
    directory=${directory%/}
    [[ -d $directory ]] || continue
    if [[ -z $(ls -A "$directory") ]]; then
      rmdir "$directory" || true
      continue
    fi
    (
      find_container "${directory##*/}" || exit 0
      [[ -s $DIRECTORY/settings ]] || exit 0 # it is being made
      load_settings
      lock_container 0 || exit 0
      running_pid || [[ $STATUS == restarting ]] && exit 0
      remove_container
      printf '%s\n' "$ID"
    )
  done
  flock "$NAMES" find "$NAMES" -xtype l -delete # names of containers that are gone
  if [[ -e $EVENTS && $(stat -c %s "$EVENTS") -gt 1048576 ]]; then replace_file "$EVENTS" "$(tail -n 1000 "$EVENTS")"; fi
  if [[ ${OPTION[volumes]:-} == true ]]; then
    # shellcheck source=scripts/lib/toydock/volumes.sh
    source "$LIBRARY/volumes.sh"
    OPTION[force]=true # asked above
    prune_volumes
  fi
}

# each_known FUNCTION: for all containers that are whole, all at once, for a stop may take ten seconds; the exit status tells of the failures.
each_known() {
  local directory failed=0 pid pids=()
  # shellcheck source=scripts/lib/toydock/lifecycle.sh
  source "$LIBRARY/lifecycle.sh"
  sweep
  for directory in "$CONTAINERS"/*/settings; do
    (
      find_container "$(basename "${directory%/settings}")" || exit 0
      load_settings
      "$1"
    ) &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  return $failed
}
# start_again: what its restart policy wants to run after the machine, or `system stop`, has ended it.
start_again() {
  ! running_pid || return 0
  if [[ -e $DIRECTORY/stopped-for-now ]]; then rm -f "$DIRECTORY/stopped"; fi
  [[ $restart_policy == always ]] || { [[ $STATUS != created ]] && wants_restart "$CODE"; } || return 0
  begin
  printf '%s\n' "$NAME"
}
stop_for_now() {
  running_pid || [[ $STATUS == restarting ]] || return 0
  mark "$DIRECTORY/stopped-for-now"
  stop_one
  printf '%s\n' "$NAME"
}

OPTIONS_info='' USAGE_info=''
verb_info() {
  parse "$OPTIONS_info" "$@"
  at_most 0
  local cgroups=v2
  [[ -e /sys/fs/cgroup/cgroup.controllers ]] || cgroups='v1 or hybrid'
  printf 'toydock: %s, its parts in %s\n' "$TOYDOCK" "$LIBRARY"
  printf 'state: %s\nimages: %s\n' "$ROOT" "${TOYIMG_STORE:-/var/lib/toyimg}"
  printf 'runtime: %s (%s)\n' "$TOYRUN" "$("$TOYRUN" --version | head -1)"
  printf 'image tool: %s (%s)\n' "$TOYIMG" "$("$TOYIMG" --version | head -1)"
  printf 'monitor: %s (%s)\n' "$(type -P conmon || echo 'conmon is missing: apt-get install conmon')" "$(conmon --version 2>/dev/null | head -1)"
  printf 'kernel: %s, cgroups: %s, processors: %s\n' "$(</proc/sys/kernel/osrelease)" "$cgroups" "$(nproc)"
  if ((EUID == 0)) && [[ -d $CONTAINERS ]]; then printf 'containers: %s\n' "$(find "$CONTAINERS" -mindepth 2 -maxdepth 2 -name settings | wc -l)"; fi
}

OPTIONS_version='' USAGE_version=''
verb_version() {
  parse "$OPTIONS_version" "$@"
  at_most 0
  local version
  version=$("$TOYRUN" --version) || die "toyrun cannot be run" "TOYRUN names it; it is built in build/runtime"
  version=${version%%$'\n'*}
  printf 'toydock version %s\n' "${version##* }"
  printf '%s\n' "$version"
  version=$("$TOYIMG" --version)
  printf '%s\n' "${version%%$'\n'*}"
}
