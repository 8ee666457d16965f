// SPDX-License-Identifier: Apache-2.0
// The steps of plan/rootfs, one function each, and what they share. Runs in init, before
// pivot_root. Used by rootfs.cpp only; the bodies are in rootfs_mounts, rootfs_cgroups,
// rootfs_devices, rootfs_protections and rootfs_copy_up.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/procfs.hpp"
#include "runtime/kernel/rootfs.hpp"
#include "runtime/plan/rootfs.hpp"

namespace kernel {

/// What the steps of one rootfs share.
struct RootfsWork {
  const plan::RootfsPlan& plan;
  const Cgroup& cgroup;
  const Procfs& procfs;
  int pid_namespace;  // what a new procfs shows, when that is not init's own; else -1
  RootedDir root;
  std::uint64_t root_mount_id = 0, root_inode = 0;
  std::uint64_t plain_mount_id = 0;  // the mount last found to be no proc file system
  UniqueFd host_null;  // the host's /dev/null, proved S_IFCHR 1:3; only when there are masks
  UniqueFd dev;  // the container's /dev, opened without symlinks; empty again after each mount
  UniqueFd masked_directory;  // the one empty read-only tmpfs shared by all directory masks
  std::vector<std::pair<std::string, UniqueFd>> late_readonly;  // target → mount, for MakeReadonly
};

/// Any step, by the apply below for it; an Error carries describe(step) as context. `prepared` is
/// what prepare_mounts made for it.
void carry_out(const plan::RootfsStep& step, RootfsWork& work, UniqueFd prepared);
/// `user_namespace` has the step's id_map, if it has one.
void apply(const plan::MountFilesystem& step, RootfsWork& work, UniqueFd user_namespace);
/// `tree` as cloned on the host, or empty: then the source is cloned here.
void apply(const plan::BindMount& step, RootfsWork& work, UniqueFd tree);
void apply(const plan::ChangeMount& step, RootfsWork& work);
void apply(const plan::MountCgroups& step, RootfsWork& work);
void apply(const plan::MakeDevice& step, RootfsWork& work);
void apply(const plan::MakeLink& step, RootfsWork& work);
void apply(const plan::MaskPath& step, RootfsWork& work);
void apply(const plan::ReadonlyPath& step, RootfsWork& work);
void apply(const plan::MakeReadonly& step, RootfsWork& work);
void apply(const plan::MakeWorkingDirectory& step, RootfsWork& work);

/// The source cloned as a detached mount with its attributes set. `root` (may be nullptr) is the
/// root filesystem: a source below plan.root is resolved inside it, so that no symlink of the image
/// leads to a host file. With copy_symlink a source that is a symlink is returned as it is, O_PATH.
UniqueFd clone_source(const plan::BindMount& step, const std::string& root_path,
                      const RootedDir* root);
/// The directory `path` as O_PATH, made if missing, reached without any symlink (else Error with
/// ELOOP or ENOTDIR).
UniqueFd open_or_make_real_directory(const std::string& path, const RootedDir& root);
/// Copies what `from` holds into `to`, both directories, through descriptors only.
void copy_up(int from, int to);
/// The host's /dev/null as O_PATH. Throws Error unless it is the character device 1:3.
UniqueFd open_host_null();
/// Binds the terminal's slave on /dev/console.
void bind_console(int slave, RootfsWork& work);
/// Does what plan.enter says (rootfs_enter.cpp).
void enter_root(RootfsWork& work);
/// Mounts the overlay of the plan on the place of its root; `map` is a user namespace for the
/// layers or -1. Returns the overlay's root.
UniqueFd mount_overlay(const plan::RootfsPlan& plan, const PreparedOverlay& prepared, int map);
/// Makes the mount that a directory lies on private (rootfs.cpp says why).
void make_parent_private(int directory, const std::string& name);
/// True if mounts of this namespace may still be shared with the host after host_propagation was
/// set.
bool may_be_shared(const plan::RootfsPlan& plan);
/// Throws Error if `target` is open on the container's root itself, or on a file of a proc file
/// system although its name does not say so. Returns what statx(2) says of it.
struct statx prove_target(int target, const std::string& name, RootfsWork& work);

}  // namespace kernel
