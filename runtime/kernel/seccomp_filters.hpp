// SPDX-License-Identifier: Apache-2.0
// The seccomp filters that a process has, for `audit`. Host side.
#pragma once

#include <sys/types.h>

#include "runtime/plan/audit.hpp"

namespace kernel {

/// Stops the process for a moment, as a debugger does (ptrace(2), PTRACE_SECCOMP_GET_FILTER). Needs
/// CAP_SYS_ADMIN; what stands in the way is said in the result. Not in a process that waits for
/// children.
plan::SeenFilters read_seccomp_filters(pid_t pid);

}  // namespace kernel
