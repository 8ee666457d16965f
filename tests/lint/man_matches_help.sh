#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every verb and every option of `--help` is in the man page and in the completions of each shell, and the other way round.
#   man_matches_help.sh BUILD
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
build=${1:-build}
status=0
complain() { echo "$*"; status=1; }

options_of() { grep -oE '^ +(-[a-zA-Z], +)?--[a-z][a-z0-9-]*' <<<"$1" | grep -oE -- '--[a-z0-9-]+' | sort -u; }
verbs_of() { awk '/^Commands:/ {on = 1; next} /^$/ {on = 0} on {print $1}' <<<"$1"; }
# The section of a verb in the page as text: from its tag to the next verb's.
section_of() { awk -v verb="$2" '$0 ~ "^\\.It Cm " {on = ($3 == verb)} on' "$1"; }

check_program() { # check_program BINARY PAGE
  local binary=$1 page=$2 name help verb text section option
  name=$(basename "$binary")
  help=$("$binary" --help) || { complain "$name --help failed"; return; }
  local global
  global=$(awk '/^\.Sh GLOBAL OPTIONS/ {on = 1; next} /^\.Sh/ {on = 0} on' "$page")
  for option in $(options_of "$help"); do
    grep -qE "Fl -${option#--}( |$)" <<<"$global" || complain "$page: global option $option is missing"
  done
  for verb in $(verbs_of "$help"); do
    section=$(section_of "$page" "$verb")
    [ -n "$section" ] || { complain "$page: verb $verb is missing"; continue; }
    text=$("$binary" "$verb" --help)
    for option in $(options_of "$text"); do
      [ "$option" = --help ] && continue
      grep -qE "Fl -${option#--}( |$)" <<<"$section" || complain "$page: $verb $option is missing"
    done
    # Only what leads a list item documents an option; a mention in prose does not.
    while read -r option; do
      options_of "$text" | grep -qx -- "$option" || complain "$page: $verb $option is not in --help"
    done < <(grep -oE '^\.It Fl .*' <<<"$section" | grep -oE 'Fl -[a-z][a-z0-9-]*' | sed 's/Fl /-/')
  done
  while read -r verb; do
    verbs_of "$help" | grep -qx "$verb" || complain "$page: verb $verb is not in --help"
  done < <(sed -n '/^\.Sh VERBS/,/^\.Sh [^V]/p' "$page" | grep -oE '^\.It Cm [a-z]+' | cut -d' ' -f3)
}

check_program "$build/runtime/toyrun" man/toyrun.8
check_program "$build/imagetool/toyimg" man/toyimg.1
check_program scripts/toydock man/toydock.1
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
scripts/completions/generate "$build" "$fresh"
for file in "$fresh"/*; do
  diff "$file" "scripts/completions/${file##*/}" || complain "scripts/completions/${file##*/}: run scripts/completions/generate $build"
done
bash -n scripts/completions/toyrun.bash && fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
scripts/completions/generate "$build" "$fresh"
for file in "$fresh"/*; do
  diff "$file" "scripts/completions/${file##*/}" || complain "scripts/completions/${file##*/}: run scripts/completions/generate $build"
done
bash -n scripts/completions/toyimg.bash || status=1
bash -n scripts/completions/toydock.bash || status=1
if command -v fish >/dev/null; then fish --no-execute scripts/completions/*.fish || status=1; fi
if command -v zsh >/dev/null; then for file in scripts/completions/*.zsh; do zsh -n "$file" || status=1; done; fi
exit $status
