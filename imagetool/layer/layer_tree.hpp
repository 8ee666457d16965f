// SPDX-License-Identifier: Apache-2.0
// The root while one layer changes it: its directories opened (once) and made, what the layer wrote
// kept apart from what was there before, and the removing of either. Every path is resolved by
// RootedDir. Runs in toyimg.
#pragma once

#include <string>
#include <string_view>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/layer/directory_cache.hpp"
#include "imagetool/layer/written_set.hpp"

class LayerTree {
 public:
  /// Borrows the root for its lifetime. `privileged`: root needs no write permission on
  /// directories.
  LayerTree(const RootedDir& root, bool privileged);

  /// The directory at a clean path ("" is the root), made 0755 with its parents where missing.
  /// Something of a lower layer that stands in the way is replaced (image-spec: an entry replaces),
  /// something of this layer is an Error.
  DirectoryRef open(const std::string& path);
  /// The same for a directory that must be there already; null when it is not.
  DirectoryRef find(const std::string& path);

  /// Remembers that this layer wrote `name`.
  void note_written(Directory& directory, const std::string& name);
  /// Removes what stands at `name`, with everything below it, whoever wrote it. Missing is fine.
  void make_room(Directory& directory, const std::string& name);
  /// Removes what lower layers have at `name`: what this layer wrote there or below stays. Missing
  /// is fine.
  void hide(Directory& directory, const std::string& name);
  /// The same for everything in the directory.
  void hide_content(Directory& directory);
  /// Final times and modes of directories.
  void settle() { cache_.settle(); }

 private:
  DirectoryRef open_existing(const std::string& path);
  void make_directory(const std::string& path);
  bool make_link_target(const std::string& path);
  bool remove_lower(int directory, const FileId& id, const std::string& name, int depth);
  bool remove_lower_content(int directory, const FileId& id, int depth);

  const RootedDir& root_;
  bool privileged_;
  DirectoryCache cache_;
  WrittenSet written_;
};
