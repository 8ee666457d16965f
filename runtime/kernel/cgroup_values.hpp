// SPDX-License-Identifier: Apache-2.0
// Reading numbers out of the files of one cgroup. Host side.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kernel {

/// The number a file holds; "max" is `unlimited`, and a file that is not there 0.
std::uint64_t read_cgroup_number(int directory, const std::string& file,
                                 std::uint64_t unlimited = UINT64_MAX);
/// A file of lines "key number"; empty when it is not there.
std::map<std::string, std::uint64_t> read_cgroup_numbers(int directory, const std::string& file);
/// What stands between `prefix` and `suffix` in the names of the directory's files: "2MB" of
/// "hugetlb.2MB.current". Names with a dot there are others'.
std::vector<std::string> cgroup_file_names(int directory, std::string_view prefix,
                                           std::string_view suffix);

/// Cuts the next piece off the front of `text`; the separators are dropped.
std::string_view next_word(std::string_view& text, std::string_view separators);
std::uint64_t number_or_zero(std::string_view text);

}  // namespace kernel
