// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/network.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
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

int network_verb(const cli::Parsed&, const cli::Parsed& options) {
  const std::string& verb = options.words[0];
  if (verb == "ls" || verb == "list") {
    if (options.words.size() > 1) throw UsageError("network ls: takes no name");
    list(options.has("quiet"));
    return 0;
  }
  if (verb != "create" && verb != "inspect" && verb != "rm")
    throw UsageError(sentence("network: \"", verb, "\" is none of create, ls, inspect, rm"));
  if (options.words.size() != 2) throw UsageError(sentence("network ", verb, ": needs a NAME"));
  const std::string& name = options.words[1];
  if (verb == "create") {
    print(network::create(read_wish(name, options)).name + "\n");
  } else if (verb == "inspect") {
    inspect(name);
  } else {
    network::clear_stale();
    network::remove(name);
  }
  return 0;
}

}  // namespace

cli::Command network_command() {
  return {.name = "network",
          .summary = "Create, list, show or remove a network for containers",
          .words = {.usage = "create|ls|inspect|rm [NAME]", .least = 1, .most = 2},
          .options = kOptions,
          .run = network_verb};
}

}  // namespace commands
