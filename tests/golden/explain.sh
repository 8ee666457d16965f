#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# explain.sh TOYRUN: what `create --explain` says of each example bundle, against tests/golden/NAME/plan.txt (a hybrid
# host) and plan-v2.txt. Runs toyrun as nobody: explaining needs no privilege. TOY_ACCEPT=1 takes the new text as right.
set -euo pipefail

toyrun=${1:?usage: explain.sh TOYRUN}
golden=$(cd "$(dirname "$0")" && pwd)
examples=$golden/../../bundle-spec/examples
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
# Copies: nobody may not be allowed into the checkout.
install -m 755 "$toyrun" "$work/toyrun"

as_nobody() {
  if [ "$(id -u)" -eq 0 ]; then
    (cd / && setpriv --reuid=65534 --regid=65534 --clear-groups "$@")
  else
    (cd / && "$@")
  fi
}

# explain HOST NAME: the plan with the bundle's directory called BUNDLE. The file NAME/options has global options.
explain() {
  local options=()
  [ ! -f "$golden/$2/options" ] || mapfile -t options <"$golden/$2/options"
  as_nobody "$work/toyrun" "${options[@]}" create "--explain=$1" explained "$work/$2" | sed "s|$work/$2|BUNDLE|g"
}

check() {  # check NAME FILE TEXT
  local expected=$golden/$1/$2
  if [ "${TOY_ACCEPT:-0}" = 1 ]; then
    mkdir -p "$golden/$1"
    printf '%s\n' "$3" >"$expected"
    return 0
  fi
  if [ ! -f "$expected" ]; then
    echo "golden: $1/$2 is missing; look at the text and take it with TOY_ACCEPT=1"
    return 1
  fi
  printf '%s\n' "$3" | diff -u --label "golden $1/$2" --label "toyrun now" "$expected" - || return 1
}

failed=0
count=0
for config in "$examples"/*/config.json; do
  name=$(basename "$(dirname "$config")")
  mkdir -p "$work/$name/rootfs"
  install -m 644 "$config" "$work/$name/config.json"
  for pair in hybrid:plan.txt v2:plan-v2.txt; do
    count=$((count + 1))
    # A refusal is a plan's result too: what a host cannot do is part of the golden text.
    text=$(explain "${pair%%:*}" "$name" 2>&1) || text="$text
(exit status $?)"
    check "$name" "${pair##*:}" "$text" || failed=$((failed + 1))
  done
done

if [ "$count" -eq 0 ]; then
  echo "golden: no example bundles in $examples"
  exit 1
fi
echo "golden: $count plans, $failed differ"
[ "$failed" -eq 0 ]
