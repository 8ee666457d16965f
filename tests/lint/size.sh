#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Functions at most 70 lines, files at most 450.
set -euo pipefail
cd "$(dirname "$0")/../.."
git ls-files 'bundle-spec/*.[ch]pp' 'runtime/*.[ch]pp' 'imagetool/*.[ch]pp' | xargs awk '
  FNR == 1 { start = 0; depth = 0 }
  { lines[FILENAME] = FNR }
  # A function ends at a brace in column one; it began at the last line in column one that is no brace, comment or macro.
  /^[A-Za-z\[]/ && !/^(namespace|using|struct|class|enum|extern|template|public|private)/ && !/;[ ]*$/ { start = FNR; name = $0 }
  /^}/ && start { if (FNR - start + 1 > 70 && name !~ /= *{$|=$|constexpr .*\[\]|std::to_array|std::array/) { printf "%s:%d: %d lines: %s\n", FILENAME, start, FNR - start + 1, name; bad = 1 } start = 0 }
  END { for (file in lines) if (lines[file] > 450) { printf "%s: %d lines\n", file, lines[file]; bad = 1 } exit bad }'
