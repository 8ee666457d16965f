// SPDX-License-Identifier: Apache-2.0
// Gives a v2 cgroup to the container's user. Host side.
#pragma once

#include <sys/types.h>

#include <string>

namespace kernel {

/// chown(2) of the directory and of those files in it that the kernel says a delegatee may have
/// (/sys/kernel/cgroup/delegate; cgroups(7)). The limits stay the host's. Throws Error.
void delegate_cgroup(int cgroup, const std::string& name, uid_t owner);

}  // namespace kernel
