// SPDX-License-Identifier: Apache-2.0
// What the parent does between a child's Ready and its Release, the same for create, run and exec.
// Host side.
#pragma once

#include <optional>
#include <string>

#include "bundle-spec/oci/state.hpp"
#include "runtime/launch/child.hpp"
#include "runtime/launch/launch.hpp"

namespace launch {

/// Waits for Ready; takes the terminal's master, delivers the seccomp listener to its agent and the
/// pidfd to its socket. `state` is the container's, for the agent. Throws Error with the child's
/// own sentence.
Launched wait_until_ready(Child& child, Handshake handshake, const plan::SeccompPlan* seccomp,
                          const oci::State& state, const std::optional<std::string>& pidfd_socket);

}  // namespace launch
