// SPDX-License-Identifier: Apache-2.0
// Open directories of the root, so that most entries of a layer need no path resolution. A
// directory is one object however many paths lead to it, and gets the time (and mode) it shall have
// when it leaves the cache. Runs in toyimg.
#pragma once

#include <sys/stat.h>

#include <ctime>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  auto operator<=>(const FileId&) const = default;
};

struct Directory {
  UniqueFd fd;  // O_RDONLY|O_DIRECTORY
  FileId id;
  struct stat status = {};   // as it is now: mode, owner
  std::timespec mtime = {};  // the time it shall have in the end
  mode_t final_mode =
      0;  // the mode it shall have in the end; differs only when its owner, not root, must write
  bool changed = false;  // something was made or removed in it
};
using DirectoryRef = std::shared_ptr<Directory>;

class DirectoryCache {
 public:
  explicit DirectoryCache(std::size_t capacity) : capacity_(capacity) {}

  /// The directory at this clean path if it is in the cache, else null.
  DirectoryRef find(const std::string& path);
  /// Puts an open directory in; the same inode known by another path stays one object. May settle
  /// the oldest one.
  DirectoryRef add(const std::string& path, UniqueFd fd);
  /// Whenever a directory or symlink was removed: no path is trusted any more. The directories stay
  /// open.
  void forget_paths();
  /// Gives every directory its final time and mode. Throws Error.
  void settle();

 private:
  struct Slot {
    DirectoryRef directory;
    std::vector<std::string> paths;
  };
  using Slots = std::list<Slot>;  // the latest used first
  void evict_oldest();

  std::size_t capacity_;
  Slots slots_;
  std::unordered_map<std::string, Slots::iterator> by_path_;
  std::map<FileId, Slots::iterator> by_id_;
};
