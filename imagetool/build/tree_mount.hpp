// SPDX-License-Identifier: Apache-2.0
// A stage's files, mounted: overlayfs over layer directories, in a mount namespace that only this
// build and what it starts can see, so that nothing is left however it ends. toyimg.
#pragma once

#include <string>
#include <vector>

#include "bundle-spec/fs/rooted_dir.hpp"

namespace build {

/// Moves the calling thread, and all threads and programs it starts, into a mount namespace of
/// their own. Throws Error: root is needed.
void enter_private_mounts();

/// Whether device nodes in a mounted tree can be opened: by a RUN, whose device cgroup decides
/// which, but not by this program, which has none.
enum class Devices { kRefused, kOpened };

class TreeMount {
 public:
  /// Mounts the lower directories (topmost first) on `target`; with `upper` and `work` it can be
  /// written to. Throws Error.
  TreeMount(const std::string& target, const std::vector<std::string>& lowers,
            const std::string& upper = {}, const std::string& work = {},
            Devices devices = Devices::kRefused);
  TreeMount(const TreeMount&) = delete;
  TreeMount& operator=(const TreeMount&) = delete;
  ~TreeMount();

  const RootedDir& root() const { return root_; }
  const std::string& path() const { return target_; }

 private:
  std::string target_;
  RootedDir root_;
};

/// Makes what the descriptor stands for appear at `target`, a directory or file that exists: a bind
/// mount without a second walk along its path. Throws Error.
void mount_descriptor(int fd, const std::string& target);
/// Mounts an EROFS image; false when this kernel mounts no files (before Linux 6.12). Throws Error.
bool mount_image(const std::string& image, const std::string& target);
void mount_tmpfs(const std::string& target);
/// Gives a new upper directory the owner and mode that the root has in the lower ones.
void copy_root_attributes(const std::vector<std::string>& lowers, const std::string& upper);

}  // namespace build
