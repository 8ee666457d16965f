// SPDX-License-Identifier: Apache-2.0
// linux.netDevices: host devices moved into the container's network namespace. Host side, once init
// has its namespaces and before any hook.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/kernel/netlink.hpp"
#include "runtime/plan/namespaces.hpp"

namespace kernel {

/// A permanent address of global scope, as the kernel told it.
struct NetAddress {
  ifaddrmsg fixed{};
  std::vector<std::pair<std::uint16_t, std::string>> attributes;
};

/// Devices that were moved; on destruction they go back unless keep() was called.
class MovedNetDevices {
 public:
  MovedNetDevices() = default;
  /// Moves, renames, gives each its permanent global addresses again and sets it up. Throws Error
  /// naming /linux/netDevices/NAME; then nothing has moved.
  MovedNetDevices(const std::vector<plan::NetDevice>& devices, int network_namespace);
  MovedNetDevices(const MovedNetDevices&) = delete;
  MovedNetDevices& operator=(const MovedNetDevices&) = delete;
  ~MovedNetDevices();
  void keep() { moved_.clear(); }

 private:
  struct Moved {
    std::string host_name;
    int host_index = 0, index = 0;
    bool was_up = false;
    std::vector<NetAddress> addresses;
  };
  void move(const plan::NetDevice& device, NetlinkSocket& host, NetlinkSocket& container);
  void move_back() noexcept;

  int network_namespace_ = -1;
  std::vector<Moved> moved_;
};

}  // namespace kernel
