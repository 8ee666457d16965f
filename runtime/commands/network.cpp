// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/network.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/container/container.hpp"
#include "runtime/container/json_writer.hpp"
#include "runtime/network/address_pool.hpp"
#include "runtime/network/connection.hpp"

namespace commands {
namespace {

constexpr std::uint64_t kSmallestMtu = 68, kLargestMtu = 65535;  // RFC 791 section 3.2

constexpr std::array kOptions = {
    cli::Option{.name = "subnet",
                .value = "PREFIX",
                .help = "create: 10.201.0.0/24, fd00::/64; one of each kind at most",
                .repeatable = true},
    cli::Option{.name = "gateway",
                .value = "ADDRESS",
                .help = "create: the host's address in a subnet (default: the first)",
                .repeatable = true},
    cli::Option{.name = "ipv6", .value = "", .help = "create: with an IPv6 subnet, too"},
    cli::Option{.name = "internal",
                .value = "",
                .help = "create: no way out of it, and no published ports"},
    cli::Option{.name = "mtu", .value = "BYTES", .help = "create: the largest packet"},
    cli::Option{.name = "bridge",
                .value = "NAME",
                .help = "create: the name of the bridge (default: toy1, toy2, ...)"},
    cli::Option{.name = "ip",
                .value = "ADDRESS",
                .help = "connect: a fixed address, one of each kind at most",
                .repeatable = true},
    cli::Option{.name = "alias",
                .value = "NAME",
                .help = "connect: a further name of the container in its networks",
                .repeatable = true},
    cli::Option{.name = "quiet", .letter = 'q', .value = "", .help = "ls: names only"},
};

network::Wish read_wish(const std::string& name, const cli::Parsed& options) {
  network::Wish wish{.name = name,
                     .subnets = {},
                     .gateways = {},
                     .wants_v6 = options.has("ipv6"),
                     .is_internal = options.has("internal"),
                     .bridge = options.value_or("bridge", "")};
  for (const std::string& text : options.values("subnet")) {
    const auto prefix = plan::parse_prefix(text);
    if (!prefix) throw Error(sentence("--subnet: \"", text, "\" is no prefix like 10.201.0.0/24"));
    wish.subnets.push_back(*prefix);
  }
  for (const std::string& text : options.values("gateway")) {
    const auto address = plan::parse_address(text);
    if (!address) throw Error(sentence("--gateway: \"", text, "\" is no IPv4 or IPv6 address"));
    wish.gateways.push_back(*address);
  }
  if (const auto mtu = options.value("mtu")) {
    wish.mtu = static_cast<std::uint32_t>(cli::parse_number(*mtu, kLargestMtu, "--mtu"));
    if (wish.mtu < kSmallestMtu) throw Error(sentence("--mtu: at least ", kSmallestMtu));
  }
  return wish;
}

std::string subnets_of(const plan::Network& one) {
  std::string text;
  for (const plan::Subnet& subnet : one.subnets)
    text += sentence(text.empty() ? "" : ",", to_text(subnet.prefix));
  return text;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text + "  ";
}

void list(bool quiet) {
  const std::vector<plan::Network> networks = network::list();
  const std::vector<plan::Lease> leases = network::AddressPool::read();
  std::size_t width = 7;
  for (const plan::Network& one : networks) width = std::max(width, one.name.size());
  std::string text;
  if (!quiet)
    text = sentence(padded("NAME", width), padded("BRIDGE", 15), padded("CONTAINERS", 10),
                    "SUBNETS\n");
  for (const plan::Network& one : networks) {
    if (quiet) {
      text += one.name + "\n";
      continue;
    }
    const std::string count = std::to_string(network::users(one.name, leases).size());
    text += sentence(padded(one.name, width), padded(one.bridge, 15), padded(count, 10),
                     subnets_of(one), one.is_internal ? " internal" : "", "\n");
  }
  print(text);
}

void write_texts(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const std::string& one : texts) json.text(one);
  json.end_array();
}

void write_user(JsonWriter& json, const plan::Lease& lease, const std::string& network) {
  const auto endpoint = std::ranges::find(lease.endpoints, network, &plan::Endpoint::network);
  std::vector<std::string> addresses, ports;
  for (const plan::IpAddress& one : endpoint->addresses) addresses.push_back(to_text(one));
  for (const plan::PublishedPort& one : lease.ports) ports.push_back(to_text(one));
  json.begin_object().key("id").text(lease.id).key("record").text(lease.record);
  json.key("interface").text(endpoint->interface).key("link").text(endpoint->link);
  write_texts(json, "addresses", addresses);
  write_texts(json, "aliases", lease.aliases);
  write_texts(json, "ports", ports);
  json.end_object();
}

void inspect(const std::string& name) {
  const plan::Network one = network::open(name);
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.begin_object().key("name").text(one.name).key("bridge").text(one.bridge);
  json.key("internal").boolean(one.is_internal).key("mtu").number(one.mtu);
  json.key("subnets").begin_array();
  for (const plan::Subnet& subnet : one.subnets)
    json.begin_object()
        .key("subnet")
        .text(to_text(subnet.prefix))
        .key("gateway")
        .text(to_text(subnet.gateway))
        .end_object();
  json.end_array().key("containers").begin_array();
  for (const plan::Lease& lease : network::users(name, network::AddressPool::read()))
    write_user(json, lease, name);
  json.end_array().end_object();
  print(json.take() + "\n");
}

template <typename Things>
std::string list_text(const Things& things) {
  std::string text;
  for (const auto& one : things) text += sentence(text.empty() ? "" : ",", to_text(one));
  return text.empty() ? "-" : text;
}

std::vector<plan::IpAddress> gateways_of(const std::string& network,
                                         const std::vector<plan::Network>& networks) {
  std::vector<plan::IpAddress> gateways;
  const auto found = std::ranges::find(networks, network, &plan::Network::name);
  if (found == networks.end()) return gateways;
  for (const plan::Subnet& subnet : found->subnets) gateways.push_back(subnet.gateway);
  return gateways;
}

/// For scripts: a line for each device of each container, words between tabs.
void list_leases() {
  const std::vector<plan::Network> networks = network::list();
  std::string text;
  for (const plan::Lease& lease : network::AddressPool::read()) {
    std::string names;
    for (const std::string& one : lease.aliases) names += (names.empty() ? "" : ",") + one;
    for (const plan::Endpoint& endpoint : lease.endpoints)
      text += sentence(endpoint.network, "\t", lease.id, "\t", endpoint.interface, "\t",
                       list_text(endpoint.addresses), "\t", names.empty() ? "-" : names, "\t",
                       list_text(lease.ports), "\t",
                       list_text(gateways_of(endpoint.network, networks)), "\n");
  }
  print(text);
}

/// With its number nobody else may have got it meanwhile.
UniqueFd network_namespace_of(const Container& container) {
  std::optional<UniqueFd> found =
      open_at_if_exists(AT_FDCWD, sentence("/proc/", container.record().pid, "/ns/net"), O_RDONLY);
  if (container.record().pid == 0 || !found || !container.open_init())
    throw Error("container not running");
  return *std::move(found);
}

void change_connection(const std::string& verb, const cli::Parsed& global,
                       const cli::Parsed& options) {
  const Container container = Container::open_locked(state_root(global), options.words[2]);
  const UniqueFd where = network_namespace_of(container);
  const network::Owner owner{.record = container.file_path(), .id = options.words[2]};
  const std::string& name = options.words[1];
  if (verb == "disconnect") {
    network::leave(name, owner, where.get());
    return;
  }
  plan::NetworkPlan wish{
      .names = {name}, .addresses = {}, .ports = {}, .aliases = options.values("alias")};
  for (const std::string& alias : wish.aliases) plan::check_alias(alias);
  for (const std::string& text : options.values("ip")) {
    const auto address = plan::parse_address(text);
    if (!address) throw Error(sentence("--ip: \"", text, "\" is no IPv4 or IPv6 address"));
    wish.addresses.push_back(*address);
  }
  network::join(wish, owner, where.get());
}

/// How many words each takes, itself included.
std::size_t words_of(const std::string& verb) {
  if (verb == "ls" || verb == "list" || verb == "leases") return 1;
  if (verb == "create" || verb == "inspect" || verb == "rm") return 2;
  if (verb == "connect" || verb == "disconnect") return 3;
  throw UsageError(sentence("network: \"", verb,
                            "\" is none of create, ls, inspect, rm, connect, disconnect, leases"));
}

int network_verb(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string& verb = options.words[0];
  const std::size_t wanted = words_of(verb);
  if (options.words.size() != wanted)
    throw UsageError(sentence("network ", verb,
                              wanted == 1   ? ": takes no name"
                              : wanted == 2 ? ": needs a NAME"
                                            : ": needs a NAME and an ID"));
  if (verb == "leases") {
    list_leases();
  } else if (wanted == 1) {
    list(options.has("quiet"));
  } else if (wanted == 3) {
    change_connection(verb, global, options);
  } else if (verb == "create") {
    print(network::create(read_wish(options.words[1], options)).name + "\n");
  } else if (verb == "inspect") {
    inspect(options.words[1]);
  } else {
    network::clear_stale();
    network::remove(options.words[1]);
  }
  return 0;
}

}  // namespace

cli::Command network_command() {
  return {.name = "network",
          .summary = "Create, list, show, remove, join or leave networks for containers",
          .words = {.usage = "create|ls|inspect|rm|connect|disconnect|leases [NAME [ID]]",
                    .least = 1,
                    .most = 3},
          .options = kOptions,
          .run = network_verb};
}

}  // namespace commands
