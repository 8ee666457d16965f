# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Where things are, how commands are shown and run, how toydock fails. Everything here costs no process.

ROOT=${TOYDOCK_ROOT:-/var/lib/toydock}
BUILD=${TOY_BUILD:-}
EXPLAIN=${TOYDOCK_EXPLAIN:-}

# beside PROGRAM PLACE...: sets the variable named like the program to the first place that has it, or to what PATH has.
find_program() {
  local name=$1 place
  shift
  for place; do
    if [[ -x $place/$name ]]; then
      FOUND=$place/$name
      return
    fi
  done
  FOUND=$name
}
bin=${LIBRARY%/share/toydock}/bin
build=${BUILD:-${LIBRARY%/scripts/lib/toydock}/build}
find_program toyrun "$build/runtime" "$bin"
TOYRUN=${TOYRUN:-$FOUND}
find_program toyimg "$build/imagetool" "$bin"
TOYIMG=${TOYIMG:-$FOUND}
find_program toyrun-attach "$build/runtime" "${bin%/bin}/libexec/toyrun" /usr/libexec/toyrun /usr/local/libexec/toyrun
ATTACH=${TOYRUN_ATTACH:-$FOUND}
unset bin build

# settle_root: one spelling of the state's directory, for it stands in the documents of containers, and what runs later starts elsewhere.
settle_root() {
  local part at=''
  local -a parts
  if [[ $ROOT == /* && $ROOT/ != *//* && $ROOT/ != */./* && $ROOT/ != */../* ]]; then
    IFS=/ read -r -a parts <<<"$ROOT"
    for part in "${parts[@]:1}"; do
      at+=/$part
      if [[ -L $at ]]; then break; fi
    done
  fi
  if [[ -z $at || -L $at ]]; then ROOT=$(realpath -m -- "$ROOT"); fi
  [[ $ROOT != *[[:cntrl:]]* && $ROOT != / ]] || die "TOYDOCK_ROOT=$ROOT: no place for the state of containers" "name a directory of its own"
  if [[ -n ${TOYDOCK_ROOT:-} ]]; then export TOYDOCK_ROOT=$ROOT; fi
  CONTAINERS=$ROOT/containers NAMES=$ROOT/names VOLUMES=$ROOT/volumes EVENTS=$ROOT/events
}

# ---- words for people -------------------------------------------------------------------------------------------

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
  RED=$'\e[31m' BOLD=$'\e[1m' DIM=$'\e[2m' PLAIN=$'\e[0m'
else
  RED='' BOLD='' DIM='' PLAIN=''
fi

# fail CODE SENTENCE [WHAT TO DO]: docker's codes: 125 toydock failed, 126 the command cannot be run, 127 it is not there.
fail() {
  complain "${@:2}"
  exit "$1"
}
# complain SENTENCE [WHAT TO DO]: there may be words of an image or of a container in it, which must not steer a terminal.
complain() {
  local words=${1//$'\n'/ } advice=${2:-}
  advice=${advice//$'\n'/ }
  printf '%stoydock:%s %s\n' "$RED" "$PLAIN" "${words//[[:cntrl:]]/?}" >&2
  [[ -z $advice ]] || printf '  %s\n' "${advice//[[:cntrl:]]/?}" >&2
}
die() { fail "$FAILURE" "$@"; }
# 125 for run, create, start and exec as docker has it, 1 for the others: set by the dispatcher.
FAILURE=1
note() { printf '%stoydock:%s %s\n' "$BOLD" "$PLAIN" "${1//[[:cntrl:]]/?}" >&2; }

# show COMMAND...: what --explain prints before a command is run.
show() {
  [[ -n $EXPLAIN ]] || return 0
  local words
  printf -v words ' %q' "$@"
  printf '%s+%s%s\n' "$DIM" "$words" "$PLAIN" >&2
}
# step COMMAND...: shows it and runs it.
step() {
  show "$@"
  "$@"
}
runtime() { step "$TOYRUN" "$@"; }
images() { step "$TOYIMG" "$@"; }

need_root() {
  ((EUID == 0)) || die "$VERB needs root: it makes namespaces, mounts and cgroups" "type: sudo toydock $VERB …"
  have_program jq jq 'it reads and writes the documents of containers'
  have_program conmon conmon 'it keeps the log, the exit code and the terminal of each container'
}
# make_root: the directories of the state, for root only.
make_root() {
  [[ ! -d $CONTAINERS || ! -d $NAMES || ! -d $VOLUMES ]] || return 0
  mkdir -p "$ROOT" || die "cannot make $ROOT" "TOYDOCK_ROOT names another directory"
  chmod 0700 "$ROOT"
  mkdir -p "$CONTAINERS" "$NAMES" "$VOLUMES"
}

# ---- small things without a process -----------------------------------------------------------------------------

# now: RFC 3339 in UTC with microseconds, in NOW.
now() {
  local seconds=${EPOCHREALTIME%[.,]*}
  TZ=UTC0 printf -v NOW '%(%Y-%m-%dT%H:%M:%S)T' "$seconds"
  NOW+=.${EPOCHREALTIME#*[.,]}000Z
}

# new_id: 64 hexadecimal digits in ID.
new_id() {
  local one two
  read -r one </proc/sys/kernel/random/uuid
  read -r two </proc/sys/kernel/random/uuid
  ID=${one//-/}${two//-/}
}

# json_string TEXT: in JSON, with quotes, in JSON.
json_string() {
  local text=$1 byte from
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\n'/\\n}
  text=${text//$'\t'/\\t}
  text=${text//$'\r'/\\r}
  if [[ $text == *[$'\x01'-$'\x1f']* ]]; then
    for byte in 0{1..9} 0{a..f} 1{0..9} 1{a..f}; do
      printf -v from '%b' "\\x$byte"
      text=${text//"$from"/\\u00$byte}
    done
  fi
  JSON=\"$text\"
}

# json_strings WORD...: an array of strings, in JSON.
json_strings() {
  local word array=''
  for word; do
    json_string "$word"
    array+=,$JSON
  done
  JSON=[${array#,}]
}

# value_here NAME: VALUE of this variable of ours; fails when there is none. Any other text must not get into ${!…}: in name[…] it runs
# what stands in the brackets.
value_here() {
  [[ $1 =~ ^[A-Za-z_][A-Za-z0-9_]*$ && -n ${!1+there} ]] || return 1
  VALUE=${!1}
}

# one_line OPTION VALUE: of a value that is taken apart
one_line() { [[ $2 != *[[:cntrl:]]* ]] || die "--$1 $2: there is a tab, a line break or another control character in it" "leave it out"; }
# each_setting FILE FUNCTION [WORD...]: the lines of an env or label file, as docker reads them: quotes are part of a value, # begins a comment
# at the beginning of a line only.
each_setting() {
  local line name number=0
  [[ -r $1 && ! -d $1 ]] || die "cannot read $1"
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    line=${line#$'\xef\xbb\xbf'} # a byte order mark
    line=${line%$'\r'}
    line=${line#"${line%%[![:space:]]*}"}
    [[ -n $line && $line != '#'* ]] || continue
    name=${line%%=*}
    [[ -n $name && $name != *[[:space:]]* ]] || die "$1, line $number: ${name:-the name} is no name of a variable" "a line is NAME=VALUE, without spaces before the ="
    "${@:2}" "$line"
  done <"$1"
}

# replace_file FILE TEXT: whole or not at all, also in a caller where set -e is off. No text is the failure of who made it.
replace_file() {
  if [[ -z $2 ]] || ! { printf '%s\n' "$2" >"$1.new.$BASHPID"; } 2>/dev/null || ! mv -f "$1.new.$BASHPID" "$1"; then
    rm -f "$1.new.$BASHPID"
    die "cannot write $1" "is the disk full? see: df -h $ROOT"
  fi
}

# mark FILE: there, and empty
mark() { { : >"$1"; } 2>/dev/null || die "cannot write $1" "is the disk full? see: df -h $ROOT"; }

# tell_event ACTION [KEY=VALUE...]: one line in the log of events; a line is one write, so writers do not mix.
tell_event() {
  local line pair
  now
  json_string "$1"
  line="{\"time\":\"$NOW\",\"Type\":\"${EVENT_TYPE:-container}\",\"Action\":$JSON,\"id\":\"${ID:-}\""
  shift
  for pair; do
    json_string "${pair#*=}"
    line+=",\"${pair%%=*}\":$JSON"
  done
  { printf '%s}\n' "$line" >>"$EVENTS"; } 2>/dev/null || note "the event $1 is not in $EVENTS, which cannot be written to"
}

# have_program PROGRAM PACKAGE WHY
have_program() { type -P "$1" >/dev/null || die "$1 is not installed: $3" "type: apt-get install $2"; }
