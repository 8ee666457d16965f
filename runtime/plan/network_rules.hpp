// SPDX-License-Identifier: Apache-2.0
// Which containers are connected to which networks, and the nftables rules that follow. Pure.
#pragma once

#include <string>
#include <vector>

#include "runtime/plan/network.hpp"

namespace plan {

/// One device of a container.
struct Endpoint {
  std::string network;
  std::string link;       // the host's end of the veth pair: "toyv3"
  std::string interface;  // the container's: "eth0"
  std::vector<IpAddress> addresses;
  bool operator==(const Endpoint&) const = default;
};

/// What a container has of this host's networks, until it is deleted.
struct Lease {
  std::string record;  // the container's state record: without it the lease is stale
  std::string id;
  std::vector<std::string> aliases;
  std::vector<Endpoint> endpoints;
  std::vector<PublishedPort> ports;
  bool operator==(const Lease&) const = default;
};

/// The lowest address of the subnet that is neither its gateway nor in `taken` (sorted). nullopt
/// when it is full.
std::optional<IpAddress> free_address(const Subnet& subnet, const std::vector<IpAddress>& taken);

/// The address in `endpoint` of this kind, if any.
const IpAddress* address_of(const Endpoint& endpoint, bool v6);

/// What this host forwarded nothing between, when toyrun switched forwarding on: the devices it had
/// then, by index.
struct UnforwardedBefore {
  bool v4 = false;
  bool v6 = false;
  std::vector<int> devices;
};

/// A batch for nft(8) that makes the table `inet toyrun` what these leases need, in one
/// transaction; without leases the table goes.
std::string network_rules(const std::vector<Network>& networks, const std::vector<Lease>& leases,
                          const UnforwardedBefore& before);

/// A hardware address that goes with the IP address: who remembers it from the container that had
/// the address before reaches the new one at once.
std::string hardware_address(const IpAddress& address);

}  // namespace plan
