// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/lower_layers.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/tree_entry.hpp"

namespace {
constexpr int kMostLinks = 40;  // as the kernel, path_resolution(7)
}

InodeAttributes LowerLayers::Found::attributes() const {
  InodeAttributes attributes = layer->attributes(inode);
  std::erase_if(attributes.xattrs, [](const auto& xattr) { return is_host_xattr(xattr.first); });
  return attributes;
}

/// The directories that overlayfs would merge at the path, topmost first; or, in `other`, what else
/// stands there.
std::vector<LowerLayers::Found> LowerLayers::merged_at(std::string_view path,
                                                       std::optional<Found>* other) const {
  std::vector<Found> merged;
  for (const auto& layer : layers_ | std::views::reverse)
    merged.push_back({layer.get(), layer->root()});
  while (!merged.empty() && !path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    std::vector<Found> below;
    for (const Found& one : merged) {
      const std::optional<ErofsReader::Inode> inode = one.layer->find(one.inode, name);
      if (!inode) continue;
      if (!S_ISDIR(inode->mode)) {
        if (below.empty() && path.empty() && !inode->is_whiteout() && other != nullptr)
          *other = Found{one.layer, *inode};
        break;
      }
      below.push_back({one.layer, *inode});
      if (one.layer->is_opaque(*inode)) break;
    }
    merged = std::move(below);
  }
  return merged;
}

std::optional<LowerLayers::Found> LowerLayers::find(std::string_view path) const {
  std::optional<Found> found;
  const std::vector<Found> merged = merged_at(path, &found);
  return merged.empty() ? found : merged.front();
}

std::map<std::string, LowerLayers::Found> LowerLayers::entries(std::string_view path) const {
  std::map<std::string, Found> entries;
  for (const Found& one : merged_at(path, nullptr))  // the topmost one of a name counts
    one.layer->each(one.inode, [&](std::string_view name, const ErofsReader::Inode& inode) {
      entries.emplace(name, Found{one.layer, inode});
    });
  std::erase_if(entries, [](const auto& entry) { return entry.second.inode.is_whiteout(); });
  return entries;
}

std::optional<LowerLayers::Found> LowerLayers::find_following(std::string_view path) const {
  std::string rest(path);
  std::string resolved;
  for (int links = 0; !rest.empty();) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string name = rest.substr(0, slash);
    rest.erase(0, std::min(slash + 1, rest.size()));
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      resolved.resize(resolved.rfind('/') == std::string::npos ? 0 : resolved.rfind('/'));
      continue;
    }
    const std::string next = resolved.empty() ? name : sentence(resolved, '/', name);
    const std::optional<Found> found = find(next);
    if (!found) return std::nullopt;
    if (!S_ISLNK(found->inode.mode)) {
      resolved = next;
      continue;
    }
    if (++links > kMostLinks) return std::nullopt;
    const std::string target = found->layer->content(found->inode);
    if (target.starts_with('/')) resolved.clear();
    rest = rest.empty() ? target : sentence(target, '/', rest);
  }
  return find(resolved);
}
