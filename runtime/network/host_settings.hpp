// SPDX-License-Identifier: Apache-2.0
// The settings of this host below /proc/sys/net that a network needs. What is right already is not
// written. Host side.
#pragma once

#include "runtime/network/address_pool.hpp"
#include "runtime/plan/network.hpp"

namespace network {

/// Forwarding for a network that is not internal, and for its bridge: answers for the host's
/// loopback address are taken, no advertised route is. What a setting of the whole host was before
/// is noted in the pool; it is not put back, since others may count on it by now. Throws Error.
void apply_settings(const plan::Network& network, AddressPool& pool);

}  // namespace network
