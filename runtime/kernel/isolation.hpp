// SPDX-License-Identifier: Apache-2.0
// Reads what the host's /proc says of a container's first process, for `audit`. All of it through
// one directory of /proc, proved to be that process: another one that gets the number is never
// read. Nothing of the container's own file system is opened. Host side.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/plan/audit.hpp"

namespace kernel {

/// nullopt: the process ended meanwhile. Throws Error for what may not be read.
std::optional<plan::Isolation> read_isolation(const plan::LaunchPlan& launch, pid_t pid,
                                              std::uint64_t start_time);

/// The sysctls in effect in the namespaces of the process of this pidfd.
plan::SeenSysctls read_sysctls(const std::vector<plan::Sysctl>& sysctls, int init);

/// The texts of /proc/PID/status and /proc/PID/limits. proc(5).
void parse_status(std::string_view text, plan::Isolation& isolation);
std::vector<plan::ResourceLimit> parse_limits(std::string_view text);

}  // namespace kernel
