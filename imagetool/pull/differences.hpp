// SPDX-License-Identifier: Apache-2.0
// What a bundle's root file system has become since it was made: every path at which it is not what
// the image's layers say. Times are not compared. toyimg.
#pragma once

#include <string>
#include <vector>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/store/lower_layers.hpp"

struct Difference {
  enum class Kind { kMissing, kExtra, kChanged } kind = Kind::kChanged;
  std::string path;               // "usr/bin/sh"; raw bytes
  std::vector<std::string> what;  // of kChanged: "mode 0644 is 0600", "content"
};

/// How a tree relates to the layers.
enum class TreeKind {
  kWhole,  // everything is in it
  kUpper,  // the upper directory of an overlay: what is not in it is unchanged
};

struct Comparison {
  TreeKind kind = TreeKind::kWhole;
  bool owners = true;   // false: who extracted it could not set them
  bool devices = true;  // false: nor make devices
};

/// In the order of the paths. Nothing is followed and nothing but regular files opened. Throws
/// Error.
std::vector<Difference> find_differences(const RootedDir& tree, const LowerLayers& image,
                                         const Comparison& comparison);
