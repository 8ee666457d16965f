// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/mount_table.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <set>

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

int number_of(std::string_view word) {
  int number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

/// Two mounts sit on the same one: who goes down to `path` comes to `other` first. Had `other` been
/// there before, the mount at `path` would sit on that.
bool is_cut_off(const std::string& path, const std::string& other) {
  return other.size() < path.size() && path.starts_with(other) &&
         (other == "/" || path[other.size()] == '/');
}

std::optional<MountEntry> parse_line(std::string_view line) {
  MountEntry entry;
  entry.id = number_of(next_word(line));
  entry.parent = number_of(next_word(line));
  entry.device = next_word(line);
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
    entry.propagation.emplace_back(word);
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

std::vector<MountEntry> reachable(const std::vector<MountEntry>& entries) {
  std::map<int, std::vector<const MountEntry*>> children;
  std::set<int> ids, found;
  for (const MountEntry& one : entries) {
    children[one.parent].push_back(&one);
    ids.insert(one.id);
  }
  std::vector<const MountEntry*> left;
  for (const MountEntry& one : entries)
    if (!ids.contains(one.parent) || one.parent == one.id) left.push_back(&one);
  while (!left.empty()) {
    const MountEntry* const one = left.back();
    left.pop_back();
    if (!found.insert(one->id).second) continue;
    const std::vector<const MountEntry*>& here = children[one->id];
    for (const MountEntry* child : here)
      if (std::ranges::none_of(here, [&](const MountEntry* other) {
            return is_cut_off(child->mount_point, other->mount_point);
          }))
        left.push_back(child);
  }
  std::vector<MountEntry> all;
  std::ranges::copy_if(entries, std::back_inserter(all),
                       [&](const MountEntry& one) { return found.contains(one.id); });
  return all;
}

std::vector<MountEntry> read_mount_table() {
  return parse_mount_table(read_file("/proc/self/mountinfo"));
}

}  // namespace kernel
