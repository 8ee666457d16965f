// SPDX-License-Identifier: Apache-2.0
// A bundle's root file system. toyimg.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "bundle-spec/oci/runtime_config.hpp"

struct BundleRoot {
  oci::RuntimeConfig config;
  std::optional<RootedDir> rootfs;  // of a flat bundle
  std::optional<RootedDir> upper;   // of a bundle of overlay layers: what was changed
  bool has_owners = false;          // the files have the owners that a container sees
  std::vector<std::string> layers;  // of such a bundle: their paths, lowest first
};
/// Throws Error.
BundleRoot open_bundle_root(const std::string& directory);
