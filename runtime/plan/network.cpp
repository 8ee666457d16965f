// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/network.hpp"

#include <linux/sched.h>

#include <algorithm>

#include "bundle-spec/error.hpp"

namespace plan {
namespace {

constexpr std::string_view kPrefix = "org.toyrun.network.";
constexpr std::string_view kMode = "org.toyrun.network.mode";
constexpr std::string_view kNames = "org.toyrun.network.names";
constexpr std::string_view kAddresses = "org.toyrun.network.addresses";
constexpr std::string_view kPorts = "org.toyrun.network.ports";
constexpr std::string_view kAliases = "org.toyrun.network.aliases";
constexpr std::string_view kContainer = "container:";
constexpr std::size_t kMostNetworks = 16;
constexpr std::size_t kLongestAlias = 253;  // RFC 1035 section 3.1

[[noreturn]] void refuse(std::string_view key, std::string_view why) {
  throw Error(sentence("/annotations/", key, ": ", why));
}

const std::string* find(const oci::Annotations& annotations, std::string_view key) {
  const auto found = annotations.find(std::string(key));
  return found != annotations.end() ? &found->second : nullptr;
}

std::vector<std::string> words_of(const oci::Annotations& annotations, std::string_view key) {
  const std::string* text = find(annotations, key);
  return text != nullptr ? split_words(*text) : std::vector<std::string>{};
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

void check_known(const oci::Annotations& annotations) {
  for (auto one = annotations.lower_bound(std::string(kPrefix));
       one != annotations.end() && one->first.starts_with(kPrefix); ++one) {
    constexpr std::string_view kKnown[] = {kMode, kNames, kAddresses, kPorts, kAliases};
    if (std::ranges::find(kKnown, one->first) == std::end(kKnown))
      refuse(one->first, "there is no such annotation");
  }
}

/// Host, none and container:ID: the namespaces in the config decide, the word must agree with them.
void check_mode(const std::string& mode, const oci::Annotations& annotations,
                const NamespacePlan& namespaces) {
  const bool is_new = (namespaces.create_flags & CLONE_NEWNET) != 0;
  if (mode == "host") {
    if (namespaces.has(CLONE_NEWNET))
      refuse(kMode, "\"host\" needs /linux/namespaces without a network namespace");
  } else if (mode == "none") {
    if (!is_new) refuse(kMode, "\"none\" needs a new network namespace in /linux/namespaces");
  } else if (!mode.starts_with(kContainer)) {
    refuse(kMode, sentence("\"", mode, "\" is none of host, none, container:ID"));
  }
  for (const std::string_view key : {kNames, kAddresses, kPorts})
    if (find(annotations, key) != nullptr)
      refuse(key, sentence("has no meaning with the mode \"", mode, "\""));
}

std::vector<std::string> read_names(const oci::Annotations& annotations) {
  std::vector<std::string> names = words_of(annotations, kNames);
  if (names.empty()) names.emplace_back(kDefaultNetwork);
  if (names.size() > kMostNetworks)
    refuse(kNames, sentence("a container can be in ", kMostNetworks, " networks at most"));
  for (std::size_t i = 0; i < names.size(); ++i) {
    try {
      check_network_name(names[i]);
    } catch (Error& error) {
      error.add_context("/annotations/", kNames);
      throw;
    }
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
        names.begin() + static_cast<std::ptrdiff_t>(i))
      refuse(kNames, sentence(names[i], " is listed twice"));
  }
  return names;
}

std::vector<IpAddress> read_addresses(const oci::Annotations& annotations) {
  std::vector<IpAddress> addresses;
  for (const std::string& word : words_of(annotations, kAddresses)) {
    const std::optional<IpAddress> address = parse_address(word);
    if (!address) refuse(kAddresses, sentence("\"", word, "\" is no IPv4 or IPv6 address"));
    addresses.push_back(*address);
  }
  return addresses;
}

std::vector<PublishedPort> read_ports(const oci::Annotations& annotations) {
  std::vector<PublishedPort> ports;
  for (const std::string& word : words_of(annotations, kPorts)) {
    try {
      ports.push_back(parse_published_port(word));
    } catch (Error& error) {
      error.add_context("/annotations/", kPorts);
      throw;
    }
    for (std::size_t i = 0; i + 1 < ports.size(); ++i)
      if (clash(ports[i], ports.back()))
        refuse(kPorts, sentence("\"", word, "\" has a port of the host that is listed already"));
  }
  return ports;
}

std::vector<std::string> read_aliases(const oci::Annotations& annotations) {
  std::vector<std::string> aliases = words_of(annotations, kAliases);
  try {
    for (const std::string& alias : aliases) check_alias(alias);
  } catch (Error& error) {
    error.add_context("/annotations/", kAliases);
    throw;
  }
  return aliases;
}

}  // namespace

bool asks_for_network(const oci::Annotations& annotations) {
  const auto first = annotations.lower_bound(std::string(kPrefix));
  return first != annotations.end() && first->first.starts_with(kPrefix);
}

std::optional<std::string> shares_network_with(const oci::Annotations& annotations) {
  const std::string* mode = find(annotations, kMode);
  if (mode == nullptr || !mode->starts_with(kContainer)) return std::nullopt;
  return mode->substr(kContainer.size());
}

std::optional<NetworkPlan> plan_network(const oci::RuntimeConfig& config,
                                        const NamespacePlan& namespaces, const HostFacts& facts) {
  const oci::Annotations& annotations = config.annotations;
  if (!asks_for_network(annotations)) return std::nullopt;
  check_known(annotations);
  if (const std::string* mode = find(annotations, kMode)) {
    check_mode(*mode, annotations, namespaces);
    return std::nullopt;
  }
  if ((namespaces.create_flags & CLONE_NEWNET) == 0)
    refuse(kNames, "needs a new network namespace in /linux/namespaces");
  NetworkPlan plan{.names = read_names(annotations),
                   .addresses = read_addresses(annotations),
                   .ports = read_ports(annotations),
                   .aliases = read_aliases(annotations),
                   .by_pasta = facts.euid != 0};
  if (!plan.by_pasta) return plan;
  if (plan.names.size() != 1 || plan.names.front() != kDefaultNetwork)
    refuse(kNames, "an ordinary user has the network \"default\" only; others need root");
  if (!plan.addresses.empty())
    refuse(kAddresses, "an ordinary user's container has the host's addresses; others need root");
  return plan;
}

std::vector<std::string> describe(const NetworkPlan& network) {
  std::vector<std::string> lines;
  if (network.by_pasta) lines.emplace_back("connect it to the host's networks by pasta");
  for (std::size_t i = 0; i < network.names.size() && !network.by_pasta; ++i) {
    lines.push_back(sentence("connect it to the network ", network.names[i], " as eth", i,
                             i == 0 ? ", through which its default route leads" : ""));
  }
  for (const IpAddress& address : network.addresses)
    lines.push_back(sentence("give it the address ", to_text(address)));
  for (const PublishedPort& port : network.ports)
    lines.push_back(sentence("publish ", to_text(port), " (host:container)"));
  return lines;
}

void check_network_name(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  const bool starts_well = !name.empty() && is_plain(name[0]) && name[0] != '.' && name[0] != '-';
  if (!starts_well || name.size() > kLongest || !std::ranges::all_of(name, is_plain))
    throw Error(sentence("\"", name,
                         "\" is no name of a network: letters, digits and _ . -, at most ",
                         kLongest, ", the first no . or -"));
  if (name == "host" || name == "none" || name == "container")
    throw Error(sentence("a network cannot be called ", name, ": that is a mode"));
}

void check_alias(std::string_view alias) {
  if (alias.empty() || alias.size() > kLongestAlias || !std::ranges::all_of(alias, is_plain))
    throw Error(sentence("\"", alias, "\" is no name: letters, digits and _ . -"));
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string_view word = text.substr(0, end);
    while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
    while (!word.empty() && word.back() == ' ') word.remove_suffix(1);
    if (!word.empty()) words.emplace_back(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace plan
