// SPDX-License-Identifier: Apache-2.0
// The plan of a container that exists. The record holds the process, the seccomp filter, the
// cgroups and which namespaces there are; the rest is worked out again from the bundle, whose
// config.json somebody may have edited meanwhile. Host side.
#pragma once

#include <string>
#include <vector>

#include "runtime/container/container.hpp"
#include "runtime/plan/launch_plan.hpp"

namespace commands {

struct RecordedPlan {
  plan::LaunchPlan launch;
  std::string config_file;
  bool config_changed = false;  // since create; then the parts that are not recorded may be wrong
  std::vector<std::string> differences;  // where config.json and the record disagree, as sentences
};

/// Throws Error when the bundle is gone or what is in it now cannot be planned.
RecordedPlan recorded_plan(const Container& container);

}  // namespace commands
