// SPDX-License-Identifier: Apache-2.0
// Network devices, their addresses and routes, by rtnetlink(7). Host side; a socket of the
// container's network namespace reaches the devices there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/kernel/netlink.hpp"
#include "runtime/plan/ip_address.hpp"

namespace kernel {

struct Link {
  int index = 0;
  bool is_up = false;
  std::uint32_t group = 0;
};

/// A name as the kernel wants it: with its NUL byte.
std::string_view with_nul(const std::string& name);
/// nullopt when there is no such device. Throws Error.
std::optional<Link> find_link(NetlinkSocket& socket, const std::string& name);
/// 0 or an errno.
int set_up(NetlinkSocket& socket, int index, bool up);
/// Names of the devices that begin with `prefix`. Throws Error.
std::vector<std::string> links_named(NetlinkSocket& socket, std::string_view prefix);
/// Indexes of the devices that toyrun did not make, sorted. Throws Error.
std::vector<int> foreign_links(NetlinkSocket& socket);
/// Removes a device, a veth pair with both ends; one that is not there is fine. Throws Error.
void delete_link(NetlinkSocket& socket, const std::string& name);

struct Bridge {
  std::string name;
  std::string hardware_address;  // 6 bytes: the kernel's choice would change with each port
  std::uint32_t mtu = 0;         // 0: the kernel's
};
/// Makes a bridge that is not there yet; returns its index. Throws Error when there is a device of
/// this name that toyrun did not make.
int make_bridge(NetlinkSocket& socket, const Bridge& bridge);
/// nullopt when there is none, or it is not of toyrun's making. Throws Error.
std::optional<Link> find_own_bridge(NetlinkSocket& socket, const std::string& name);

struct VethPair {
  std::string name;       // on the host, a port of the bridge
  int bridge = 0;         // its index
  std::string peer_name;  // in the container
  int network_namespace = -1;
  std::string hardware_address;  // of the peer, 6 bytes
  std::uint32_t mtu = 0;
};
/// Makes the pair with its peer in the other namespace at once, and sets the host's end up. A port
/// may send back what came from it: a container reaches its own published port. Throws Error.
void make_veth(NetlinkSocket& socket, const VethPair& pair);

/// Usable at once: without the wait for duplicates (RFC 4862). One that is there is fine.
void add_address(NetlinkSocket& socket, int index, const plan::IpAddress& address,
                 unsigned prefix_length);
void add_default_route(NetlinkSocket& socket, int index, const plan::IpAddress& gateway);
/// Takes answers for ::1 that come from this device: what route_localnet is for IPv4.
void accept_loopback_answers(NetlinkSocket& socket, int index);

struct Route {
  plan::IpPrefix destination;
  int device = 0;  // index
};
/// Those of the main table but default routes and those of IPv6's link-local addresses. Throws
/// Error.
std::vector<Route> routes(NetlinkSocket& socket);

}  // namespace kernel
