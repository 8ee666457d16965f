#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every shell script passes shellcheck.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -t scripts < <(git ls-files .ci scripts tests | while read -r file; do
  if head -1 "$file" | grep -qE '^#!/bin/(ba)?sh' || [[ $file == *.bash && $file != scripts/completions/* || $file == scripts/lib/*.sh ]]; then echo "$file"; fi
done)
# SC2153: names that differ in case only; SC2154: bats sets status, output and lines; SC2034: variables for the tests that load a file; SC2016: jq programs.
shellcheck -x -e SC2154,SC2034,SC2016,SC1091,SC2153 "${scripts[@]}"
