#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# set -e takes no notice of a line that begins with `!`, nor of `[ … ] && expect …` whose `[` fails, except where it is the last of its function: a test
# with such a line in the middle cannot fail there. `! … || false` and two lines can.
set -euo pipefail
cd "$(dirname "$0")/../.."
git ls-files '*.bats' | xargs awk '
  function tell() { if (held != "" && $0 !~ /^}/) { print held; found = 1 } held = "" }
  /^[ \t]*(#.*)?$/ { next }
  { tell() }
  /^ +! / && !/\|\|/ { held = FILENAME ":" FNR ": " $0 }
  /^ +\[.*\] && (expect|expect_not|\[) / && !/\|\||\\$|&& (rm|echo|continue|return)/ { held = FILENAME ":" FNR ": " $0 }
  END { exit found }'
