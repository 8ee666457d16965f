// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/cgroup_values.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>

#include "runtime/kernel/cgroup_files.hpp"

namespace kernel {

std::string_view next_word(std::string_view& text, std::string_view separators) {
  text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
  const std::size_t end = std::min(text.find_first_of(separators), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

std::uint64_t number_or_zero(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::uint64_t read_cgroup_number(int directory, const std::string& file, std::uint64_t unlimited) {
  const std::optional<std::string> text = read_cgroup_file(directory, file);
  if (!text) return 0;
  return text->starts_with("max") ? unlimited : number_or_zero(*text);
}

std::map<std::string, std::uint64_t> read_cgroup_numbers(int directory, const std::string& file) {
  const std::string text = read_cgroup_file(directory, file).value_or("");
  std::map<std::string, std::uint64_t> numbers;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = next_word(rest, "\n");
    const std::string_view key = next_word(line, " ");
    const std::string_view value = next_word(line, " ");
    if (!value.empty()) numbers.emplace(key, number_or_zero(value));
  }
  return numbers;
}

std::vector<std::string> cgroup_file_names(int directory, std::string_view prefix,
                                           std::string_view suffix) {
  std::vector<std::string> names;
  const int listing = open_in_hierarchy(directory, ".", O_RDONLY | O_DIRECTORY);
  DIR* entries = listing < 0 ? nullptr : ::fdopendir(listing);
  if (entries == nullptr) return names;
  while (const dirent* entry = ::readdir(entries)) {
    std::string_view name = entry->d_name;
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    if (name.size() <= prefix.size() + suffix.size()) continue;
    name.remove_prefix(prefix.size());
    name.remove_suffix(suffix.size());
    if (name.find('.') == std::string_view::npos) names.emplace_back(name);
  }
  ::closedir(entries);
  std::ranges::sort(names);
  return names;
}

}  // namespace kernel
