// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/address_pool.hpp"

#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/listening_port.hpp"

namespace network {
namespace {

constexpr const char* kDirectory = "/run/toyrun-networks";
constexpr const char* kFile = "/run/toyrun-networks/leases.json";
// ip(7), ip_local_port_range: where nobody expects a service of a fixed port.
constexpr unsigned kFirstFreePort = 32768, kLastFreePort = 60999;

using nlohmann::ordered_json;

ordered_json to_json(const plan::Lease& lease) {
  ordered_json json{{"record", lease.record},
                    {"id", lease.id},
                    {"aliases", lease.aliases},
                    {"endpoints", ordered_json::array()},
                    {"ports", ordered_json::array()}};
  for (const plan::Endpoint& one : lease.endpoints) {
    ordered_json endpoint{
        {"network", one.network}, {"link", one.link}, {"interface", one.interface}};
    for (const plan::IpAddress& address : one.addresses)
      endpoint["addresses"].push_back(to_text(address));
    json["endpoints"].push_back(std::move(endpoint));
  }
  for (const plan::PublishedPort& port : lease.ports) json["ports"].push_back(to_text(port));
  return json;
}

plan::Lease read_lease(const ordered_json& json) {
  plan::Lease lease{.record = json.at("record").get<std::string>(),
                    .id = json.at("id").get<std::string>(),
                    .aliases = json.at("aliases").get<std::vector<std::string>>(),
                    .endpoints = {},
                    .ports = {}};
  for (const ordered_json& one : json.at("endpoints")) {
    plan::Endpoint endpoint{.network = one.at("network").get<std::string>(),
                            .link = one.at("link").get<std::string>(),
                            .interface = one.at("interface").get<std::string>(),
                            .addresses = {}};
    for (const ordered_json& text : one.at("addresses")) {
      const auto address = plan::parse_address(text.get<std::string>());
      if (!address) throw Error("an address is none");
      endpoint.addresses.push_back(*address);
    }
    lease.endpoints.push_back(std::move(endpoint));
  }
  for (const ordered_json& text : json.at("ports"))
    lease.ports.push_back(plan::parse_published_port(text.get<std::string>()));
  return lease;
}

struct Content {
  std::vector<plan::Lease> leases;
  std::map<std::string, std::string> settings_before;
  std::vector<int> devices_before;
};

Content read_content() {
  Content content;
  const std::optional<std::string> text = read_file_if_exists(kFile);
  if (!text) return content;
  try {
    const ordered_json json = ordered_json::parse(*text);
    for (const ordered_json& one : json.at("containers")) content.leases.push_back(read_lease(one));
    content.settings_before = json.at("settingsBefore").get<std::map<std::string, std::string>>();
    content.devices_before = json.value("devicesBefore", std::vector<int>());
    return content;
  } catch (const std::exception& error) {
    throw Error(sentence(kFile, ": is damaged (", error.what(),
                         "); delete the containers that have a network, then remove the file"));
  }
}

bool is_there(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

/// Takes the address of this subnet out of those asked for.
std::optional<plan::IpAddress> take_fixed(const plan::Subnet& subnet,
                                          std::vector<plan::IpAddress>& fixed) {
  for (auto one = fixed.begin(); one != fixed.end(); ++one) {
    if (!lies_in(*one, subnet.prefix)) continue;
    const plan::IpAddress address = *one;
    fixed.erase(one);
    return address;
  }
  return std::nullopt;
}

void check_fixed(const plan::IpAddress& address, const plan::Network& network,
                 const plan::Subnet& subnet, const std::vector<plan::Lease>& leases) {
  const std::string what =
      sentence("the address ", to_text(address), " of the network ", network.name);
  if (address == subnet.gateway) throw Error(sentence(what, " is its gateway's"));
  if (address == subnet.prefix.address ||
      (!address.is_v6 && address == last_address(subnet.prefix)))
    throw Error(sentence(what, " is not for a container: it is the first or last of ",
                         to_text(subnet.prefix)));
  for (const plan::Lease& lease : leases)
    for (const plan::Endpoint& one : lease.endpoints)
      if (std::ranges::find(one.addresses, address) != one.addresses.end())
        throw Error(sentence(what, " is taken by the container ", lease.id));
}

std::vector<plan::IpAddress> taken_addresses(const std::vector<plan::Lease>& leases) {
  std::vector<plan::IpAddress> taken;
  for (const plan::Lease& lease : leases)
    for (const plan::Endpoint& one : lease.endpoints)
      taken.insert(taken.end(), one.addresses.begin(), one.addresses.end());
  std::ranges::sort(taken);
  return taken;
}

std::vector<plan::IpAddress> choose_addresses(const plan::Network& network,
                                              std::vector<plan::IpAddress>& fixed,
                                              const std::vector<plan::Lease>& leases) {
  std::vector<plan::IpAddress> addresses;
  for (const plan::Subnet& subnet : network.subnets) {
    if (const auto address = take_fixed(subnet, fixed)) {
      check_fixed(*address, network, subnet, leases);
      addresses.push_back(*address);
      continue;
    }
    const auto free = free_address(subnet, taken_addresses(leases));
    if (!free)
      throw Error(sentence("the network ", network.name, " has no free address left in ",
                           to_text(subnet.prefix), "; delete containers or use another network"));
    addresses.push_back(*free);
  }
  return addresses;
}

std::string free_link(const std::vector<plan::Lease>& leases, const plan::Lease& own) {
  const auto has = [](const plan::Lease& lease, const std::string& name) {
    return std::ranges::find(lease.endpoints, name, &plan::Endpoint::link) != lease.endpoints.end();
  };
  for (unsigned number = 1;; ++number) {
    std::string name = sentence("toyv", number);
    if (!has(own, name) &&
        std::ranges::none_of(leases, [&](const auto& one) { return has(one, name); }))
      return name;
  }
}

std::string free_interface(const plan::Lease& lease) {
  for (unsigned number = 0;; ++number) {
    std::string name = sentence("eth", number);
    if (std::ranges::find(lease.endpoints, name, &plan::Endpoint::interface) ==
        lease.endpoints.end())
      return name;
  }
}

/// Takes what it uses of the fixed addresses out of them.
void add_endpoint(plan::Lease& lease, const plan::Network& network,
                  std::vector<plan::IpAddress>& fixed, const std::vector<plan::Lease>& leases) {
  lease.endpoints.push_back({.network = network.name,
                             .link = free_link(leases, lease),
                             .interface = free_interface(lease),
                             .addresses = choose_addresses(network, fixed, leases)});
}

void require_all_used(const std::vector<plan::IpAddress>& fixed) {
  if (!fixed.empty())
    throw Error(sentence("the address ", to_text(fixed.front()),
                         " lies in no subnet of the container's networks, or is one too many"));
}

std::string port_text(const plan::PublishedPort& port, unsigned number) {
  return sentence("port ", number, port.is_udp ? "/udp" : "/tcp",
                  port.host_address ? sentence(" of ", to_text(*port.host_address)) : "");
}

/// Whether some program listens there. A published port would take its connections away.
void check_host(const plan::PublishedPort& port, bool v4, bool v6) {
  for (unsigned i = 0; i < port.count; ++i) {
    const unsigned number = port.host_port + i;
    for (const bool kind : {false, true}) {
      if (!(kind ? v6 : v4) || (port.host_address && port.host_address->is_v6 != kind)) continue;
      const plan::IpAddress address =
          port.host_address.value_or(plan::IpAddress{.is_v6 = kind, .bytes = {}});
      const int problem =
          kernel::try_port(address, static_cast<std::uint16_t>(number), port.is_udp);
      if (problem == EADDRINUSE)
        throw Error(sentence(port_text(port, number), " is taken by a program on this host"));
      if (problem == EADDRNOTAVAIL)
        throw Error(sentence("this host has no address ", to_text(address), " to publish ",
                             port_text(port, number)));
    }
  }
}

void check_leases(const plan::PublishedPort& port, const std::vector<plan::Lease>& leases) {
  for (const plan::Lease& lease : leases)
    for (const plan::PublishedPort& other : lease.ports)
      if (clash(port, other))
        throw Error(sentence(port_text(port, std::max(port.host_port, other.host_port)),
                             " is taken by the container ", lease.id));
}

void choose_port(plan::PublishedPort& port, const std::vector<plan::Lease>& leases,
                 const plan::Lease& own, bool v4, bool v6) {
  for (unsigned number = kFirstFreePort; number <= kLastFreePort; ++number) {
    port.host_port = static_cast<std::uint16_t>(number);
    try {
      check_leases(port, leases);
      check_leases(port, {own});
      check_host(port, v4, v6);
      return;
    } catch (const Error&) {
      continue;
    }
  }
  throw Error("this host has no free port left to publish one");
}

void choose_ports(plan::Lease& own, const std::vector<plan::PublishedPort>& wanted,
                  const std::vector<plan::Lease>& leases,
                  const std::vector<plan::Network>& networks) {
  bool v4 = false, v6 = false;
  for (std::size_t i = 0; i < networks.size(); ++i) {
    if (networks[i].is_internal) continue;
    v4 = v4 || address_of(own.endpoints[i], false) != nullptr;
    v6 = v6 || address_of(own.endpoints[i], true) != nullptr;
  }
  for (plan::PublishedPort port : wanted) {
    if (!v4 && !v6)
      throw Error(sentence("port ", to_text(port),
                           " cannot be published: all networks of the container are internal"));
    if (port.host_address && !(port.host_address->is_v6 ? v6 : v4))
      throw Error(sentence("port ", to_text(port), " cannot be published: the container has no ",
                           port.host_address->is_v6 ? "IPv6" : "IPv4", " address"));
    if (port.host_port == 0) {
      choose_port(port, leases, own, v4, v6);
    } else {
      check_leases(port, leases);
      check_host(port, v4, v6);
    }
    own.ports.push_back(port);
  }
}

}  // namespace

AddressPool AddressPool::open() {
  make_directories(kDirectory, 0755);
  AddressPool pool;
  pool.lock_ = lock_file(sentence(kDirectory, "/lock"));
  Content content = read_content();
  pool.leases_ = std::move(content.leases);
  pool.settings_before_ = std::move(content.settings_before);
  pool.devices_before_ = std::move(content.devices_before);
  return pool;
}

std::vector<plan::Lease> AddressPool::read() { return read_content().leases; }

const plan::Lease* AddressPool::find(const std::string& record) const {
  const auto found = std::ranges::find(leases_, record, &plan::Lease::record);
  return found != leases_.end() ? &*found : nullptr;
}

std::vector<plan::Lease> AddressPool::stale() const {
  std::vector<plan::Lease> found;
  for (const plan::Lease& lease : leases_)
    if (!is_there(lease.record)) found.push_back(lease);
  return found;
}

plan::Lease AddressPool::take(const plan::NetworkPlan& wish,
                              const std::vector<plan::Network>& networks,
                              const Owner& owner) const {
  plan::Lease lease{.record = owner.record,
                    .id = owner.id,
                    .aliases = wish.aliases,
                    .endpoints = {},
                    .ports = {}};
  std::vector<plan::IpAddress> fixed = wish.addresses;
  for (const plan::Network& network : networks) add_endpoint(lease, network, fixed, leases_);
  require_all_used(fixed);
  choose_ports(lease, wish.ports, leases_, networks);
  return lease;
}

plan::Lease AddressPool::extend(plan::Lease lease, const plan::NetworkPlan& wish,
                                const plan::Network& network) const {
  std::vector<plan::IpAddress> fixed = wish.addresses;
  add_endpoint(lease, network, fixed, leases_);
  require_all_used(fixed);
  for (const std::string& alias : wish.aliases)
    if (std::ranges::find(lease.aliases, alias) == lease.aliases.end())
      lease.aliases.push_back(alias);
  return lease;
}

void AddressPool::erase(const std::string& record) {
  std::erase_if(leases_, [&](const plan::Lease& lease) { return lease.record == record; });
}

void AddressPool::note(const std::string& setting, const std::string& before) {
  settings_before_.try_emplace(setting, before);
  save();
}

void AddressPool::forget_settings() {
  settings_before_.clear();
  devices_before_.clear();
}

void AddressPool::save() const {
  ordered_json json{{"containers", ordered_json::array()},
                    {"settingsBefore", settings_before_},
                    {"devicesBefore", devices_before_}};
  for (const plan::Lease& lease : leases_) json["containers"].push_back(to_json(lease));
  replace_file(kFile, json.dump(1) + "\n", 0644);
}

}  // namespace network
