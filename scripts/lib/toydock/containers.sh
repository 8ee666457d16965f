# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Containers on disk. $CONTAINERS/ID/ is one container, mode 0700:
#   bundle/         what toyrun runs
#   container.json  docker's words for it: inspect and ps read it
#   settings        shell variables that the verbs need, written by create.jq
#   name            its name; $NAMES/NAME is a symlink to ID
#   state           one line of JSON: status, exitCode, pid, …
#   log             what it wrote, by conmon
#   conmon-pid      conmon's process, which calls `toydock _ended` before it ends
#   supervisor-pid  the loop that starts it again, with --restart
#   lock            held by a toydock while it makes, starts, changes, copies or removes the container
#   maker-PID/      the toydock that made it
# A directory without settings is one that was being made.

# find_container NAME|ID|PREFIX: ID and DIRECTORY.
find_container() {
  local word=$1 found
  ID=
  if [[ $word =~ ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$ ]]; then
    if [[ -L $NAMES/$word ]]; then
      found=$(readlink "$NAMES/$word")
      ID=${found##*/}
    elif [[ $word =~ ^[0-9a-f]{1,64}$ ]]; then
      for found in "$CONTAINERS/$word"*; do
        [[ -d $found ]] || continue
        [[ -z $ID ]] || die "$word: more than one container begins like that" "give more of the id"
        ID=${found##*/}
      done
    fi
  fi
  DIRECTORY=$CONTAINERS/${ID:-none}
  [[ -n $ID && -d $DIRECTORY ]] || return 1
  settle
  [[ -d $DIRECTORY ]]
}
need_container() { find_container "$1" || die "no container is called $1" "see: toydock ps -a"; }

is_being_made() { # its maker's pid is in the name of a file; an empty directory is not a second old, or harmless
  local maker words=()
  [[ -n $(ls -A "$1") ]] || return 0
  for maker in "$1"/maker-*; do
    [[ -e $maker ]] || continue
    mapfile -d '' -t words <"/proc/${maker##*-}/cmdline" || true
  done 2>/dev/null
  [[ ${words[*]} == *toydock* ]]
}
# load_settings: the variables of create.jq: terminal, auto_remove, restart_policy, …
load_settings() {
  if [[ ! -s $DIRECTORY/settings ]]; then
    ! is_being_made "$DIRECTORY" || die "the container ${ID:0:12} is being made at this moment" "try again"
    die "the container ${ID:0:12} was never finished" "type: toydock rm -f ${ID:0:12}"
  fi
  # shellcheck source=/dev/null
  source "$DIRECTORY/settings"
  read -r NAME <"$DIRECTORY/name"
}

# ---- state --------------------------------------------------------------------------------------------------------

# read_state: STATUS (created, running, paused, restarting, exited), CODE, PID and the rest of the line in STATE.
read_state() {
  STATUS=created CODE=0 PID=0 STATE='{}' RESTARTS=0 STARTED=0001-01-01T00:00:00Z
  # with --rm it may go at any moment
  { read -r STATE <"$DIRECTORY/state"; } 2>/dev/null || [[ -e $DIRECTORY/state ]] || return 0
  [[ $STATE == '{"Status":'*'}' ]] || ask_for_state
  [[ $STATE =~ \"Status\":\"([a-z]+)\" ]] && STATUS=${BASH_REMATCH[1]}
  [[ $STATE =~ \"ExitCode\":([0-9]+) ]] && CODE=${BASH_REMATCH[1]}
  [[ $STATE =~ \"Pid\":([0-9]+) ]] && PID=${BASH_REMATCH[1]}
  [[ $STATE =~ \"RestartCount\":([0-9]+) ]] && RESTARTS=${BASH_REMATCH[1]}
  [[ $STATE =~ \"StartedAt\":\"([^\"]+)\" ]] && STARTED=${BASH_REMATCH[1]}
  return 0
}

# ask_for_state: of toyrun, where the file was emptied by a full disk or a power failure
ask_for_state() {
  local known
  known=$("$TOYRUN" state "$ID" 2>/dev/null) || known=
  if [[ $known =~ \"status\":\ *\"(running|paused)\" ]]; then
    STATUS=${BASH_REMATCH[1]}
    [[ $known =~ \"pid\":\ *([0-9]+) ]] && PID=${BASH_REMATCH[1]}
    state_line "$STATUS" 0 "$PID"
  else
    state_line exited 255 0
  fi
}

# write_state STATUS CODE PID [OOM [ERROR]]
write_state() {
  state_line "$@"
  replace_file "$DIRECTORY/state" "$STATE"
}
state_line() { # the same, in STATE
  local running=false paused=false restarting=false finished=0001-01-01T00:00:00Z
  case $1 in
    running) running=true ;;
    paused) running=true paused=true ;;
    restarting) running=true restarting=true ;;
  esac
  now
  case $1 in
    exited | restarting) finished=$NOW ;;
    running) [[ $STATUS == paused ]] || STARTED=$NOW ;;
  esac
  json_string "${5:-}"
  STATE="{\"Status\":\"$1\",\"Running\":$running,\"Paused\":$paused,\"Restarting\":$restarting,\"OOMKilled\":${4:-false},\"Dead\":false,\"Pid\":$3,\"ExitCode\":$2,\"Error\":$JSON,\"StartedAt\":\"${STARTED:-$finished}\",\"FinishedAt\":\"$finished\",\"RestartCount\":${RESTARTS:-0}}"
}

# monitor_pid: MONITOR is the process that lives as long as the container does: the restart loop, else conmon.
monitor_pid() { supervisor_pid || process_in conmon-pid "--cid $ID"; }
supervisor_pid() { process_in supervisor-pid "_supervise $ID"; }
# process_in FILE WORDS: MONITOR is the process whose number is there, unless that is another process's by now.
process_in() {
  local words
  MONITOR=
  read -r MONITOR <"$DIRECTORY/$1" || [[ -n $MONITOR ]] || return 1
  mapfile -d '' -t words <"/proc/$MONITOR/cmdline" || return 1
  [[ ${words[*]} == *"$2"* ]]
} 2>/dev/null
# wait_for_end [SECONDS]: until nobody watches over the container any more.
wait_for_end() {
  while monitor_pid; do
    step "$ATTACH" --wait "$MONITOR" ${1:+"$1"} || return 1
  done
}

# lock_container [SECONDS]: waits that long for who has it; the state is what he left. Held until unlock_container, or the end of this shell.
lock_container() {
  { exec 8>>"$DIRECTORY/lock"; } 2>/dev/null && flock -w "${1:-10}" 8 || return 1
  [[ -d $DIRECTORY ]] || die "the container ${NAME:-$ID} was removed by someone else" "see: toydock ps -a"
  read_state
}
unlock_container() { exec 8>&-; }
need_lock() { lock_container "$@" || die "the container $NAME is being started, stopped or copied by someone else" "try again"; }

# is_locked: a toydock makes or starts it at this moment.
is_locked() { [[ -e $DIRECTORY/lock ]] && ! flock -n -s "$DIRECTORY/lock" true; }

# settle: a container whose record says that it runs while its monitor is gone was hit by a SIGKILL or a reboot: what it
# left is cleaned up now. One that lives on without its monitor keeps its record.
settle() {
  read_state
  case $STATUS in running | paused | restarting) ;; *) return 0 ;; esac
  if [[ -n ${VOLUMES_LOCK:-} ]] || monitor_pid || is_locked; then return 0; fi # to remove one takes the volumes
  if [[ $("$TOYRUN" state "$ID" 2>/dev/null) == *'"status":'*'"'@(running|paused)'"'* ]]; then return 0; fi
  source "$LIBRARY/monitor.sh"
  [[ -s $DIRECTORY/settings ]] || return 0 # --rm, this very moment
  load_settings
  if (UNWATCHED=1 clean_up_after_end); then
    read_state
  else # on a full disk the file goes on to say that it runs
    state_line exited 255 0
    STATUS=exited CODE=255 PID=0
  fi
}

running_pid() { # PID of the container's program; fails unless it runs
  [[ $STATUS == running || $STATUS == paused ]]
}
need_running() { running_pid || die "the container ${NAME:-${ID:0:12}} is not running (${STATUS})" "type: toydock start ${NAME:-${ID:0:12}}"; }

check_volume_name() {
  [[ $1 =~ ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$ ]] || die "$1 is no name for a volume" "letters, digits and _.- after a letter or digit; a directory of the host begins with / or ./"
  ((${#1} <= 128)) || die "${1:0:20}… is no name for a volume: it has ${#1} letters" "128 is the most"
}
# volume_user NAME: prints who uses it; fails when nobody does. What it says holds as long as the caller has lock_volumes.
volume_user() { grep -lF "{\"Type\":\"volume\",\"Name\":\"$1\"," "$CONTAINERS"/*/container.json 2>/dev/null | head -1 | grep .; }
# lock_volumes -s|-x: shared from the taking of a volume until it stands in the container's document, exclusive to remove volumes.
lock_volumes() {
  [[ -z ${VOLUMES_LOCK:-} ]] || return 0
  exec {VOLUMES_LOCK}>>"$ROOT/volumes-lock"
  flock "$1" "$VOLUMES_LOCK"
}
unlock_volumes() {
  if [[ -n ${VOLUMES_LOCK:-} ]]; then exec {VOLUMES_LOCK}>&-; fi
  VOLUMES_LOCK=
}
# remove_free_volumes NAME...: others may have them by --volumes-from
remove_free_volumes() {
  local volume
  (($#)) || return 0
  lock_volumes -x
  for volume; do
    volume_user "$volume" >/dev/null || rm -rf --one-file-system -- "${VOLUMES:?}/$volume"
  done
  unlock_volumes
}

# each_container FUNCTION: for all WORDS; the exit status tells of the failures. In it set -e is off: what fails must end it.
each_container() {
  local word failed=0
  for word in "${WORDS[@]}"; do (
    need_container "$word"
    load_settings
    "$1" "$word"
  ) || failed=1; done
  return $failed
}

# ---- names --------------------------------------------------------------------------------------------------------

# reserve_name NAME ID: the symlink is the reservation, and atomic. One that leads nowhere is left of a crash.
reserve_name() {
  local holder
  [[ $1 =~ ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$ ]] || die "$1 is no name for a container" "letters, digits and _.- after a letter or digit"
  ((${#1} <= 128)) || die "${1:0:20}… is no name for a container: it has ${#1} letters" "128 is the most"
  if ! ln -sT "../containers/$2" "$NAMES/$1" 2>/dev/null; then
    holder=$(readlink "$NAMES/$1")
    holder=${holder##*/}
    [[ ! -d $CONTAINERS/$holder ]] || return 1
    ( # of two who find it one gets it
      flock 9
      holder=$(readlink "$NAMES/$1") || holder=none
      if [[ ! -d $CONTAINERS/${holder##*/} ]]; then rm -f "$NAMES/$1"; fi
      ln -sT "../containers/$2" "$NAMES/$1" 2>/dev/null
    ) 9<"$NAMES"
  fi
}
# free_name NAME DIRECTORY: unless it is another's by now; the directory is still there, so nobody takes the link for one that leads nowhere.
free_name() (
  [[ -L $NAMES/$1 ]] || exit 0
  exec 9<"$NAMES"
  flock 9
  if [[ $NAMES/$1 -ef $2 ]]; then rm -f "$NAMES/$1"; fi
)
name_is_taken() {
  local holder
  holder=$(readlink "$NAMES/$1")
  die "the name $1 is taken by the container ${holder:14:12}" "type: toydock rm -f $1, or choose another name"
}

random_name() {
  local first=(brave calm clever eager fair fast fond free gentle glad keen kind lively lucky merry noble proud quick quiet sharp sunny warm wise young)
  local second=(babbage bell bohr curie darwin dijkstra euler faraday gauss hamilton hopper kay knuth lamport liskov lovelace mccarthy noether perlis ritchie shannon thompson torvalds turing)
  NAME=${first[RANDOM % ${#first[@]}]}_${second[RANDOM % ${#second[@]}]}
}
