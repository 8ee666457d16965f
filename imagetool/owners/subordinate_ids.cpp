// SPDX-License-Identifier: Apache-2.0
#include "imagetool/owners/subordinate_ids.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

namespace {

// user_namespaces(7): a map has at most 340 lines; one is the user's own id.
constexpr std::size_t kMostRanges = 339;
constexpr std::uint32_t kNoId = std::numeric_limits<std::uint32_t>::max();

std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::vector<IdRange> ranges_of(std::string_view text, std::string_view user, std::uint32_t uid) {
  std::vector<IdRange> ranges;
  const std::string digits = std::to_string(uid);
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    const std::string_view whose = take(line, ':');
    if (whose.empty() || (whose != user && whose != digits)) continue;
    const auto first = number(take(line, ':'));
    const auto count = number(line);
    if (!first || !count || *count == 0 || *count > kNoId - *first) continue;
    if (ranges.size() < kMostRanges) ranges.push_back({*first, *count});
  }
  return ranges;
}

std::vector<oci::IdMapping> map_of(std::uint32_t own, const std::vector<IdRange>& ranges) {
  std::vector<oci::IdMapping> map = {{.container_id = 0, .host_id = own, .size = 1}};
  std::uint32_t next = 1;
  for (const IdRange& range : ranges) {
    const std::uint32_t count = std::min(range.count, kNoId - next);
    if (count == 0) break;
    map.push_back({.container_id = next, .host_id = range.first, .size = count});
    next += count;
  }
  return map;
}

bool is_mapped(const std::vector<oci::IdMapping>& map, std::uint32_t id) {
  return std::ranges::any_of(map, [&](const oci::IdMapping& one) {
    return id >= one.container_id && id - one.container_id < one.size;
  });
}

std::uint32_t last_mapped(const std::vector<oci::IdMapping>& map) {
  std::uint32_t last = 0;
  for (const oci::IdMapping& one : map)
    if (one.size > 0) last = std::max(last, one.container_id + (one.size - 1));
  return last;
}
