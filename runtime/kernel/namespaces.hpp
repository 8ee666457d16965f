// SPDX-License-Identifier: Apache-2.0
// Carries out plan/namespaces: id maps and descriptors on the host side, joining and naming in
// init.
#pragma once

#include <sys/types.h>

#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/plan/namespaces.hpp"

namespace kernel {

/// A namespace to enter: its file, opened and its type checked with NS_GET_NSTYPE.
struct OpenNamespace {
  plan::JoinNamespace plan;
  UniqueFd file;
};

/// Host. Opens every namespace to join, in the plan's order. Throws Error naming type and path.
std::vector<OpenNamespace> open_namespaces(const plan::NamespacePlan& namespaces);
/// True if it is the one this process is in.
bool is_own(const OpenNamespace& one);
/// Any process. setns(2) into one. Throws Error naming type and path.
void join(const OpenNamespace& one);
/// Host. Writes the id maps (and "deny" to setgroups) of a new user namespace whose first process
/// is `pid`: directly, or by newuidmap and newgidmap. Throws Error with the helper's own words.
void write_id_maps(pid_t pid, const plan::NamespacePlan& namespaces);
/// Host, before clone. unshare(CLONE_NEWTIME) and the offsets: the next child is born in it
/// (time_namespaces(7)).
void make_time_namespace(const plan::NamespacePlan& namespaces);
/// Init. Sets lo up through one ioctl pair.
void bring_up_loopback();
/// Init. sethostname(2), setdomainname(2).
void set_names(const plan::NamespacePlan& namespaces);

}  // namespace kernel
