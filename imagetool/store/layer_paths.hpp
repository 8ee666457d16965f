// SPDX-License-Identifier: Apache-2.0
// The directories of a layer by path, resolved inside the root as a container would see them: this
// layer's names on top of the layers below. toyimg.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "imagetool/store/layer_image.hpp"
#include "imagetool/store/layer_nodes.hpp"
#include "imagetool/store/lower_layers.hpp"

class LayerPaths {
 public:
  using Index = LayerNodes::Index;
  /// Borrows the nodes.
  LayerPaths(LayerNodes& nodes, LayerImage::Below below)
      : nodes_(nodes), below_(std::move(below)) {}

  /// The directory at a clean path, symlinks followed, made 0755 with its parents where it is
  /// missing; one of the layers below is taken over with its attributes. Throws Error when
  /// something of this layer stands in the way.
  Index open(const std::string& path);
  /// The same for one that must be there; nullopt when it is not.
  std::optional<Index> find(const std::string& path);
  /// What the layers below have at this name, if they show through here.
  std::optional<LowerLayers::Found> find_below(Index directory, std::string_view name);
  /// The names in the root of the layers below.
  std::vector<std::string> names_below_root();
  /// Whether the layers below have this directory.
  bool is_directory_below(Index directory);
  /// Whether this layer hides what the layers below have in the directory.
  bool is_hidden(Index directory) const {
    return nodes_[directory].opaque || nodes_[directory].fresh;
  }
  /// Whether it was only taken over from below, where it has been hidden since.
  bool is_gone(Index node) const { return !nodes_[node].kept && is_hidden(nodes_[node].parent); }
  /// Whether an answer depended on the layers below.
  bool has_asked() const { return asked_; }

  void note_symlink(Index node, std::string target) { targets_[node] = std::move(target); }
  const std::string& symlink_target(Index node) const { return targets_.at(node); }
  /// After a directory or symlink was replaced.
  void forget() { last_path_.reset(); }

 private:
  enum class Missing { kMake, kReport };
  std::optional<Index> walk(const std::string& path, Missing missing);
  /// What a name is: a directory, a symlink, something else, or nothing.
  struct Step {
    std::optional<Index> directory{};
    std::string link_target{};
    bool in_the_way = false;
  };
  Step step(Index at, std::string_view name);
  Index make(Index at, std::string_view name);

  LayerNodes& nodes_;
  LayerImage::Below below_;
  bool asked_ = false;
  std::unordered_map<Index, std::string> targets_;
  std::optional<std::string> last_path_;
  Index last_ = LayerNodes::kRoot;
};
