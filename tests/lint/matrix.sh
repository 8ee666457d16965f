#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every row of README.md's tables of features that says yes names a test that exists: a file, and words of the name of a test in it.
set -euo pipefail
cd "$(dirname "$0")/../.."
status=0 rows=0

# path_of NAME: the file or directory of tests that README.md calls so.
path_of() {
  local path
  for path in "tests/system/$1" "tests/$1" "$1"; do
    [[ $path == tests/* && -e $path ]] && echo "$path" && return
  done
}
complain() {
  echo "README.md, $1: $2"
  status=1
}

# check_part FEATURE TEXT: "`FILE`[, `FILE`] [WORDS[, WORDS]]"; every phrase is in the name of a test of one of the files.
check_part() {
  local feature=$1 text=$2 names='' name path phrase
  while [[ $text == *\`*\`* ]]; do
    text=${text#*\`}
    name=${text%%\`*}
    text=${text#*\`}
    [[ $name == *[/.]* ]] || return 0 # a variable
    if ! path=$(path_of "$name"); then
      complain "$feature" "there is no $name in tests"
    elif [[ $path == *.bats ]]; then
      names+=$(grep '^@test ' "$path")$'\n'
    fi
  done
  [ -n "$names" ] || return 0
  while read -r phrase; do
    [[ $names == *"$phrase"* ]] || complain "$feature" "no test of $name is about \"$phrase\""
  done <<<"${text//,/$'\n'}"
}

in_table=
while IFS='|' read -r _ feature answer tests _; do
  feature=${feature# } feature=${feature% }
  case $feature:$tests in
    :*) in_table= ;;
    *': tested by ') in_table=yes ;;
  esac
  [[ -n $in_table && $tests != ' tested by ' && $tests != ---* ]] || continue
  rows=$((rows + 1))
  [[ $answer != ' yes'* || $tests == *\`* ]] || complain "$feature" "says yes and names no test"
  while IFS= read -r part; do
    check_part "$feature" "$part"
  done <<<"${tests//;/$'\n'}"
done <README.md
[ "$rows" -gt 20 ] || complain "features" "the table was not found"
exit "$status"
