// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/cgroup_stats.hpp"

#include <fcntl.h>

#include <string_view>

#include "runtime/kernel/cgroup_files.hpp"
#include "runtime/kernel/cgroup_values.hpp"

namespace kernel {
namespace {

bool is_decimal(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos &&
         text.front() != '.' && text.back() != '.';
}

/// What follows "key=" in the next word.
std::string_view next_value(std::string_view& line, std::string_view key) {
  std::string_view word = next_word(line, " ");
  if (!word.starts_with(key) || word.size() <= key.size() || word[key.size()] != '=') return {};
  word.remove_prefix(key.size() + 1);
  return word;
}

std::optional<Pressure::Line> parse_line(std::string_view line) {
  Pressure::Line read;
  read.avg10 = next_value(line, "avg10");
  read.avg60 = next_value(line, "avg60");
  read.avg300 = next_value(line, "avg300");
  if (!is_decimal(read.avg10) || !is_decimal(read.avg60) || !is_decimal(read.avg300))
    return std::nullopt;
  read.total = number_or_zero(next_value(line, "total"));
  return read;
}

}  // namespace

std::vector<std::uint16_t> parse_number_list(std::string_view text) {
  std::vector<std::uint16_t> numbers;
  while (!text.empty()) {
    std::string_view range = next_word(text, ",\n");
    if (range.empty()) break;
    const std::size_t dash = range.find('-');
    const std::uint64_t first = number_or_zero(range.substr(0, dash));
    const std::uint64_t last =
        dash == std::string_view::npos ? first : number_or_zero(range.substr(dash + 1));
    for (std::uint64_t one = first; one <= last && one < UINT16_MAX; ++one)
      numbers.push_back(static_cast<std::uint16_t>(one));
  }
  return numbers;
}

std::vector<BlockIoEntry> parse_block_io(std::string_view text) {
  std::vector<BlockIoEntry> entries;
  while (!text.empty()) {
    std::string_view line = next_word(text, "\n");
    std::vector<std::string_view> words;
    while (!line.empty()) {
      const std::string_view word = next_word(line, " :");
      if (!word.empty()) words.push_back(word);
    }
    if (words.size() < 3) continue;  // "Total 4096"
    BlockIoEntry entry;
    entry.major = number_or_zero(words[0]);
    entry.minor = number_or_zero(words[1]);
    if (words.size() > 3) entry.op = words[2];
    entry.value = number_or_zero(words.back());
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::optional<Pressure> parse_pressure(std::string_view text) {
  Pressure pressure;
  bool found = false;
  while (!text.empty()) {
    std::string_view line = next_word(text, "\n");
    const std::string_view kind = next_word(line, " ");
    if (kind != "some" && kind != "full") continue;
    const std::optional<Pressure::Line> read = parse_line(line);
    if (!read) return std::nullopt;
    (kind == "some" ? pressure.some : pressure.full) = *read;
    found = true;
  }
  if (!found) return std::nullopt;
  // The cpu file of older kernels has no second line.
  if (pressure.full.avg10.empty()) pressure.full = {.avg10 = "0", .avg60 = "0", .avg300 = "0"};
  return pressure;
}

CgroupStats cgroup_stats(const CgroupDirectories& directories) {
  CgroupStats stats;
  for (const plan::CgroupDirectory& one : directories) {
    const UniqueFd directory = open_cgroup_if_exists(one);
    if (!directory) continue;
    const auto read = one.is_v2 ? read_v2_stats : read_v1_stats;
    read(directory.get(), one.controllers, stats);
  }
  return stats;
}

}  // namespace kernel
