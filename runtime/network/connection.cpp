// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/connection.hpp"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/conntrack.hpp"
#include "runtime/kernel/links.hpp"
#include "runtime/kernel/own_program.hpp"
#include "runtime/network/definition_files.hpp"
#include "runtime/network/host_settings.hpp"
#include "runtime/network/network.hpp"
#include "runtime/network/pasta.hpp"

namespace network {
namespace {

constexpr kernel::OwnProgram::Name kNftables{"toyrun-nftables", "a network"};
constexpr std::string_view kLinkPrefix = "toyv";

/// `published`: what came or went with it.
void apply_rules(const AddressPool& pool, const std::vector<plan::PublishedPort>& published) {
  const trace::Step step("write the nftables rules");
  kernel::OwnProgram program(kNftables, "");
  program.ask({plan::network_rules(definitions(), pool.leases(), unforwarded_before(pool))});
  kernel::forget_udp_flows(published);
}

/// With its addresses, when it is not there yet (the first container, or after a reboot).
int bring_up(const plan::Network& network, AddressPool& pool, kernel::NetlinkSocket& host) {
  if (const auto link = kernel::find_own_bridge(host, network.bridge); link && link->is_up)
    return link->index;
  for (const kernel::Route& route : kernel::routes(host))
    for (const plan::Subnet& subnet : network.subnets)
      if (overlap(route.destination, subnet.prefix))
        throw Error(sentence("the network ", network.name, " cannot be used: its subnet ",
                             to_text(subnet.prefix), " overlaps with this host's route to ",
                             to_text(route.destination),
                             "; create it again with another --subnet"));
  const int index = kernel::make_bridge(
      host, {.name = network.bridge,
             .hardware_address = plan::hardware_address(network.subnets.front().gateway),
             .mtu = network.mtu});
  apply_settings(network, pool, host);
  for (const plan::Subnet& subnet : network.subnets)
    kernel::add_address(host, index, subnet.gateway, subnet.prefix.length);
  if (const int number = kernel::set_up(host, index, true); number != 0)
    throw Error(sentence("set ", network.bridge, " up"), number);
  for (const plan::Subnet& subnet : network.subnets)
    if (subnet.prefix.address.is_v6) kernel::accept_loopback_answers(host, index);
  return index;
}

struct Sockets {
  explicit Sockets(int network_namespace)
      : host(kernel::NetlinkSocket::open(-1)),
        container(kernel::NetlinkSocket::open(network_namespace)) {}
  kernel::NetlinkSocket host, container;
};

void settle_in(const plan::Endpoint& endpoint, const plan::Network& network, int network_namespace,
               kernel::NetlinkSocket& container) {
  const auto link = kernel::find_link(container, endpoint.interface);
  if (!link) throw Error(sentence("the container's device ", endpoint.interface, " went away"));
  kernel::inside_network_namespace(network_namespace,
                                   [&] { restrict_device(network, endpoint.interface); });
  for (std::size_t i = 0; i < endpoint.addresses.size(); ++i)
    kernel::add_address(container, link->index, endpoint.addresses[i],
                        network.subnets.at(i).prefix.length);
  if (const int number = kernel::set_up(container, link->index, true); number != 0)
    throw Error(sentence("set the container's ", endpoint.interface, " up"), number);
}

void plug_in(const plan::Endpoint& endpoint, AddressPool& pool, int network_namespace,
             Sockets& sockets) {
  const plan::Network network = open(endpoint.network);
  const int bridge = bring_up(network, pool, sockets.host);
  kernel::make_veth(sockets.host,
                    {.name = endpoint.link,
                     .bridge = bridge,
                     .peer_name = endpoint.interface,
                     .network_namespace = network_namespace,
                     .hardware_address = plan::hardware_address(endpoint.addresses.front()),
                     .mtu = network.mtu});
  settle_in(endpoint, network, network_namespace, sockets.container);
}

/// The default routes lead through the first network that leads out; they may do so already.
void lead_out(const plan::Lease& lease, kernel::NetlinkSocket& container) {
  for (const plan::Endpoint& endpoint : lease.endpoints) {
    const std::optional<plan::Network> network = find_definition(endpoint.network);
    if (!network || network->is_internal) continue;
    const auto link = kernel::find_link(container, endpoint.interface);
    if (!link) continue;
    for (const plan::Subnet& subnet : network->subnets)
      kernel::add_default_route(container, link->index, subnet.gateway);
    return;
  }
}

/// Devices of ours that no lease has: a killed create left them.
void remove_stray_links(const std::vector<plan::Lease>& leases, kernel::NetlinkSocket& host) {
  for (const std::string& name : kernel::links_named(host, kLinkPrefix)) {
    const bool is_leased = std::ranges::any_of(leases, [&](const plan::Lease& lease) {
      return std::ranges::find(lease.endpoints, name, &plan::Endpoint::link) !=
             lease.endpoints.end();
    });
    if (!is_leased) kernel::delete_link(host, name);
  }
}

void remove_unused_bridge(const std::string& name, const std::vector<plan::Lease>& leases,
                          kernel::NetlinkSocket& host) {
  const std::optional<plan::Network> network = find_definition(name);
  if (!network || !users(name, leases).empty()) return;
  if (kernel::find_own_bridge(host, network->bridge)) kernel::delete_link(host, network->bridge);
}

void unplug(const plan::Endpoint& endpoint, const AddressPool& pool, kernel::NetlinkSocket& host) {
  kernel::delete_link(host, endpoint.link);
  remove_unused_bridge(endpoint.network, pool.leases(), host);
}

/// The lease is forgotten last: whoever is killed before leaves it for the next command.
void give_back(std::vector<plan::Lease> leases, AddressPool& pool) {
  if (leases.empty()) return;
  const trace::Step step("leave the networks");
  kernel::NetlinkSocket host = kernel::NetlinkSocket::open(-1);
  std::vector<plan::PublishedPort> published;
  for (const plan::Lease& lease : leases) {
    pool.erase(lease.record);
    for (const plan::Endpoint& endpoint : lease.endpoints) unplug(endpoint, pool, host);
    std::ranges::copy(lease.ports, std::back_inserter(published));
  }
  remove_stray_links(pool.leases(), host);
  apply_rules(pool, published);
  restore_settings(pool, host);
  pool.save();
}

void clear(AddressPool& pool, const std::string& record) {
  std::vector<plan::Lease> leases = pool.stale();
  const plan::Lease* own = pool.find(record);
  const bool is_listed = std::ranges::find(leases, record, &plan::Lease::record) != leases.end();
  if (own != nullptr && !is_listed) leases.push_back(*own);
  give_back(std::move(leases), pool);
}

void connect(const plan::NetworkPlan& wish, const Owner& owner, int network_namespace) {
  const trace::Step step("join the networks");
  std::vector<plan::Network> networks;
  for (const std::string& name : wish.names) networks.push_back(open(name));
  AddressPool pool = AddressPool::open();
  clear(pool, owner.record);
  const plan::Lease lease = pool.take(wish, networks, owner);
  pool.add(lease);
  pool.save();
  try {
    Sockets sockets(network_namespace);
    for (const plan::Endpoint& endpoint : lease.endpoints)
      plug_in(endpoint, pool, network_namespace, sockets);
    lead_out(lease, sockets.container);
    apply_rules(pool, lease.ports);
    pool.save();
  } catch (const Error&) {
    clear(pool, owner.record);
    throw;
  }
}

/// The container's lease, out of the pool.
plan::Lease take_lease(AddressPool& pool, const Owner& owner) {
  const plan::Lease* found = pool.find(owner.record);
  if (found == nullptr)
    throw Error(sentence("the container ", owner.id, " has no networks of its own"));
  plan::Lease lease = *found;
  pool.erase(owner.record);
  return lease;
}

auto find_endpoint(plan::Lease& lease, const std::string& network) {
  return std::ranges::find(lease.endpoints, network, &plan::Endpoint::network);
}

}  // namespace

Connection::Connection(const plan::NetworkPlan& wish, const Owner& owner,
                       const Namespaces& namespaces) {
  if (wish.by_pasta) {
    start_pasta(wish, owner.record, namespaces.network, namespaces.user);
  } else {
    connect(wish, owner, namespaces.network);
  }
  record_ = owner.record;
}

Connection::~Connection() {
  if (record_.empty()) return;
  try {
    disconnect(record_);
  } catch (const Error& error) {
    // The failure that led here is what the user must see.
    logging::warning(sentence("leaving the networks: ", error.what(), ", ignoring"));
  }
}

void disconnect(const std::string& record) {
  if (stop_pasta(record)) return;
  if (::geteuid() != 0) return;
  AddressPool pool = AddressPool::open();
  clear(pool, record);
}

void join(const plan::NetworkPlan& wish, const Owner& owner, int network_namespace) {
  const plan::Network network = open(wish.names.front());
  AddressPool pool = AddressPool::open();
  give_back(pool.stale(), pool);
  plan::Lease before = take_lease(pool, owner);
  if (find_endpoint(before, network.name) != before.endpoints.end())
    throw Error(
        sentence("the container ", owner.id, " is in the network ", network.name, " already"));
  pool.add(before);
  const plan::Lease lease = pool.extend(before, wish, network);
  pool.erase(owner.record);
  pool.add(lease);
  pool.save();
  Sockets sockets(network_namespace);
  try {
    plug_in(lease.endpoints.back(), pool, network_namespace, sockets);
    lead_out(lease, sockets.container);
    apply_rules(pool, lease.ports);
    pool.save();
  } catch (const Error&) {
    pool.erase(owner.record);
    pool.add(std::move(before));
    unplug(lease.endpoints.back(), pool, sockets.host);
    pool.save();
    throw;
  }
}

void leave(const std::string& name, const Owner& owner, int network_namespace) {
  AddressPool pool = AddressPool::open();
  plan::Lease lease = take_lease(pool, owner);
  const auto endpoint = find_endpoint(lease, name);
  if (endpoint == lease.endpoints.end())
    throw Error(sentence("the container ", owner.id, " is not in the network ", name));
  const plan::Endpoint left = *endpoint;
  lease.endpoints.erase(endpoint);
  pool.add(lease);
  Sockets sockets(network_namespace);
  unplug(left, pool, sockets.host);
  lead_out(lease, sockets.container);
  apply_rules(pool, lease.ports);
  pool.save();
}

void clear_stale() {
  AddressPool pool = AddressPool::open();
  give_back(pool.stale(), pool);
}

}  // namespace network
