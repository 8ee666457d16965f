# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The list of verbs, --help, and how a command line becomes options. A verb `x` in file F has OPTIONS_x (one option a
# line: LETTER or -, NAME[=VALUE], words), USAGE_x and the function verb_x.

# VERB FILE SUMMARY
VERBS='run run Make a container from an image and run a command in it
create run Make a container without starting it
start lifecycle Start containers
stop lifecycle Stop containers: a signal, and SIGKILL if that is not enough
restart lifecycle Stop containers and start them again
kill lifecycle Send a signal to containers
pause lifecycle Freeze all processes of containers
unpause lifecycle Let paused containers run again
wait lifecycle Wait until containers have ended and print their exit codes
rm lifecycle Remove containers
rename lifecycle Give a container another name
update update Change the limits of containers
ps listing List containers
ls listing List containers
inspect listing Show all that is known of containers, images, volumes or networks
port listing Show the published ports of a container
logs logs Show what a container has written
exec exec Run another command in a running container
attach exec Connect this terminal to a running container
cp copy Copy files into and out of a container
diff copy Show what a container has changed in its root file system
export copy Write the files of a container as a tar archive
commit copy Make an image of a changed container
top exec Show the processes of a container
healthcheck monitor Ask containers now whether they are well
stats stats Show what containers use of the machine
events stats Show what happens to containers
images images List images
pull images Fetch an image from a registry
build images Build an image from a Dockerfile
push images Send an image to a registry
tag images Give an image a further name
rmi images Remove images
import images Make an image of a tar archive of files
history images Show the steps an image was made by
save images Write images into an archive
load images Take the images of an archive
login images Log in to a registry
logout images Forget the login for a registry
volume volumes Make, list, inspect and remove volumes
network network Make, list, inspect, remove, join and leave networks
system system Show what takes space, remove what nobody uses, go with the machine down and up
lessons lessons Short walks that show what the kernel does
info system Show how this toydock is set up
version system Show the versions of toydock, toyrun and toyimg'

show_help() {
  local verb summary
  printf 'Usage: toydock [options] VERB [options] [arguments]\n\nDocker'\''s daily commands over toyrun and toyimg, without a daemon.\n\nCommands:\n'
  while read -r verb _ summary; do printf '  %-10s %s\n' "$verb" "$summary"; done <<<"$VERBS"
  printf '\nOptions:\n'
  show_options 'x explain   print each command before it is run
h help      show this help; after a verb, that verb'\''s
v version   show the version'
}

show_options() {
  local letter name words
  while read -r letter name words; do
    [[ -n $letter ]] || continue
    name=${name/=/ }
    if [[ $letter == - ]]; then printf '      --%-34s %s\n' "$name" "$words"; else printf '  -%s, --%-34s %s\n' "$letter" "$name" "$words"; fi
  done <<<"$1"
}

show_verb_help() {
  local verb=$1 usage=USAGE_${1//-/_} options=OPTIONS_${1//-/_} summary
  summary=$(while read -r one _ summary; do if [[ $one == "$verb" ]]; then printf '%s' "$summary"; fi; done <<<"$VERBS")
  printf 'Usage: toydock %s %s\n\n%s.\n' "$verb" "${!usage}" "$summary"
  printf '\nOptions:\n'
  show_options "${!options}
h help show this help"
}

# ---- command lines ----------------------------------------------------------------------------------------------

# parse TABLE WORD...: GIVEN gets pairs of names and values in the order given, OPTION the last value of each name,
# WORDS the rest. With STOP_AT_WORD=1 everything behind the first word is a word (run and exec).
parse() {
  local line name word value IFS=$'\n'
  local -A kinds=() letters=()
  for line in $1; do # not read: a shell reads a here-document byte by byte
    name=${line#* }
    name=${name%% *}
    kinds[${name%%=*}]=${name#"${name%%=*}"}
    [[ $line == -* ]] || letters[${line%% *}]=${name%%=*}
  done
  unset IFS
  shift
  declare -gA OPTION=()
  declare -ga GIVEN=() WORDS=()
  while (($#)); do
    word=$1
    shift
    case $word in
      --)
        WORDS+=("$@")
        return
        ;;
      --help | -help | -h) [[ -z ${letters[h]:-} || $word == *help ]] && {
        show_verb_help "$VERB"
        exit 0
      } ;;& # -h is another option of run
      --*)
        name=${word#--}
        value=${name#*=}
        [[ $name == *=* ]] || value=
        take "${name%%=*}" "$word" "$value" "$@"
        shift "$TAKEN"
        ;;
      -?*)
        # -memory 64m, -cpus 0.1: long names with one dash, as the learning projects have them
        name=${word#-}
        if ((${#name} > 1)) && is_option "${name%%=*}"; then
          value=${name#*=}
          [[ $name == *=* ]] || value=
          take "${name%%=*}" "-$word" "$value" "$@"
          shift "$TAKEN"
          continue
        fi
        take_letters "$name" "$@"
        shift "$TAKEN"
        ;;
      *)
        WORDS+=("$word")
        if [[ -n ${STOP_AT_WORD:-} ]]; then
          WORDS+=("$@")
          return
        fi
        ;;
    esac
  done
}

# is_option NAME: foreign text is no subscript: kinds[] and kinds[@] are bash's own words.
is_option() { [[ $1 =~ ^[a-z0-9][a-z0-9-]*$ && -n ${kinds[$1]+there} ]]; }

# take NAME WORD VALUE NEXT...: TAKEN is the number of further words that were used.
take() {
  local name=$1 word=$2 value=$3
  TAKEN=0
  is_option "$name" || unknown_option "$word"
  if [[ -z ${kinds[$name]} ]]; then
    [[ $word == *=* ]] || value=true
    case $value in # as docker reads them
      1 | t | T | true | TRUE | True) value=true ;;
      0 | f | F | false | FALSE | False) value=false ;;
      *) die "--$name=$value: this option is true or false" ;;
    esac
  elif [[ $word != *=* ]]; then
    (($# > 3)) || die "--$name needs a value: ${kinds[$name]#=}" "see: toydock $VERB --help"
    value=$4
    TAKEN=1
  fi
  GIVEN+=("$name" "$value")
  OPTION[$name]=$value
}

# take_letters LETTERS NEXT...: -it, -i=false, -p80:80, -e A=b
take_letters() {
  local word=$1 letter name
  shift
  TAKEN=0
  while [[ -n $word ]]; do
    letter=${word:0:1} word=${word:1}
    name=
    if [[ $letter == [a-zA-Z] ]]; then name=${letters[$letter]:-}; fi
    [[ -n $name ]] || unknown_option "-$letter"
    if [[ -z ${kinds[$name]} && $word == =* ]]; then
      take "$name" "--$name$word" "${word#=}"
      return
    elif [[ -z ${kinds[$name]} ]]; then
      take "$name" "--$name" true
    elif [[ -n $word ]]; then
      take "$name" "--$name=" "${word#=}"
      return
    else
      take "$name" "--$name" '' "$@"
    fi
  done
}

unknown_option() { die "$VERB: unknown option ${1%%=*}" "see: toydock $VERB --help"; }

# with_letter TABLE LETTER NAME: TABLE where LETTER stands for NAME: docker's -f is --filter of ls, --format of inspect and --force of rm and prune.
with_letter() {
  TABLE=$'\n'${1//$'\n'"$2 "/$'\n'- }
  TABLE=${TABLE/$'\n- '"$3"/$'\n'"$2 $3"}
  TABLE=${TABLE#$'\n'}
}

# at_most NUMBER: of WORDS; one too many is a mistake, and often an option's value that was meant otherwise.
at_most() { ((${#WORDS[@]} <= $1)) || die "$VERB: '${WORDS[$1]}' is a word too many" "see: toydock $VERB --help"; }
# given_filters KEY...: FILTERS gets the --filter values; one with another key is refused.
given_filters() {
  local index
  FILTERS=()
  for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do
    [[ ${GIVEN[index]} == filter ]] || continue
    [[ " $* " == *" ${GIVEN[index + 1]%%=*} "* && ${GIVEN[index + 1]} == *=?* ]] || die "--filter ${GIVEN[index + 1]} is not known" "there is: ${*/%/=}"
    FILTERS+=("${GIVEN[index + 1]}")
  done
}
# matches KEY VALUE...: whether one of VALUE fits FILTERS with KEY, or there is none. A name fits when it is in it, as with docker.
matches() {
  local filter one any=0
  for filter in "${FILTERS[@]}"; do
    [[ $filter == "$1="* ]] || continue
    any=1
    for one in "${@:2}"; do
      if [[ $one == "${filter#*=}" || $1 == name && $one == *"${filter#*=}"* ]]; then return 0; fi
    done
  done
  ((any == 0))
}
# confirm QUESTION: --force, or yes at a terminal.
confirm() {
  local answer
  [[ ${OPTION[force]:-} != true ]] || return 0
  [[ -t 0 ]] || die "$VERB prune asks before it removes anything, and there is no terminal" "type: toydock $VERB prune -f"
  read -r -p "$1 [y/N] " answer
  [[ $answer == [yY]* ]]
}
# at_least NUMBER WHAT: of WORDS.
at_least() { ((${#WORDS[@]} >= $1)) || die "$VERB: $2" "see: toydock $VERB --help"; }

no_such_verb() {
  local verb like=''
  while read -r verb _; do [[ ${verb:0:2} != "${VERB:0:2}" ]] || like+="toydock $verb, "; done <<<"$VERBS"
  die "there is no command $VERB" "${like:+perhaps you mean ${like%, }; }see: toydock --help"
}

show_names() {
  case $1 in
    network) printf '%s\n' create ls inspect rm prune connect disconnect && "$TOYRUN" network ls -q ;;
    volume) printf '%s\n' create ls inspect rm prune && ls "$VOLUMES" ;;
    system) printf '%s\n' df prune start stop ;;
    healthcheck) printf '%s\n' run && ls "$NAMES" ;;
    lessons) printf '%s\n' namespaces rootfs cgroups network images build && return ;;
  esac
  if [[ -z $1 || $1 == network ]]; then ls "$NAMES"; fi
}

main() {
  local file
  VERB=
  while (($#)); do
    case $1 in
      -x | --explain) EXPLAIN=1 ;;
      -h | --help | help)
        show_help
        exit 0
        ;;
      -v | --version) set -- version ;&
      *) break ;;
    esac
    shift
  done
  (($#)) || {
    show_help >&2
    exit 1
  }
  VERB=$1
  shift
  case $VERB in image | container) # docker's long forms: toydock container ls, toydock image rm
    case ${1:-} in
      rm) if [[ $VERB == image ]]; then VERB='rmi'; else VERB='rm'; fi ;;
      ls | list) if [[ $VERB == image ]]; then VERB='images'; else VERB='ps'; fi ;;
      prune)
        [[ $VERB == container ]] || die "there is no image prune: here every image has a name, and toydock rmi takes its content along" "what a build or a pull left behind goes with: toyimg prune"
        VERB='system'
        set -- '' "$@"
        ;;
      '' | -*) die "$VERB: which command?" "see: toydock --help" ;;
      *) VERB=$1 ;;
    esac
    shift
    ;;
  lesson) VERB='lessons' ;;
  _ended | _supervise | _health | _check) # called by conmon, systemd and toydock itself
    file=monitor ;;
  _names) # for completions: what a verb takes
    show_names "${1:-}"
    exit 0
    ;;
  esac
  if [[ -z ${file:-} && $'\n'$VERBS =~ $'\n'"$VERB "([a-z]+)' ' ]]; then file=${BASH_REMATCH[1]}; fi
  [[ -n ${file:-} ]] || no_such_verb
  case $VERB in run | create | start | exec) FAILURE=125 ;; esac
  # shellcheck source=/dev/null
  source "$LIBRARY/containers.sh"
  # shellcheck source=/dev/null
  source "$LIBRARY/$file.sh"
  "verb_${VERB//-/_}" "$@"
}
