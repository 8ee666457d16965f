#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every clause of tests/conformance/clauses has a test, and every test there names clauses that are listed, once each.
set -euo pipefail
cd "$(dirname "$0")/../conformance"
status=0
# clauses_of_tests: "ANCHOR NUMBER" for each clause in a test's name: "a.md#x 1,2; b.md#y 3: words"
clauses_of_tests() {
  sed -n 's/^@test "\([^"]*\)".*/\1/p' ./*.bats | awk '{
    sub(/: .*/, "")
    count = split($0, parts, /; /)
    for (i = 1; i <= count; i++) {
      words = split(parts[i], half, " ")
      numbers = split(words == 2 ? half[2] : "none", number, ",")
      for (j = 1; j <= numbers; j++) print half[1], number[j]
    }
  }'
}
listed=$(grep -v '^#' clauses | cut -f1)
tested=$(clauses_of_tests)
complain() { # complain WORDS: the lines of standard input are what is wrong
  local line
  while read -r line; do
    echo "$1: $line"
    status=1
  done
}
complain 'clause without a test' < <(comm -23 <(sort -u <<<"$listed") <(sort -u <<<"$tested"))
complain 'test of a clause that is not listed' < <(comm -13 <(sort -u <<<"$listed") <(sort -u <<<"$tested"))
complain 'clause listed twice' < <(sort <<<"$listed" | uniq -d)
complain 'clause without words' < <(grep -v '^#' clauses | awk -F'\t' 'NF != 2 || $2 == ""')
exit "$status"
