// SPDX-License-Identifier: Apache-2.0
// A named network of this host: made, found, listed, removed. It is a definition until a container
// uses it; then there is a bridge, until the last one goes. Host side.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/plan/network_rules.hpp"

namespace network {

/// What the command line says.
struct Wish {
  std::string name;
  std::vector<plan::IpPrefix> subnets;
  std::vector<plan::IpAddress> gateways;
  bool wants_v6 = false;
  bool is_internal = false;
  std::uint32_t mtu = 0;
  std::string bridge;  // empty: chosen
};

/// Writes the definition. What the wish leaves open is chosen: a free 10.200.N.0/24, for IPv6 a
/// random unique local /64 (RFC 4193), the first address as gateway. Throws Error: the name or the
/// bridge is taken, a subnet overlaps with another network or with a route of the host.
plan::Network create(const Wish& wish);
/// Throws Error "there is no network …".
plan::Network open(const std::string& name);
std::vector<plan::Network> list();
/// Throws Error when containers use it.
void remove(const std::string& name);
/// The leases that have an endpoint in it.
std::vector<plan::Lease> users(const std::string& name, const std::vector<plan::Lease>& leases);

}  // namespace network
