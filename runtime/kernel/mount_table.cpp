// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/mount_table.hpp"

#include <algorithm>
#include <optional>

#include "bundle-spec/fs/file.hpp"

namespace kernel {
namespace {

std::string_view next_word(std::string_view& line) {
  const std::size_t start = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t end = std::min(line.find(' ', start), line.size());
  const std::string_view word = line.substr(start, end - start);
  line.remove_prefix(end);
  return word;
}

/// "\040" → " ": blank, tab, newline and backslash are written in octal.
std::string without_escapes(std::string_view word) {
  const auto is_octal = [](char digit) { return digit >= '0' && digit <= '7'; };
  std::string text;
  for (std::size_t at = 0; at < word.size(); ++at) {
    if (word[at] == '\\' && at + 3 < word.size() &&
        std::ranges::all_of(word.substr(at + 1, 3), is_octal)) {
      text += static_cast<char>((word[at + 1] - '0') * 64 + (word[at + 2] - '0') * 8 +
                                (word[at + 3] - '0'));
      at += 3;
    } else {
      text += word[at];
    }
  }
  return text;
}

std::optional<MountEntry> parse_line(std::string_view line) {
  for (int skipped = 0; skipped < 3; ++skipped) next_word(line);  // ids, major:minor
  MountEntry entry;
  entry.root = without_escapes(next_word(line));
  entry.mount_point = without_escapes(next_word(line));
  for (std::string_view left = next_word(line); !left.empty();) {
    const std::size_t end = std::min(left.find(','), left.size());
    entry.options.emplace_back(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  // Any number of optional fields, then a lone "-".
  for (std::string_view word = next_word(line); word != "-"; word = next_word(line)) {
    if (word.empty()) return std::nullopt;
  }
  entry.type = next_word(line);
  next_word(line);  // source
  entry.super_options = next_word(line);
  if (entry.type.empty()) return std::nullopt;
  return entry;
}

}  // namespace

std::vector<MountEntry> parse_mount_table(std::string_view text) {
  std::vector<MountEntry> entries;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (std::optional<MountEntry> entry = parse_line(text.substr(0, end))) {
      entries.push_back(std::move(*entry));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return entries;
}

std::vector<MountEntry> read_mount_table() {
  return parse_mount_table(read_file("/proc/self/mountinfo"));
}

}  // namespace kernel
