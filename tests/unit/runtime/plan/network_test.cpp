// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/network.hpp"

#include <gtest/gtest.h>
#include <linux/sched.h>

#include "runtime/plan/network_rules.hpp"
#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

oci::RuntimeConfig config_with(const oci::Annotations& annotations) {
  oci::RuntimeConfig config;
  config.annotations = annotations;
  return config;
}
std::optional<NetworkPlan> plan_for(const oci::Annotations& annotations,
                                    std::uint64_t flags = CLONE_NEWNET, std::uint32_t euid = 0) {
  NamespacePlan namespaces;
  namespaces.create_flags = flags;
  return plan_network(config_with(annotations), namespaces, HostFacts{.euid = euid});
}
std::string error_for(const oci::Annotations& annotations, std::uint64_t flags = CLONE_NEWNET,
                      std::uint32_t euid = 0) {
  return error_of([&] { plan_for(annotations, flags, euid); });
}
IpAddress address(std::string_view text) { return *parse_address(text); }

TEST(Network, NoAnnotationNoNetwork) {
  EXPECT_FALSE(plan_for({}));
  EXPECT_FALSE(plan_for({{"org.toyrun.networks", "x"}, {"io.kubernetes.pod", "y"}}));
  EXPECT_FALSE(asks_for_network({{"org.toyrun.networ", "x"}, {"org.toyrun.network", "x"}}));
}

TEST(Network, ReadsNamesAddressesPortsAndAliases) {
  const auto plan = plan_for({{"org.toyrun.network.names", "front, back"},
                              {"org.toyrun.network.addresses", "10.1.0.7,fd00::7"},
                              {"org.toyrun.network.ports", "8080:80,[::1]:53:53/udp"},
                              {"org.toyrun.network.aliases", "web,web.local"}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->names, (std::vector<std::string>{"front", "back"}));
  EXPECT_EQ(plan->addresses, (std::vector<IpAddress>{address("10.1.0.7"), address("fd00::7")}));
  ASSERT_EQ(plan->ports.size(), 2U);
  EXPECT_EQ(to_text(plan->ports[1]), "[::1]:53:53/udp");
  EXPECT_EQ(plan->aliases.back(), "web.local");
  EXPECT_FALSE(plan->by_pasta);
}

TEST(Network, OnlyPortsMeansTheDefaultNetwork) {
  EXPECT_EQ(plan_for({{"org.toyrun.network.ports", "1:1"}})->names.front(), "default");
}

TEST(Network, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(contains(error_for({{"org.toyrun.network.names", "a"}}, 0), "network namespace"));
  EXPECT_TRUE(contains(error_for({{"org.toyrun.network.names", "a,a"}}), "twice"));
  EXPECT_TRUE(contains(error_for({{"org.toyrun.network.names", "../x"}}), "no name"));
  EXPECT_TRUE(contains(error_for({{"org.toyrun.network.names", "host"}}), "mode"));
  EXPECT_TRUE(contains(error_for({{"org.toyrun.network.name", "a"}}), "no such annotation"));
  EXPECT_TRUE(contains(error_for({{"org.toyrun.network.aliases", "a b"}}), "no name"));
  EXPECT_TRUE(contains(error_for({{"org.toyrun.network.ports", "80:80,1-100:1-100"}}), "already"));
  EXPECT_TRUE(contains(error_for({{"org.toyrun.network.addresses", "10.0.0.256"}}), "no IPv4"));
}

TEST(Network, ModesMustAgreeWithTheNamespaces) {
  EXPECT_FALSE(plan_for({{"org.toyrun.network.mode", "none"}}));
  EXPECT_FALSE(plan_for({{"org.toyrun.network.mode", "host"}}, 0));
  EXPECT_TRUE(contains(error_for({{"org.toyrun.network.mode", "host"}}), "without a network"));
  EXPECT_TRUE(contains(error_for({{"org.toyrun.network.mode", "none"}}, 0), "new network"));
  EXPECT_TRUE(contains(error_for({{"org.toyrun.network.mode", "bridge"}}), "none of"));
  EXPECT_TRUE(contains(
      error_for({{"org.toyrun.network.mode", "none"}, {"org.toyrun.network.ports", "1:1"}}),
      "no meaning"));
  EXPECT_EQ(shares_network_with({{"org.toyrun.network.mode", "container:web"}}), "web");
}

TEST(Network, AnOrdinaryUserHasPasta) {
  EXPECT_TRUE(plan_for({{"org.toyrun.network.ports", "8080:80"}}, CLONE_NEWNET, 1000)->by_pasta);
  EXPECT_TRUE(contains(error_for({{"org.toyrun.network.names", "a"}}, CLONE_NEWNET, 1000), "root"));
}

TEST(PublishedPort, ReadsAndWritesTheSame) {
  for (const char* text : {"8080:80/tcp", "127.0.0.1:8080-8089:80-89/udp", "[fd00::1]:1:1/tcp",
                           "0:80/tcp", "0.0.0.0:65535:65535/udp", "1-65535:1-65535/tcp"})
    EXPECT_EQ(to_text(parse_published_port(text)), text);
}

TEST(PublishedPort, RefusesWhatIsNone) {
  for (const char* text : {"80", "80:0", "80:65536", "1-2:1-3", "2-1:2-1", "a:1", ":80", "80:",
                           "1.2.3:80:80", "80:80/sctp", "0-1:1-2", "0:1-2", "-1:1", "80:80:80:80"})
    EXPECT_NE(error_of([&] { parse_published_port(text); }), "") << text;
}

TEST(PublishedPort, ClashesWhereNoTwoCanListen) {
  const auto clashes = [](const char* one, const char* other) {
    return clash(parse_published_port(one), parse_published_port(other));
  };
  EXPECT_TRUE(clashes("80:1", "127.0.0.1:80:1"));
  EXPECT_TRUE(clashes("0.0.0.0:80:1", "10.0.0.1:80:1"));
  EXPECT_TRUE(clashes("80-90:80-90", "90:1"));
  EXPECT_FALSE(clashes("80:1", "80:1/udp"));
  EXPECT_FALSE(clashes("10.0.0.1:80:1", "10.0.0.2:80:1"));
  EXPECT_FALSE(clashes("0.0.0.0:80:1", "[::]:80:1"));
  EXPECT_FALSE(clashes("0:1", "0:1"));
}

const Network kFront{.name = "front",
                     .bridge = "toy1",
                     .subnets = {{*parse_prefix("10.1.0.0/24"), address("10.1.0.1")},
                                 {*parse_prefix("fd00::/64"), address("fd00::1")}}};
const Network kBack{.name = "back",
                    .bridge = "toy2",
                    .subnets = {{*parse_prefix("10.2.0.0/29"), address("10.2.0.1")}},
                    .is_internal = true};

TEST(NetworkRules, NothingIsLeftWithoutLeases) {
  EXPECT_EQ(network_rules({kFront}, {}, {}), "add table inet toyrun\ndelete table inet toyrun\n");
}

TEST(NetworkRules, PublishesThroughTheOpenNetworkAndShutsTheInternalOne) {
  const Lease lease{
      .record = "/r",
      .id = "web",
      .endpoints = {{.network = "back", .addresses = {address("10.2.0.2")}},
                    {.network = "front", .addresses = {address("10.1.0.2"), address("fd00::2")}}},
      .ports = {parse_published_port("127.0.0.1:8080:80"), parse_published_port("53-54:53-54/udp"),
                parse_published_port("7-8:9-10")}};
  const std::string rules = network_rules({kFront, kBack}, {lease}, {});
  EXPECT_TRUE(contains(rules, "ipv4 ip daddr 127.0.0.1 tcp dport 8080 dnat ip to 10.1.0.2:80\n"));
  EXPECT_TRUE(contains(rules, "ipv4 udp dport 53-54 dnat ip to 10.1.0.2\n"));
  EXPECT_TRUE(contains(rules, "ipv6 udp dport 53-54 dnat ip6 to [fd00::2]\n"));
  EXPECT_TRUE(contains(rules, "tcp dport 8 dnat ip to 10.1.0.2:10\n"));
  EXPECT_TRUE(contains(rules, "ip saddr 10.1.0.0/24 oifname != \"toy1\" masquerade"));
  EXPECT_FALSE(contains(rules, "oifname != \"toy2\" masquerade"));
  // The internal network is shut before the open one lets anything through.
  EXPECT_LT(rules.find("iifname \"toy2\" drop"),
            rules.find("oifname \"toy1\" ct status dnat accept"));
  EXPECT_FALSE(contains(rules, "10.2.0.2"));
}

TEST(NetworkRules, WhatTheHostDidNotForwardBeforeIsDropped) {
  const Lease lease{.record = "/r",
                    .id = "web",
                    .endpoints = {{.network = "front", .addresses = {address("10.1.0.2")}}}};
  const auto rules = [&](const UnforwardedBefore& before) {
    return network_rules({kFront}, {lease}, before);
  };
  EXPECT_TRUE(contains(rules({.v4 = true, .v6 = false, .devices = {1, 4}}),
                       "meta nfproto ipv4 iif { 1, 4 } oif { 1, 4 } drop\n"));
  EXPECT_TRUE(contains(rules({.v4 = false, .v6 = true, .devices = {4}}),
                       "meta nfproto ipv6 iif { 4 } oif { 4 } drop\n"));
  EXPECT_FALSE(contains(rules({.v4 = false, .v6 = false, .devices = {4}}), "iif {"));
  EXPECT_FALSE(contains(rules({.v4 = true, .v6 = true, .devices = {}}), "iif {"));
}

TEST(NetworkRules, TheLowestFreeAddressIsTaken) {
  const Subnet& small = kBack.subnets.front();
  EXPECT_EQ(to_text(*free_address(small, {})), "10.2.0.2");
  EXPECT_EQ(to_text(*free_address(small,
                                  {address("10.1.0.9"), address("10.2.0.2"), address("10.2.0.3")})),
            "10.2.0.4");
  std::vector<IpAddress> taken;
  while (const auto one = free_address(small, taken)) taken.push_back(*one);
  EXPECT_EQ(taken.size(), 5U);  // of eight: the network, the gateway and the broadcast address
  EXPECT_EQ(to_text(*free_address(kFront.subnets[1], {})), "fd00::2");
}

}  // namespace
}  // namespace plan
