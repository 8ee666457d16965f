// SPDX-License-Identifier: Apache-2.0
// A bundle while it is made: a hidden directory beside the wanted one, renamed into place when it
// is whole and removed with everything in it when it is not. toyimg.
#pragma once

#include <string>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "bundle-spec/oci/runtime_config.hpp"

class BundleDraft {
 public:
  /// Begins a bundle that will be `directory`. Throws Error when that exists and is not an empty
  /// directory.
  static BundleDraft begin(const std::string& directory);
  BundleDraft(BundleDraft&& other) noexcept;
  BundleDraft& operator=(BundleDraft&&) = delete;
  ~BundleDraft();

  /// The root filesystem, 0755 and owned by the caller until a layer says otherwise.
  const RootedDir& root() const { return root_; }
  /// Writes config.json last and renames the bundle into place. Throws Error.
  void finish(const oci::RuntimeConfig& config);

 private:
  BundleDraft(UniqueFd parent, UniqueFd lock, std::string draft, std::string name, RootedDir root);
  UniqueFd parent_;
  UniqueFd lock_;  // flock(2) on the draft: held as long as its maker lives
  std::string draft_, name_;
  RootedDir root_;
};
