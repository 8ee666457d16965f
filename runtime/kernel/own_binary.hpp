// SPDX-License-Identifier: Apache-2.0
// Keeps a container from overwriting the program that built it (CVE-2019-5736): create, run and
// exec continue from a detached read-only mount of our own executable. The usual case is over
// before main (runtime/entry.cpp); this is the whole of it.
#pragma once

namespace kernel {

/// Returns at once when /proc/self/exe already lies on a read-only mount; otherwise
/// open_tree(CLONE) + mount_setattr(RDONLY) + execveat with the same arguments and environment,
/// which does not return. Where detached mounts are refused (no CAP_SYS_ADMIN), a sealed memfd copy
/// is executed instead. Throws Error when neither works.
void continue_from_protected_binary(char** arguments);

}  // namespace kernel
