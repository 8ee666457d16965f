// SPDX-License-Identifier: Apache-2.0
// Directories → layers (image-spec, layer "Representing Changes"): a whole tree, an overlayfs upper
// directory, what a tree has become since it was a FileTree, or chosen files. Sorted, whiteouts
// first, hard links kept, sockets left out, other file systems not entered. Everything is reached
// through RootedDir. toyimg.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/layer/layer_writer.hpp"

class FileTree;

/// How names and owners on disk become those of a layer.
struct TreeLayerOptions {
  bool layer = true;      // false: a plain tar, in which ".wh." names are names
  bool squashed = false;  // owners on disk mean nothing (one-id extraction): root's, or as before
  bool devices = true;    // false: who extracted it could not make them, a missing one says nothing
};

/// Adds the tree with its root ("./" is left out). Throws Error naming the path.
void add_tree(LayerWriter& layer, const RootedDir& root, TreeLayerOptions options = {});

/// Adds what an overlayfs upper directory holds: whiteouts (0:0 devices, or marked files), opaque
/// directories. Throws Error for redirected directories and files without data, which a layer
/// cannot have (mount with redirect_dir=off,metacopy=off).
void add_overlay_upper(LayerWriter& layer, const RootedDir& upper, TreeLayerOptions options = {});

/// Adds what `after` has that `before` has not, or otherwise, and whiteouts for what it has no
/// more. Files of equal size are compared by content. Throws Error naming the path.
void add_changes(LayerWriter& layer, const FileTree& before, const RootedDir& after,
                 TreeLayerOptions options = {});

/// One file, directory, symlink or other node for COPY and the like.
struct ChosenFile {
  std::string source;  // below the root; a symlink at its end is taken as it is. Empty: a directory
                       // is made of the values below
  std::string path;    // in the layer: "usr/bin/tool"
  std::optional<std::uint32_t> uid{}, gid{};  // else the source's
  std::optional<mode_t> mode{};               // low 12 bits; symlinks keep theirs
  std::optional<std::timespec> mtime{};
};
/// Adds these in the order given; a directory adds itself only. Hard links among them are kept.
/// Throws Error naming the source.
void add_files(LayerWriter& layer, const RootedDir& root, std::span<const ChosenFile> files);
