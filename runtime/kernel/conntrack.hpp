// SPDX-License-Identifier: Apache-2.0
// What netfilter remembers of connections, by ctnetlink (NETLINK_NETFILTER). Host side.
#pragma once

#include <vector>

#include "runtime/plan/network.hpp"

namespace kernel {

/// Forgets who sends UDP to these ports of the host: a flow keeps the way that its first datagram
/// took for as long as it goes on, whatever rules come and go. Where the kernel tracks no
/// connections there is nothing to forget. Throws Error.
void forget_udp_flows(const std::vector<plan::PublishedPort>& ports);

}  // namespace kernel
