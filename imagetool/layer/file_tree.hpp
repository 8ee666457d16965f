// SPDX-License-Identifier: Apache-2.0
// A root filesystem in memory, its files known by their digests: what an image's layers come to
// without extracting them, or what a directory was at some moment. For comparing. toyimg.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/layer/tar_reader.hpp"
#include "imagetool/oci/byte_source.hpp"
#include "imagetool/oci/digest.hpp"

struct FileNode {
  TarEntry entry{};                 // without name and data; of a hard link, its target's
  std::optional<Digest> content{};  // sha256 of a file
  bool implied = false;             // a directory that no entry describes: time and mode are ours
  std::size_t layer = 0;            // which one wrote it, from 1 on
  std::map<std::string, std::shared_ptr<FileNode>> children{};  // names of one inode share a node
};

class FileTree {
 public:
  FileTree();
  /// Everything below a directory, read now. Other file systems mounted there are left out. Throws
  /// Error.
  static FileTree read(const RootedDir& root);

  /// Applies one more layer, compressed or not, as LayerApplier would to a directory. Throws Error
  /// naming the entry.
  void apply(const ByteSource& layer);

  const FileNode& root() const { return *root_; }
  /// The node at exactly this path, symlinks not followed; null when there is none.
  const FileNode* find(std::string_view path) const;

 private:
  using NodeRef = std::shared_ptr<FileNode>;
  void count_entry(const TarEntry& entry);
  void apply_entry(const TarEntry& entry, TarReader& reader);
  NodeRef open(const std::string& path, bool make) const;
  NodeRef link_target(const TarEntry& entry, const NodeRef& replaced) const;
  void hide(FileNode& directory, const std::string& name) const;
  void hide_content(FileNode& directory) const;

  NodeRef root_;
  std::size_t layer_ = 0;
  std::uint64_t entries_ = 0, text_ = 0;  // of all layers
};

/// True when both are the same to whoever looks at the file: kind, owner, mode, time (to the
/// second), target, device, attributes, size. Content is not compared.
bool same_attributes(const TarEntry& one, const TarEntry& other);

/// One difference of two trees.
struct TreeChange {
  enum class Kind { kAdded, kRemoved, kChanged };
  Kind kind = Kind::kAdded;
  std::string path;  // "etc/passwd"
  std::string what;  // of a change: "mode 0644 → 0600, content"
};
/// Calls back for every difference, sorted by path; of what was added or removed only the topmost
/// directory.
void compare_trees(const FileTree& before, const FileTree& after,
                   const std::function<void(const TreeChange&)>& found);
