// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/tree_layer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <vector>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/directory_cache.hpp"
#include "imagetool/layer/entry_path.hpp"
#include "imagetool/layer/file_tree.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/printable.hpp"

namespace {
using Kind = TarEntry::Kind;

constexpr int kDeepest = 400;  // each level of a walk holds a descriptor

/// overlayfs keeps its marks in one of two name spaces (overlayfs documentation, "userxattr").
std::optional<std::string> overlay_mark(int directory, const std::string& name,
                                        const std::string& mark) {
  if (auto value = read_xattr(directory, name, ("trusted.overlay." + mark).c_str())) return value;
  return read_xattr(directory, name, ("user.overlay." + mark).c_str());
}

bool is_device(const TarEntry& entry) {
  return entry.kind == Kind::kCharDevice || entry.kind == Kind::kBlockDevice;
}

class Walk {
 public:
  enum class Source { kTree, kUpper };
  Walk(LayerWriter& layer, TreeLayerOptions options, Source source)
      : layer_(layer), options_(options), source_(source) {}

  void root(const RootedDir& root, const FileNode* before);
  /// Adds one entry, a file with its data; the second name of an inode becomes a hard link.
  void add(int directory, const std::string& name, TreeEntry& found, const std::string& path);

 private:
  void content(int directory, const std::string& path, const FileNode* before, int depth);
  void visit(int directory, const std::string& name, const std::string& path,
             const FileNode* before, int depth);
  void add_whiteouts(int directory, const std::string& path, const std::vector<std::string>& names,
                     const FileNode* before);
  bool is_whiteout(int directory, const std::string& name) const;
  void check_overlay_marks(int directory, const std::string& name, const TarEntry& entry) const;
  bool is_changed(int directory, const std::string& name, TreeEntry& found, const FileNode* before);
  void set_owner(TarEntry& entry, const FileNode* before) const;

  LayerWriter& layer_;
  TreeLayerOptions options_;
  Source source_;
  dev_t device_ = 0;
  void add_unchanged_names(const TreeEntry& found, const std::string& path);
  std::map<FileId, std::string> linked_;  // files of several names → the first one added
  std::map<FileId, std::vector<std::string>> unchanged_;  // the same → names that were not added
};

void Walk::add(int directory, const std::string& name, TreeEntry& found, const std::string& path) {
  TarEntry& entry = found.entry;
  entry.name = path;
  if (found.status.st_nlink > 1 && entry.kind != Kind::kDirectory) {
    const auto [first, is_first] =
        linked_.try_emplace({found.status.st_dev, found.status.st_ino}, path);
    if (!is_first) {
      entry.kind = Kind::kHardLink;
      entry.link_target = first->second;
      entry.size = 0;
      entry.xattrs.clear();
    }
  }
  if (entry.kind != Kind::kFile) return layer_.add(entry);
  const UniqueFd file(open_regular(directory, name));
  struct stat now = {};
  check(::fstat(file.get(), &now), "stat the file");
  if (!S_ISREG(now.st_mode) || now.st_ino != found.status.st_ino)
    throw Error("it was replaced while it was read");
  layer_.add_file(entry, file.get());
}

// A new name of a file that was there: without the old ones in this layer it would be a copy.
void Walk::add_unchanged_names(const TreeEntry& found, const std::string& path) {
  const auto names = unchanged_.find({found.status.st_dev, found.status.st_ino});
  if (names == unchanged_.end()) return;
  TarEntry link = found.entry;
  link.kind = Kind::kHardLink;
  link.link_target = path;
  link.size = 0;
  link.xattrs.clear();
  for (const std::string& name : names->second) {
    link.name = name;
    layer_.add(link);
  }
  unchanged_.erase(names);
}

bool Walk::is_whiteout(int directory, const std::string& name) const {
  struct stat status = {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (S_ISCHR(status.st_mode)) return status.st_rdev == 0;
  return S_ISREG(status.st_mode) && status.st_size == 0 &&
         overlay_mark(directory, name, "whiteout").has_value();
}

void Walk::add_whiteouts(int directory, const std::string& path,
                         const std::vector<std::string>& names, const FileNode* before) {
  if (source_ == Source::kUpper)
    for (const std::string& name : names)
      if (is_whiteout(directory, name)) layer_.add_whiteout(join_path(path, name));
  if (before == nullptr) return;
  for (const auto& [name, node] : before->children)
    if (!std::binary_search(names.begin(), names.end(), name) &&
        (options_.devices || !is_device(node->entry)))
      layer_.add_whiteout(join_path(path, name));
}

void Walk::check_overlay_marks(int directory, const std::string& name,
                               const TarEntry& entry) const {
  if (entry.kind == Kind::kDirectory && overlay_mark(directory, name, "redirect"))
    throw Error("the directory was renamed by overlayfs (redirect): mount with redirect_dir=off");
  if (entry.kind == Kind::kFile && overlay_mark(directory, name, "metacopy"))
    throw Error("only the file's metadata was copied up (metacopy): mount with metacopy=off");
}

void Walk::set_owner(TarEntry& entry, const FileNode* before) const {
  if (!options_.squashed) return;
  entry.uid = before != nullptr ? before->entry.uid : 0;
  entry.gid = before != nullptr ? before->entry.gid : 0;
}

bool Walk::is_changed(int directory, const std::string& name, TreeEntry& found,
                      const FileNode* before) {
  if (before == nullptr) return true;
  TarEntry known = before->entry;
  if (before->implied) known.mtime = found.entry.mtime;
  if (!same_attributes(known, found.entry)) return true;
  if (found.entry.kind != Kind::kFile) return false;
  return digest_of_file(UniqueFd(open_regular(directory, name)).get()) != before->content;
}

void Walk::visit(int directory, const std::string& name, const std::string& path,
                 const FileNode* before, int depth) {
  std::optional<TreeEntry> found = read_tree_entry(directory, name);
  if (!found) return;
  if (options_.layer && marker_of(path) != Marker::kNone)
    throw Error("a name that begins with \".wh.\" means something else in a layer");
  if (source_ == Source::kUpper) check_overlay_marks(directory, name, found->entry);
  set_owner(found->entry, before);
  const bool is_directory = found->entry.kind == Kind::kDirectory;
  const bool elsewhere = found->status.st_dev != device_ && is_directory;
  const FileId id{found->status.st_dev, found->status.st_ino};
  if (linked_.contains(id) || is_changed(directory, name, *found, before)) {
    add(directory, name, *found, path);
    add_unchanged_names(*found, path);
  } else if (found->status.st_nlink > 1 && !is_directory) {
    unchanged_[id].push_back(path);
  }
  if (!is_directory || elsewhere) return;
  if (before != nullptr && before->entry.kind != Kind::kDirectory) before = nullptr;
  if (source_ == Source::kUpper && overlay_mark(directory, name, "opaque") == "y")
    layer_.add_opaque(path);
  content(UniqueFd(open_subdirectory(directory, name)).get(), path, before, depth + 1);
}

void Walk::content(int directory, const std::string& path, const FileNode* before, int depth) {
  if (depth > kDeepest) throw Error("the directory lies too deep");
  const std::vector<std::string> names = sorted_names(directory);
  add_whiteouts(directory, path, names, before);
  for (const std::string& name : names) {
    if (source_ == Source::kUpper && is_whiteout(directory, name)) continue;
    const std::string below = join_path(path, name);
    const FileNode* known = nullptr;
    if (before != nullptr)
      if (const auto child = before->children.find(name); child != before->children.end())
        known = child->second.get();
    try {
      visit(directory, name, below, known, depth);
    } catch (Error& error) {
      if (std::string_view(error.what()).starts_with('/')) throw;
      error.add_context('/', printable(below));
      throw;
    }
  }
}

void Walk::root(const RootedDir& root, const FileNode* before) {
  const UniqueFd directory = root.open("/", O_RDONLY | O_DIRECTORY);
  struct stat status = {};
  check(::fstat(directory.get(), &status), "stat the root");
  device_ = status.st_dev;
  content(directory.get(), "", before, 0);
}

/// Where the source before was: most have their directory in common.
struct SourceParent {
  std::string directory{};
  RootedDir::Parent opened{};

  const RootedDir::Parent& open(const RootedDir& root, const std::string& path) {
    const auto [above, base] = split_path(path);
    const bool is_name = !base.empty() && base != "." && base != "..";
    if (is_name && opened.directory && directory == above) {
      opened.name = base;
      return opened;
    }
    opened = root.open_parent(path);
    directory = above;
    return opened;
  }
};

void add_chosen(Walk& walk, LayerWriter& layer, const RootedDir& root, const ChosenFile& file,
                SourceParent& sources) {
  TreeEntry found;
  const RootedDir::Parent* parent = nullptr;
  if (file.source.empty()) {
    found.entry.kind = Kind::kDirectory;
    found.entry.mode = 0755;
  } else if (clean_path(file.source).empty()) {
    found = read_tree_root(root.open("/", O_RDONLY | O_DIRECTORY).get());
  } else {
    parent = &sources.open(root, file.source);
    const std::optional<TreeEntry> there = read_tree_entry(parent->directory.get(), parent->name);
    if (!there) throw NotFound("there is nothing of that name that an image can hold");
    found = *there;
  }
  found.entry.uid = file.uid.value_or(found.entry.uid);
  found.entry.gid = file.gid.value_or(found.entry.gid);
  if (file.mode && found.entry.kind != Kind::kSymlink) found.entry.mode = *file.mode & 07777;
  found.entry.mtime = file.mtime.value_or(found.entry.mtime);
  if (parent != nullptr) return walk.add(parent->directory.get(), parent->name, found, file.path);
  found.entry.name = file.path;
  layer.add(found.entry);
}
}  // namespace

void add_tree(LayerWriter& layer, const RootedDir& root, TreeLayerOptions options) {
  Walk(layer, options, Walk::Source::kTree).root(root, nullptr);
}

void add_overlay_upper(LayerWriter& layer, const RootedDir& upper, TreeLayerOptions options) {
  Walk(layer, options, Walk::Source::kUpper).root(upper, nullptr);
}

void add_changes(LayerWriter& layer, const FileTree& before, const RootedDir& after,
                 TreeLayerOptions options) {
  Walk(layer, options, Walk::Source::kTree).root(after, &before.root());
}

void add_files(LayerWriter& layer, const RootedDir& root, std::span<const ChosenFile> files) {
  Walk walk(layer, {}, Walk::Source::kTree);
  SourceParent sources;
  for (const ChosenFile& file : files) {
    try {
      add_chosen(walk, layer, root, file, sources);
    } catch (Error& error) {
      error.add_context('/', printable(clean_path(file.source)));
      throw;
    }
  }
}
