// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/number_list.hpp"

#include <charconv>
#include <cstddef>

#include "bundle-spec/error.hpp"

namespace plan {
namespace {

std::uint32_t read_number(std::string_view text, std::uint32_t highest, std::string_view pointer) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > highest) {
    throw Error(sentence(pointer, ": \"", text, "\" is no number up to ", highest));
  }
  return number;
}

void set_bit(std::vector<std::uint64_t>& mask, std::uint32_t number) {
  if (mask.size() <= number / 64) mask.resize(number / 64 + 1);
  mask[number / 64] |= std::uint64_t{1} << (number % 64);
}

}  // namespace

std::vector<std::uint64_t> read_number_list(std::string_view list, std::uint32_t highest,
                                            std::string_view pointer) {
  std::vector<std::uint64_t> mask;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view range = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    const std::size_t dash = range.find('-');
    const std::uint32_t first = read_number(range.substr(0, dash), highest, pointer);
    const std::uint32_t last = dash == std::string_view::npos
                                   ? first
                                   : read_number(range.substr(dash + 1), highest, pointer);
    if (last < first) throw Error(sentence(pointer, ": \"", range, "\" runs backwards"));
    for (std::uint32_t number = first; number <= last; ++number) set_bit(mask, number);
  }
  return mask;
}

}  // namespace plan
