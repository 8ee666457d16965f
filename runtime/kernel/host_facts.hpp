// SPDX-License-Identifier: Apache-2.0
// Reads plan::HostFacts from the running host and enforces the kernel floor (Linux 5.14). Host
// side.
#pragma once

#include "runtime/plan/host_facts.hpp"

namespace kernel {

/// Throws Error in one sentence on a kernel older than 5.14. Few calls: /proc/self/cgroup, statfs
/// of the expected mount points, mountinfo only when those are not where they should be.
plan::HostFacts host_facts();
/// Whether this process is in the user namespace the host booted with.
bool in_initial_user_namespace();

}  // namespace kernel
