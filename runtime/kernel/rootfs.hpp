// SPDX-License-Identifier: Apache-2.0
// Carries out plan/rootfs. Runs in init, before pivot_root, while the host's /proc and file systems
// are still in reach; only open_bind_trees runs on the host. Each target is resolved once, inside
// the root, to the descriptor it is mounted on.
#pragma once

#include <memory>
#include <vector>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/procfs.hpp"
#include "runtime/plan/rootfs.hpp"

namespace kernel {

/// Host, before clone, only with a new user namespace: every bind source of plan.mounts cloned as a
/// detached mount with its attributes set, because init could neither reach nor change it. One
/// entry per step, empty for steps that are no bind.
std::vector<UniqueFd> open_bind_trees(const plan::RootfsPlan& plan);

struct RootfsWork;  // rootfs_steps.hpp

class Rootfs {
 public:
  /// Sets the host propagation of this mount namespace and binds the root filesystem on itself (its
  /// parent mount made private if shared, so pivot_root works and nothing leaks out). Borrowed: all
  /// arguments must outlive this object. `bind_trees` as from open_bind_trees, or empty.
  Rootfs(const plan::RootfsPlan& plan, const Cgroup& cgroup, const Procfs& procfs,
         std::vector<UniqueFd> bind_trees);
  ~Rootfs();

  /// plan.mounts in order; an Error carries describe(step) as context. Without a mount namespace:
  /// devices and links only.
  void mount_all();
  /// Binds the terminal's slave on /dev/console (made if missing, O_NOFOLLOW), by descriptor. After
  /// the hooks.
  void bind_console(int slave);
  /// plan.protections in order.
  void protect();
  /// Read-only root, then pivot_root (or MS_MOVE + chroot, or chroot), old root detached,
  /// root_propagation, chdir("/").
  void enter();
  const RootedDir& root() const;

 private:
  std::unique_ptr<RootfsWork> work_;
  std::vector<UniqueFd> bind_trees_;
};

}  // namespace kernel
