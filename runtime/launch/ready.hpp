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

/// The process that a go-between cloned as its sibling. Throws Error with the go-between's own
/// sentence, or with what ended it.
Child adopt_sibling(Child go_between, Handshake& handshake);

/// Waits for Ready; takes the terminal's master, delivers the seccomp listener to its agent and the
/// pidfd to its socket. `state` is the container's, for the agent. Throws Error with the child's
/// own sentence, or with the reason why its filter gave it no time for one.
Launched wait_until_ready(Child& child, Handshake handshake, const Filter& filter,
                          const oci::State& state, const std::optional<std::string>& pidfd_socket);

/// Says that it may go on: to the gate, or to execve. Throws the same Error when it is gone.
void send_release(const Launched& launched, const Filter& filter);
/// Throws that Error if the process ended before execve.
void require_program(const Launched& launched, const Filter& filter);

}  // namespace launch
