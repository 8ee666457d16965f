// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/new_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/layer/tree_entry.hpp"

NewDirectory::NewDirectory(const std::string& path, mode_t mode)
    : made_(make_missing_directories(path, mode)),
      directory_(open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY)) {
  // A file system without locks (some of NFS) keeps what it has.
  is_ours_ =
      ::flock(directory_.get(), LOCK_SH | LOCK_NB) == 0 && sorted_names(directory_.get()).empty();
}

NewDirectory::~NewDirectory() {
  if (!is_ours_ || ::flock(directory_.get(), LOCK_EX | LOCK_NB) != 0) return;
  try {
    for (const std::string& name : sorted_names(directory_.get()))
      remove_tree_at(directory_.get(), name);
    remove_directories(made_);
  } catch (const Error&) {
    // Already failing with the true reason.
  }
}
