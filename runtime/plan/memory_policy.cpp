// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/memory_policy.hpp"

#include <linux/mempolicy.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "runtime/plan/number_list.hpp"

namespace plan {
namespace {

constexpr std::uint32_t kHighestNode = 4095;
constexpr std::string_view kNodes = "/linux/memoryPolicy/nodes";

// Weighted interleaving is newer (6.9) than the headers of the floor.
constexpr std::array<std::string_view, 7> kModes = {
    "MPOL_DEFAULT",        "MPOL_PREFERRED",          "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL",
    "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"};

struct Flag {
  std::string_view name;
  int bit;
};
constexpr Flag kFlags[] = {{"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
                           {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
                           {"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES}};

}  // namespace

MemoryPolicyPlan plan_memory_policy(const oci::MemoryPolicy& policy) {
  const auto mode = std::ranges::find(kModes, policy.mode);
  if (mode == kModes.end()) {
    throw Error(sentence("/linux/memoryPolicy/mode: unknown mode \"", policy.mode, "\""));
  }
  MemoryPolicyPlan plan;
  plan.mode = static_cast<int>(mode - kModes.begin());
  plan.nodes = read_number_list(policy.nodes, kHighestNode, kNodes);
  const bool wants_no_nodes = plan.mode == MPOL_DEFAULT || plan.mode == MPOL_LOCAL;
  if (wants_no_nodes && !plan.nodes.empty()) {
    throw Error(sentence(kNodes, ": must be empty for ", policy.mode));
  }
  if (!wants_no_nodes && plan.mode != MPOL_PREFERRED && plan.nodes.empty()) {
    throw Error(sentence(kNodes, ": must not be empty for ", policy.mode));
  }
  for (std::size_t i = 0; i < policy.flags.size(); ++i) {
    const auto flag = std::ranges::find(kFlags, policy.flags[i], &Flag::name);
    if (flag == std::end(kFlags)) {
      throw Error(
          sentence("/linux/memoryPolicy/flags/", i, ": unknown flag \"", policy.flags[i], "\""));
    }
    plan.mode |= flag->bit;
  }
  return plan;
}

std::string describe(const MemoryPolicyPlan& policy) {
  std::string nodes;
  for (std::uint32_t node = 0; node < policy.nodes.size() * 64; ++node) {
    const bool listed = (policy.nodes[node / 64] >> (node % 64) & 1) != 0;
    if (listed) nodes += sentence(nodes.empty() ? " on nodes " : ",", node);
  }
  const int mode = policy.mode & ~(MPOL_MODE_FLAGS);
  return sentence("NUMA memory policy ", kModes[static_cast<std::size_t>(mode)], nodes);
}

std::uint32_t plan_personality(const oci::Personality& personality) {
  if (!personality.flags.empty()) {
    throw Error(
        "/linux/personality/flags: the runtime-spec defines no flags; leave the list empty");
  }
  if (personality.domain == "LINUX") return 0;
  if (personality.domain == "LINUX32") return 8;  // PER_LINUX32, personality(2)
  throw Error(sentence("/linux/personality/domain: unknown domain \"", personality.domain,
                       "\"; known are LINUX and LINUX32"));
}

}  // namespace plan
