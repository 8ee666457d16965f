# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# exec, attach, top: in a running container.
# shellcheck source=scripts/lib/toydock/monitor.sh
source "$LIBRARY/monitor.sh"

OPTIONS_exec='i interactive keep standard input open
t tty give the command a terminal
d detach in the background
e env=NAME=VALUE set a variable
- env-file=FILE set the variables in a file
u user=USER[:GROUP] run as this user, by name or number
w workdir=DIR working directory
- privileged all capabilities'
USAGE_exec='[options] CONTAINER COMMAND [ARGUMENT...]'
verb_exec() {
  need_root
  STOP_AT_WORD=1 parse "$OPTIONS_exec" "$@"
  at_least 2 'which container, and which command?'
  need_container "${WORDS[0]}"
  load_settings
  need_running
  [[ $STATUS != paused ]] || die "the container $NAME is paused" "type: toydock unpause $NAME"
  local log=$DIRECTORY/exec-log.$$ process=$DIRECTORY/exec-process.$$ command capability VARIABLES=() CAPABILITIES=()
  command=("$TOYRUN" --log "$log" exec)
  exec_variables
  if [[ ${OPTION[privileged]:-} == true ]]; then exec_capabilities; fi
  if [[ ${OPTION[detach]:-} == true ]]; then command+=(--detach); fi
  if [[ -n ${OPTION[user]:-} || -n ${OPTION[env]+given}${OPTION["env-file"]+given} ]]; then
    write_process "${OPTION[user]:-}"
    command+=(--process "$process" "$ID")
  else
    if [[ ${OPTION[tty]:-} == true ]]; then command+=(--tty); fi
    for capability in "${CAPABILITIES[@]}"; do command+=(--cap "$capability"); done
    if [[ -n ${OPTION[workdir]:-} ]]; then command+=(--cwd "${OPTION[workdir]}"); fi
    command+=("$ID" "${WORDS[@]:1}")
  fi
  show "${command[@]}"
  tell_event "exec_start: ${WORDS[*]:1}" "name=$NAME"
  if [[ ${OPTION[detach]:-} == true ]]; then
    run_exec </dev/null >/dev/null
  elif [[ ${OPTION[interactive]:-} == true || ${OPTION[tty]:-} == true ]]; then
    run_exec
  else
    run_exec </dev/null
  fi
}

# run_exec: toyrun ends with 255 when the command was not started; its log tells docker's 126 from 127.
run_exec() {
  local status=0 said=
  "${command[@]}" || status=$?
  if [[ -s $log ]]; then said=$(<"$log"); fi
  rm -f "$log" "$process"
  if ((status == 255)) && [[ -n $said ]]; then
    status=126
    case $said in *'not found'* | *'no such file'*) status=127 ;; esac
  fi
  exit $status
}

exec_variables() {
  local index
  if [[ ${OPTION[tty]:-} == true ]]; then
    [[ -t 0 || ${OPTION[detach]:-} == true || ${OPTION[interactive]:-} != true ]] || die "the input is not a terminal, which -t needs" "leave out -t, or run it in a terminal"
    VARIABLES+=("TERM=${TERM:-xterm}")
  fi
  for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do
    case ${GIVEN[index]} in
      env) exec_variable "${GIVEN[index + 1]}" ;;
      env-file)
        each_setting "${GIVEN[index + 1]}" exec_variable
        ;;
    esac
  done
}
exec_variable() {
  [[ -n ${1%%=*} ]] || die "--env $1: a variable needs a name" "example: --env COLOUR=blue"
  if [[ $1 == *=* ]]; then VARIABLES+=("$1"); elif value_here "$1"; then VARIABLES+=("$1=$VALUE"); fi
}

# write_process [USER[:GROUP]]: the whole process, because toyrun exec --user keeps the groups of the container's own, and every user can read
# the variables of a command line.
write_process() {
  local ids=''
  if [[ -n $1 ]]; then ids=$(images user "/proc/$PID/root" "$1" 2>&1) || die "--user $1: ${ids#toyimg: }"; fi
  json_strings "${VARIABLES[@]}" "${WORDS[@]:1}"
  jq -c --arg ids "$ids" --arg directory "${OPTION[workdir]:-}" --argjson terminal "${OPTION[tty]:-false}" --argjson variables "${#VARIABLES[@]}" --arg capabilities "${CAPABILITIES[*]}" \
    --slurpfile config "$DIRECTORY/bundle/config.json" '
    . as $words | ($ids | split(" ")) as $ids | $config[0].process | .args = $words[$variables:] | .terminal = $terminal | del(.consoleSize)
    | if $directory != "" then .cwd = $directory else . end
    | if $ids == [] then . else
        .user = {uid: ($ids[0] | tonumber), gid: ($ids[1] | tonumber), additionalGids: ($ids[2] | split(",") | map(select(. != "") | tonumber))}
        | .env = (.env | map(select(startswith("HOME=") | not))) + ["HOME=" + ($ids[3:] | join(" "))] end
    | ($capabilities | split(" ")) as $capabilities
    | if $capabilities == [] then . else reduce ("bounding", "permitted", "effective") as $set (.; .capabilities[$set] = ((.capabilities[$set] // []) + $capabilities | unique)) end
    | .env += $words[:$variables]' >"$process" <<<"$JSON" || die "cannot write $process" "is the disk full? see: df -h $ROOT"
}
exec_capabilities() {
  PAIRS=()
  # shellcheck source=scripts/lib/toydock/run.sh
  source "$LIBRARY/run.sh"
  add_host_capabilities
  for capability in "${PAIRS[@]}"; do [[ $capability == host-capability ]] || CAPABILITIES+=("$capability"); done
}

OPTIONS_attach='- no-stdin only show the output
- sig-proxy pass signals on to the program (true)'
USAGE_attach='[options] CONTAINER'
verb_attach() {
  need_root
  parse "$OPTIONS_attach" "$@"
  at_least 1 'which container?'
  at_most 1
  need_container "${WORDS[0]}"
  load_settings
  need_running
  monitor_pid || die "the monitor of $NAME is gone, so nobody can attach" "type: toydock restart $NAME"
  local options=() status=0
  if [[ $interactive == true && ${OPTION["no-stdin"]:-} != true ]]; then options+=(--stdin); fi
  exec 7<"$DIRECTORY/code"
  attach_to_container "${options[@]}" || status=$?
  if ((status == 3)); then
    printf '\n' >&2
    note "detached; to return: toydock attach $NAME"
    return 0
  fi
  finish_foreground
}

OPTIONS_top=''
USAGE_top='CONTAINER [ps options]'
verb_top() {
  need_root
  STOP_AT_WORD=1 parse "$OPTIONS_top" "$@"
  at_least 1 'which container?'
  need_container "${WORDS[0]}"
  load_settings
  need_running
  runtime ps "$ID" "${WORDS[@]:1}"
}
