// SPDX-License-Identifier: Apache-2.0
// linux.memoryPolicy and linux.personality: what of the process config.json keeps outside /process.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"

namespace plan {

struct MemoryPolicyPlan {            // set_mempolicy(2)
  int mode = 0;                      // with MPOL_F_* bits
  std::vector<std::uint64_t> nodes;  // bit mask words
  bool operator==(const MemoryPolicyPlan&) const = default;
};

/// Throw Error for unknown words.
std::uint32_t plan_personality(const oci::Personality& personality);
MemoryPolicyPlan plan_memory_policy(const oci::MemoryPolicy& policy);
std::string describe(const MemoryPolicyPlan& policy);

}  // namespace plan
