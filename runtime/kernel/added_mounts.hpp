// SPDX-License-Identifier: Apache-2.0
// Mounts in a container that runs: carried out by a process that has entered its mount namespace
// (and user namespace), where the container's own processes may change any name at any time.
#pragma once

#include <string>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/kernel/procfs.hpp"
#include "runtime/plan/rootfs.hpp"

namespace kernel {

/// plan.mounts in order, below the present root; `prepared` is from prepare_mounts, on the host.
/// All or none: what was mounted before one fails is unmounted again. Throws Error.
void add_mounts(const plan::RootfsPlan& plan, const Procfs& procfs, std::vector<UniqueFd> prepared);
/// Detaches what is mounted on these, in this order. Throws Error where nothing is.
void remove_mounts(const std::vector<std::string>& targets);

}  // namespace kernel
