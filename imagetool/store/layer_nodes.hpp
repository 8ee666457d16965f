// SPDX-License-Identifier: Apache-2.0
// The names of one layer in memory: what is a directory, what was written over what. About 60 bytes
// a name; directories have their attributes beside. The hash is seeded, so that no layer can be
// made in which all names fall together. toyimg.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/store/erofs_writer.hpp"

class LayerNodes {
 public:
  using Index = std::uint32_t;
  static constexpr Index kNone = UINT32_MAX;
  static constexpr Index kRoot = 0;

  struct Node {
    Index parent = kNone;
    std::uint16_t name_length = 0;
    std::uint16_t type = 0;   // S_IFREG and so on
    std::uint64_t name = 0;   // in the arena
    std::uint64_t value = 0;  // nid; of a directory the index of its attributes
    bool gone = false;
    bool whiteout = false;
    bool linked = false;  // a hard link, or has one
    bool opaque = false;  // of directories: hides what lower layers have in it
    bool fresh = false;   // of directories: lower layers have nothing there
    bool kept = false;    // this layer wrote it, or something below it
  };

  LayerNodes();
  /// The child of that name, or kNone.
  Index find(Index parent, std::string_view name) const;
  /// A new one; there is none of that name. Throws Error when there are too many.
  Index add(Index parent, std::string_view name, mode_t type, std::uint64_t value);
  /// A new directory.
  Index add_directory(Index parent, std::string_view name, InodeAttributes attributes);
  /// For what the layer wrote: it, and the directories it is in, are kept.
  void keep(Index node);
  /// Takes it away, with everything below.
  void remove(Index node) { nodes_[node].gone = true; }

  Node& operator[](Index node) { return nodes_[node]; }
  const Node& operator[](Index node) const { return nodes_[node]; }
  std::size_t size() const { return nodes_.size(); }
  std::string_view name(Index node) const {
    return std::string_view(arena_).substr(nodes_[node].name, nodes_[node].name_length);
  }
  bool is_directory(Index node) const;
  InodeAttributes& attributes(Index directory) { return attributes_[nodes_[directory].value]; }
  /// "usr/bin" for a node below the root.
  std::string path(Index node) const;
  /// Each node's children, as lists: children[node] is the first, next[child] the one after it.
  struct Children {
    std::vector<Index> first, next;
  };
  Children children() const;

 private:
  std::uint64_t hash(Index parent, std::string_view name) const;
  void insert(Index node);
  std::uint64_t seed_ = 0;
  std::vector<Node> nodes_;
  std::string arena_;
  std::deque<InodeAttributes> attributes_;
  std::vector<Index> slots_;  // open addressing
};
