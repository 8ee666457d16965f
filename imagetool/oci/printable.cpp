// SPDX-License-Identifier: Apache-2.0
#include "imagetool/oci/printable.hpp"

namespace {

constexpr std::size_t kLongestSequence = 4;

/// Bytes of the UTF-8 sequence that `text` begins with, 0 when it is none (too long forms and
/// surrogates included).
std::size_t sequence_length(std::string_view text, char32_t& letter) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  std::size_t length = 0;
  if (first < 0x80)
    length = 1;
  else if (first >= 0xC2 && first < 0xE0)
    length = 2;
  else if (first >= 0xE0 && first < 0xF0)
    length = 3;
  else if (first >= 0xF0 && first < 0xF5)
    length = kLongestSequence;
  if (length == 0 || length > text.size()) return 0;
  letter = length == 1 ? first : first & (0xFFU >> (length + 1));
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xC0U) != 0x80U) return 0;
    letter = (letter << 6U) | (byte(at) & 0x3FU);
  }
  const bool overlong = (length == 3 && letter < 0x800) || (length == 4 && letter < 0x10000);
  const bool surrogate = letter >= 0xD800 && letter < 0xE000;
  return overlong || surrogate || letter > 0x10FFFF ? 0 : length;
}

bool is_safe(char32_t letter) {
  if (letter < 0x20 || (letter >= 0x7F && letter < 0xA0)) return false;
  const bool bidi = (letter >= 0x202A && letter <= 0x202E) ||
                    (letter >= 0x2066 && letter <= 0x2069) || letter == 0x200E ||
                    letter == 0x200F || letter == 0x061C;
  return !bidi && letter != 0x2028 && letter != 0x2029;
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  std::string shown;
  while (!text.empty()) {
    char32_t letter = 0;
    const std::size_t length = sequence_length(text, letter);
    const std::string_view next =
        length != 0 && is_safe(letter) ? text.substr(0, length) : std::string_view("?");
    if (shown.size() + next.size() > limit) return shown + "…";
    shown += next;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return shown;
}
