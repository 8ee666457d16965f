// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/net_devices.hpp"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/links.hpp"

namespace kernel {
namespace {

[[noreturn]] void fail(const std::string& name, std::string_view what, int number) {
  throw Error(sentence("/linux/netDevices/", name, ": ", what), number);
}

bool is_taken(NetlinkSocket& socket, int index) {
  ifinfomsg info{};
  info.ifi_index = index;
  NetlinkRequest request(RTM_GETLINK, NLM_F_ACK);
  request.fixed(info);
  return socket.ask(std::move(request), [](const nlmsghdr&) {}) == 0;
}

/// The same index where it is free: known before the move, it finds the device after it whatever
/// name a template gave.
int free_index(NetlinkSocket& socket, int wanted) {
  while (is_taken(socket, wanted)) ++wanted;
  return wanted;
}

NetAddress copy_address(const nlmsghdr& message) {
  // What was given to the address; the rest is the kernel's bookkeeping.
  constexpr std::uint32_t kGiven = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR |
                                   IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;
  NetAddress address;
  std::memcpy(&address.fixed, NLMSG_DATA(&message), sizeof address.fixed);
  address.fixed.ifa_flags = static_cast<std::uint8_t>(address.fixed.ifa_flags & kGiven);
  auto left = static_cast<int>(message.nlmsg_len - NLMSG_LENGTH(sizeof(ifaddrmsg)));
  for (const auto* one = reinterpret_cast<const rtattr*>(
           reinterpret_cast<const char*>(&message) + NLMSG_LENGTH(NLMSG_ALIGN(sizeof(ifaddrmsg))));
       RTA_OK(one, left); one = RTA_NEXT(one, left)) {
    std::string bytes(static_cast<const char*>(RTA_DATA(one)), RTA_PAYLOAD(one));
    // The lifetime is for ever; the label starts with the device's old name.
    if (one->rta_type == IFA_CACHEINFO || one->rta_type == IFA_LABEL) continue;
    if (one->rta_type == IFA_FLAGS && bytes.size() == sizeof(std::uint32_t)) {
      std::uint32_t flags = 0;
      std::memcpy(&flags, bytes.data(), sizeof flags);
      flags &= kGiven;
      std::memcpy(bytes.data(), &flags, sizeof flags);
    }
    address.attributes.emplace_back(one->rta_type, std::move(bytes));
  }
  return address;
}

std::vector<NetAddress> read_addresses(NetlinkSocket& socket, int index, const std::string& name) {
  NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP);
  request.fixed(ifaddrmsg{});
  std::vector<NetAddress> addresses;
  const int number = socket.ask(std::move(request), [&](const nlmsghdr& message) {
    const auto* info = static_cast<const ifaddrmsg*>(NLMSG_DATA(&message));
    const bool kept =
        info->ifa_scope == RT_SCOPE_UNIVERSE && (info->ifa_flags & IFA_F_PERMANENT) != 0;
    if (static_cast<int>(info->ifa_index) == index && kept)
      addresses.push_back(copy_address(message));
  });
  if (number != 0) fail(name, "read its addresses", number);
  return addresses;
}

/// 0 or the errno of the first address that was refused.
int add_addresses(NetlinkSocket& socket, int index, const std::vector<NetAddress>& addresses) {
  for (const NetAddress& address : addresses) {
    ifaddrmsg fixed = address.fixed;
    fixed.ifa_index = static_cast<std::uint32_t>(index);
    NetlinkRequest request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    request.fixed(fixed);
    for (const auto& [type, bytes] : address.attributes) request.attribute(type, bytes);
    const int number = socket.change(std::move(request));
    if (number != 0 && number != EEXIST) return number;
  }
  return 0;
}

int move_link(NetlinkSocket& from, int index, int network_namespace, const std::string& name,
              int new_index) {
  ifinfomsg info{};
  info.ifi_index = index;
  NetlinkRequest request(RTM_NEWLINK, NLM_F_ACK);
  request.fixed(info)
      .attribute(IFLA_NET_NS_FD, static_cast<std::uint32_t>(network_namespace))
      .attribute(IFLA_IFNAME, with_nul(name))
      .attribute(IFLA_NEW_IFINDEX, static_cast<std::uint32_t>(new_index));
  return from.change(std::move(request));
}

}  // namespace

MovedNetDevices::MovedNetDevices(const std::vector<plan::NetDevice>& devices, int network_namespace)
    : network_namespace_(network_namespace) {
  if (devices.empty()) return;
  NetlinkSocket host = NetlinkSocket::open(-1);
  NetlinkSocket container = NetlinkSocket::open(network_namespace);
  try {
    for (const plan::NetDevice& device : devices) move(device, host, container);
  } catch (...) {
    move_back();
    throw;
  }
}

MovedNetDevices::~MovedNetDevices() { move_back(); }

void MovedNetDevices::move(const plan::NetDevice& device, NetlinkSocket& host,
                           NetlinkSocket& container) {
  const std::string& name = device.host_name;
  const std::optional<Link> link = find_link(host, name);
  if (!link) fail(name, "there is no such network device on the host", 0);
  if (device.name.find('%') == std::string::npos && find_link(container, device.name))
    fail(name, sentence("the container has a device ", device.name, " already"), 0);
  Moved moved{.host_name = name,
              .host_index = link->index,
              .index = free_index(container, link->index),
              .was_up = link->is_up,
              .addresses = read_addresses(host, link->index, name)};
  int number = set_up(host, link->index, false);
  if (number == 0)
    number = move_link(host, link->index, network_namespace_, device.name, moved.index);
  if (number != 0) {
    if (link->is_up) set_up(host, link->index, true);
    add_addresses(host, link->index, moved.addresses);
    fail(name, "move it into the container's network namespace", number);
  }
  moved_.push_back(std::move(moved));
  const Moved& there = moved_.back();
  number = add_addresses(container, there.index, there.addresses);
  if (number != 0) fail(name, "give it its addresses again", number);
  number = set_up(container, there.index, true);
  if (number != 0) fail(name, "set it up", number);
}

void MovedNetDevices::move_back() noexcept {
  if (moved_.empty()) return;
  try {
    const UniqueFd own = open_at(AT_FDCWD, "/proc/self/ns/net", O_RDONLY);
    NetlinkSocket host = NetlinkSocket::open(-1);
    NetlinkSocket container = NetlinkSocket::open(network_namespace_);
    for (const Moved& one : moved_) {
      const int index = free_index(host, one.host_index);
      set_up(container, one.index, false);
      if (move_link(container, one.index, own.get(), one.host_name, index) != 0) {
        logging::warning(sentence("network device ", one.host_name, " could not be moved back"));
        continue;
      }
      add_addresses(host, index, one.addresses);
      if (one.was_up) set_up(host, index, true);
    }
  } catch (const std::exception& error) {
    logging::warning(sentence("network devices could not be moved back: ", error.what()));
  }
  moved_.clear();
}

}  // namespace kernel
