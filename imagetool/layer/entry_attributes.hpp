// SPDX-License-Identifier: Apache-2.0
// Owner, xattrs, mode and time of what an entry made, in the one order that keeps setuid bits and
// file capabilities, and with as few system calls as the entry needs. Runs in toyimg.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>

#include "imagetool/layer/directory_cache.hpp"
#include "imagetool/layer/layer_applier.hpp"
#include "imagetool/layer/tar_reader.hpp"

class EntryAttributes {
 public:
  /// Reads who we are and the umask. What cannot be set is counted in `counts`, which is borrowed.
  explicit EntryAttributes(LayerCounts& counts);

  /// True for root, of a user namespace too: owners can be set, and devices made where the kernel
  /// lets it.
  bool privileged() const { return uid_ == 0; }
  /// The mode to create something with, which is right already in most cases. Setting user.* xattrs
  /// takes write permission (xattr(7)), which set_on_new_file() takes back.
  static mode_t creation_mode(const TarEntry& entry) {
    return (entry.mode & 0777) | (entry.xattrs.empty() ? 0 : S_IWUSR);
  }

  /// For a regular file just created with creation_mode() in `parent`.
  void set_on_new_file(int fd, const TarEntry& entry, const Directory& parent) const;
  /// For a symlink, fifo or device just created in `parent`; never opens or follows it.
  void set_on_new_node(const Directory& parent, const std::string& name,
                       const TarEntry& entry) const;
  /// For a directory, new or of a lower layer: also removes xattrs which the entry does not have.
  /// Its time is only noted.
  void set_on_directory(Directory& directory, const TarEntry& entry) const;

  void count_skipped(const std::string& what) const { counts_.skip(what); }

 private:
  bool owner_differs(const TarEntry& entry, const Directory& parent) const;
  void set_xattrs(const std::string& path, const TarEntry& entry, bool capability) const;
  static void remove_other_xattrs(int fd, const TarEntry& entry);

  LayerCounts& counts_;
  bool host_root_;
  uid_t uid_;
  gid_t gid_;
  mode_t umask_;
};
