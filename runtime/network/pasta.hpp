// SPDX-License-Identifier: Apache-2.0
// pasta(1), which connects an ordinary user's container to the host's networks. Host side.
#pragma once

#include <string>

#include "runtime/plan/network.hpp"

namespace network {

/// Starts it for a network namespace and the user namespace that owns it, with the published ports;
/// returns when it has set the namespace up. Its pid is kept beside the state record. Throws Error,
/// for a host without pasta, too.
void start_pasta(const plan::NetworkPlan& wish, const std::string& record, int network_namespace,
                 int user_namespace);
/// Ends it. False when there is none.
bool stop_pasta(const std::string& record);

}  // namespace network
