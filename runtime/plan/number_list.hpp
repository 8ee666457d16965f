// SPDX-License-Identifier: Apache-2.0
// Lists of CPUs and memory nodes as cpuset(7) writes them: "0-3,7". Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace plan {

/// The numbers as a bit mask, lowest first, as long as its highest bit needs. Throws Error naming
/// `pointer` for what is no list, runs backwards, or goes above `highest`.
std::vector<std::uint64_t> read_number_list(std::string_view list, std::uint32_t highest,
                                            std::string_view pointer);

}  // namespace plan
