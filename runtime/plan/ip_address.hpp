// SPDX-License-Identifier: Apache-2.0
// IPv4 and IPv6 addresses and prefixes as values: read, print, compare, count. Pure.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace plan {

/// Network byte order; an IPv4 address uses the first four bytes.
struct IpAddress {
  bool is_v6 = false;
  std::array<std::uint8_t, 16> bytes{};

  unsigned bits() const { return is_v6 ? 128 : 32; }
  /// The bytes as the kernel takes them: 4 or 16.
  std::string_view raw() const { return {reinterpret_cast<const char*>(bytes.data()), bits() / 8}; }
  std::strong_ordering operator<=>(const IpAddress&) const = default;
};

/// "10.200.0.1", "fd00::1"; nullopt for anything else (RFC 4291 section 2.2, leading zeros in IPv4
/// refused).
std::optional<IpAddress> parse_address(std::string_view text);
/// As RFC 5952 wants it: lower case, the longest run of zeros shortened.
std::string to_text(const IpAddress& address);
/// The address `count` further on, with carry; it wraps around at the end.
IpAddress advance(IpAddress address, std::uint64_t count);
/// 127.0.0.0/8 or ::1.
bool is_loopback(const IpAddress& address);

struct IpPrefix {
  IpAddress address;  // bits beyond the length are 0
  unsigned length = 0;
  bool operator==(const IpPrefix&) const = default;
};

/// "10.200.0.0/24"; the bits beyond the length are cut off. nullopt for anything else.
std::optional<IpPrefix> parse_prefix(std::string_view text);
std::string to_text(const IpPrefix& prefix);
bool lies_in(const IpAddress& address, const IpPrefix& prefix);
/// True when one of them lies in the other.
bool overlap(const IpPrefix& one, const IpPrefix& other);
/// Its last address: for IPv4 the broadcast address.
IpAddress last_address(const IpPrefix& prefix);

}  // namespace plan
