// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/file_tree.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <vector>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/entry_path.hpp"
#include "imagetool/layer/inflate.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/printable.hpp"

namespace {
using Kind = TarEntry::Kind;
using NodeRef = std::shared_ptr<FileNode>;

constexpr int kMostLinks = 40;  // path_resolution(7)
constexpr int kDeepest = 400;
constexpr std::size_t kBufferSize = std::size_t{512} << 10;
constexpr std::uint64_t kMostEntries = 5'000'000;              // of all layers
constexpr std::uint64_t kMostText = std::uint64_t{512} << 20;  // of names, targets, attributes
// Its holes are hashed as the zeros they read as.
constexpr TarLimits kTarLimits{.sparse_size = std::uint64_t{64} << 30};

void hash_zeros(Hasher& hasher, std::uint64_t count) {
  static constexpr std::array<std::byte, 65536> kZeros{};
  while (count > 0) {
    const auto some = static_cast<std::size_t>(std::min<std::uint64_t>(count, kZeros.size()));
    hasher.update(std::span(kZeros).first(some));
    count -= some;
  }
}

Digest digest_of(TarReader& reader, std::uint64_t size) {
  Hasher hasher;
  std::uint64_t at = 0;
  for (;;) {
    const TarReader::Piece piece = reader.next_piece();
    if (piece.bytes.empty()) break;
    hash_zeros(hasher, piece.offset - at);
    hasher.update(piece.bytes);
    at = piece.offset + piece.bytes.size();
  }
  hash_zeros(hasher, size - at);
  return hasher.finish();
}

/// What a node keeps: an entry is as large as its name, its target and a file's sparse map.
NodeRef node_of(const TarEntry& entry, std::size_t layer) {
  auto node = std::make_shared<FileNode>();
  node->entry = entry;
  node->entry.name.clear();
  node->entry.segments.clear();
  node->entry.sparse = false;
  if (entry.kind != Kind::kSymlink) node->entry.link_target.clear();
  std::erase_if(node->entry.xattrs, [](const auto& one) { return is_host_xattr(one.first); });
  std::sort(node->entry.xattrs.begin(), node->entry.xattrs.end());
  node->layer = layer;
  return node;
}

NodeRef implied_directory(std::size_t layer) {
  NodeRef node = node_of({.kind = Kind::kDirectory, .mode = 0755}, layer);
  node->implied = true;
  return node;
}

bool is_directory(const NodeRef& node) { return node->entry.kind == Kind::kDirectory; }

bool is_at_or_below(const NodeRef& node, const NodeRef& top) {
  return node == top ||
         std::any_of(top->children.begin(), top->children.end(), [&](const auto& child) {
           return is_directory(child.second) && is_at_or_below(node, child.second);
         });
}

/// Path components to come, first in front.
void push_front(std::deque<std::string>& parts, std::string_view path) {
  std::vector<std::string> names;
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(name.size() + 1, path.size()));
    if (!name.empty() && name != ".") names.emplace_back(name);
  }
  parts.insert(parts.begin(), names.begin(), names.end());
}

/// A directory on disk and everything below it.
class DirectoryReader {
 public:
  explicit DirectoryReader(dev_t device) : device_(device) {}

  void read(int directory, FileNode& node, int depth) {
    if (depth > kDeepest) throw Error("the directory lies too deep");
    for (const std::string& name : sorted_names(directory)) {
      const std::optional<TreeEntry> found = read_tree_entry(directory, name);
      if (!found) continue;
      if (NodeRef& known = nodes_[{found->status.st_dev, found->status.st_ino}];
          found->status.st_nlink > 1 && found->entry.kind != Kind::kDirectory && known)
        node.children[name] = known;
      else
        node.children[name] = known = read_one(directory, name, *found, depth);
    }
  }

 private:
  NodeRef read_one(int directory, const std::string& name, const TreeEntry& found, int depth) {
    NodeRef node = node_of(found.entry, 1);
    if (node->entry.kind == Kind::kFile)
      node->content = digest_of_file(UniqueFd(open_regular(directory, name)).get());
    if (is_directory(node) && found.status.st_dev == device_)
      read(UniqueFd(open_subdirectory(directory, name)).get(), *node, depth + 1);
    return node;
  }

  dev_t device_;
  std::map<std::pair<dev_t, ino_t>, NodeRef> nodes_;
};

std::string octal(mode_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode));
  return text.data();
}

const char* word(Kind kind) {
  switch (kind) {
    case Kind::kFile:
      return "file";
    case Kind::kHardLink:
      return "hard link";
    case Kind::kSymlink:
      return "symlink";
    case Kind::kCharDevice:
    case Kind::kBlockDevice:
      return "device";
    case Kind::kDirectory:
      return "directory";
    case Kind::kFifo:
      return "fifo";
  }
  return "";
}

std::string difference(const FileNode& before, const FileNode& after) {
  const TarEntry& one = before.entry;
  const TarEntry& other = after.entry;
  if (one.kind != other.kind) return sentence(word(one.kind), " → ", word(other.kind));
  std::string what;
  const auto add = [&](const std::string& text) { what += (what.empty() ? "" : ", ") + text; };
  if (one.mode != other.mode) add(sentence("mode ", octal(one.mode), " → ", octal(other.mode)));
  if (one.uid != other.uid || one.gid != other.gid)
    add(sentence("owner ", one.uid, ":", one.gid, " → ", other.uid, ":", other.gid));
  if (one.link_target != other.link_target)
    add(sentence("target ", printable(one.link_target), " → ", printable(other.link_target)));
  if (one.device_major != other.device_major || one.device_minor != other.device_minor)
    add("device number");
  if (one.xattrs != other.xattrs) add("extended attributes");
  if (before.content != after.content)
    add(sentence("content (", one.size, " → ", other.size, " bytes)"));
  if (one.mtime.tv_sec != other.mtime.tv_sec && !before.implied && !after.implied) add("time");
  return what;
}

using ChangeSink = std::function<void(const TreeChange&)>;

void compare_nodes(const FileNode& before, const FileNode& after, const std::string& path,
                   const ChangeSink& found) {
  if (const std::string what = difference(before, after); !what.empty())
    found({TreeChange::Kind::kChanged, path, what});
  auto left = before.children.begin();
  auto right = after.children.begin();
  const auto below = [&](const std::string& name) {
    return path.empty() ? name : sentence(path, '/', name);
  };
  while (left != before.children.end() || right != after.children.end()) {
    const bool only_left = right == after.children.end() ||
                           (left != before.children.end() && left->first < right->first);
    const bool only_right = left == before.children.end() ||
                            (right != after.children.end() && right->first < left->first);
    if (only_left)
      found({TreeChange::Kind::kRemoved, below((left++)->first), {}});
    else if (only_right)
      found({TreeChange::Kind::kAdded, below((right++)->first), {}});
    else {
      compare_nodes(*left->second, *right->second, below(left->first), found);
      ++left;
      ++right;
    }
  }
}
}  // namespace

FileTree::FileTree() : root_(implied_directory(0)) {}

FileTree FileTree::read(const RootedDir& root) {
  FileTree tree;
  const UniqueFd directory = root.open("/", O_RDONLY | O_DIRECTORY);
  const TreeEntry found = read_tree_root(directory.get());
  tree.root_ = node_of(found.entry, 1);
  DirectoryReader(found.status.st_dev).read(directory.get(), *tree.root_, 0);
  return tree;
}

const FileNode* FileTree::find(std::string_view path) const {
  const FileNode* node = root_.get();
  std::deque<std::string> parts;
  push_front(parts, path);
  for (const std::string& part : parts) {
    const auto child = node->children.find(part);
    if (child == node->children.end()) return nullptr;
    node = child->second.get();
  }
  return node;
}

// The directory at `path`, symlinks followed inside the root; with `make`, as LayerTree::open().
FileTree::NodeRef FileTree::open(const std::string& path, bool make) const {
  std::deque<std::string> parts;
  push_front(parts, path);
  std::vector<NodeRef> way{root_};
  // The symlink of the path itself that is being followed: as in LayerTree it is in the way when it
  // leads to something else than a directory, and not that.
  struct Link {
    std::vector<NodeRef> way;
    std::string name;
    std::size_t left = 0;  // parts of the path after it
  };
  std::optional<Link> link;
  for (int links = 0; !parts.empty();) {
    if (link && parts.size() <= link->left) link.reset();
    std::string name = std::move(parts.front());
    parts.pop_front();
    if (name == "..") {
      if (way.size() > 1) way.pop_back();
      continue;
    }
    const auto child_of = [](const NodeRef& parent, const std::string& child) {
      const auto found = parent->children.find(child);
      return found != parent->children.end() ? found->second : nullptr;
    };
    NodeRef there = child_of(way.back(), name);
    if (there && there->entry.kind == Kind::kSymlink) {
      if (++links > kMostLinks) throw Error("there are too many symlinks on the way");
      if (!link) link = Link{way, name, parts.size()};
      if (there->entry.link_target.starts_with('/')) way.resize(1);
      push_front(parts, there->entry.link_target);
      continue;
    }
    if (there && is_directory(there)) {
      way.push_back(there);
      continue;
    }
    if (!make) return nullptr;
    if (there && link) {
      way = link->way;
      name = link->name;
      parts.erase(parts.begin(), parts.end() - static_cast<std::ptrdiff_t>(link->left));
      there = child_of(way.back(), name);
    }
    if (there && there->layer == layer_)
      throw Error(sentence(printable(path), " leads through what is no directory"));
    const NodeRef made = implied_directory(layer_);
    way.back()->children[name] = made;
    way.push_back(made);
  }
  return way.back();
}

// What this layer wrote stays, and the directories above it.
void FileTree::hide_content(FileNode& directory) const {
  for (auto child = directory.children.begin(); child != directory.children.end();) {
    const NodeRef node = child->second;
    if (is_directory(node)) hide_content(*node);
    const bool stays = node->layer == layer_ || !node->children.empty();
    child = stays ? std::next(child) : directory.children.erase(child);
  }
}

void FileTree::hide(FileNode& directory, const std::string& name) const {
  const auto child = directory.children.find(name);
  if (child == directory.children.end()) return;
  if (is_directory(child->second)) hide_content(*child->second);
  if (child->second->layer != layer_ && child->second->children.empty())
    directory.children.erase(child);
}

FileTree::NodeRef FileTree::link_target(const TarEntry& entry, const NodeRef& replaced) const {
  const std::string path = clean_path(entry.link_target);
  const SplitPath split = split_path(path);
  const std::string base(split.base);
  const NodeRef parent = open(std::string(split.directory), false);
  if (!parent || !parent->children.contains(base) || is_directory(parent->children[base]))
    throw Error(sentence("its hard link target ", printable(entry.link_target), " does not exist"));
  if (replaced && is_at_or_below(parent, replaced))
    throw Error(sentence("its hard link target ", printable(entry.link_target),
                         " lies in the directory that it replaces"));
  const NodeRef& target = parent->children[base];
  if (target->layer == layer_) return target;
  auto copy = std::make_shared<FileNode>(*target);
  copy->layer = layer_;
  return copy;
}

void FileTree::apply_entry(const TarEntry& entry, TarReader& reader) {
  const std::string path = clean_path(entry.name);
  if (path.empty()) {
    if (entry.kind != Kind::kDirectory) throw Error("the entry for the root is not a directory");
    const NodeRef root = node_of(entry, layer_);
    root->children = std::move(root_->children);
    root_ = root;
    return;
  }
  const SplitPath split = split_path(path);
  const std::string base(split.base);
  if (const Marker marker = marker_of(path); marker != Marker::kNone) {
    const NodeRef parent =
        marker == Marker::kAufs ? nullptr : open(std::string(split.directory), false);
    if (parent && marker == Marker::kOpaque) hide_content(*parent);
    if (parent && marker == Marker::kWhiteout)
      hide(*parent, std::string(whiteout_target(split.base)));
    return;
  }
  const NodeRef parent = open(std::string(split.directory), true);
  if (entry.kind == Kind::kHardLink) {
    const auto there = parent->children.find(base);
    const NodeRef target =
        link_target(entry, there != parent->children.end() ? there->second : nullptr);
    parent->children[base] = target;
    return;
  }
  const NodeRef node = node_of(entry, layer_);
  if (entry.kind == Kind::kFile) node->content = digest_of(reader, entry.size);
  NodeRef& place = parent->children[base];
  if (place && is_directory(node) && is_directory(place))
    node->children = std::move(place->children);
  place = node;
}

// All of it is kept in memory.
void FileTree::count_entry(const TarEntry& entry) {
  if (++entries_ > kMostEntries)
    throw Error(sentence("the layers have more than the ", kMostEntries, " entries allowed"));
  text_ += entry.name.size() + entry.link_target.size();
  for (const auto& [name, value] : entry.xattrs) text_ += name.size() + value.size();
  if (text_ > kMostText)
    throw Error(sentence("the layers' names and attributes are larger than the ", kMostText,
                         " bytes allowed"));
}

void FileTree::apply(const ByteSource& layer) {
  ++layer_;
  Inflate inflate(layer);
  std::vector<std::byte> buffer(kBufferSize);
  TarReader reader([&] { return std::span<const std::byte>(buffer).first(inflate.read(buffer)); },
                   kTarLimits);
  TarEntry entry;
  while (reader.next(entry)) {
    try {
      count_entry(entry);
      apply_entry(entry, reader);
    } catch (Error& error) {
      error.add_context("layer entry ", printable(entry.name));
      throw;
    }
  }
  reader.drain();
}

bool same_attributes(const TarEntry& one, const TarEntry& other) {
  return one.kind == other.kind && one.mode == other.mode && one.uid == other.uid &&
         one.gid == other.gid && one.mtime.tv_sec == other.mtime.tv_sec && one.size == other.size &&
         one.link_target == other.link_target && one.device_major == other.device_major &&
         one.device_minor == other.device_minor && one.xattrs == other.xattrs;
}

void compare_trees(const FileTree& before, const FileTree& after,
                   const std::function<void(const TreeChange&)>& found) {
  compare_nodes(before.root(), after.root(), "", found);
}
