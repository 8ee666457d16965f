// SPDX-License-Identifier: Apache-2.0
// One entry of config.json's `mounts` → one step. Pure.
#pragma once

#include <string>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/cgroup.hpp"
#include "runtime/plan/namespaces.hpp"
#include "runtime/plan/rootfs.hpp"

namespace plan {

struct PlannedMount {
  RootfsStep step;
  /// Asked for read-only, but later steps must still make mount points in it.
  bool late_readonly = false;
};

/// What a mount's plan depends on besides its own entry.
struct MountSurroundings {
  std::string bundle;
  std::string label_option;  // for file systems without labels of their own: context="…", or ""
  const NamespacePlan& namespaces;
  bool as_root;  // not an ordinary user
  const CgroupPlan& cgroup;
};

/// `index` is the entry's place, for messages. Throws Error.
PlannedMount plan_mount(const oci::Mount& mount, std::size_t index,
                        const MountSurroundings& surroundings);
/// Where the mount goes, cleaned: "/dev".
std::string mount_target(const oci::Mount& mount);
/// By its type or its option words.
bool is_bind(const oci::Mount& mount);

}  // namespace plan
