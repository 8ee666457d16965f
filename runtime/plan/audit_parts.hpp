// SPDX-License-Identifier: Apache-2.0
// The parts of the audit that have files of their own. Private to plan/audit*.
#pragma once

#include <vector>

#include "runtime/plan/audit.hpp"

namespace plan {

void audit_cgroups(const LaunchPlan& launch, const Isolation& isolation,
                   std::vector<Finding>& findings);
void audit_devices(const LaunchPlan& launch, const Isolation& isolation,
                   std::vector<Finding>& findings);
void audit_seccomp_program(const LaunchPlan& launch, const Isolation& isolation,
                           std::vector<Finding>& findings);
void audit_mounts(const LaunchPlan& launch, const Isolation& isolation,
                  std::vector<Finding>& findings);

}  // namespace plan
