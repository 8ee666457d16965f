# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Health checks (sourced by monitor.sh): one check, and who asks for it each interval: a timer of systemd where that is PID 1,
# else a loop of the container's own. The file `health` has a line of JSON for inspect, the uptime at the start of the program
# in hundredths of a second (for the clock may be set meanwhile), and the last checks, one a line.

KEPT_CHECKS=5 # as docker keeps

OPTIONS_healthcheck=''
USAGE_healthcheck='run CONTAINER...'
verb_healthcheck() {
  need_root
  parse "$OPTIONS_healthcheck" "$@"
  at_least 2 'run, and which container?'
  [[ ${WORDS[0]} == run ]] || die "healthcheck: there is no ${WORDS[0]}" "type: toydock healthcheck run CONTAINER"
  WORDS=("${WORDS[@]:1}")
  each_container check_now
}
check_now() {
  need_running
  ((${#health_words[@]})) || die "the container $NAME has no health check" "it is made with toydock run --health-cmd COMMAND"
  [[ $STATUS != paused ]] || die "the container $NAME is paused" "type: toydock unpause $NAME"
  check_health || {
    printf '%s\n' unhealthy
    exit 1
  }
}

# ---- who asks -----------------------------------------------------------------------------------------------------

# begin_health: of the run that begins, whose program is PID
begin_health() {
  local uptime
  ((${#health_words[@]})) || return 0
  read -r uptime _ </proc/uptime
  write_health starting 0 "${uptime/./}"
  begin_timer || in_background _health
}

# begin_timer: fails where a loop has to ask. A systemd outside of our namespaces would not find the container.
begin_timer() {
  local unit=toydock-$ID-health-$PID accuracy=100ms name words command
  [[ -d /run/systemd/system && /proc/1/ns/mnt -ef /proc/self/ns/mnt && /proc/1/ns/pid -ef /proc/self/ns/pid ]] || return 1
  [[ $health_interval != [0-9][0-9]* ]] || accuracy=1s
  command=(systemd-run --quiet --collect --unit "$unit" --description "health check of $NAME" --on-active "${health_interval}s" --on-unit-inactive "${health_interval}s"
    --timer-property AccuracySec="$accuracy" --property LogLevelMax=notice --property IgnoreSIGPIPE=no --property TimeoutStopSec=5s)
  for name in PATH TOY_BUILD TOYDOCK_ROOT TOYDOCK_LIBRARY TOYRUN TOYRUN_ATTACH TOYIMG TOYIMG_STORE; do
    [[ -z ${!name:-} ]] || command+=(--setenv "$name=${!name}")
  done
  command+=("$TOYDOCK" _check "$ID" "$PID")
  show "${command[@]}"
  printf '%s\n' "$unit" >"$DIRECTORY/timer"
  if words=$("${command[@]}" 2>&1 8>&-); then return 0; fi
  rm -f "$DIRECTORY/timer"
  note "systemd makes no timer for the health checks of $NAME (${words%%$'\n'*}): a process of their own asks"
  return 1
}
# end_health: the loop ends by itself.
end_health() {
  local unit=
  { read -r unit <"$DIRECTORY/timer"; } 2>/dev/null || return 0
  step systemctl stop "$unit.timer" 2>/dev/null || true
  rm -f "$DIRECTORY/timer"
}

# _check ID PID: what the timer starts. Whatever became of the container: a timer without one ends.
verb__check() {
  if find_container "$1" && running_pid && ((PID == $2)); then
    load_settings
    check_health || true
  else
    systemctl stop "toydock-$1-health-$2.timer" || true
  fi
}

# _health ID: asks every interval; `toyrun wait` ends it together with the container.
verb__health() {
  ID=$1 DIRECTORY=$CONTAINERS/$1
  local waiter pause run
  load_settings
  read_state
  run=$PID
  "$TOYRUN" wait "$ID" >/dev/null 2>&1 &
  waiter=$!
  while :; do
    sleep "$health_interval" &
    pause=$!
    wait -n "$waiter" $pause || true
    kill "$pause" 2>/dev/null || true
    kill -0 "$waiter" 2>/dev/null || exit 0
    read_state
    running_pid && ((PID == run)) || exit 0
    (check_health) || true
  done
}

# ---- one check ----------------------------------------------------------------------------------------------------

# check_health: fails when the check did. A check that is too late, of a container that is paused or gone, does not count.
check_health() {
  local began code output
  exec 9>>"$DIRECTORY/health-lock"
  flock 9
  read_state
  [[ $STATUS == running ]] || return 0
  now
  began=$NOW
  run_check
  read_state
  [[ $STATUS == running && -e /proc/$PID/exe ]] || return 0
  note_check
  exec 9>&-
  ((code == 0))
}

# run_check: code and output, as docker has them.
run_check() {
  local pipe reader check clock ended=''
  rm -f "$DIRECTORY/check-pid"
  # A child that the check leaves behind keeps the pipe open: the reader is not waited for, so dd, which holds nothing back.
  # shellcheck disable=SC2016
  exec {pipe}> >(exec timeout "$health_timeout" sh -c 'dd bs=1 count=4096 status=none; exec cat >/dev/null' >"$DIRECTORY/check-output" 8>&- 9>&-)
  reader=$!
  "$TOYRUN" exec --pid-file "$DIRECTORY/check-pid" "$ID" "${health_words[@]}" </dev/null >&$pipe 2>&1 8>&- 9>&- {pipe}>&- &
  check=$!
  exec {pipe}>&-
  sleep "$health_timeout" 8>&- 9>&- &
  clock=$!
  code=0
  wait -n -p ended "$check" $clock || code=$?
  if [[ $ended == "$check" ]]; then
    kill $clock 2>/dev/null || true
    "$ATTACH" --wait $reader 1 || kill $reader 2>/dev/null || true
    read_output
    return
  fi
  kill_check "$check"
  kill $reader 2>/dev/null || true
  read_output
  code=-1 output="Health check exceeded timeout (${health_timeout}s)${output:+: $output}"
}
read_output() { # with its last line break, which $() takes away
  output=$(tr -d '\0' <"$DIRECTORY/check-output" && printf .)
  output=${output%.}
}
# kill_check PID: of the toyrun whose child it is
kill_check() {
  local pid='' words
  { read -r pid <"$DIRECTORY/check-pid"; } 2>/dev/null || true
  if [[ -n $pid ]] && words=$(<"/proc/$pid/status") && [[ $words == *$'\nPPid:\t'"$1"$'\n'* ]]; then kill -KILL "$pid"; fi 2>/dev/null
  "$ATTACH" --wait "$1" 2 || kill -KILL "$1" 2>/dev/null || true
}

# note_check: in the file `health`, as docker's daemon/health.go decides it: failures of one that is still starting do not count
# in the start period.
note_check() {
  local lines=() before=starting streak=0 status uptime period
  { mapfile -t lines <"$DIRECTORY/health"; } 2>/dev/null || return 0 # --rm, this very moment
  [[ ${lines[0]:-} =~ ^\{\"Status\":\"([a-z]+)\",\"FailingStreak\":([0-9]+) ]] && before=${BASH_REMATCH[1]} streak=${BASH_REMATCH[2]}
  status=$before
  if ((code == 0)); then
    status=healthy streak=0
  else
    read -r uptime _ </proc/uptime
    LC_ALL=C printf -v period '%.0f' "${health_start_period}e2"
    if [[ $before != starting ]] || ((10#${uptime/./} - 10#${lines[1]:-0} >= period)); then streak=$((streak + 1)); fi
    if ((streak >= health_retries)); then status=unhealthy; fi
  fi
  now
  json_string "$output"
  lines+=("{\"Start\":\"$began\",\"End\":\"$NOW\",\"ExitCode\":$code,\"Output\":$JSON}")
  if ((${#lines[@]} > KEPT_CHECKS + 2)); then lines=("${lines[@]:0:2}" "${lines[@]: -KEPT_CHECKS}"); fi
  write_health "$status" "$streak" "${lines[@]:1}"
  [[ $before == "$status" ]] || tell_event "health_status: $status" "name=$NAME"
}

# write_health STATUS STREAK UPTIME CHECK...
write_health() {
  local log IFS=,
  log="${*:4}"
  IFS=$'\n'
  replace_file "$DIRECTORY/health" "{\"Status\":\"$1\",\"FailingStreak\":$2,\"Log\":[$log]}"$'\n'"${*:3}"
}
