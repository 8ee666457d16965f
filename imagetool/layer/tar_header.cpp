// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/tar_header.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "bundle-spec/error.hpp"

namespace tar {
namespace {

std::uint8_t at(std::span<const std::byte> block, std::size_t index) {
  return static_cast<std::uint8_t>(block[index]);
}

[[noreturn]] void not_a_number(Field field) {
  throw Error(sentence("a tar header's ", field.name, " is not a number that can be used"));
}

// GNU: the top bit of the first byte marks a big-endian two's complement number in all the others.
std::int64_t base256(std::span<const std::byte> bytes, Field field) {
  const bool negative = (at(bytes, 0) & 0x40) != 0;
  const std::uint8_t flip = negative ? 0xff : 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::uint8_t digit = at(bytes, i) ^ flip;
    if (i == 0) digit &= 0x7f;
    if (value >> 55 != 0) not_a_number(field);
    value = value << 8 | digit;
  }
  if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) not_a_number(field);
  const auto magnitude = static_cast<std::int64_t>(value);
  return negative ? -1 - magnitude : magnitude;
}

// Spaces, octal digits, then a NUL (what follows it is ignored) or spaces. Anything else is read
// differently by different implementations, so it is refused.
std::int64_t octal(std::string_view digits, Field field) {
  digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
  const bool starts_with_nul = !digits.empty() && digits.front() == '\0';
  if (starts_with_nul &&
      digits.find_first_not_of(std::string_view("\0 ", 2)) != std::string_view::npos)
    not_a_number(field);
  digits = digits.substr(0, digits.find('\0'));
  digits = digits.substr(0, digits.find_last_not_of(' ') + 1);
  std::int64_t value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '7' || value >> 60 != 0) not_a_number(field);
    value = value << 3 | (digit - '0');
  }
  return value;
}

std::string_view raw(std::span<const std::byte> block, Field field) {
  return {reinterpret_cast<const char*>(block.data()) + field.offset, field.size};
}
}  // namespace

bool is_zero(Block block) {
  return std::all_of(block.begin(), block.end(),
                     [](std::byte byte) { return byte == std::byte{0}; });
}

bool checksum_fits(Block block) {
  std::int64_t plain = 0;
  std::int64_t with_signs = 0;
  for (std::size_t i = 0; i < kBlockSize; ++i) {
    const bool inside = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    const std::uint8_t byte = inside ? std::uint8_t{' '} : at(block, i);
    plain += byte;
    with_signs += static_cast<std::int8_t>(byte);
  }
  try {
    const std::int64_t wanted = signed_number(block, kChecksum);
    return wanted == plain || wanted == with_signs;
  } catch (const Error&) {
    return false;
  }
}

bool is_gnu(Block block) {
  return raw(block, {257, 8, "magic"}) == std::string_view("ustar  \0", 8);
}

char type_of(Block block) { return static_cast<char>(block[156]); }

std::string_view text(std::span<const std::byte> block, Field field) {
  const std::string_view all = raw(block, field);
  return all.substr(0, all.find('\0'));
}

std::int64_t signed_number(std::span<const std::byte> block, Field field) {
  if ((at(block, field.offset) & 0x80) != 0)
    return base256(block.subspan(field.offset, field.size), field);
  return octal(raw(block, field), field);
}

std::uint64_t number(std::span<const std::byte> block, Field field) {
  const std::int64_t value = signed_number(block, field);
  if (value < 0) not_a_number(field);
  return static_cast<std::uint64_t>(value);
}

std::string full_name(Block block) {
  const std::string_view name = text(block, kName);
  const std::string_view magic = raw(block, {257, 6, "magic"});
  if (magic != std::string_view("ustar\0", 6)) return std::string(name);
  // star keeps times in the last 24 bytes of the prefix and signs with "tar" at the very end.
  const bool is_star = raw(block, {508, 4, "trailer"}) == std::string_view("tar\0", 4);
  const std::string_view prefix =
      text(block, {345, is_star ? std::size_t{131} : std::size_t{155}, "prefix"});
  if (prefix.empty()) return std::string(name);
  return sentence(prefix, '/', name);
}

}  // namespace tar
