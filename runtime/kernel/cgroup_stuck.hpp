// SPDX-License-Identifier: Apache-2.0
// Why a cgroup does not freeze or empty: names a process that holds it, for the error message. Host
// side.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace kernel {

/// "process 12 (cat) is in state D in io_schedule, and 3 more"; one in uninterruptible sleep is
/// named first.
std::string describe_stuck(const std::vector<pid_t>& pids);

}  // namespace kernel
