// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/ip_address.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <vector>

#include "bundle-spec/error.hpp"

namespace plan {
namespace {

constexpr std::size_t kGroups = 8;

std::optional<unsigned> parse_number(std::string_view digits, int base, unsigned limit) {
  unsigned number = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (digits.empty() || result.ec != std::errc{} || result.ptr != digits.data() + digits.size() ||
      number > limit)
    return std::nullopt;
  return number;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<IpAddress> parse_v4(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '.');
  if (parts.size() != 4) return std::nullopt;
  IpAddress address;
  for (std::size_t i = 0; i < 4; ++i) {
    // inet_aton(3) reads a leading zero as octal; nobody knows what the writer meant.
    if (parts[i].size() > 1 && parts[i].front() == '0') return std::nullopt;
    const std::optional<unsigned> byte = parse_number(parts[i], 10, 255);
    if (!byte) return std::nullopt;
    address.bytes.at(i) = static_cast<std::uint8_t>(*byte);
  }
  return address;
}

/// "1:2:…" without "::"; the last part may be an IPv4 address where `may_end_in_v4`.
std::optional<std::vector<std::uint8_t>> parse_groups(std::string_view text, bool may_end_in_v4) {
  std::vector<std::uint8_t> bytes;
  if (text.empty()) return bytes;
  const std::vector<std::string_view> parts = split(text, ':');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (may_end_in_v4 && i + 1 == parts.size() && parts[i].find('.') != std::string_view::npos) {
      const std::optional<IpAddress> tail = parse_v4(parts[i]);
      if (!tail) return std::nullopt;
      bytes.insert(bytes.end(), tail->bytes.begin(), tail->bytes.begin() + 4);
      continue;
    }
    const std::optional<unsigned> group = parse_number(parts[i], 16, 0xffff);
    if (!group || parts[i].size() > 4) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(*group >> 8));
    bytes.push_back(static_cast<std::uint8_t>(*group & 255));
  }
  return bytes;
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  const std::size_t gap = text.find("::");
  const bool has_gap = gap != std::string_view::npos;
  const auto head = parse_groups(text.substr(0, gap), !has_gap);
  const auto tail = has_gap ? parse_groups(text.substr(gap + 2), true)
                            : std::optional(std::vector<std::uint8_t>{});
  if (!head || !tail) return std::nullopt;
  const std::size_t count = head->size() + tail->size();
  if (has_gap ? count > 14 : count != 16) return std::nullopt;
  IpAddress address{.is_v6 = true, .bytes = {}};
  std::ranges::copy(*head, address.bytes.begin());
  std::ranges::copy_backward(*tail, address.bytes.end());
  return address;
}

std::string v6_text(const IpAddress& address) {
  std::array<unsigned, kGroups> groups{};
  for (std::size_t i = 0; i < kGroups; ++i)
    groups.at(i) = unsigned{address.bytes.at(2 * i)} << 8 | address.bytes.at(2 * i + 1);
  // RFC 5952 section 4.2: the longest run of at least two zeros, the first of equals.
  std::size_t start = kGroups, length = 1;
  for (std::size_t i = 0; i < kGroups; ++i) {
    std::size_t end = i;
    while (end < kGroups && groups.at(end) == 0) ++end;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < kGroups; ++i) {
    if (i == start) {
      text += "::";
      i += length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    std::array<char, 8> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), groups.at(i), 16);
    text.append(digits.data(), end.ptr);
  }
  return text;
}

void keep_bits(IpAddress& address, unsigned length) {
  for (unsigned bit = length; bit < address.bits(); ++bit)
    address.bytes.at(bit / 8) &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
}

}  // namespace

std::optional<IpAddress> parse_address(std::string_view text) {
  return text.find(':') == std::string_view::npos ? parse_v4(text) : parse_v6(text);
}

std::string to_text(const IpAddress& address) {
  if (address.is_v6) return v6_text(address);
  const auto& bytes = address.bytes;
  return sentence(unsigned{bytes[0]}, ".", unsigned{bytes[1]}, ".", unsigned{bytes[2]}, ".",
                  unsigned{bytes[3]});
}

IpAddress advance(IpAddress address, std::uint64_t count) {
  for (unsigned at = address.bits() / 8; at-- > 0 && count != 0;) {
    count += address.bytes.at(at);
    address.bytes.at(at) = static_cast<std::uint8_t>(count & 255);
    count >>= 8;
  }
  return address;
}

bool is_loopback(const IpAddress& address) {
  if (!address.is_v6) return address.bytes[0] == 127;
  return address ==
         IpAddress{.is_v6 = true, .bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
}

std::optional<IpPrefix> parse_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<IpAddress> address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  const std::optional<unsigned> length = parse_number(text.substr(slash + 1), 10, address->bits());
  if (!length) return std::nullopt;
  IpPrefix prefix{.address = *address, .length = *length};
  keep_bits(prefix.address, prefix.length);
  return prefix;
}

std::string to_text(const IpPrefix& prefix) {
  return sentence(to_text(prefix.address), "/", prefix.length);
}

bool lies_in(const IpAddress& address, const IpPrefix& prefix) {
  if (prefix.address.is_v6 != address.is_v6) return false;
  IpAddress cut = address;
  keep_bits(cut, prefix.length);
  return cut == prefix.address;
}

bool overlap(const IpPrefix& one, const IpPrefix& other) {
  return one.length <= other.length ? lies_in(other.address, one) : lies_in(one.address, other);
}

IpAddress last_address(const IpPrefix& prefix) {
  IpAddress address = prefix.address;
  for (unsigned bit = prefix.length; bit < address.bits(); ++bit)
    address.bytes.at(bit / 8) |= static_cast<std::uint8_t>(0x80U >> bit % 8);
  return address;
}

}  // namespace plan
