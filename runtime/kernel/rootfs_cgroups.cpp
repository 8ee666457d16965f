// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <string>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/mount_calls.hpp"
#include "runtime/kernel/rootfs_steps.hpp"

namespace kernel {
namespace {

constexpr std::uint64_t kTmpfsAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/// A detached clone of an open cgroup directory. The descriptor comes from the host's mount
/// namespace, whose mounts open_tree(2) refuses to clone here: its path is cloned and must turn out
/// to be the same directory.
UniqueFd clone_cgroup(int directory, const std::string& name) {
  std::string path(PATH_MAX, '\0');
  const ssize_t length = check(::readlink(fd_path(directory).c_str(), path.data(), path.size()),
                               "read the path of cgroup ", name);
  path.resize(static_cast<std::size_t>(length));
  UniqueFd tree = clone_tree(AT_FDCWD, path.c_str(), false, path);
  const struct statx wanted = identify(directory, path);
  const struct statx cloned = identify(tree.get(), path);
  if (wanted.stx_ino != cloned.stx_ino || wanted.stx_dev_major != cloned.stx_dev_major ||
      wanted.stx_dev_minor != cloned.stx_dev_minor)
    throw Error(sentence(path, " is not the container's cgroup ", name));
  return tree;
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
  const int directory =
      step.hierarchies.empty() ? -1 : work.cgroup.directory(step.hierarchies.front().directory);
  // Without a cgroup of its own the container must not see, or write, that of its caller
  // (CVE-2023-25809).
  if (directory < 0) return mount_empty(step, target);
  const UniqueFd tree = clone_cgroup(directory, "v2");
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

void mount_hierarchy(const plan::MountCgroups& step, const plan::MountCgroups::Hierarchy& hierarchy,
                     const RootfsWork& work, int view) {
  const int directory = work.cgroup.directory(hierarchy.directory);
  if (directory < 0) return;  // rootless, without a cgroup in this hierarchy
  const UniqueFd tree = clone_cgroup(directory, hierarchy.name);
  set_attributes(tree.get(), all_attributes(step), false, hierarchy.name);
  const char* name = hierarchy.name.c_str();
  check(::mkdirat(view, name, 0755), "make the directory of cgroup ", hierarchy.name);
  const UniqueFd target(check(::openat(view, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                              "open the directory of cgroup ", hierarchy.name));
  attach(tree.get(), target.get(), hierarchy.name);
  for (const std::string& alias : hierarchy.aliases)
    if (alias != hierarchy.name)
      check(::symlinkat(name, view, alias.c_str()), "link cgroup ", alias);
}

void mount_v1(const plan::MountCgroups& step, const RootfsWork& work, int target) {
  const std::vector<std::string> data = {"mode=0755"};
  const UniqueFd view = make_filesystem(
      {.type = "tmpfs", .source = "cgroup", .data = data, .attributes = kTmpfsAttributes});
  attach_with_propagation(view.get(), target, step);
  for (const auto& hierarchy : step.hierarchies) mount_hierarchy(step, hierarchy, work, view.get());
  const plan::MountAttributes readonly{.set = all_attributes(step).set & MOUNT_ATTR_RDONLY,
                                       .clear = 0};
  set_attributes(view.get(), readonly, false, step.target);
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
