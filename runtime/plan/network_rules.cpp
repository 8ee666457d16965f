// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/network_rules.hpp"

#include <algorithm>

#include "bundle-spec/error.hpp"

namespace plan {
namespace {

std::string_view family(bool v6) { return v6 ? "ip6" : "ip"; }

bool is_used(const Network& network, const std::vector<Lease>& leases) {
  return std::ranges::any_of(leases, [&](const Lease& lease) {
    return std::ranges::any_of(lease.endpoints,
                               [&](const Endpoint& one) { return one.network == network.name; });
  });
}

bool is_internal(const std::vector<Network>& networks, const std::string& name) {
  const auto found = std::ranges::find(networks, name, &Network::name);
  return found != networks.end() && found->is_internal;
}

/// Where the published ports of this kind of address lead: into the first network that is open.
const IpAddress* published_address(const std::vector<Network>& networks, const Lease& lease,
                                   bool v6) {
  for (const Endpoint& endpoint : lease.endpoints) {
    const IpAddress* address = address_of(endpoint, v6);
    if (address != nullptr && !is_internal(networks, endpoint.network)) return address;
  }
  return nullptr;
}

std::string range_text(unsigned first, unsigned count) {
  return count == 1 ? sentence(first) : sentence(first, "-", first + count - 1);
}

void add_publishing(std::string& text, const PublishedPort& port, const IpAddress& to) {
  std::string match = sentence("    meta nfproto ", to.is_v6 ? "ipv6" : "ipv4", " ");
  if (!is_every_address(port))
    match += sentence(family(to.is_v6), " daddr ", to_text(*port.host_address), " ");
  match += port.is_udp ? "udp dport " : "tcp dport ";
  const std::string target = to.is_v6 ? sentence("[", to_text(to), "]") : to_text(to);
  const std::string destination = sentence(" dnat ", family(to.is_v6), " to ", target);
  if (port.count > 1 && port.host_port == port.container_port) {
    text += sentence(match, range_text(port.host_port, port.count), destination, "\n");
    return;
  }
  // nft would spread a range over a range; each port has one counterpart here.
  for (unsigned i = 0; i < port.count; ++i)
    text += sentence(match, port.host_port + i, destination, ":", port.container_port + i, "\n");
}

std::string published_rules(const std::vector<Network>& networks,
                            const std::vector<Lease>& leases) {
  std::string text;
  for (const Lease& lease : leases) {
    for (const PublishedPort& port : lease.ports) {
      for (const bool v6 : {false, true}) {
        if (port.host_address && port.host_address->is_v6 != v6) continue;
        const IpAddress* to = published_address(networks, lease, v6);
        if (to != nullptr) add_publishing(text, port, *to);
      }
    }
  }
  return text;
}

void add_masquerading(std::string& text, const Network& network) {
  const std::string& bridge = network.bridge;
  for (const Subnet& subnet : network.subnets) {
    const bool v6 = subnet.prefix.address.is_v6;
    const std::string from = sentence(family(v6), " saddr ", to_text(subnet.prefix));
    if (!network.is_internal)
      text += sentence("    ", from, " oifname != \"", bridge, "\" masquerade\n");
    // Over a published port to one of the same network: the answer has to come back this way.
    text += sentence("    oifname \"", bridge, "\" ", from, " ct status dnat masquerade\n");
    // The host's own loopback address means nothing to the container.
    text += sentence("    oifname \"", bridge, "\" ", family(v6), " saddr ",
                     v6 ? "::1" : "127.0.0.0/8", " masquerade\n");
  }
}

void add_forwarding(std::string& text, const Network& network) {
  const std::string in = sentence("    iifname \"", network.bridge, "\" ");
  const std::string out = sentence("    oifname \"", network.bridge, "\" ");
  text += sentence(in, "oifname \"", network.bridge, "\" accept\n");
  if (network.is_internal) {
    text += sentence(in, "drop\n", out, "drop\n");
    return;
  }
  text += sentence(out, "ct state established,related accept\n", out, "ct status dnat accept\n",
                   out, "drop\n");
}

/// A host that we made a router is one for our bridges alone.
std::string rules_for_strangers(const UnforwardedBefore& before) {
  std::string devices;
  for (const int index : before.devices) devices += sentence(devices.empty() ? "" : ", ", index);
  std::string text;
  for (const bool v6 : {false, true})
    if (!devices.empty() && (v6 ? before.v6 : before.v4))
      text += sentence("    meta nfproto ", v6 ? "ipv6" : "ipv4", " iif { ", devices, " } oif { ",
                       devices, " } drop\n");
  return text;
}

}  // namespace

std::optional<IpAddress> free_address(const Subnet& subnet, const std::vector<IpAddress>& taken) {
  const IpPrefix& prefix = subnet.prefix;
  const IpAddress last = last_address(prefix);
  const bool has_broadcast = !prefix.address.is_v6;
  auto next_taken = taken.begin();
  for (IpAddress one = advance(prefix.address, 1); lies_in(one, prefix); one = advance(one, 1)) {
    while (next_taken != taken.end() && *next_taken < one) ++next_taken;
    const bool is_taken = next_taken != taken.end() && *next_taken == one;
    const bool is_last = one == last;
    if (!is_taken && one != subnet.gateway && !(is_last && has_broadcast)) return one;
    if (is_last) break;
  }
  return std::nullopt;
}

const IpAddress* address_of(const Endpoint& endpoint, bool v6) {
  const auto found = std::ranges::find(endpoint.addresses, v6, &IpAddress::is_v6);
  return found != endpoint.addresses.end() ? &*found : nullptr;
}

std::string network_rules(const std::vector<Network>& networks, const std::vector<Lease>& leases,
                          const UnforwardedBefore& before) {
  // Added first, so that deleting it cannot fail.
  std::string text = "add table inet toyrun\ndelete table inet toyrun\n";
  if (leases.empty()) return text;
  std::string masquerading, closed, open;
  for (const Network& network : networks) {
    if (!is_used(network, leases)) continue;
    add_masquerading(masquerading, network);
    add_forwarding(network.is_internal ? closed : open, network);
  }
  text += sentence(
      "table inet toyrun {\n"
      "  chain published {\n",
      published_rules(networks, leases),
      "  }\n"
      // What the kernel takes for granted, as route_localnet (see host_settings) gives it up for
      // our bridges, and as a port that is published on 127.0.0.1 would be open to every neighbour.
      "  chain spoofed {\n"
      "    type filter hook prerouting priority raw;\n"
      "    iifname != \"lo\" ip daddr 127.0.0.0/8 drop\n"
      "    iifname != \"lo\" ip saddr 127.0.0.0/8 drop\n"
      "    iifname != \"lo\" ip6 daddr ::1 drop\n"
      "  }\n"
      "  chain prerouting {\n"
      "    type nat hook prerouting priority dstnat;\n"
      "    fib daddr type local jump published\n"
      "  }\n"
      "  chain output {\n"
      "    type nat hook output priority -100;\n"
      "    fib daddr type local jump published\n"
      "  }\n"
      "  chain postrouting {\n"
      "    type nat hook postrouting priority srcnat;\n",
      masquerading,
      "  }\n"
      "  chain forward {\n"
      "    type filter hook forward priority filter;\n",
      closed, open, rules_for_strangers(before), "  }\n}\n");
  return text;
}

std::string hardware_address(const IpAddress& address) {
  // Locally administered (IEEE 802, the second bit of the first byte), then the address's end.
  std::string bytes("\x02\x74", 2);
  const std::string_view raw = address.raw();
  bytes += raw.substr(raw.size() - 4);
  return bytes;
}

}  // namespace plan
