// SPDX-License-Identifier: Apache-2.0
// A new procfs that shows another pid namespace than that of its maker. Runs in init, before
// pivot_root.
#pragma once

#include "bundle-spec/fs/unique_fd.hpp"

namespace kernel {

/// An fsopen(2) context of a procfs for the pid namespace open as `pid_namespace`. Throws Error.
UniqueFd open_proc_context(int pid_namespace);
/// The same on a kernel without the mount option "pidns" (before 6.17): the context is opened by a
/// child of a child that is born in the namespace, with an empty root and without descriptors, so
/// that whoever may trace it there finds nothing of the host.
UniqueFd open_proc_context_inside(int pid_namespace);

}  // namespace kernel
