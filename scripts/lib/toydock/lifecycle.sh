# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# start, stop, restart, kill, pause, unpause, wait, rm, rename.
# shellcheck source=scripts/lib/toydock/monitor.sh
source "$LIBRARY/monitor.sh"

NAMES_USAGE='[options] CONTAINER...'
OPTIONS_start='a attach show its output, and end with its exit code
i interactive pass standard input on, too'
USAGE_start=$NAMES_USAGE
verb_start() {
  need_root
  parse "$OPTIONS_start" "$@"
  at_least 1 'which container?'
  if [[ ${OPTION[attach]:-}${OPTION[interactive]:-} == *true* ]]; then
    ((${#WORDS[@]} == 1)) || die "one container at a time can be attached to"
    need_container "${WORDS[0]}"
    load_settings
    begin attached
    return
  fi
  each_container start_one
}
start_one() {
  if running_pid; then
    printf '%s\n' "$1"
    return
  fi
  begin
  printf '%s\n' "$1"
}
# begin [attached]: a container that does not run
begin() {
  local status=0 options=()
  need_lock
  if [[ $STATUS == restarting ]]; then # now, not when its delay is over
    end_restarts
    read_state
  fi
  if running_pid; then # by now
    (($# == 0)) || die "the container $NAME runs already" "type: toydock attach $NAME"
    return 0
  fi
  STATUS=created RESTARTS=0
  rm -f "$DIRECTORY/stopped" "$DIRECTORY/stopped-for-now"
  end_last_run
  prepare_bundle
  launch
  if (($# == 0)); then
    start_program
    return
  fi
  exec 7<"$DIRECTORY/code"
  if [[ ${OPTION[interactive]:-} == true && $interactive == true ]]; then options=(--stdin); fi
  start_program attached "${options[@]}" || status=$?
  ((status != 3)) || return 0
  finish_foreground
}

OPTIONS_stop='t time=SECONDS how long to wait before SIGKILL
- timeout=SECONDS the same as --time
s signal=SIGNAL the signal'
USAGE_stop=$NAMES_USAGE
verb_stop() {
  need_root
  parse "$OPTIONS_stop" "$@"
  at_least 1 'which container?'
  each_container stop_and_tell
}
stop_and_tell() {
  stop_one
  printf '%s\n' "$1"
}
stop_one() {
  local patience=${OPTION[timeout]:-${OPTION[time]:-$stop_timeout}}
  [[ $patience =~ ^(-?)([0-9]{1,9})$ ]] || die "--time $patience: whole seconds, please"
  patience=${BASH_REMATCH[1]}$((10#${BASH_REMATCH[2]})) # 08 is no octal number
  mark "$DIRECTORY/stopped"                             # so that no policy starts it again
  if [[ $STATUS == restarting ]]; then
    end_restarts
    read_state
  fi
  running_pid || return 0
  if [[ $STATUS == paused ]]; then runtime resume "$ID"; fi
  runtime kill "$ID" "${OPTION[signal]:-$stop_signal}" 2>/dev/null || true
  if ((patience < 0)); then
    wait_for_end
  elif ! wait_for_end "$patience"; then
    runtime kill "$ID" KILL 2>/dev/null || true
    wait_for_end 10 || true
  fi
  end_without_monitor
  tell_event stop "name=$NAME"
}

# end_without_monitor: where conmon was killed nobody notes the end.
end_without_monitor() {
  [[ -d $DIRECTORY ]] || return 0
  read_state
  running_pid || return 0
  monitor_pid && return 0
  if "$TOYRUN" kill "$ID" KILL 2>/dev/null; then "$TOYRUN" wait "$ID" >/dev/null 2>&1 || true; fi
  clean_up_after_end
}

OPTIONS_restart=$OPTIONS_stop
USAGE_restart=$NAMES_USAGE
verb_restart() {
  need_root
  parse "$OPTIONS_restart" "$@"
  at_least 1 'which container?'
  each_container restart_one
}
restart_one() {
  [[ $auto_remove != true ]] || die "$NAME was made with --rm: it would be gone" "type: toydock run again"
  stop_one
  read_state
  begin
  printf '%s\n' "$1"
}

OPTIONS_kill='s signal=SIGNAL the signal, by name or number (KILL)'
USAGE_kill=$NAMES_USAGE
verb_kill() {
  need_root
  parse "$OPTIONS_kill" "$@"
  at_least 1 'which container?'
  each_container kill_one
}
kill_one() {
  local signal=${OPTION[signal]:-KILL}
  need_running
  case ${signal#SIG} in KILL | 9) mark "$DIRECTORY/stopped" ;; esac
  runtime kill "$ID" "$signal" || exit 1
  tell_event kill "name=$NAME" "signal=$signal"
  case ${signal#SIG} in
    KILL | 9)
      wait_for_end 10 || true
      end_without_monitor
      ;;
  esac
  printf '%s\n' "$1"
}

OPTIONS_pause=''
USAGE_pause='CONTAINER...'
verb_pause() {
  need_root
  parse "$OPTIONS_pause" "$@"
  at_least 1 'which container?'
  each_container pause_one
}
pause_one() {
  need_running
  [[ $STATUS != paused ]] || die "the container $NAME is paused already" "type: toydock unpause $NAME"
  runtime pause "$ID" || exit 1
  (write_state paused 0 "$PID") || {
    runtime resume "$ID"
    exit 1
  }
  tell_event pause "name=$NAME"
  printf '%s\n' "$1"
}
OPTIONS_unpause=''
USAGE_unpause='CONTAINER...'
verb_unpause() {
  need_root
  parse "$OPTIONS_unpause" "$@"
  at_least 1 'which container?'
  each_container unpause_one
}
unpause_one() {
  [[ $STATUS == paused ]] || die "the container $NAME is not paused ($STATUS)"
  runtime resume "$ID" || exit 1
  write_state running 0 "$PID"
  tell_event unpause "name=$NAME"
  printf '%s\n' "$1"
}

OPTIONS_wait=''
USAGE_wait='CONTAINER...'
verb_wait() {
  need_root
  parse "$OPTIONS_wait" "$@"
  at_least 1 'which container?'
  each_container wait_one
}
wait_one() {
  local code
  if running_pid || [[ $STATUS == restarting ]]; then
    # opened before the end: with --rm the file is gone after it
    exec 7<"$DIRECTORY/code"
    if monitor_pid; then
      wait_for_end
    else
      "$TOYRUN" wait "$ID" >/dev/null
      end_without_monitor
    fi
    read -r code <&7 || true
    CODE=${code:-255}
  fi
  printf '%s\n' "$CODE"
}

OPTIONS_rm='f force kill it first if it runs; one that is not there is fine
v volumes also its anonymous volumes'
USAGE_rm=$NAMES_USAGE
verb_rm() {
  need_root
  parse "$OPTIONS_rm" "$@"
  at_least 1 'which container?'
  local word failed=0
  sweep
  if [[ ${OPTION[volumes]:-} == true ]]; then WITH_VOLUMES=1; fi
  for word in "${WORDS[@]}"; do (remove_one "$word") || failed=1; done
  return $failed
}
remove_one() {
  if ! find_container "$1"; then
    [[ ${OPTION[force]:-} == true ]] || die "no container is called $1" "see: toydock ps -a"
    return 0
  fi
  if [[ ! -s $DIRECTORY/settings ]]; then
    ! is_being_made "$DIRECTORY" || die "$1 is being made at this moment"
    [[ ! -e $DIRECTORY/state || ${OPTION[force]:-} == true ]] || die "the files of the container $1 are damaged, and perhaps it runs" "type: toydock rm -f $1"
    remove_unfinished "$ID"
    return
  fi
  load_settings
  lock_container || [[ ${OPTION[force]:-} == true ]] || die "the container $NAME is being started, stopped or copied by someone else" "type: toydock rm -f $NAME"
  if running_pid || [[ $STATUS == restarting ]]; then
    [[ ${OPTION[force]:-} == true ]] || die "the container $NAME runs" "type: toydock rm -f $NAME, or stop it first"
    { : >"$DIRECTORY/stopped"; } 2>/dev/null || true
    end_restarts
    if [[ $STATUS == paused ]]; then "$TOYRUN" resume "$ID" 2>/dev/null || true; fi
    runtime kill --all "$ID" KILL 2>/dev/null || true
    wait_for_end 10 || true
    end_without_monitor
  fi
  if [[ -d $DIRECTORY ]]; then remove_container; fi
  printf '%s\n' "$1"
}

OPTIONS_rename=''
USAGE_rename='CONTAINER NAME'
verb_rename() {
  need_root
  parse "$OPTIONS_rename" "$@"
  ((${#WORDS[@]} == 2)) || die 'rename: a container and its new name, please' 'see: toydock rename --help'
  need_container "${WORDS[0]}"
  load_settings
  need_lock
  load_settings
  reserve_name "${WORDS[1]}" "$ID" || name_is_taken "${WORDS[1]}"
  replace_file "$DIRECTORY/name" "${WORDS[1]}"
  replace_file "$DIRECTORY/container.json" "$(jq -c --arg name "/${WORDS[1]}" '.Name = $name' "$DIRECTORY/container.json")"
  # its name in its networks, from the next start on
  replace_file "$DIRECTORY/bundle/config.json" "$(jq -c --arg name "${WORDS[1]}" --arg before "$NAME" '
    if .annotations["org.toyrun.network.aliases"] then .annotations["org.toyrun.network.aliases"] |= ([split(",")[] | if . == $before then $name else . end] | join(",")) else . end' "$DIRECTORY/bundle/config.json")"
  free_name "$NAME" "$DIRECTORY"
  tell_event rename "name=${WORDS[1]}" "oldName=$NAME"
}
