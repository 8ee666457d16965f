#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What runs before the C library starts may call nothing and may need no relocation at run time.
#   entry.sh LIBENTRY|BUILD
set -euo pipefail
library=${1:-build}
[ ! -d "$library" ] || library=$library/runtime/libentry.a
[ -f "$library" ] || { echo "no $library: not a static x86-64 build"; exit 77; }
calls=$(nm -u "$library" | awk 'NF == 2 && $2 != "_start" {print $2}' | sort -u)
[ -z "$calls" ] || { echo "the entry point calls: $calls"; exit 1; }
# Relocations of code that the linker cannot resolve by itself, and tables with addresses in them.
late=$(readelf -rW "$library" | awk '/^Relocation section/ {section = $3} /^[0-9a-f]+ / {print section, $3}' |
  grep -v -E "eh_frame|rela\.debug_|R_X86_64_(PC32|PLT32)$" || true)
[ -z "$late" ] || { echo "the entry point needs relocations at run time: $late"; exit 1; }
