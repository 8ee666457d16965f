// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/conntrack.hpp"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/netlink.hpp"

namespace kernel {
namespace {

constexpr std::uint16_t message_type(std::uint16_t message) {
  return (NFNL_SUBSYS_CTNETLINK << 8) | message;
}

/// A flow as ctnetlink shows it: all that deletes it again.
struct Flow {
  std::uint8_t family = 0;
  std::string origin;  // the attributes of CTA_TUPLE_ORIG
  std::string zone;    // CTA_ZONE, or ""
};

bool is_to(const plan::PublishedPort& published, std::string_view origin) {
  const std::string_view addresses = find_attribute(origin, CTA_TUPLE_IP);
  const std::string_view protocol = find_attribute(origin, CTA_TUPLE_PROTO);
  const std::string_view number = find_attribute(protocol, CTA_PROTO_NUM);
  const std::string_view port = find_attribute(protocol, CTA_PROTO_DST_PORT);
  if (number.size() != 1 || number.front() != IPPROTO_UDP || port.size() != 2) return false;
  const int to = static_cast<std::uint8_t>(port[0]) << 8 | static_cast<std::uint8_t>(port[1]);
  if (to < published.host_port || to >= published.host_port + published.count) return false;
  if (is_every_address(published)) return true;
  const bool v6 = published.host_address->is_v6;
  return find_attribute(addresses, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST) ==
         published.host_address->raw();
}

}  // namespace

void forget_udp_flows(const std::vector<plan::PublishedPort>& ports) {
  if (std::ranges::none_of(ports, &plan::PublishedPort::is_udp)) return;
  NetlinkSocket socket = NetlinkSocket::open(-1, NETLINK_NETFILTER);
  std::vector<Flow> found;
  NetlinkRequest list(message_type(IPCTNL_MSG_CT_GET), NLM_F_DUMP);
  list.fixed(nfgenmsg{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = 0});
  const int number = socket.ask(std::move(list), [&](const nlmsghdr& message) {
    const std::string_view origin = find_attribute(message, sizeof(nfgenmsg), CTA_TUPLE_ORIG);
    const auto leads_there = [&](const auto& one) { return one.is_udp && is_to(one, origin); };
    if (std::ranges::none_of(ports, leads_there)) return;
    found.push_back({.family = static_cast<const nfgenmsg*>(NLMSG_DATA(&message))->nfgen_family,
                     .origin = std::string(origin),
                     .zone = std::string(find_attribute(message, sizeof(nfgenmsg), CTA_ZONE))});
  });
  if (number != 0) {
    logging::debug(sentence("connections are not tracked here: ", std::strerror(number)));
    return;
  }
  for (const Flow& flow : found) {
    NetlinkRequest forget(message_type(IPCTNL_MSG_CT_DELETE), NLM_F_ACK);
    forget.fixed(nfgenmsg{.nfgen_family = flow.family, .version = NFNETLINK_V0, .res_id = 0})
        .attribute(CTA_TUPLE_ORIG | NLA_F_NESTED, flow.origin);
    if (!flow.zone.empty()) forget.attribute(CTA_ZONE, flow.zone);
    const int failed = socket.change(std::move(forget));
    if (failed != 0 && failed != ENOENT) throw Error("forget a tracked connection", failed);
  }
}

}  // namespace kernel
