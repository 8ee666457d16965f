// SPDX-License-Identifier: Apache-2.0
// A bundle while it is made: a hidden directory beside the wanted one, renamed into place when it
// is whole and removed with everything in it when it is not. toyimg.
#pragma once

#include <string>
#include <vector>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "bundle-spec/oci/runtime_config.hpp"

class BundleDraft {
 public:
  /// Begins a bundle that will be `directory` (or what a symlink of that name leads to); missing
  /// parents are made, and removed again when the bundle is not finished. Throws Error when it
  /// exists and is not an empty directory, or cannot be renamed to.
  static BundleDraft begin(const std::string& directory);
  BundleDraft(BundleDraft&& other) noexcept;
  BundleDraft& operator=(BundleDraft&&) = delete;
  ~BundleDraft();

  /// The root filesystem, 0755 and owned by the caller until a layer says otherwise.
  const RootedDir& root() const { return root_; }
  /// The bundle's directory, wherever it is now; borrowed.
  int directory() const { return lock_.get(); }
  /// Writes config.json. Throws Error.
  void write_config(const oci::RuntimeConfig& config);
  /// Renames the bundle into place. Throws Error.
  void finish();

 private:
  BundleDraft(UniqueFd parent, UniqueFd lock, std::string draft, std::string name, RootedDir root);
  UniqueFd parent_;
  UniqueFd lock_;  // flock(2) on the draft: held as long as its maker lives
  std::string draft_, name_;
  RootedDir root_;
  std::vector<std::string> made_parents_;  // deepest first
};
