// SPDX-License-Identifier: Apache-2.0
// The networks of this host as files: /var/lib/toyrun/networks/NAME.json, which outlive a reboot.
// Host side.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/plan/network.hpp"

namespace network {

/// The network "default" is there without a file: bridge toy0, 10.200.0.0/24.
plan::Network built_in_network();
/// nullopt when there is none of this name. Throws Error for a file that cannot be read.
std::optional<plan::Network> find_definition(const std::string& name);
/// "default" first, then by name.
std::vector<plan::Network> definitions();
void write_definition(const plan::Network& network);
void remove_definition(const std::string& name);

}  // namespace network
