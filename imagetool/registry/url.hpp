// SPDX-License-Identifier: Apache-2.0
// URLs a registry sends us (redirects, token servers), taken apart by libcurl's own parser so that
// what is checked is what is fetched. toyimg only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace registry {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; IPv6 in brackets, IPv4 in dotted form
  std::string port;    // always set
  std::string text;    // the whole URL, without fragment

  /// nullopt unless `text` is an absolute http or https URL without user name in it.
  static std::optional<Url> parse(std::string_view text);
  /// `location` as seen from this URL (RFC 3986); the same conditions.
  std::optional<Url> resolve(std::string_view location) const;
  /// Same scheme, host and port: only then may a login go along.
  bool same_origin(const Url& other) const;
};

/// The host part of "host:port" or "[v6]:port".
std::string_view host_of(std::string_view authority);
/// True for localhost, 127.0.0.0/8 (v4-mapped as well) and ::1, and for nothing that merely begins
/// like them.
bool is_loopback(std::string_view host);
/// True for localhost and for IP literals that are loopback, private, link-local, shared, multicast
/// or unspecified.
bool is_internal(std::string_view host);
/// True for what only this machine or the wire it is on can mean: loopback, link-local (where
/// clouds keep their secrets), unspecified, and the metadata services that are elsewhere.
bool is_local(std::string_view host);
/// What a request may reach when a registry has sent us there: all; of what is local loopback only;
/// nothing local.
enum class Reach { kAll, kLoopback, kNothingLocal };
bool is_within(Reach reach, std::string_view host);
/// Whether both are IP literals of the same address.
bool same_address(std::string_view one, std::string_view other);
/// Percent-encodes all but the unreserved characters.
std::string percent_encoded(std::string_view text);

}  // namespace registry
