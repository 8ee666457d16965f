// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/layer_paths.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"

namespace {
constexpr int kMostLinks = 40;  // path_resolution(7)
}

LayerPaths::Index LayerPaths::open(const std::string& path) { return *walk(path, Missing::kMake); }

std::optional<LayerPaths::Index> LayerPaths::find(const std::string& path) {
  return walk(path, Missing::kReport);
}

std::optional<LowerLayers::Found> LayerPaths::find_below(Index directory, std::string_view name) {
  if (is_hidden(directory)) return std::nullopt;
  asked_ = true;
  if (!below_) return std::nullopt;
  const std::string path = nodes_.path(directory);
  return below_().find(path.empty() ? std::string(name) : sentence(path, '/', name));
}

std::vector<std::string> LayerPaths::names_below_root() {
  asked_ = true;
  std::vector<std::string> names;
  if (below_)
    for (const auto& [name, found] : below_().entries({})) names.push_back(name);
  return names;
}

// The answer is nearly always yes and makes the same image whatever the layers below are; only a no
// counts as a dependence.
bool LayerPaths::is_directory_below(Index directory) {
  if (directory == LayerNodes::kRoot && below_) return true;
  const std::optional<LowerLayers::Found> found =
      below_ ? below_().find(nodes_.path(directory)) : std::nullopt;
  const bool is_directory = found && S_ISDIR(found->inode.mode);
  if (!is_directory) asked_ = true;
  return is_directory;
}

// What this layer wrote stays; what layers below have there is replaced (image-spec: an entry
// replaces).
LayerPaths::Index LayerPaths::make(Index at, std::string_view name) {
  const Index there = nodes_.find(at, name);
  if (there != LayerNodes::kNone) {
    if (nodes_[there].kept && !nodes_[there].whiteout)
      throw Error(sentence(printable(nodes_.path(there)),
                           " is not a directory in this layer, yet something is to go below it"));
    nodes_.remove(there);
  }
  const Index made =
      nodes_.add_directory(at, name, {.mode = S_IFDIR | 0755, .mtime = {}, .xattrs = {}});
  nodes_[made].opaque = there != LayerNodes::kNone;
  nodes_[made].fresh = true;
  nodes_.keep(made);
  return made;
}

LayerPaths::Step LayerPaths::step(Index at, std::string_view name) {
  Index there = nodes_.find(at, name);
  if (there != LayerNodes::kNone && nodes_.is_directory(there) && is_gone(there)) {
    nodes_.remove(there);
    there = LayerNodes::kNone;
  }
  if (there != LayerNodes::kNone) {
    const LayerNodes::Node& node = nodes_[there];
    if (S_ISDIR(node.type)) return {.directory = there};
    if (S_ISLNK(node.type)) return {.link_target = targets_.at(there)};
    return {.in_the_way = !node.whiteout};
  }
  const std::optional<LowerLayers::Found> below = find_below(at, name);
  if (below && S_ISLNK(below->inode.mode))
    return {.link_target = below->layer->content(below->inode)};
  if (below && S_ISDIR(below->inode.mode))
    return {.directory = nodes_.add_directory(at, name, below->attributes())};
  return {.in_the_way = below.has_value()};
}

std::optional<LayerPaths::Index> LayerPaths::walk(const std::string& path, Missing missing) {
  if (last_path_ == path) return last_;
  // The symlink of the path itself that is being followed: what leads to something else than a
  // directory is itself in the way (as LayerTree has it).
  struct Link {
    Index at = LayerNodes::kRoot;
    std::string name;
    std::size_t left = 0;  // of the path, after it
  };
  std::optional<Link> link;
  std::string rest = path;
  Index at = LayerNodes::kRoot;
  std::size_t done = 0;
  int links = 0;
  while (done < rest.size()) {
    if (link && rest.size() - done <= link->left) link.reset();
    const std::size_t slash = std::min(rest.find('/', done), rest.size());
    const std::string name = rest.substr(done, slash - done);
    done = std::min(slash + 1, rest.size());
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (at != LayerNodes::kRoot) at = nodes_[at].parent;
      continue;
    }
    if (name.size() > 255) throw Error("a symlink on the way has a part longer than 255 bytes");
    const Step reached = step(at, name);
    if (reached.directory) {
      at = *reached.directory;
    } else if (!reached.link_target.empty()) {
      if (++links > kMostLinks) throw Error("too many symlinks on the way");
      if (!link) link = Link{at, name, rest.size() - done};
      rest = sentence(reached.link_target, '/', rest.substr(done));
      done = 0;
      if (reached.link_target.starts_with('/')) at = LayerNodes::kRoot;
    } else if (missing == Missing::kReport) {
      return std::nullopt;
    } else if (link && reached.in_the_way) {
      at = make(link->at, link->name);
      done = rest.size() - link->left;
    } else {
      at = make(at, name);
    }
  }
  // Through a symlink, of whichever layer, it may lead elsewhere before long.
  if (links == 0) {
    last_path_ = path;
    last_ = at;
  }
  return at;
}
