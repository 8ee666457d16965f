// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <string>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/mount_calls.hpp"
#include "runtime/kernel/rootfs_steps.hpp"

namespace kernel {
namespace {

constexpr std::uint64_t kTmpfsAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/// The descriptor of a cgroup comes from the host's mount namespace, whose mounts the kernel
/// refuses to clone here: what is mounted is its path, and must turn out to be the same directory.
void prove_cgroup(const Cgroup& cgroup, std::size_t index, const struct statx& mounted) {
  const struct statx wanted = identify(cgroup.directory(index), cgroup.path(index));
  if (wanted.stx_ino != mounted.stx_ino || wanted.stx_dev_major != mounted.stx_dev_major ||
      wanted.stx_dev_minor != mounted.stx_dev_minor)
    throw Error(sentence(cgroup.path(index), " is not the container's cgroup"));
}

void mount_empty(const plan::MountCgroups& step, int target) {
  const std::string where = fd_path(target);
  check(::mount("tmpfs", where.c_str(), "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                "nr_inodes=1,mode=0555"),
        "mount an empty directory on ", step.target);
}

/// What is attached is one mount: the attributes of the whole subtree are its own as well.
plan::MountAttributes all_attributes(const plan::MountCgroups& step) {
  const plan::MountAttributes& all = step.recursive_attributes;
  return {.set = (step.attributes.set & ~all.clear) | all.set,
          .clear = (step.attributes.clear & ~all.set) | all.clear};
}

void attach_with_propagation(int mount, int target, const plan::MountCgroups& step) {
  attach(mount, target, step.target);
  for (const std::uint64_t flags : step.propagation) set_propagation(mount, flags, step.target);
}

void bind_v2(const plan::MountCgroups& step, const RootfsWork& work, int target) {
  const std::size_t index = step.hierarchies.empty() ? 0 : step.hierarchies.front().directory;
  // Without a cgroup of its own the container must not see, or write, that of its caller
  // (CVE-2023-25809).
  if (step.hierarchies.empty() || work.cgroup.directory(index) < 0)
    return mount_empty(step, target);
  const std::string path = work.cgroup.path(index);
  const UniqueFd tree = clone_tree(AT_FDCWD, path.c_str(), false, path);
  prove_cgroup(work.cgroup, index, identify(tree.get(), path));
  set_attributes(tree.get(), all_attributes(step), false, step.target);
  attach_with_propagation(tree.get(), target, step);
}

void mount_v2(const plan::MountCgroups& step, const RootfsWork& work, int target) {
  if (!step.own_namespace) return bind_v2(step, work, target);
  UniqueFd mount;
  try {
    mount = make_filesystem({.type = "cgroup2",
                             .source = "cgroup",
                             .data = {},
                             .superblock_flags = 0,
                             .attributes = all_attributes(step).set});
  } catch (Error& error) {
    // A user namespace that does not own the cgroup namespace.
    if (error.number() != EPERM && error.number() != EBUSY) throw;
    return bind_v2(step, work, target);
  }
  attach_with_propagation(mount.get(), target, step);
}

void bind_hierarchy(const plan::MountCgroups::Hierarchy& hierarchy, const RootfsWork& work,
                    int view) {
  if (work.cgroup.directory(hierarchy.directory) < 0)
    return;  // rootless, without a cgroup in this hierarchy
  const char* name = hierarchy.name.c_str();
  check(::mkdirat(view, name, 0755), "make the directory of cgroup ", hierarchy.name);
  const std::string path = work.cgroup.path(hierarchy.directory);
  const std::string target = sentence(fd_path(view), '/', hierarchy.name);
  check(::mount(path.c_str(), target.c_str(), nullptr, MS_BIND, nullptr), "bind cgroup ", path);
  struct statx mounted{};
  check(::statx(view, name, AT_SYMLINK_NOFOLLOW, STATX_INO, &mounted), "stat cgroup ", path);
  prove_cgroup(work.cgroup, hierarchy.directory, mounted);
  for (const std::string& alias : hierarchy.aliases)
    if (alias != hierarchy.name)
      check(::symlinkat(name, view, alias.c_str()), "link cgroup ", alias);
}

void mount_v1(const plan::MountCgroups& step, const RootfsWork& work, int target) {
  const std::vector<std::string> data = {"mode=0755"};
  const UniqueFd view = make_filesystem(
      {.type = "tmpfs", .source = "cgroup", .data = data, .attributes = kTmpfsAttributes});
  attach_with_propagation(view.get(), target, step);
  for (const auto& hierarchy : step.hierarchies) bind_hierarchy(hierarchy, work, view.get());
  set_attributes(view.get(), all_attributes(step), true, step.target);
}

}  // namespace

void apply(const plan::MountCgroups& step, RootfsWork& work) {
  const UniqueFd target = work.root.make_directories(step.target);
  prove_target(target.get(), step.target, work);
  if (step.is_v2)
    mount_v2(step, work, target.get());
  else
    mount_v1(step, work, target.get());
}

}  // namespace kernel
