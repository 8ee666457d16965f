// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/links.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include "bundle-spec/error.hpp"

namespace kernel {
namespace {

/// "toy": what we made, from its birth on; `ip link show group 7630713` lists it.
constexpr std::uint32_t kOwnGroup = 0x746f79;
constexpr std::uint16_t kNew = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;

void require(int number, const std::string& what) {
  if (number != 0) throw Error(what, number);
}

std::uint8_t family_of(const plan::IpAddress& address) {
  return address.is_v6 ? AF_INET6 : AF_INET;
}

ifinfomsg link_message(int index) {
  ifinfomsg info{};
  info.ifi_index = index;
  return info;
}

std::uint32_t number_in(std::string_view bytes) {
  std::uint32_t number = 0;
  if (bytes.size() == sizeof number) std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

void for_each_link(NetlinkSocket& socket, const std::function<void(const nlmsghdr&)>& take) {
  NetlinkRequest request(RTM_GETLINK, NLM_F_DUMP);
  request.fixed(ifinfomsg{});
  require(socket.ask(std::move(request), take), "list the network devices");
}

int change_route(NetlinkSocket& socket, const rtmsg& route, int index,
                 const plan::IpAddress* destination, const plan::IpAddress* gateway,
                 std::uint32_t metric) {
  NetlinkRequest request(RTM_NEWROUTE, kNew);
  request.fixed(route).attribute(RTA_OIF, static_cast<std::uint32_t>(index));
  if (destination != nullptr) request.attribute(RTA_DST, destination->raw());
  if (gateway != nullptr) request.attribute(RTA_GATEWAY, gateway->raw());
  if (metric != 0) request.attribute(RTA_PRIORITY, metric);
  const int number = socket.change(std::move(request));
  return number == EEXIST ? 0 : number;
}

void set_hairpin(NetlinkSocket& socket, const std::string& name) {
  const std::optional<Link> link = find_link(socket, name);
  if (!link) throw Error(sentence("the network device ", name, " went away"));
  const std::uint8_t on = 1;
  NetlinkRequest request(RTM_NEWLINK, NLM_F_ACK);
  request.fixed(link_message(link->index)).begin(IFLA_LINKINFO);
  request.attribute(IFLA_INFO_SLAVE_KIND, std::string_view("bridge\0", 7));
  request.begin(IFLA_INFO_SLAVE_DATA)
      .attribute(IFLA_BRPORT_MODE, {reinterpret_cast<const char*>(&on), 1})
      .end()
      .end();
  require(socket.change(std::move(request)), sentence("let ", name, " send back to its own port"));
}

}  // namespace

std::string_view with_nul(const std::string& name) { return {name.c_str(), name.size() + 1}; }

std::optional<Link> find_link(NetlinkSocket& socket, const std::string& name) {
  NetlinkRequest request(RTM_GETLINK, NLM_F_ACK);
  request.fixed(ifinfomsg{}).attribute(IFLA_IFNAME, with_nul(name));
  std::optional<Link> link;
  const int number = socket.ask(std::move(request), [&](const nlmsghdr& message) {
    const auto* info = static_cast<const ifinfomsg*>(NLMSG_DATA(&message));
    link = Link{.index = info->ifi_index,
                .is_up = (info->ifi_flags & IFF_UP) != 0,
                .group = number_in(find_attribute(message, sizeof(ifinfomsg), IFLA_GROUP))};
  });
  if (number != 0 && number != ENODEV)
    throw Error(sentence("look for the network device ", name), number);
  return link;
}

int set_up(NetlinkSocket& socket, int index, bool up) {
  ifinfomsg info = link_message(index);
  info.ifi_flags = up ? IFF_UP : 0;
  info.ifi_change = IFF_UP;
  NetlinkRequest request(RTM_NEWLINK, NLM_F_ACK);
  request.fixed(info);
  return socket.change(std::move(request));
}

std::vector<std::string> links_named(NetlinkSocket& socket, std::string_view prefix) {
  std::vector<std::string> names;
  for_each_link(socket, [&](const nlmsghdr& message) {
    const std::string_view bytes = find_attribute(message, sizeof(ifinfomsg), IFLA_IFNAME);
    std::string name(bytes.substr(0, bytes.find('\0')));
    if (name.starts_with(prefix)) names.push_back(std::move(name));
  });
  return names;
}

std::vector<int> foreign_links(NetlinkSocket& socket) {
  std::vector<int> indexes;
  for_each_link(socket, [&](const nlmsghdr& message) {
    if (number_in(find_attribute(message, sizeof(ifinfomsg), IFLA_GROUP)) != kOwnGroup)
      indexes.push_back(static_cast<const ifinfomsg*>(NLMSG_DATA(&message))->ifi_index);
  });
  std::ranges::sort(indexes);
  return indexes;
}

void delete_link(NetlinkSocket& socket, const std::string& name) {
  NetlinkRequest request(RTM_DELLINK, NLM_F_ACK);
  request.fixed(ifinfomsg{}).attribute(IFLA_IFNAME, with_nul(name));
  const int number = socket.change(std::move(request));
  if (number != ENODEV) require(number, sentence("remove the network device ", name));
}

int make_bridge(NetlinkSocket& socket, const Bridge& bridge) {
  NetlinkRequest request(RTM_NEWLINK, kNew);
  request.fixed(ifinfomsg{})
      .attribute(IFLA_IFNAME, with_nul(bridge.name))
      .attribute(IFLA_GROUP, kOwnGroup)
      .attribute(IFLA_ADDRESS, bridge.hardware_address);
  if (bridge.mtu != 0) request.attribute(IFLA_MTU, bridge.mtu);
  request.begin(IFLA_LINKINFO).attribute(IFLA_INFO_KIND, "bridge").end();
  const int number = socket.change(std::move(request));
  if (number != EEXIST) require(number, sentence("make the bridge ", bridge.name));
  const std::optional<Link> link = find_own_bridge(socket, bridge.name);
  if (!link)
    throw Error(sentence("this host has a network device ", bridge.name,
                         " that is not toyrun's; create the network with another --bridge"));
  return link->index;
}

std::optional<Link> find_own_bridge(NetlinkSocket& socket, const std::string& name) {
  const std::optional<Link> link = find_link(socket, name);
  return link && link->group == kOwnGroup ? link : std::nullopt;
}

void make_veth(NetlinkSocket& socket, const VethPair& pair) {
  ifinfomsg up{};
  up.ifi_flags = up.ifi_change = IFF_UP;
  NetlinkRequest request(RTM_NEWLINK, kNew);
  request.fixed(up)
      .attribute(IFLA_IFNAME, with_nul(pair.name))
      .attribute(IFLA_GROUP, kOwnGroup)
      .attribute(IFLA_MASTER, static_cast<std::uint32_t>(pair.bridge));
  if (pair.mtu != 0) request.attribute(IFLA_MTU, pair.mtu);
  request.begin(IFLA_LINKINFO).attribute(IFLA_INFO_KIND, "veth").begin(IFLA_INFO_DATA);
  request.begin(VETH_INFO_PEER)
      .fixed(ifinfomsg{})
      .attribute(IFLA_IFNAME, with_nul(pair.peer_name))
      .attribute(IFLA_ADDRESS, pair.hardware_address)
      .attribute(IFLA_NET_NS_FD, static_cast<std::uint32_t>(pair.network_namespace));
  if (pair.mtu != 0) request.attribute(IFLA_MTU, pair.mtu);
  request.end().end().end();
  require(socket.change(std::move(request)),
          sentence("make the veth pair ", pair.name, " and ", pair.peer_name));
  set_hairpin(socket, pair.name);
}

void add_address(NetlinkSocket& socket, int index, const plan::IpAddress& address,
                 unsigned prefix_length) {
  ifaddrmsg fixed{};
  fixed.ifa_family = family_of(address);
  fixed.ifa_prefixlen = static_cast<std::uint8_t>(prefix_length);
  fixed.ifa_index = static_cast<std::uint32_t>(index);
  fixed.ifa_flags = address.is_v6 ? IFA_F_NODAD : 0;
  NetlinkRequest request(RTM_NEWADDR, kNew);
  request.fixed(fixed).attribute(IFA_LOCAL, address.raw()).attribute(IFA_ADDRESS, address.raw());
  if (!address.is_v6) {
    const plan::IpPrefix prefix{.address = address, .length = prefix_length};
    request.attribute(IFA_BROADCAST, plan::last_address(prefix).raw());
  }
  const int number = socket.change(std::move(request));
  if (number != EEXIST) require(number, sentence("add the address ", to_text(address)));
}

void add_default_route(NetlinkSocket& socket, int index, const plan::IpAddress& gateway) {
  rtmsg route{};
  route.rtm_family = family_of(gateway);
  route.rtm_table = RT_TABLE_MAIN;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_type = RTN_UNICAST;
  require(change_route(socket, route, index, nullptr, &gateway, 0),
          sentence("add the default route by ", to_text(gateway)));
}

void accept_loopback_answers(NetlinkSocket& socket, int index) {
  // ipv6/route.c, rt6_need_strict: only a route of the device they come from takes packets for ::1.
  constexpr std::uint32_t kAfterTheKernels = 4096;
  const plan::IpAddress loopback = *plan::parse_address("::1");
  rtmsg route{};
  route.rtm_family = AF_INET6;
  route.rtm_dst_len = 128;
  route.rtm_table = RT_TABLE_LOCAL;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_type = RTN_LOCAL;
  require(change_route(socket, route, index, &loopback, nullptr, kAfterTheKernels),
          "add a local route of ::1");
}

std::vector<Route> routes(NetlinkSocket& socket) {
  std::vector<Route> found;
  NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP);
  request.fixed(rtmsg{});
  const int number = socket.ask(std::move(request), [&](const nlmsghdr& message) {
    const auto* route = static_cast<const rtmsg*>(NLMSG_DATA(&message));
    const bool v6 = route->rtm_family == AF_INET6;
    if (route->rtm_table != RT_TABLE_MAIN || route->rtm_dst_len == 0) return;
    if (!v6 && route->rtm_family != AF_INET) return;
    const std::string_view bytes = find_attribute(message, sizeof(rtmsg), RTA_DST);
    plan::IpPrefix destination{.address = {.is_v6 = v6, .bytes = {}}, .length = route->rtm_dst_len};
    std::copy_n(bytes.begin(), std::min<std::size_t>(bytes.size(), 16),
                destination.address.bytes.begin());
    if (v6 && destination.address.bytes[0] >= 0xfe) return;  // link-local and multicast
    const std::string_view device = find_attribute(message, sizeof(rtmsg), RTA_OIF);
    found.push_back({.destination = destination, .device = static_cast<int>(number_in(device))});
  });
  require(number, "list the routes");
  return found;
}

}  // namespace kernel
