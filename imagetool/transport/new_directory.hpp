// SPDX-License-Identifier: Apache-2.0
// A directory that is filled from front to end, by a copy or a build's output. toyimg.
#pragma once

#include <string>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"

/// What is in it goes again, itself and its new parents included, unless it was kept. Files that
/// were there before it stay, and with them all others; so do those of somebody else at work in it.
class NewDirectory {
 public:
  /// Makes what is missing of the path. Throws Error.
  NewDirectory(const std::string& path, mode_t mode);
  ~NewDirectory();
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;
  void keep() { is_ours_ = false; }

 private:
  std::vector<std::string> made_;  // deepest first
  UniqueFd directory_;             // with flock(2), shared by all who work in it
  bool is_ours_ = false;
};
