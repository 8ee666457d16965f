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

bool is_internal_v4(std::uint32_t address) {
  struct Network {
    std::uint32_t network;
    unsigned bits;
  };
  // RFC 6890: this network, private, shared, loopback, link-local, protocol, private, benchmark,
  // multicast, reserved.
  constexpr std::array<Network, 11> kInternal{{{0x00000000, 8},
                                               {0x0A000000, 8},
                                               {0x64400000, 10},
                                               {0x7F000000, 8},
                                               {0xA9FE0000, 16},
                                               {0xAC100000, 12},
                                               {0xC0000000, 24},
                                               {0xC0A80000, 16},
                                               {0xC6120000, 15},
                                               {0xE0000000, 4},
                                               {0xF0000000, 4}}};
  return std::any_of(kInternal.begin(), kInternal.end(), [&](const Network& one) {
    return in_network(address, one.network, one.bits);
  });
}

std::uint32_t v4_in(const std::array<unsigned char, 16>& bytes) {
  return (std::uint32_t{bytes[12]} << 24U) | (std::uint32_t{bytes[13]} << 16U) |
         (std::uint32_t{bytes[14]} << 8U) | bytes[15];
}

bool is_internal_v6(const std::array<unsigned char, 16>& bytes) {
  const bool leading_zeros =
      std::all_of(bytes.begin(), bytes.begin() + 10, [](unsigned char b) { return b == 0; });
  const bool mapped = leading_zeros && bytes[10] == 0xFF && bytes[11] == 0xFF;
  const bool compatible = leading_zeros && bytes[10] == 0 && bytes[11] == 0;  // :: and ::1 too
  if (mapped || compatible) return compatible || is_internal_v4(v4_in(bytes));
  const bool unique_local = (bytes[0] & 0xFEU) == 0xFC;
  const bool link_local = bytes[0] == 0xFE && (bytes[1] & 0x80U) != 0;
  return unique_local || link_local || bytes[0] == 0xFF;
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
  in_addr v4{};
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1)
    return in_network(ntohl(v4.s_addr), 0x7F000000, 8);
  std::array<unsigned char, 16> v6{};
  if (inet_pton(AF_INET6, name.c_str(), v6.data()) == 1)
    return v6[15] == 1 &&
           std::all_of(v6.begin(), v6.end() - 1, [](unsigned char byte) { return byte == 0; });
  return name == "localhost";
}

bool is_internal(std::string_view host) {
  const std::string name = bare(host);
  in_addr v4{};
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1) return is_internal_v4(ntohl(v4.s_addr));
  std::array<unsigned char, 16> v6{};
  if (inet_pton(AF_INET6, name.c_str(), v6.data()) == 1) return is_internal_v6(v6);
  return name == "localhost" || name.ends_with(".localhost");
}

bool is_local(std::string_view host) {
  if (!is_internal(host)) return false;
  const std::string name = bare(host);
  in_addr v4{};
  std::array<unsigned char, 16> v6{};
  std::uint32_t address = 0;
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1) {
    address = ntohl(v4.s_addr);
  } else if (inet_pton(AF_INET6, name.c_str(), v6.data()) == 1) {
    const bool mapped = v6[10] == 0xFF && v6[11] == 0xFF && v6[0] == 0;
    if (!mapped) return v6[0] == 0xFE || v6[0] == 0;  // fe80::/10; :: and ::1
    address = v4_in(v6);
  } else {
    return true;  // localhost
  }
  return in_network(address, 0, 8) || in_network(address, 0x7F000000, 8) ||
         in_network(address, 0xA9FE0000, 16);
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
