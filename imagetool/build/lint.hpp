// SPDX-License-Identifier: Apache-2.0
// What is allowed but unwise in a Dockerfile, by BuildKit's rule names. Pure; toyimg.
#pragma once

#include <vector>

#include "imagetool/build/glob.hpp"
#include "imagetool/build/stage_plan.hpp"

namespace build {

/// All warnings, in the order of lines; `plans` (may lack stages) add those about variables. What
/// the file's own `# check=skip=…` names is left out.
std::vector<Warning> lint(const Dockerfile& file, const BuildGraph& graph,
                          const std::map<std::size_t, StagePlan>& plans,
                          const IgnoreRules& ignored);
/// True when `# check=error=true` makes warnings errors.
bool warnings_are_errors(const Dockerfile& file);

}  // namespace build
