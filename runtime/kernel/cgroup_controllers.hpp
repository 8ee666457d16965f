// SPDX-License-Identifier: Apache-2.0
// What a fresh cgroup needs before limits can be written: v2 controllers enabled in its ancestors,
// v1 cpusets filled. Host side.
#pragma once

#include "runtime/kernel/cgroup_files.hpp"
#include "runtime/plan/cgroup.hpp"

namespace kernel {

/// v2. Makes directory.controllers available in `cgroup` (the open directory) by
/// cgroup.subtree_control of every ancestor, all at once, then one by one. `root` is the
/// hierarchy's root. Throws Error naming the first controller that a planned write needs and that
/// cannot be had; one that no write needs may be missing.
void enable_controllers(int root, int cgroup, const plan::CgroupDirectory& directory);

/// v1. cpuset.cpus and cpuset.mems of the directory, and of parents that are empty, become their
/// parent's: nothing can enter a cpuset with an empty one (cpuset(7)). Throws Error.
void fill_cpuset(int root, const plan::CgroupDirectory& directory, CgroupAge age);

}  // namespace kernel
