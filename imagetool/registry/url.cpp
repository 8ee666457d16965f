// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/url.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

namespace registry {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURLU, FreeUrl>;

std::string part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return "";
  std::string value(text);
  curl_free(text);
  return value;
}

std::optional<Url> taken_apart(CURLU* handle) {
  curl_url_set(handle, CURLUPART_FRAGMENT, nullptr, 0);
  if (!part(handle, CURLUPART_USER).empty() || !part(handle, CURLUPART_PASSWORD).empty())
    return std::nullopt;
  Url url{.scheme = part(handle, CURLUPART_SCHEME),
          .host = part(handle, CURLUPART_HOST),
          .port = part(handle, CURLUPART_PORT),
          .text = part(handle, CURLUPART_URL)};
  std::transform(url.host.begin(), url.host.end(), url.host.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  if ((url.scheme != "http" && url.scheme != "https") || url.host.empty()) return std::nullopt;
  return url;
}

bool in_network(std::uint32_t address, std::uint32_t network, unsigned bits) {
  return bits == 0 || (address >> (32 - bits)) == (network >> (32 - bits));
}

struct Network {
  std::uint32_t network;
  unsigned bits;
};
template <std::size_t Count>
bool in_any(std::uint32_t address, const std::array<Network, Count>& networks) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& one) {
    return in_network(address, one.network, one.bits);
  });
}

// RFC 6890: this network, private, shared, loopback, link-local, protocol, private, benchmark,
// multicast, reserved; and where Azure's machines are told their secrets.
constexpr std::array<Network, 12> kInternal{{{0x00000000, 8},
                                             {0x0A000000, 8},
                                             {0x64400000, 10},
                                             {0x7F000000, 8},
                                             {0xA83F8110, 32},
                                             {0xA9FE0000, 16},
                                             {0xAC100000, 12},
                                             {0xC0000000, 24},
                                             {0xC0A80000, 16},
                                             {0xC6120000, 15},
                                             {0xE0000000, 4},
                                             {0xF0000000, 4}}};
// This network, loopback, link-local; the metadata services of Alibaba's, Azure's and Oracle's
// clouds, the others' being link-local.
constexpr std::array<Network, 6> kLocal{{{0x00000000, 8},
                                         {0x7F000000, 8},
                                         {0xA9FE0000, 16},
                                         {0x646464C8, 32},
                                         {0xA83F8110, 32},
                                         {0xC00000C0, 32}}};

using V6 = std::array<unsigned char, 16>;
// fd00:ec2::254, Amazon's metadata service.
constexpr V6 kAmazon{0xFD, 0, 0x0E, 0xC2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};

std::uint32_t last_four(const V6& bytes) {
  return (std::uint32_t{bytes[12]} << 24U) | (std::uint32_t{bytes[13]} << 16U) |
         (std::uint32_t{bytes[14]} << 8U) | bytes[15];
}

/// The IPv4 address that a v4-mapped or a NAT64 one (RFC 6052) leads to.
std::optional<std::uint32_t> v4_in(const V6& bytes) {
  constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  constexpr std::array<unsigned char, 12> kTranslated{0, 0x64, 0xFF, 0x9B};
  for (const auto& prefix : {kMapped, kTranslated})
    if (std::equal(prefix.begin(), prefix.end(), bytes.begin())) return last_four(bytes);
  return std::nullopt;
}

/// :: and ::1, and what else has the old "IPv4-compatible" form.
bool begins_with_zeros(const V6& bytes) {
  return std::all_of(bytes.begin(), bytes.begin() + 12, [](unsigned char b) { return b == 0; });
}

bool is_link_local(const V6& bytes) { return bytes[0] == 0xFE && (bytes[1] & 0x80U) != 0; }

bool is_internal_v6(const V6& bytes) {
  const bool unique_local = (bytes[0] & 0xFEU) == 0xFC;
  return begins_with_zeros(bytes) || unique_local || is_link_local(bytes) || bytes[0] == 0xFF;
}

/// An address as an IPv4 one where it leads to one.
struct Address {
  std::optional<std::uint32_t> v4{};
  V6 v6{};
};
std::optional<Address> address_in(const std::string& name) {
  Address address;
  in_addr v4{};
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1)
    address.v4 = ntohl(v4.s_addr);
  else if (inet_pton(AF_INET6, name.c_str(), address.v6.data()) == 1)
    address.v4 = v4_in(address.v6);
  else
    return std::nullopt;
  return address;
}

bool is_localhost(const std::string& name) {
  return name == "localhost" || name.ends_with(".localhost");
}

std::string bare(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.ends_with('.')) host.remove_suffix(1);
  return std::string(host.substr(0, host.find('%')));
}

}  // namespace

std::optional<Url> Url::parse(std::string_view text) {
  const Handle handle(curl_url());
  if (!handle || text.find('\0') != std::string_view::npos) return std::nullopt;
  if (curl_url_set(handle.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK)
    return std::nullopt;
  return taken_apart(handle.get());
}

std::optional<Url> Url::resolve(std::string_view location) const {
  const Handle handle(curl_url());
  if (!handle || location.find('\0') != std::string_view::npos) return std::nullopt;
  if (curl_url_set(handle.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK ||
      curl_url_set(handle.get(), CURLUPART_URL, std::string(location).c_str(), 0) != CURLUE_OK)
    return std::nullopt;
  return taken_apart(handle.get());
}

bool Url::same_origin(const Url& other) const {
  return scheme == other.scheme && host == other.host && port == other.port;
}

std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

bool is_loopback(std::string_view host) {
  const std::string name = bare(host);
  const std::optional<Address> address = address_in(name);
  if (!address) return name == "localhost";
  return address->v4 ? in_network(*address->v4, 0x7F000000, 8)
                     : begins_with_zeros(address->v6) && last_four(address->v6) == 1;
}

bool is_internal(std::string_view host) {
  const std::string name = bare(host);
  const std::optional<Address> address = address_in(name);
  if (!address) return is_localhost(name);
  return address->v4 ? in_any(*address->v4, kInternal) : is_internal_v6(address->v6);
}

bool is_local(std::string_view host) {
  const std::string name = bare(host);
  const std::optional<Address> address = address_in(name);
  if (!address) return is_localhost(name);
  return address->v4 ? in_any(*address->v4, kLocal)
                     : begins_with_zeros(address->v6) || is_link_local(address->v6) ||
                           address->v6 == kAmazon;
}

bool is_within(Reach reach, std::string_view host) {
  return reach == Reach::kAll || !is_local(host) ||
         (reach == Reach::kLoopback && is_loopback(host));
}

bool same_address(std::string_view one, std::string_view other) {
  const std::optional<Address> left = address_in(bare(one)), right = address_in(bare(other));
  return left && right && left->v4 == right->v4 && (left->v4 || left->v6 == right->v6);
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char letter : text) {
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                       (letter >= '0' && letter <= '9') ||
                       std::string_view("-._~").find(letter) != std::string_view::npos;
    const auto byte = static_cast<unsigned char>(letter);
    if (plain)
      encoded += letter;
    else
      (encoded += '%') += {kHex[byte >> 4U], kHex[byte & 15U]};
  }
  return encoded;
}

}  // namespace registry
