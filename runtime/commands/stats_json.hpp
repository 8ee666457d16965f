// SPDX-License-Identifier: Apache-2.0
// A container's statistics as the JSON object of `runc events --stats`. Host side.
#pragma once

#include "runtime/container/json_writer.hpp"
#include "runtime/kernel/cgroup_stats.hpp"

namespace commands {

/// runc's keys in runc's order; what runc leaves out when it is 0 is left out here.
void write_stats(JsonWriter& json, const kernel::CgroupStats& stats);

}  // namespace commands
