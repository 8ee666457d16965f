#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The plan may compute, not act: no undefined C symbol beyond memory, strings, numbers and the exception ABI, and none
# of the C++ ones that reach files, threads or clocks.
#   purity.sh LIBPLAN|BUILD
set -euo pipefail
library=${1:-build}
[ ! -d "$library" ] || library=$(find "$library/runtime/plan" -name '*.a' | head -1)
[ -f "$library" ] || { echo "no library of runtime/plan in ${1:-build}"; exit 1; }
# A thin archive holds paths relative to itself; nm follows them.
symbols=$(nm -u "$library" | awk 'NF == 2 {print $2}' | sort -u)
[ -n "$symbols" ] || { echo "nm shows nothing of $library"; exit 1; }

allowed='^(_Z|_Unwind_|__cxa_|__gxx_personality|__dso_handle$|__stack_chk_fail$|_GLOBAL_OFFSET_TABLE_$|__tls_get_addr$'
allowed+='|__asan_|__ubsan_|__tsan_|__sanitizer_|__gcov_|__llvm_'
allowed+='|(__)?mem(cpy|move|set|cmp|chr|rchr)(_chk)?$|strlen$|strn?cmp$|bcmp$|abort$|__assert_fail$|__errno_location$'
allowed+='|log2$|pow$|exp10$|ceil$)'
impure=$(grep -Ev "$allowed" <<<"$symbols" || true)
[ -z "$impure" ] || { echo "plan calls: $impure"; exit 1; }

acting='std::(__cxx11::)?basic_[io]?(f|string)stream|std::basic_filebuf|std::thread|std::this_thread|std::random_device'
acting+='|std::chrono::_V2|std::filesystem::(?!__cxx11::path::)|(kernel|launch|commands)::'
doors=$(c++filt <<<"$symbols" | grep -P "$acting" || true)
[ -z "$doors" ] || { echo "plan uses: $doors"; exit 1; }
