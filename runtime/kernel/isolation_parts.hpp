// SPDX-License-Identifier: Apache-2.0
// The parts of kernel/isolation that look at paths of the host. Private to kernel/isolation*.
#pragma once

#include "runtime/plan/audit.hpp"

namespace kernel {

/// What the plan's targets are once symlinks are followed, and which are not there; after the
/// mounts and the status were read. Throws Error.
void read_targets(const plan::RootfsPlan& rootfs, plan::Isolation& isolation);
/// Where the sources of binds lie, as this process's mount namespace has them. Throws Error.
void read_sources(const plan::RootfsPlan& rootfs, plan::Isolation& isolation);

}  // namespace kernel
