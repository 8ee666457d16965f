// SPDX-License-Identifier: Apache-2.0
// Whether a port of this host is free. Host side.
#pragma once

#include <cstdint>

#include "runtime/plan/ip_address.hpp"

namespace kernel {

/// Binds the port and lets it go: 0, EADDRINUSE when a program listens there, EADDRNOTAVAIL when
/// the address is not the host's, or another errno.
int try_port(const plan::IpAddress& address, std::uint16_t port, bool udp);

}  // namespace kernel
