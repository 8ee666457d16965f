// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <ranges>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/mount_calls.hpp"
#include "runtime/kernel/rootfs_steps.hpp"

namespace kernel {
namespace {

constexpr std::uint64_t kMaskAttributes =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

void bind(int source, int target, const std::string& name) {
  const std::string from = fd_path(source);
  const std::string to = fd_path(target);
  check(::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr), "mask ", name);
}

/// The first masked directory gets a tmpfs in which nothing fits, the others a bind of it.
void mask_directory(int target, const std::string& name, RootfsWork& work) {
  if (work.masked_directory) return bind(work.masked_directory.get(), target, name);
  const std::vector<std::string> data = {"nr_inodes=1"};
  UniqueFd empty = make_filesystem({.type = "tmpfs",
                                    .source = "tmpfs",
                                    .data = data,
                                    .superblock_flags = MS_RDONLY,
                                    .attributes = kMaskAttributes});
  attach(empty.get(), target, name);
  work.masked_directory = std::move(empty);
}

}  // namespace

void apply(const plan::MaskPath& step, RootfsWork& work) {
  const auto target = work.root.open_if_exists(step.target, O_PATH);
  if (!target) return;
  const struct statx status = identify(target->get(), step.target);
  if (status.stx_mnt_id == work.root_mount_id && status.stx_ino == work.root_inode)
    throw Error("the root of the container cannot be masked");
  if (S_ISDIR(status.stx_mode))
    mask_directory(target->get(), step.target, work);
  else
    bind(work.host_null.get(), target->get(), step.target);
}

void apply(const plan::ReadonlyPath& step, RootfsWork& work) {
  const auto target = work.root.open_if_exists(step.target, O_PATH);
  if (!target) return;
  const UniqueFd tree = clone_tree(target->get(), "", true, step.target);
  set_attributes(tree.get(), {.set = MOUNT_ATTR_RDONLY, .clear = 0}, true, step.target);
  attach(tree.get(), target->get(), step.target);
}

void apply(const plan::MakeReadonly& step, RootfsWork& work) {
  const plan::MountAttributes readonly{.set = MOUNT_ATTR_RDONLY, .clear = 0};
  // The last one wins: it lies on top of an earlier mount with the same target.
  for (const auto& [target, mount] : work.late_readonly | std::views::reverse)
    if (target == step.target) return set_attributes(mount.get(), readonly, false, step.target);
  const UniqueFd target = work.root.open(step.target, O_PATH);
  set_attributes(target.get(), readonly, false, step.target);
}

}  // namespace kernel
