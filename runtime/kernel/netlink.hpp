// SPDX-License-Identifier: Apache-2.0
// netlink(7) as network devices and tracked connections need it: one request, its answer. Host
// side.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"

namespace kernel {

/// A message being put together: header, fixed part, attributes.
class NetlinkRequest {
 public:
  NetlinkRequest(std::uint16_t type, std::uint16_t flags);
  template <typename Fixed>
  NetlinkRequest& fixed(const Fixed& part) {
    return append({reinterpret_cast<const char*>(&part), sizeof part});
  }
  NetlinkRequest& attribute(std::uint16_t type, std::string_view bytes);
  NetlinkRequest& attribute(std::uint16_t type, std::uint32_t number);
  /// An attribute of attributes (and, for VETH_INFO_PEER, a fixed part): what follows goes into it
  /// until end().
  NetlinkRequest& begin(std::uint16_t type);
  NetlinkRequest& end();
  /// With the length filled in.
  std::span<char> finish(std::uint32_t sequence);

 private:
  NetlinkRequest& append(std::string_view bytes);
  std::vector<char> bytes_;
  std::vector<std::size_t> open_;  // where the attributes begin that have not ended
};

/// The attribute of this type behind a fixed part of `fixed` bytes, or "".
std::string_view find_attribute(const nlmsghdr& message, std::size_t fixed, std::uint16_t type);
/// The attribute of this type among those of an attribute of attributes, or "".
std::string_view find_attribute(std::string_view attributes, std::uint16_t type);

/// Runs `act` in the network namespace open as `network_namespace`, or in this process's own for
/// -1, to which it returns whatever `act` throws. Throws Error.
void inside_network_namespace(int network_namespace, const std::function<void()>& act);

/// A socket of one network namespace: NETLINK_ROUTE, or another protocol of netlink(7).
class NetlinkSocket {
 public:
  /// Of the namespace open as `network_namespace`, or this process's own for -1. Throws Error.
  static NetlinkSocket open(int network_namespace, int protocol = NETLINK_ROUTE);
  /// Sends and waits for the acknowledgement. Returns 0 or an errno.
  int change(NetlinkRequest request);
  /// Sends; every answer goes to `take` until the last. Returns 0 or an errno.
  int ask(NetlinkRequest request, const std::function<void(const nlmsghdr&)>& take);

 private:
  explicit NetlinkSocket(UniqueFd socket) : socket_(std::move(socket)) {}
  int converse(NetlinkRequest& request, const std::function<void(const nlmsghdr&)>& take);
  UniqueFd socket_;
  std::uint32_t sequence_ = 0;
  bool interrupted_ = false;
};

}  // namespace kernel
