// SPDX-License-Identifier: Apache-2.0
// All that keeps a config from being planned on this host, instead of the first. What plan_launch
// refuses is noted, taken out of a copy, and the rest planned again: so check knows no rule that
// create does not have. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/oci/problem.hpp"
#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/launch_plan.hpp"

namespace plan {

/// What is left of a config when all that cannot be planned is taken out.
struct Remainder {
  oci::RuntimeConfig config;
  std::optional<LaunchPlan> launch;  // none: something was refused that cannot be taken out
  std::vector<std::size_t> mounts;   // the place in config.json of each mount that is left
  std::vector<std::size_t> limits;   // … of each rlimit
};

/// Adds to `problems` all that plan_launch refuses of the config.
Remainder plan_what_is_possible(const oci::RuntimeConfig& config, const std::string& bundle,
                                const std::string& id, const HostFacts& facts,
                                const LaunchChoices& choices, std::vector<oci::Problem>& problems);

}  // namespace plan
