// SPDX-License-Identifier: Apache-2.0
// A directory tree as a container sees it: every path is resolved inside the root, whatever
// symlinks, "..", or a racing process try (openat2(2) RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS). The
// only code that opens paths inside a root filesystem, in toyrun (host and init) and toyimg alike.
// Descriptor first, path second.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bundle-spec/fs/unique_fd.hpp"

class RootedDir {
 public:
  /// Takes a descriptor of the root directory (O_PATH is enough).
  explicit RootedDir(UniqueFd root) : root_(std::move(root)) {}
  /// Opens the host path `root` as O_PATH|O_DIRECTORY, following symlinks on the host once.
  static RootedDir open(const std::string& root);

  /// The root's own descriptor; borrowed.
  int fd() const { return root_.get(); }

  /// openat2 inside the root, O_CLOEXEC added. `path` may be absolute or relative: both mean "from
  /// the root". Throws Error (number() set) naming the path.
  UniqueFd open(std::string_view path, int flags, mode_t mode = 0) const;
  /// nullopt for ENOENT and ENOTDIR.
  std::optional<UniqueFd> open_if_exists(std::string_view path, int flags) const;
  /// Like open, but any symlink in the path is an error (ELOOP): for /proc, /sys and /dev work.
  UniqueFd open_no_symlinks(std::string_view path, int flags) const;

  /// The directory `path` as O_PATH, with missing directories made on the way (mkdirat step by step
  /// on descriptors inside the root; existing symlinks are followed inside the root).
  UniqueFd make_directories(std::string_view path, mode_t mode = 0755) const;
  /// O_PATH descriptor of `path`; a missing last component becomes an empty regular file (0644,
  /// O_EXCL|O_NOFOLLOW), missing parents directories 0755.
  UniqueFd make_file(std::string_view path) const;

  /// The parent directory of `path` as a descriptor (made if missing when `make`), and the last
  /// component's name.
  /// "." and ".." as last component are errors. The name itself is not resolved: use it with *at
  /// calls and NOFOLLOW.
  struct Parent {
    UniqueFd directory;
    std::string name;
  };
  Parent open_parent(std::string_view path) const;
  Parent make_parent(std::string_view path, mode_t mode = 0755) const;

  /// unlinks or removes `path` with everything below it, never following symlinks nor crossing out
  /// of the root. Missing is fine.
  void remove_all(std::string_view path) const;

 private:
  UniqueFd root_;
};

/// openat2(2) below `dir` with these RESOLVE_* bits and O_CLOEXEC; returns -1 with errno. EAGAIN is
/// retried a bounded number of times. For cgroupfs and procfs handles (RESOLVE_BENEATH |
/// RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV).
int open_beneath(int dir, const char* path, int flags, mode_t mode, std::uint64_t resolve);

/// Removes `name` in `dir` with everything below it; symlinks are removed, not followed. Missing is
/// fine.
void remove_tree_at(int dir, const std::string& name);
