// SPDX-License-Identifier: Apache-2.0
// Carries out plan/seccomp: installs the program in the calling process; hands a listener to its
// agent on the host side.
#pragma once

#include <string>

#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/plan/seccomp.hpp"

namespace kernel {

/// Init or joiner. seccomp(2) SET_MODE_FILTER. Returns the listener's number for notify plans
/// (close-on-exec, left open for the parent to fetch by pidfd_getfd), else -1. Throws Error.
int install_seccomp(const plan::SeccompPlan& seccomp);

/// Host. Sends the listener to `listener_path` (AF_UNIX stream) with the ContainerProcessState
/// document, as runtime-spec config-linux "The Container Process State" says. Throws Error naming
/// the path.
void send_listener(const std::string& listener_path, const std::string& container_process_state,
                   int listener);

}  // namespace kernel
