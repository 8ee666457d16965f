// SPDX-License-Identifier: Apache-2.0
// What a COPY adds where nothing is replaced, as entries of a layer: nearly all do, and no file
// then has to be made for the layer to be read from. toyimg.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "imagetool/build/copy_files.hpp"
#include "imagetool/build/source_files.hpp"
#include "imagetool/layer/tree_layer.hpp"

namespace build {

/// For add_files(), in this order.
struct NewFiles {
  std::vector<ChosenFile> directories{};  // of the stage's root, down to where something is added
  std::vector<ChosenFile> files{};        // of the sources' root
};

/// What copy_matches() would make in `root`, which stays as it is. nullopt where copy_matches() has
/// to decide: something of these names is there, names meet, a source or destination is a symlink,
/// or an error is to be reported. Throws Error.
std::optional<NewFiles> find_new_files(const SourceTree& tree,
                                       const std::vector<SourceMatch>& matches,
                                       const RootedDir& root, const std::string& destination,
                                       bool several, const CopyStyle& style);

}  // namespace build
