// SPDX-License-Identifier: Apache-2.0
// A directory that is gone after the test.
#pragma once

#include <fcntl.h>
#include <stdlib.h>

#include <string>

#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "bundle-spec/fs/unique_fd.hpp"

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_("/tmp/toyrun-test-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) ::abort();
    fd_ = open_at(AT_FDCWD, path_, O_PATH | O_DIRECTORY);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    const UniqueFd parent = open_at(AT_FDCWD, "/tmp", O_PATH | O_DIRECTORY);
    remove_tree_at(parent.get(), path_.substr(5));
  }

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

 private:
  std::string path_;
  UniqueFd fd_;
};
