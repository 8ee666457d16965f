// SPDX-License-Identifier: Apache-2.0
// The layers below one, as a container would see them: images of ours, merged by overlayfs's rules.
// For what a layer leaves to them: directories it has no entry for, symlinks on the way, hard
// links to their files. toyimg.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/store/erofs_reader.hpp"

class LowerLayers {
 public:
  /// Lowest first.
  explicit LowerLayers(std::vector<std::shared_ptr<const ErofsReader>> layers)
      : layers_(std::move(layers)) {}

  struct Found {
    const ErofsReader* layer = nullptr;
    ErofsReader::Inode inode;
    /// Without overlayfs's own xattrs.
    InodeAttributes attributes() const;
  };
  /// What stands at a path none of whose parts may be a symlink but the last, which is not
  /// followed. "" is the root of the topmost layer. nullopt when nothing does.
  std::optional<Found> find(std::string_view path) const;
  /// The same with every symlink followed inside the root, the last one too.
  std::optional<Found> find_following(std::string_view path) const;
  /// What a directory found there has in it, by name.
  std::map<std::string, Found> entries(std::string_view path) const;

 private:
  std::vector<Found> merged_at(std::string_view path, std::optional<Found>* other) const;
  std::vector<std::shared_ptr<const ErofsReader>> layers_;
};
