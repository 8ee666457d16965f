// SPDX-License-Identifier: Apache-2.0
// The settings of this host below /proc/sys/net that a network needs. What is right already is not
// written. Host side.
#pragma once

#include "runtime/kernel/netlink.hpp"
#include "runtime/network/address_pool.hpp"
#include "runtime/plan/network.hpp"

namespace network {

/// Forwarding for a network that is not internal, and for its bridge, which is not up yet: answers
/// for the host's loopback address are taken. What a setting of the whole host was before is noted
/// in the pool. Throws Error.
void apply_settings(const plan::Network& network, AddressPool& pool, kernel::NetlinkSocket& host);
/// For a device of a network that is not up yet, in this process's network namespace: no advertised
/// route is taken (CVE-2020-13401), and without a subnet of IPv6 none of it is spoken. Throws
/// Error.
void restrict_device(const plan::Network& network, const std::string& device);
/// Once no container has a network: what apply_settings noted is put back, unless the host has got
/// other devices since, whose owners may count on the forwarding. Throws Error.
void restore_settings(AddressPool& pool, kernel::NetlinkSocket& host);
/// What the host did not forward before that.
plan::UnforwardedBefore unforwarded_before(const AddressPool& pool);

}  // namespace network
