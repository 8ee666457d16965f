// SPDX-License-Identifier: Apache-2.0
// Option words of a mount → mount attributes, propagation and filesystem data. Pure (runtime-spec,
// config "Linux mount options").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plan {

/// What mount_setattr(2) shall set and clear, MOUNT_ATTR_* bits. Setting any atime bit clears the
/// whole atime field.
struct MountAttributes {
  std::uint64_t set = 0;
  std::uint64_t clear = 0;
  bool empty() const { return set == 0 && clear == 0; }
  bool operator==(const MountAttributes&) const = default;
};

struct MountOptions {
  MountAttributes attributes;            // of the mount itself
  MountAttributes recursive_attributes;  // rro, rnosuid …: of the whole subtree (AT_RECURSIVE)
  /// MS_SYNCHRONOUS, MS_DIRSYNC, MS_LAZYTIME, MS_MANDLOCK, MS_SILENT, MS_I_VERSION, MS_RDONLY
  std::uint64_t superblock_flags = 0;
  /// MS_SHARED … each with or without MS_REC, applied in order
  std::vector<std::uint64_t> propagation;
  std::vector<std::string> data;  // for the filesystem: "size=65536k", "newinstance"
  bool bind = false;
  bool recursive_bind = false;  // rbind
  bool remount = false;
  bool copy_up = false;  // tmpcopyup
  bool idmap = false, recursive_idmap = false;
  std::string idmap_text;     // crun's "uids=…;gids=…" behind idmap=
  bool copy_symlink = false;  // a source that is a symlink is made again, not mounted
  bool source_nofollow = false, target_nofollow = false;  // a symlink itself is bound, or covered
  bool operator==(const MountOptions&) const = default;
};

/// Reads the words in order: the last of a set/clear pair wins. A word with a comma or NUL inside
/// is an Error (one word cannot carry two). `name` is the JSON pointer for messages.
MountOptions read_mount_options(const std::vector<std::string>& words, std::string_view name);

/// All words understood, sorted: for `features` mountOptions.
std::vector<std::string> known_mount_options();

/// The words again, for --explain: "ro,nosuid,nodev".
std::string describe(const MountAttributes& attributes);
std::string describe_propagation(std::uint64_t flags);

}  // namespace plan
