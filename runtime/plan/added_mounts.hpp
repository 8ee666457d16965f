// SPDX-License-Identifier: Apache-2.0
// Mounts for a container that runs already. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/rootfs.hpp"

namespace plan {

/// Binds and new file systems, in order. `rootfs` and `bundle` are the container's;
/// `namespace_flags` the CLONE_NEW* kinds it does not share with the host. Throws Error, with the
/// pointer "/mounts/N", for what only create can do: cgroup, proc and sysfs mounts, id maps,
/// changes of mounts.
RootfsPlan plan_added_mounts(const std::vector<oci::Mount>& mounts, const std::string& rootfs,
                             const std::string& bundle, std::uint64_t namespace_flags);
/// Where they are, the last one first: what `mounts remove` takes away.
std::vector<std::string> removed_mounts(const std::vector<oci::Mount>& mounts);

}  // namespace plan
