// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/passwd.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace kernel {
namespace {

constexpr std::size_t kUid = 2, kHome = 5, kFields = 7;  // name:password:uid:gid:comment:home:shell

std::optional<std::array<std::string_view, kFields>> split_entry(std::string_view line) {
  std::array<std::string_view, kFields> fields;
  for (std::size_t field = 0; field < kFields; ++field) {
    const std::size_t end = line.find(':');
    const bool is_last = field == kFields - 1;
    if (is_last != (end == std::string_view::npos)) return std::nullopt;
    fields[field] = line.substr(0, end);
    line.remove_prefix(is_last ? line.size() : end + 1);
  }
  return fields;
}

bool is_number(std::string_view word, uid_t number) {
  uid_t value = 0;
  const auto result = std::from_chars(word.data(), word.data() + word.size(), value);
  return result.ec == std::errc{} && result.ptr == word.data() + word.size() && value == number;
}

}  // namespace

std::optional<std::string> home_in_passwd(std::string_view text, uid_t uid) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto entry = split_entry(text.substr(0, end));
    if (entry && is_number((*entry)[kUid], uid)) {
      const std::string_view home = (*entry)[kHome];
      // A NUL would cut the variable short where nobody sees it.
      if (home.empty() || home.find('\0') != std::string_view::npos) return std::nullopt;
      return std::string(home);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

}  // namespace kernel
