// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/layer_nodes.hpp"

#include <sys/random.h>
#include <sys/stat.h>

#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/mixed.hpp"

LayerNodes::LayerNodes() : slots_(1024, kNone) {
  check(::getrandom(&seed_, sizeof seed_, 0), "getrandom");
  nodes_.push_back({.type = S_IFDIR, .value = 0});
  attributes_.push_back({.mode = S_IFDIR | 0755, .xattrs = {}});
}

bool LayerNodes::is_directory(Index node) const { return S_ISDIR(nodes_[node].type); }

std::uint64_t LayerNodes::hash(Index parent, std::string_view name) const {
  std::uint64_t hash = mixed(seed_ ^ mixed(parent + 0x9e3779b97f4a7c15));
  for (const char letter : name)
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3 + (hash >> 47);
  return mixed(hash);
}

LayerNodes::Index LayerNodes::find(Index parent, std::string_view name) const {
  for (std::size_t slot = hash(parent, name) & (slots_.size() - 1); slots_[slot] != kNone;
       slot = (slot + 1) & (slots_.size() - 1)) {
    const Node& node = nodes_[slots_[slot]];
    if (node.parent == parent && !node.gone && this->name(slots_[slot]) == name)
      return slots_[slot];
  }
  return kNone;
}

void LayerNodes::insert(Index node) {
  std::size_t slot = hash(nodes_[node].parent, name(node)) & (slots_.size() - 1);
  while (slots_[slot] != kNone) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = node;
}

LayerNodes::Index LayerNodes::add(Index parent, std::string_view name, mode_t type,
                                  std::uint64_t value) {
  if (nodes_.size() >= kNone) throw Error("the layer has too many names");
  if (nodes_.size() * 4 > slots_.size() * 3) {
    slots_.assign(slots_.size() * 2, kNone);
    for (Index node = 1; node < nodes_.size(); ++node)
      if (!nodes_[node].gone) insert(node);
  }
  const auto node = static_cast<Index>(nodes_.size());
  nodes_.push_back({.parent = parent,
                    .name_length = static_cast<std::uint16_t>(name.size()),
                    .type = static_cast<std::uint16_t>(type & S_IFMT),
                    .name = arena_.size(),
                    .value = value});
  arena_ += name;
  insert(node);
  return node;
}

LayerNodes::Index LayerNodes::add_directory(Index parent, std::string_view name,
                                            InodeAttributes attributes) {
  attributes_.push_back(std::move(attributes));
  return add(parent, name, S_IFDIR, attributes_.size() - 1);
}

void LayerNodes::keep(Index node) {
  for (; node != kNone && !nodes_[node].kept; node = nodes_[node].parent) nodes_[node].kept = true;
}

std::string LayerNodes::path(Index node) const {
  std::string path;
  for (; node != kRoot; node = nodes_[node].parent) {
    if (!path.empty()) path.insert(0, 1, '/');
    path.insert(0, name(node));
  }
  return path;
}

LayerNodes::Children LayerNodes::children() const {
  Children lists{std::vector<Index>(nodes_.size(), kNone),
                 std::vector<Index>(nodes_.size(), kNone)};
  for (Index node = static_cast<Index>(nodes_.size() - 1); node > 0; --node) {
    if (nodes_[node].gone) continue;
    lists.next[node] = std::exchange(lists.first[nodes_[node].parent], node);
  }
  return lists;
}
