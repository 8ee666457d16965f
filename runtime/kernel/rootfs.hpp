// SPDX-License-Identifier: Apache-2.0
// Carries out plan/rootfs. Runs in init, before pivot_root, while the host's /proc and file systems
// are still in reach; only prepare_mounts runs on the host. Each target is resolved once, inside
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

/// True if a mount of the plan is idmapped.
bool has_id_maps(const plan::RootfsPlan& plan);
/// Host, before clone, only with a user namespace or idmapped mounts: one entry per step of
/// plan.mounts. For a bind the source, cloned as a detached mount with its attributes set, because
/// init could neither reach nor change it; without a user namespace (`all_binds` false) for the
/// idmapped ones only. For an idmapped file system the user namespace with the mapping. Empty for
/// other steps. `joined_user_namespace` is a descriptor or -1.
std::vector<UniqueFd> prepare_mounts(const plan::RootfsPlan& plan, bool all_binds,
                                     int joined_user_namespace);

/// What the overlay of a bundle's layers is made of. Empty without one.
struct PreparedOverlay {
  std::vector<UniqueFd> images;  // per layer its mount, detached; empty for a plain directory
  UniqueFd mount;                // the whole overlay, detached, when it was made on the host's side
};
/// Host, before clone. Throws Error.
PreparedOverlay prepare_overlay(const plan::RootfsPlan& plan, int joined_user_namespace);

struct RootfsWork;  // rootfs_steps.hpp

class Rootfs {
 public:
  /// Sets the host propagation of this mount namespace and binds the root filesystem on itself, or
  /// mounts the overlay that is one (the parent mount made private if shared, so pivot_root works
  /// and nothing leaks out). Borrowed: all arguments must outlive this object. `prepared` as from
  /// prepare_mounts, or empty. `pid_namespace` is the one that init will be born in later, or -1.
  Rootfs(const plan::RootfsPlan& plan, const Cgroup& cgroup, const Procfs& procfs,
         std::vector<UniqueFd> prepared, int pid_namespace = -1,
         const PreparedOverlay& overlay = {});
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
  std::vector<UniqueFd> prepared_;
};

}  // namespace kernel
