# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A container's life under conmon: started, ended, restarted, watched for its health, removed. What outlives a toydock:
# conmon (log, exit code, console), which calls `toydock _ended` last; with --restart a loop that starts it again; with
# --health-cmd what asks (health.sh).

# shellcheck source=scripts/lib/toydock/network.sh
source "$LIBRARY/network.sh"
# shellcheck source=scripts/lib/toydock/health.sh
source "$LIBRARY/health.sh"

# ---- start --------------------------------------------------------------------------------------------------------

# launch: conmon has toyrun create the container; PID is its program, which waits for `toyrun start`.
launch() {
  local answer command sync
  command=(conmon --api-version 1 --cid "$ID" --cuuid "$ID" --name "$NAME" --runtime "$TOYRUN" --bundle "$DIRECTORY/bundle"
    --container-pidfile "$DIRECTORY/pidfile" --conmon-pidfile "$DIRECTORY/conmon-pid" --exit-dir "$DIRECTORY" --persist-dir "$DIRECTORY"
    --log-path "k8s-file:$DIRECTORY/log" --full-attach --exit-command "$TOYDOCK" --exit-command-arg _ended --exit-command-arg "$ID")
  # a terminal can be left and come back to; the end of a pipe is the end of the program's input
  if [[ $terminal == true ]]; then command+=(--terminal --leave-stdin-open); fi
  if [[ $interactive == true ]]; then command+=(--stdin); fi
  if [[ -n $log_size ]]; then command+=(--log-size-max "$log_size"); fi
  clear_last_run
  : >"$DIRECTORY/code"
  show "${command[@]}"
  # The log's times are in UTC, so that they can be compared as words.
  exec {sync}< <(cd "$DIRECTORY/bundle" && TZ=UTC0 TOYDOCK_EXPLAIN='' _OCI_SYNCPIPE=3 exec "${command[@]}" 3>&1 >/dev/null 2>"$DIRECTORY/conmon-errors" </dev/null 8>&-)
  answer=
  IFS= read -r -u "$sync" answer || true
  exec {sync}<&-
  [[ $answer =~ \"data\":\ *(-?[0-9]+) ]] || launch_failed "the monitor ended: $(<"$DIRECTORY/conmon-errors")"
  PID=${BASH_REMATCH[1]}
  ((PID > 0)) || launch_failed "$(jq -r '.message // "toyrun said nothing"' <<<"$answer" 2>/dev/null || echo "$answer")"
  case $network_mode in none | host | container:*) ;; *) write_names ;; esac
}

# clear_last_run: files that conmon and the last run left; the first run has none, and needs no rm.
clear_last_run() {
  local file left=()
  for file in "$DIRECTORY"/{"$ID",exit,oom,pidfile,health,timer,conmon-pid} "$DIRECTORY/bundle"/{oom,attach,ctl,winsz}; do
    if [[ -e $file || -L $file ]]; then left+=("$file"); fi
  done
  if ((${#left[@]})); then rm -f "${left[@]}"; fi
}

# end_last_run: of a toydock that was killed between the creation of the container and its start
end_last_run() {
  [[ -e $DIRECTORY/pidfile ]] || return 0
  "$TOYRUN" delete --force "$ID" 2>/dev/null || true
  if process_in conmon-pid "--cid $ID"; then "$ATTACH" --wait "$MONITOR"; fi
}

launch_failed() {
  local words=${1%%$'\n'*} code=125
  words=${words#toyrun: }
  case $words in
    *'executable file not found'* | *'no such file or directory'* | *'No such file or directory'*) code=127 ;;
    *'permission denied'* | *'Permission denied'* | *'exec format error'* | *'Exec format error'* | *'is a directory'*) code=126 ;;
  esac
  wait_for_conmon
  end_health
  if [[ -d $DIRECTORY ]]; then # else --rm has removed it by now
    "$TOYRUN" delete --force "$ID" 2>/dev/null || true
    release_bundle
    write_state created $code 0 false "$words"
    printf '%s' $code >"$DIRECTORY/code"
    if [[ $auto_remove == true ]]; then remove_container; fi
  fi
  say_why "$words" $code
}

# say_why WORDS CODE: what toyrun said, and what to do about it
say_why() {
  local words=${1#create failed: } code=$2 what='' other
  words=${words#unable to start container process: }
  case $words in
    *' is taken by the container '*)
      other=${words##* } words=${words% *}
      words+=\ $(cat "$CONTAINERS/$other/name" 2>/dev/null || echo "$other")
      what="stop that one, or choose another port of the host: toydock rm $NAME, and run again with -p OTHER:PORT"
      ;;
    *' is taken by a program on this host'*) what="ss -lntup tells which program; or choose another port of the host: -p OTHER:PORT" ;;
    'this host has no address '*) what="ip addr shows those it has; without an address a port is published on all: -p PORT:PORT" ;;
    *'cgroup controller '*' is not available'*) what="leave out the option that needs it, or boot the kernel with it: cgroup_enable=memory, for example" ;;
    *veth* | *bridge*) [[ $words != *'not supported'* ]] || what="type: modprobe veth bridge; without a network: --network none" ;;
    *nftables*) what="type: modprobe nf_tables; without a network: --network none" ;;
    *overlay*'No such device'*) what="type: modprobe overlay" ;;
    *exec*) if ((code == 127)); then fail 127 "$words" "the image has no such program; to look around: toydock run -it --rm --entrypoint sh $image"; fi ;;
  esac
  fail "$code" "cannot start $NAME: $words" "$what"
}

# start_program [attached OPTION...]: lets the program run; attached: with its output here.
start_program() {
  local status=0 words='' errors
  write_state running 0 "$PID"
  unlock_container
  : >"$DIRECTORY/start-errors"
  exec {errors}<"$DIRECTORY/start-errors" # with --rm all files may be gone when it is read
  begin_health
  if [[ $restart_policy != no ]]; then begin_supervision; fi
  if (($#)); then
    attach_to_container "${@:2}" --command-stderr 6 -- "$TOYRUN" start "$ID" 6>"$DIRECTORY/start-errors" || status=$?
    # 125 is toyrun-attach's own, when the program did not start
    ((status == 125)) || return $status
  elif runtime start "$ID" 2>"$DIRECTORY/start-errors"; then
    tell_event start "name=$NAME" "image=$image"
    return 0
  fi
  IFS= read -r -d '' -u "$errors" words || true
  { : >"$DIRECTORY/stopped"; } 2>/dev/null || true
  end_restarts
  launch_failed "${words:-the program did not start}"
}
wait_for_conmon() { # with --rm the file may go at any moment
  local pid=
  { read -r pid <"$DIRECTORY/conmon-pid"; } 2>/dev/null || [[ -n $pid ]] || return 0
  "$ATTACH" --wait "$pid"
}

# attach_to_container OPTION... [-- COMMAND...]: exit status 3 means detached by keys, 125 that COMMAND failed. A signal for us is the program's;
# with --sig-proxy=false it ends us, and the program goes on.
attach_to_container() {
  local options=() command=() status=0 signal
  while (($#)) && [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  command=("${@:2}")
  if [[ $terminal == true && -t 0 ]]; then options+=(--terminal); fi
  if ((${#command[@]})); then tell_event start "name=$NAME" "image=$image"; fi
  if [[ ${OPTION["sig-proxy"]:-true} == true ]]; then options+=(--pid "$PID"); fi
  show "$ATTACH" "${options[@]}" "$DIRECTORY/bundle" "${command[@]}"
  { : <&0; } 2>/dev/null || exec </dev/null
  ATTACHED='' SIGNALLED=''
  for signal in HUP INT QUIT USR1 USR2 ALRM TERM; do
    # shellcheck disable=SC2064
    trap "pass_on $signal" "$signal"
  done
  "$ATTACH" "${options[@]}" "$DIRECTORY/bundle" "${command[@]}" <&0 &
  ATTACHED=$!
  for signal in $SIGNALLED; do pass_on "$signal"; done
  while # a wait that a signal ends says nothing about the other one
    SIGNALLED='' status=0
    wait "$ATTACHED" || status=$?
    [[ -n $SIGNALLED ]]
  do :; done
  trap - HUP INT QUIT USR1 USR2 ALRM TERM
  ((status != 141)) || note "nobody reads what it writes any more; it runs on: toydock attach $NAME, toydock rm -f $NAME"
  ((status <= 128)) || exit $status
  return $status
}

pass_on() { # SIGNAL
  SIGNALLED+=" $1"
  [[ -z $ATTACHED ]] || kill -s "$1" "$ATTACHED" 2>/dev/null || true
}

# finish_foreground: descriptor 7 is the file with the code, which may be gone by now.
finish_foreground() {
  wait_for_end
  read -r CODE <&7 || true
  if [[ -z ${CODE:-} ]]; then
    find_container "$ID" || true
    fail 125 "the container's monitor was killed; its exit code is lost" "see: toydock logs $NAME"
  fi
  exit "$CODE"
}

# in_background VERB: a toydock of its own session that outlives this one.
in_background() {
  show setsid "$TOYDOCK" "$1" "$ID"
  setsid "$TOYDOCK" "$1" "$ID" </dev/null >/dev/null 2>&1 8>&- &
  disown
}
# begin_supervision: its number is known before the program can end
begin_supervision() {
  in_background _supervise
  printf '%s' $! >"$DIRECTORY/supervisor-pid"
}

# ---- the end ------------------------------------------------------------------------------------------------------

# conmon calls this when the program has ended.
verb__ended() {
  ID=$1 DIRECTORY=$CONTAINERS/$1
  [[ -d $DIRECTORY ]] || return 0
  load_settings
  read_state
  # a container that could not be created has not ended
  running_pid || return 0
  clean_up_after_end
  read_state
  if [[ $STATUS == restarting ]] && ! supervisor_pid; then begin_supervision; fi # it was killed
}

# forget_names: the others of its networks no longer know its name
forget_names() {
  case $network_mode in none | host | container:*) return 0 ;; esac
  [[ -z $("$TOYRUN" network leases) ]] || write_names
}

clean_up_after_end() {
  local code=255 oom=false ENDED=1
  end_health
  if [[ -s $DIRECTORY/$ID ]]; then read -r code <"$DIRECTORY/$ID" || true; fi
  if [[ -e $DIRECTORY/oom || -e $DIRECTORY/bundle/oom ]]; then oom=true; fi
  "$TOYRUN" delete --force "$ID" 2>/dev/null || true
  release_bundle
  forget_names
  if [[ $oom == true ]]; then tell_event oom "name=$NAME"; fi
  tell_event die "name=$NAME" "image=$image" "exitCode=$code"
  # with nobody left to start it again it has ended; `toydock system start` does it
  if [[ -z ${UNWATCHED:-} ]] && wants_restart "$code"; then
    RESTARTS=$((RESTARTS + 1))
    write_state restarting "$code" 0 $oom
    return
  fi
  if [[ $auto_remove == true ]]; then
    printf '%s' "$code" >"$DIRECTORY/code" # whoever waits has it open
    remove_container
    return
  fi
  write_state exited "$code" 0 $oom
  printf '%s' "$code" >"$DIRECTORY/code"
}

wants_restart() {
  [[ ! -e $DIRECTORY/stopped ]] || return 1
  case $restart_policy in
    always | unless-stopped) return 0 ;;
    on-failure) (($1 != 0 && (restart_most == 0 || RESTARTS < restart_most))) ;;
    *) return 1 ;;
  esac
}

# _supervise ID: starts the container again as its policy says, and ends with it.
verb__supervise() {
  ID=$1 DIRECTORY=$CONTAINERS/$1
  local delay=100 began uptime
  load_settings
  trap 'end_supervision' TERM
  while :; do
    read -r began _ </proc/uptime # no clock that can be set
    # in the background, for a shell heeds TERM only when it waits itself
    wait_for_conmon &
    wait $! || true
    [[ -d $DIRECTORY ]] || exit 0
    read_state
    if running_pid; then # conmon was killed, and noted nothing
      "$TOYRUN" wait "$ID" >/dev/null 2>&1 &
      wait $! || true
      [[ -d $DIRECTORY ]] || exit 0
      read_state
      if running_pid; then
        load_settings # the policy may be another by now
        clean_up_after_end
        read_state
      fi
    fi
    [[ $STATUS == restarting ]] || exit 0
    read -r uptime _ </proc/uptime
    ((${uptime%.*} - ${began%.*} < 10)) || delay=100
    # a delay, not a poll: TERM (from stop) ends it
    sleep "$((delay / 1000)).$(printf %03d $((delay % 1000)))" &
    wait $! || true
    ((delay >= 60000)) || delay=$((delay * 2))
    [[ ! -e $DIRECTORY/stopped ]] || end_supervision
    prepare_bundle
    launch
    [[ ! -e $DIRECTORY/stopped ]] || end_supervision
    write_state running 0 "$PID"
    begin_health
    "$TOYRUN" start "$ID" || true
    tell_event restart "name=$NAME" "image=$image"
  done
}
# end_supervision: perhaps between the creation of the container and its start
end_supervision() {
  read_state
  if [[ $STATUS == restarting ]]; then
    "$TOYRUN" delete --force "$ID" 2>/dev/null || true
    wait_for_conmon
    release_bundle
    write_state exited "$CODE" 0
    printf '%s' "$CODE" >"$DIRECTORY/code"
  fi
  exit 0
}
# end_restarts: when it returns nobody will start the container again.
end_restarts() {
  supervisor_pid || return 0
  step kill -TERM "$MONITOR" || true
  "$ATTACH" --wait "$MONITOR"
}

# ---- gone ---------------------------------------------------------------------------------------------------------

# remove_container: everything it had; what is being removed has a name of its own, so that a crash leaves no half container.
remove_container() {
  local doomed=$CONTAINERS/.removing-$ID volumes=()
  if [[ -z ${ENDED:-} ]]; then "$TOYRUN" delete --force "$ID" 2>/dev/null || true; fi
  if [[ -e $DIRECTORY/visit.json ]]; then leave_root; fi # of a cp that was killed
  end_health
  remove_cgroups
  release_bundle
  if [[ -s $DIRECTORY/anonymous-volumes && (${auto_remove:-} == true || -n ${WITH_VOLUMES:-}) ]]; then
    mapfile -t volumes <"$DIRECTORY/anonymous-volumes"
  fi
  if [[ -n ${NAME:-} ]]; then free_name "$NAME" "$DIRECTORY"; fi
  mv -T "$DIRECTORY" "$doomed" 2>/dev/null || true
  remove_free_volumes "${volumes[@]}"
  show rm -rf "$DIRECTORY"
  rm -rf --one-file-system "$doomed"
  tell_event destroy "name=${NAME:-}"
}

# remove_cgroups: a toyrun that was killed between making a cgroup and noting it leaves it to us.
remove_cgroups() {
  local directory
  [[ -n ${cgroups_path:-} ]] || return 0
  for directory in /sys/fs/cgroup"$cgroups_path" /sys/fs/cgroup/*"$cgroups_path"; do
    if [[ -d $directory ]]; then find "$directory" -depth -type d -exec rmdir {} \; 2>/dev/null || true; fi
  done
}

# sweep: directories that a killed toydock left half made or half removed.
sweep() {
  local left
  for left in "$CONTAINERS"/.removing-*; do
    if [[ -d $left ]]; then rm -rf --one-file-system "$left"; fi
  done
  for left in "$CONTAINERS"/*/; do
    left=${left%/}
    # one with a state, or with empty settings, is no half made one but damaged
    if [[ -d $left && ! -e $left/settings && ! -e $left/state ]] && ! is_being_made "$left"; then remove_unfinished "${left##*/}"; fi
  done
}
remove_unfinished() {
  local ID=$1 DIRECTORY=$CONTAINERS/$1 NAME=
  if [[ -s $DIRECTORY/name ]]; then read -r NAME <"$DIRECTORY/name"; fi
  remove_container
}

# ---- the bundle: the one place that knows how one is made of an image ----------------------------------------------

# make_bundle IMAGE: an overlay over the image's layers in the store; --user is looked up in the image's own files.
make_bundle() { images unpack --quiet --overlay ${OPTION[user]:+--user "${OPTION[user]}"} -o "$DIRECTORY/bundle" "$1"; }
# prepare_bundle: before each start; release_bundle: after each end.
prepare_bundle() { :; }
release_bundle() { :; }

# visit_root JQ: creates the container under another id, without its networks and its cgroup, and does not start it: PLACE is
# the root that it would see. leave_root ends that.
visit_root() {
  jq -c --arg group "$cgroups_path-visit" '.linux.cgroupsPath = $group | .process.terminal = false | del(.process.consoleSize)
    | .process.args = ["/proc/self/exe"] | .process.cwd = "/" | .process.user = {uid: 0, gid: 0} # toyrun itself: the image need not have what it would run
    | del(.process.rlimits, .process.apparmorProfile, .linux.seccomp, .linux.resources)
    | .annotations |= with_entries(select(.key | startswith("org.toyrun.network.") | not)) | '"$1" "$DIRECTORY/bundle/config.json" >"$DIRECTORY/visit.json"
  runtime create --bundle "$DIRECTORY/bundle" --config "$DIRECTORY/visit.json" --pid-file "$DIRECTORY/visit-pid" "$ID-visit" </dev/null >/dev/null 8>&- ||
    die "cannot look into $NAME"
  PLACE=/proc/$(<"$DIRECTORY/visit-pid")/root
}
leave_root() {
  "$TOYRUN" delete --force "$ID-visit" 2>/dev/null || true
  rm -f "$DIRECTORY"/visit.json "$DIRECTORY"/visit-pid
}
