// SPDX-License-Identifier: Apache-2.0
// What a bundle asks of networks by its org.toyrun.network.* annotations, and what a network is.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/ip_address.hpp"
#include "runtime/plan/namespaces.hpp"

namespace plan {

inline constexpr std::string_view kDefaultNetwork = "default";

struct Subnet {
  IpPrefix prefix;
  IpAddress gateway;
  bool operator==(const Subnet&) const = default;
};

/// A network of this host: a bridge, and one subnet of each kind of address at most.
struct Network {
  std::string name;
  std::string bridge;           // the name of the device
  std::vector<Subnet> subnets;  // IPv4 first
  bool is_internal = false;     // no way out, none in
  std::uint32_t mtu = 0;        // 0: the kernel's
  bool operator==(const Network&) const = default;
};

/// A run of ports of the host that lead to as many of the container.
struct PublishedPort {
  std::optional<IpAddress> host_address;  // none: every address of the host
  std::uint16_t host_port = 0;            // 0: any that is free
  std::uint16_t container_port = 0;
  std::uint16_t count = 1;
  bool is_udp = false;
  bool operator==(const PublishedPort&) const = default;
};

/// What a container wants.
struct NetworkPlan {
  std::vector<std::string> names;  // of networks: eth0, eth1, …; the first gives the default route
  std::vector<IpAddress> addresses;  // fixed ones; each lies in a subnet of one of the networks
  std::vector<PublishedPort> ports;
  std::vector<std::string> aliases;  // further names of the container in its networks
  bool by_pasta = false;             // an ordinary user's: no bridge, pasta(1) relays
  bool operator==(const NetworkPlan&) const = default;
};

/// The annotations' wishes; nullopt when there are none, or when the mode is none, host or
/// container:ID. Throws Error naming the annotation.
std::optional<NetworkPlan> plan_network(const oci::RuntimeConfig& config,
                                        const NamespacePlan& namespaces, const HostFacts& facts);
/// True if any annotation of ours asks for a network: one look-up.
bool asks_for_network(const oci::Annotations& annotations);
/// The ID of "container:ID", whose network namespace is to be shared.
std::optional<std::string> shares_network_with(const oci::Annotations& annotations);
/// One sentence a line for --explain.
std::vector<std::string> describe(const NetworkPlan& network);

/// "[ip:]host[-last]:container[-last][/udp]", an IPv6 address in brackets, host 0 for any free
/// port. Throws Error.
PublishedPort parse_published_port(std::string_view text);
/// "127.0.0.1:8080-8081:80-81/tcp".
std::string to_text(const PublishedPort& port);
/// True if every address of the host, of one kind at least, is published.
bool is_every_address(const PublishedPort& port);
/// True if a program cannot listen on both.
bool clash(const PublishedPort& one, const PublishedPort& other);

/// Letters, digits, "_.-", the first a letter or digit, at most 64; not host, none, container.
/// Throws Error.
void check_network_name(std::string_view name);

/// A further name of a container: it ends up in hosts files. Letters, digits, "_.-", at most 253.
/// Throws Error.
void check_alias(std::string_view alias);

/// The words between commas, without blanks around them; "" has none.
std::vector<std::string> split_words(std::string_view text);

}  // namespace plan
