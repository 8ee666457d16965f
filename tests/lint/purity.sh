#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The plan may compute, not act: no undefined C symbol beyond memory, strings, numbers and the exception ABI.
#   purity.sh BUILD
set -euo pipefail
library=$(find "${1:-build}/runtime/plan" -name '*.a' | head -1)
[ -n "$library" ] || { echo "no library of runtime/plan in ${1:-build}"; exit 1; }
# A thin archive holds paths relative to the build directory; nm follows them.
symbols=$(nm -u "$library" 2>/dev/null | awk 'NF == 2 {print $2}' | sort -u)
[ -n "$symbols" ] || { echo "nm shows nothing of $library"; exit 1; }
impure=$(grep -Ev '^(_Z|_Unwind|__cxa_|__gxx_|__asan|__ubsan|__tsan|__stack_chk|_GLOBAL_OFFSET_TABLE_|__dso_handle|__tls_get_addr|(__)?(mem|str)[a-z_]*(_chk)?$|bcmp$|abort$|__assert_fail$|__ctype|isspace$|isdigit$|tolower$|toupper$|free$|malloc$|qsort$|__errno_location$|log2?$|exp2?$|pow$|ceil$|__popcount|__isoc|__memcpy|__memmove|__memset)' <<<"$symbols" || true)
[ -z "$impure" ] || { echo "plan calls: $impure"; exit 1; }
doors=$(nm -uC "$library" 2>/dev/null | grep -P 'std::(basic_[io]?fstream|thread|random_device|chrono::_V2|this_thread)|std::filesystem::(?!__cxx11::path)' || true)
[ -z "$doors" ] || { echo "plan uses: $doors"; exit 1; }
