#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every C++ file is as clang-format-19 would write it, and starts with the licence line.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -t files < <(git ls-files '*.cpp' '*.hpp')
clang-format-19 --dry-run --Werror "${files[@]}"
status=0
for file in "${files[@]}"; do
  [ "$(head -1 "$file")" = '// SPDX-License-Identifier: Apache-2.0' ] || { echo "$file: no SPDX line"; status=1; }
done
exit $status
