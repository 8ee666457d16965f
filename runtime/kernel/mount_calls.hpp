// SPDX-License-Identifier: Apache-2.0
// The mount system calls as kernel/rootfs uses them: everything by descriptor. A mount made here is
// detached until attach(); one that is dropped unattached costs an RCU grace period
// (runtime-speed.md 4), so that happens only on the way to an Error.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/plan/mount_options.hpp"

namespace kernel {

/// "/proc/self/fd/N" for mount(2). Only before pivot_root, while /proc is the host's (Procfs::open
/// proved it).
std::string fd_path(int fd);
/// open_tree(OPEN_TREE_CLONE) of `path` below `dir`; an empty path is `dir` itself. `name` is for
/// messages.
UniqueFd clone_tree(int dir, const char* path, bool recursive, std::string_view name);
/// move_mount(2) of a detached mount onto the file or directory `target` is open on.
void attach(int mount, int target, std::string_view name);
/// mount_setattr(2); nothing is done when there is nothing to change.
void set_attributes(int mount, const plan::MountAttributes& attributes, bool recursive,
                    std::string_view name);
/// mount_setattr(2) of one MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, with or without
/// MS_REC.
void set_propagation(int mount, std::uint64_t flags, std::string_view name);
/// MOUNT_ATTR_* bits as MS_* bits of mount(2). Throws Error for one that mount(2) has not.
std::uint64_t mount_flags(std::uint64_t attributes);

/// mount(2) takes one page of words and cuts the rest off silently.
inline constexpr std::size_t kMountDataLimit = 4095;

/// What a new file system instance is made of.
struct NewFilesystem {
  std::string_view type, source;
  std::vector<std::string> data = {};
  std::uint64_t superblock_flags = 0;
  std::uint64_t attributes = 0;  // MOUNT_ATTR_*
};
/// fsopen, fsconfig, fsmount: a detached mount. Throws Error with the kernel's own words where it
/// gave some. `context` is one that fsopen gave already, or empty.
UniqueFd make_filesystem(const NewFilesystem& wanted, UniqueFd context = {});

/// Whether a file system of this type takes such words, as far as fsconfig(2) tells without making
/// one. Throws Error.
void try_words(const std::string& type, const std::vector<std::string>& words);

/// statx(2) of an open file: type, mode, inode, device and mount id.
struct statx identify(int fd, std::string_view name);
/// fstatfs(2): the magic number of the file system.
std::uint64_t filesystem_magic(int fd, std::string_view name);

}  // namespace kernel
