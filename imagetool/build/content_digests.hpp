// SPDX-License-Identifier: Apache-2.0
// Digests of the files that COPY and ADD copy, remembered between builds by what stat(2) says of
// them: a file that is known costs no call. toyimg.
#pragma once

#include <sys/stat.h>

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/fs/rooted_dir.hpp"

namespace build {

/// What says that a file is the one it was: ctime changes with content, owner, mode and attributes.
struct FileIdentity {
  std::uint64_t device = 0, inode = 0;
  std::int64_t size = 0, mtime = 0, mtime_nanoseconds = 0, ctime = 0, ctime_nanoseconds = 0;
  auto operator<=>(const FileIdentity&) const = default;
};

/// For all stages at once. A file is read again when its identity differs, or when it was changed
/// less than two seconds before it was read: a tick of the clock may hide a second change. What is
/// written through a mapping whose page was dirty already changes nothing of it, until the kernel
/// has written the page out.
class ContentDigests {
 public:
  /// `file` is where they are kept.
  explicit ContentDigests(std::string file);
  /// In hex, of the bytes and extended attributes of a regular file, opened at `path` in `root`.
  /// `is_local`: its identity is remembered; it has the `status` that was found at `path`. Throws
  /// Error.
  std::string of(const RootedDir& root, const std::string& path, const struct stat& status,
                 bool is_local);
  /// Writes what is new. Of files that nobody asked for no more are kept than of the others.
  void save() const;

 private:
  struct Record {
    FileIdentity identity{};
    std::array<char, 64> digest{};
  };
  std::optional<std::string> find(const FileIdentity& identity);

  std::string file_;
  std::vector<Record> known_{};  // sorted
  std::vector<bool> used_{};     // which of them
  std::map<FileIdentity, std::string> new_{};
  std::mutex mutex_{};
};

}  // namespace build
