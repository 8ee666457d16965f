// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/added_mounts.hpp"

#include <linux/sched.h>
#include <sys/mount.h>

#include <cstddef>
#include <utility>
#include <variant>

#include "bundle-spec/error.hpp"
#include "runtime/plan/paths.hpp"
#include "runtime/plan/rootfs_mounts.hpp"

namespace plan {
namespace {

[[noreturn]] void refuse(std::size_t index, std::string_view what) {
  throw Error(sentence("/mounts/", index, ": ", what, " cannot be added to a running container"));
}

void check(const BindMount& bind, std::size_t index) {
  if (bind.id_map) refuse(index, "an idmapped mount");
}

void check(MountFilesystem& mount, std::size_t index) {
  if (mount.id_map) refuse(index, "an idmapped mount");
  if (mount.real_directory_only) refuse(index, sentence("a ", mount.type, " mount"));
  // As a detached mount, which needs no /proc: the container's own is not to be trusted.
  if (mount.propagation.empty()) mount.propagation = {MS_PRIVATE};
}

template <typename Other>
void check(const Other&, std::size_t index) {
  refuse(index, "what is neither a bind nor a file system");
}

}  // namespace

RootfsPlan plan_added_mounts(const std::vector<oci::Mount>& mounts, const std::string& rootfs,
                             const std::string& bundle, std::uint64_t namespace_flags) {
  if ((namespace_flags & CLONE_NEWNS) == 0)
    throw Error("the container has no mount namespace of its own: a mount would be the host's");
  RootfsPlan plan;
  plan.root = rootfs;
  plan.has_mount_namespace = true;
  plan.host_propagation = MS_PRIVATE | MS_REC;  // nothing that is mounted below them comes back
  NamespacePlan namespaces;
  namespaces.create_flags = namespace_flags;
  const CgroupPlan no_cgroup;
  const MountSurroundings surroundings{.bundle = bundle,
                                       .label_option = {},
                                       .namespaces = namespaces,
                                       .as_root = true,
                                       .cgroup = no_cgroup};
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    PlannedMount planned = plan_mount(mounts[i], i, surroundings);
    std::visit([&](auto& step) { check(step, i); }, planned.step);
    if (planned.late_readonly)
      plan.protections.emplace_back(MakeReadonly{.target = mount_target(mounts[i])});
    plan.mounts.push_back(std::move(planned.step));
  }
  return plan;
}

std::vector<std::string> removed_mounts(const std::vector<oci::Mount>& mounts) {
  std::vector<std::string> targets;
  for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {
    refuse_nul(mount->destination, "/mounts/destination");
    targets.push_back(mount_target(*mount));
    if (targets.back() == "/") throw Error("the root of the container cannot be unmounted");
  }
  return targets;
}

}  // namespace plan
