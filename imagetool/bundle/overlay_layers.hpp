// SPDX-License-Identifier: Apache-2.0
// A bundle whose root file system is an overlay of layers in a store: its directory overlay/ has
// the layers, and the upper and work directories of overlayfs (bundle-spec/README.md "Overlay").
// toyimg.
#pragma once

#include <string>
#include <vector>

#include "imagetool/store/erofs_writer.hpp"

/// Annotation of config.json: the names of the layers in overlay/, lowest first, with colons
/// between them.
inline constexpr const char* kLayersAnnotation = "org.toyrun.rootfs.layers";

struct OverlayLayers {
  std::string annotation;  // its value
  bool outside = false;    // layers are symlinks into the store, which must be told to keep them
};

/// Makes overlay/ in the open bundle directory. Images on the same file system become hard links,
/// which stay whatever becomes of the store; others, and directories, symlinks. `root`: what the
/// container's root directory is like. Throws Error.
OverlayLayers make_overlay(int bundle, const std::vector<std::string>& layers,
                           const InodeAttributes& root);
