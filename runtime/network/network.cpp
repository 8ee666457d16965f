// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/network.hpp"

#include <net/if.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/links.hpp"
#include "runtime/network/address_pool.hpp"
#include "runtime/network/definition_files.hpp"

namespace network {
namespace {

constexpr unsigned kLongestV4 = 29;  // room for a gateway and some containers
constexpr unsigned kLongestV6 = 124;

/// Who has addresses of this subnet already, or "".
std::string holder_of(const plan::IpPrefix& subnet, const std::vector<plan::Network>& networks,
                      const std::vector<kernel::Route>& routes) {
  for (const plan::Network& network : networks)
    for (const plan::Subnet& one : network.subnets)
      if (overlap(one.prefix, subnet))
        return sentence("the network ", network.name, " (", to_text(one.prefix), ")");
  for (const kernel::Route& route : routes)
    if (overlap(route.destination, subnet))
      return sentence("this host's route to ", to_text(route.destination));
  return {};
}

void check_subnet(const plan::IpPrefix& subnet) {
  const bool v6 = subnet.address.is_v6;
  if (subnet.length > (v6 ? kLongestV6 : kLongestV4))
    throw Error(sentence("the subnet ", to_text(subnet), " is too small: at most /",
                         v6 ? kLongestV6 : kLongestV4));
  const std::uint8_t first = subnet.address.bytes[0];
  if (subnet.length < (v6 ? 16 : 8) || first == (v6 ? 0xff : 127) || (!v6 && first >= 224) ||
      (!v6 && first == 0))
    throw Error(sentence("the subnet ", to_text(subnet), " is not one for containers"));
}

plan::IpPrefix free_v4(const std::vector<plan::Network>& networks,
                       const std::vector<kernel::Route>& routes) {
  for (unsigned second : {200U, 201U, 202U, 203U}) {
    for (unsigned third = 0; third < 256; ++third) {
      const auto prefix = plan::parse_prefix(sentence("10.", second, ".", third, ".0/24"));
      if (holder_of(*prefix, networks, routes).empty()) return *prefix;
    }
  }
  throw Error("no free subnet is left in 10.200.0.0 to 10.203.255.255; choose one with --subnet");
}

/// RFC 4193 section 3.2: fd, 40 random bits, subnet 0.
plan::IpPrefix random_v6() {
  plan::IpPrefix prefix{.address = {.is_v6 = true, .bytes = {0xfd}}, .length = 64};
  check(::getrandom(&prefix.address.bytes[1], 5, 0), "get random bytes");
  return prefix;
}

plan::IpAddress gateway_of(const plan::IpPrefix& subnet, std::vector<plan::IpAddress>& gateways) {
  for (auto one = gateways.begin(); one != gateways.end(); ++one) {
    if (!lies_in(*one, subnet)) continue;
    const plan::IpAddress gateway = *one;
    gateways.erase(one);
    if (gateway == subnet.address || (!gateway.is_v6 && gateway == last_address(subnet)))
      throw Error(sentence("the gateway ", to_text(gateway), " is the first or last address of ",
                           to_text(subnet)));
    return gateway;
  }
  return advance(subnet.address, 1);
}

std::vector<plan::Subnet> choose_subnets(const Wish& wish,
                                         const std::vector<plan::Network>& networks) {
  kernel::NetlinkSocket socket = kernel::NetlinkSocket::open(-1);
  const std::vector<kernel::Route> routes = kernel::routes(socket);
  std::vector<plan::IpPrefix> prefixes = wish.subnets;
  for (const plan::IpPrefix& one : prefixes) {
    check_subnet(one);
    const std::string holder = holder_of(one, networks, routes);
    if (!holder.empty())
      throw Error(sentence("the subnet ", to_text(one), " overlaps with ", holder,
                           "; choose another with --subnet"));
  }
  const auto has = [&](bool v6) {
    return std::ranges::any_of(prefixes, [&](const auto& one) { return one.address.is_v6 == v6; });
  };
  if (wish.subnets.empty()) prefixes.push_back(free_v4(networks, routes));
  if (wish.wants_v6 && !has(true)) prefixes.push_back(random_v6());
  std::ranges::stable_sort(prefixes, {}, [](const auto& one) { return one.address.is_v6; });
  std::vector<plan::IpAddress> gateways = wish.gateways;
  std::vector<plan::Subnet> subnets;
  for (const plan::IpPrefix& one : prefixes) {
    if (!subnets.empty() && subnets.back().prefix.address.is_v6 == one.address.is_v6)
      throw Error("a network has one subnet of IPv4 and one of IPv6 at most");
    subnets.push_back({.prefix = one, .gateway = gateway_of(one, gateways)});
  }
  if (!gateways.empty())
    throw Error(
        sentence("the gateway ", to_text(gateways.front()), " lies in no subnet of ", wish.name));
  return subnets;
}

bool has_bridge(const std::vector<plan::Network>& networks, const std::string& bridge) {
  return std::ranges::find(networks, bridge, &plan::Network::bridge) != networks.end();
}

std::string choose_bridge(const Wish& wish, const std::vector<plan::Network>& networks) {
  if (wish.bridge.empty()) {
    for (unsigned number = 1;; ++number) {
      std::string name = sentence("toy", number);
      if (!has_bridge(networks, name)) return name;
    }
  }
  constexpr std::string_view kForbidden("/: \t\n\"\\%", 8);
  if (wish.bridge.size() >= IFNAMSIZ ||
      wish.bridge.find_first_of(kForbidden) != std::string::npos || wish.bridge == "." ||
      wish.bridge == "..")
    throw Error(sentence("--bridge: \"", wish.bridge, "\" is no name of a network device"));
  if (has_bridge(networks, wish.bridge))
    throw Error(sentence("another network has the bridge ", wish.bridge, " already"));
  kernel::NetlinkSocket socket = kernel::NetlinkSocket::open(-1);
  if (kernel::find_link(socket, wish.bridge))
    throw Error(sentence("this host has a network device ", wish.bridge,
                         " already; choose another name with --bridge"));
  return wish.bridge;
}

void require_root() {
  if (::geteuid() != 0)
    throw Error("networks are root's; an ordinary user's containers have \"default\", by pasta");
}

}  // namespace

plan::Network create(const Wish& wish) {
  require_root();
  plan::check_network_name(wish.name);
  const AddressPool lock = AddressPool::open();
  std::vector<plan::Network> others = definitions();
  const bool is_default = wish.name == plan::kDefaultNetwork;
  if (is_default && users(wish.name, lock.leases()).empty())
    std::erase_if(others, [&](const auto& one) { return one.name == wish.name; });
  if (std::ranges::find(others, wish.name, &plan::Network::name) != others.end())
    throw Error(sentence("there is a network ", wish.name, " already"));
  plan::Network made{.name = wish.name,
                     .bridge = is_default && wish.bridge.empty() ? built_in_network().bridge
                                                                 : choose_bridge(wish, others),
                     .subnets = choose_subnets(wish, others),
                     .is_internal = wish.is_internal,
                     .mtu = wish.mtu};
  write_definition(made);
  return made;
}

plan::Network open(const std::string& name) {
  std::optional<plan::Network> found = find_definition(name);
  if (!found)
    throw NotFound(
        sentence("there is no network ", name, "; make it with: toyrun network create ", name));
  return *std::move(found);
}

std::vector<plan::Network> list() { return definitions(); }

void remove(const std::string& name) {
  require_root();
  plan::check_network_name(name);
  const AddressPool lock = AddressPool::open();
  open(name);
  std::string names;
  for (const plan::Lease& lease : users(name, lock.leases()))
    names += sentence(names.empty() ? "" : ", ", lease.id);
  if (!names.empty()) throw Error(sentence("the network ", name, " is in use by ", names));
  remove_definition(name);
}

std::vector<plan::Lease> users(const std::string& name, const std::vector<plan::Lease>& leases) {
  std::vector<plan::Lease> found;
  std::ranges::copy_if(leases, std::back_inserter(found), [&](const plan::Lease& lease) {
    return std::ranges::find(lease.endpoints, name, &plan::Endpoint::network) !=
           lease.endpoints.end();
  });
  return found;
}

}  // namespace network
