// SPDX-License-Identifier: Apache-2.0
// What CRIU must be told of a container, and what a restored one has to prove: an image is no
// better than whoever made it. Pure; launch/checkpoint and launch/restore carry it out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/plan/audit.hpp"
#include "runtime/plan/launch_plan.hpp"

namespace plan {

/// A mount that comes from outside, so that its content does not belong into the image.
struct ExternalMount {
  std::string target;  // as the plan has it, symlinks and all
  /// The key in the image: the target with everything but letters, digits and /._- spelled as %XX.
  /// CRIU takes "mnt[KEY]:NAME" apart by its punctuation (CVE-2026-119101).
  std::string name;
  std::string source;         // host path
  bool is_file_mask = false;  // the null device, if a file is there
  bool operator==(const ExternalMount&) const = default;
};

/// In the plan's order. `host_mounts`: mount points on the host, for what recursive binds bring
/// along.
std::vector<ExternalMount> external_mounts(const LaunchPlan& launch,
                                           const std::vector<std::string>& host_mounts);
std::string external_name(std::string_view target);

/// Throws Error for what CRIU cannot bring back: user notification, idmapped mounts, joined
/// namespaces of some kinds.
void require_restorable(const LaunchPlan& launch);

/// Whether every filter of CRIU's seccomp.img stands on the container's own, so that a process in
/// filter mode has it whatever its chain. Throws Error if the file is damaged.
bool all_filters_hold(const SeccompPlan& seccomp, std::string_view image);

/// What of a restored first process is not as the plan asks. `limits_may_differ`: those of the
/// image were asked for.
std::vector<Finding> drift_of_restored(const LaunchPlan& launch, const Isolation& isolation,
                                       bool limits_may_differ);
/// The same for any other process: it may be another user, but not have more.
std::vector<Finding> drift_of_descendant(const LaunchPlan& launch, const Isolation& isolation);

}  // namespace plan
