// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/layer_image.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/entry_path.hpp"
#include "imagetool/layer/overlay_names.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/store/layer_paths.hpp"

namespace {
using Kind = TarEntry::Kind;
using Index = LayerNodes::Index;

mode_t type_of(Kind kind) {
  switch (kind) {
    case Kind::kDirectory:
      return S_IFDIR;
    case Kind::kSymlink:
      return S_IFLNK;
    case Kind::kCharDevice:
      return S_IFCHR;
    case Kind::kBlockDevice:
      return S_IFBLK;
    case Kind::kFifo:
      return S_IFIFO;
    default:
      return S_IFREG;
  }
}
}  // namespace

struct LayerImage::State {
  State(int file, LayerOptions wanted, Below layers_below)
      : options(wanted), writer(file), paths(nodes, std::move(layers_below)) {}

  /// Where the current entry goes.
  struct Place {
    Index parent = LayerNodes::kRoot;
    std::string_view base;
  };

  void add_entry(const TarEntry& entry, TarReader& reader);
  bool add_marker(const std::string& path);
  void add_directory(const TarEntry& entry, const Place& place);
  void add_file(const TarEntry& entry, const Place& place, TarReader& reader);
  void add_hard_link(const TarEntry& entry, const Place& place);
  void add_other(const TarEntry& entry, const Place& place);
  void put(const Place& place, mode_t type, ErofsWriter::Nid nid);
  Index copy_from_below(const std::string& directory, Index parent, std::string_view base,
                        const TarEntry& link);
  InodeAttributes attributes_of(const TarEntry& entry);
  void hide_below(const Place& place);
  Result finish();
  void hide_all_below();
  bool hides_anything(Index whiteout);
  std::vector<ErofsWriter::Directory> collect();

  LayerOptions options;
  LayerCounts counts;
  ErofsWriter writer;
  LayerNodes nodes;
  LayerPaths paths;
  bool has_root = false;
};

// --- one function per kind of entry

InodeAttributes LayerImage::State::attributes_of(const TarEntry& entry) {
  const bool is_link = entry.kind == Kind::kSymlink;
  const mode_t mode = is_link ? 0777 : entry.mode;  // symlink(7), whatever the archive says
  InodeAttributes attributes{.mode = type_of(entry.kind) | mode,
                             .uid = entry.uid,
                             .gid = entry.gid,
                             .mtime = entry.mtime,
                             .device_major = entry.device_major,
                             .device_minor = entry.device_minor,
                             .xattrs = {}};
  const bool takes_user_xattrs = entry.kind == Kind::kFile || entry.kind == Kind::kDirectory;
  for (const auto& [name, value] : entry.xattrs) {
    if (name.find('\0') != std::string::npos) throw Error("an xattr's name has a NUL byte in it");
    const bool is_user = name.starts_with("user.");  // xattr(7): files and directories only
    if (is_host_xattr(name) || !erofs_can_hold(name) || (is_user && !takes_user_xattrs))
      counts.skip(sentence("xattr ", printable(name)));
    else
      attributes.xattrs.emplace_back(name, value);
  }
  return attributes;
}

// The later one wins.
void LayerImage::State::put(const Place& place, mode_t type, ErofsWriter::Nid nid) {
  const Index there = nodes.find(place.parent, place.base);
  if (there != LayerNodes::kNone) {
    paths.forget();
    nodes.remove(there);
  }
  nodes.keep(nodes.add(place.parent, place.base, type, nid));
}

// What stands there, in this layer or below, is gone.
void LayerImage::State::hide_below(const Place& place) {
  const Index there = nodes.find(place.parent, place.base);
  if (there != LayerNodes::kNone) {
    paths.forget();
    nodes.remove(there);
  }
  nodes[nodes.add(place.parent, place.base, S_IFCHR, 0)].whiteout = true;
}

void LayerImage::State::add_file(const TarEntry& entry, const Place& place, TarReader& reader) {
  counts.file_bytes += entry.size;
  if (counts.file_bytes > options.file_bytes)
    throw Error(
        sentence("the layer's files are larger than the ", options.file_bytes, " bytes allowed"));
  writer.begin_file(attributes_of(entry), entry.size);
  for (;;) {
    const TarReader::Piece piece = reader.next_piece();
    if (piece.bytes.empty()) break;
    writer.write(piece.offset, piece.bytes);
  }
  put(place, S_IFREG, writer.end_file());
}

// A directory over a directory keeps what is in it; over anything else of this layer, it hides what
// that did.
void LayerImage::State::add_directory(const TarEntry& entry, const Place& place) {
  const Index there = nodes.find(place.parent, place.base);
  if (there != LayerNodes::kNone && nodes.is_directory(there)) {
    nodes.attributes(there) = attributes_of(entry);
    return nodes.keep(there);
  }
  if (there != LayerNodes::kNone) {
    paths.forget();
    nodes.remove(there);
  }
  const Index made = nodes.add_directory(place.parent, place.base, attributes_of(entry));
  nodes[made].opaque = there != LayerNodes::kNone;
  nodes[made].fresh = paths.is_hidden(place.parent);
  nodes.keep(made);
}

void LayerImage::State::add_other(const TarEntry& entry, const Place& place) {
  const bool is_device = entry.kind == Kind::kCharDevice || entry.kind == Kind::kBlockDevice;
  const bool is_whiteout =
      entry.kind == Kind::kCharDevice && entry.device_major == 0 && entry.device_minor == 0;
  if (is_whiteout || (is_device && !options.devices)) {
    hide_below(place);
    return counts.skip("device node");
  }
  if (entry.kind == Kind::kSymlink && entry.link_target.empty())
    throw Error("the symlink has no target");
  const bool is_link = entry.kind == Kind::kSymlink;
  put(place, type_of(entry.kind),
      writer.add_node(attributes_of(entry), is_link ? entry.link_target : std::string()));
  if (is_link) paths.note_symlink(nodes.find(place.parent, place.base), entry.link_target);
}

// Both names become this layer's: they stay one file.
Index LayerImage::State::copy_from_below(const std::string& directory, Index parent,
                                         std::string_view base, const TarEntry& link) {
  const std::string path = directory.empty() ? std::string(base) : sentence(directory, '/', base);
  const std::optional<LowerLayers::Found> found = paths.find_below(parent, base);
  if (!found)
    throw Error(sentence("its hard link target ", printable(link.link_target), " does not exist"));
  if (S_ISDIR(found->inode.mode))
    throw Error(sentence("its hard link target ", printable(link.link_target), " is a directory"));
  const std::uint64_t size =
      S_ISREG(found->inode.mode) || S_ISLNK(found->inode.mode) ? found->inode.size : 0;
  writer.begin_file(found->attributes(), size);
  std::vector<std::byte> buffer(std::min<std::uint64_t>(size, 256 << 10));
  for (std::uint64_t done = 0; done < size;) {
    const std::size_t count = found->layer->read(found->inode, done, buffer);
    writer.write(done, std::span(buffer).first(count));
    done += count;
  }
  const Index copy = nodes.add(parent, base, found->inode.mode, writer.end_file());
  if (S_ISLNK(found->inode.mode)) paths.note_symlink(copy, found->layer->content(found->inode));
  return copy;
}

// The target is resolved inside the root, its last part is not followed; owner, mode and time are
// the target's.
void LayerImage::State::add_hard_link(const TarEntry& entry, const Place& place) {
  const std::string path = clean_path(entry.link_target);
  const SplitPath split = split_path(path);
  const std::optional<Index> from =
      path.empty() ? std::nullopt : paths.find(std::string(split.directory));
  if (!from)
    throw Error(sentence("its hard link target ", printable(entry.link_target), " does not exist"));
  Index target = nodes.find(*from, split.base);
  if (target == LayerNodes::kNone)
    target = copy_from_below(std::string(split.directory), *from, split.base, entry);
  if (nodes[target].whiteout)
    throw Error(sentence("its hard link target ", printable(entry.link_target), " does not exist"));
  if (nodes.is_directory(target))
    throw Error(sentence("its hard link target ", printable(entry.link_target), " is a directory"));
  if (*from == place.parent && split.base == place.base) return nodes.keep(target);
  const Index there = nodes.find(place.parent, place.base);
  for (Index up = *from; up != LayerNodes::kRoot; up = nodes[up].parent)
    if (up == there)
      throw Error(sentence("its hard link target ", printable(entry.link_target),
                           " lies in the directory that it replaces"));
  nodes[target].linked = true;
  const mode_t type = nodes[target].type;
  put(place, type, nodes[target].value);
  const Index made = nodes.find(place.parent, place.base);
  nodes[made].linked = true;
  if (S_ISLNK(type)) paths.note_symlink(made, paths.symlink_target(target));
}

// --- the layer

// True for what is no entry of its own.
bool LayerImage::State::add_marker(const std::string& path) {
  const Marker marker = marker_of(path);
  if (marker == Marker::kNone) return false;
  if (marker == Marker::kAufs) return true;
  const SplitPath split = split_path(path);
  const std::optional<Index> directory = paths.find(std::string(split.directory));
  if (!directory) return true;
  if (marker == Marker::kOpaque) {
    nodes[*directory].opaque = true;
    return true;
  }
  const Place place{*directory, whiteout_target(split.base)};
  const Index there = nodes.find(place.parent, place.base);
  if (there == LayerNodes::kNone || !nodes[there].kept)
    hide_below(place);
  else if (nodes.is_directory(there))
    nodes[there].opaque = true;
  return true;
}

void LayerImage::State::add_entry(const TarEntry& entry, TarReader& reader) {
  const std::string path = clean_path(entry.name);
  count_entry(entry, path, options, counts);
  if (path.empty()) {
    if (entry.kind != Kind::kDirectory)
      throw Error("the entry for the root is not a directory");  // CVE-2021-29136
    has_root = true;
    nodes.attributes(LayerNodes::kRoot) = attributes_of(entry);
    return;
  }
  if (add_marker(path)) return;
  const SplitPath split = split_path(path);
  const Place place{paths.open(std::string(split.directory)), split.base};
  switch (entry.kind) {
    case Kind::kFile:
      return add_file(entry, place, reader);
    case Kind::kHardLink:
      return add_hard_link(entry, place);
    case Kind::kDirectory:
      return add_directory(entry, place);
    default:
      return add_other(entry, place);
  }
}

// A whiteout where the layers below have no such directory would show up in the merged one.
bool LayerImage::State::hides_anything(Index whiteout) {
  const Index parent = nodes[whiteout].parent;
  if (paths.is_hidden(parent)) return false;
  return paths.is_directory_below(parent);
}

// Directories below the root in reach, each with its entries. Lower layers show through none of
// them that is opaque, nor through what lies below.
std::vector<ErofsWriter::Directory> LayerImage::State::collect() {
  const LayerNodes::Children children = nodes.children();
  std::vector<ErofsWriter::Directory> directories(1);
  std::vector<Index> queue{LayerNodes::kRoot};
  std::optional<ErofsWriter::Nid> whiteout;
  std::unordered_map<ErofsWriter::Nid, std::uint32_t> links;
  for (std::size_t index = 0; index < queue.size(); ++index) {
    const Index directory = queue[index];
    InodeAttributes& attributes = nodes.attributes(directory);
    directories[index].attributes = &attributes;
    if (nodes[directory].opaque) attributes.xattrs.emplace_back(kOpaqueXattr, "y");
    for (Index child = children.first[directory]; child != LayerNodes::kNone;
         child = children.next[child]) {
      LayerNodes::Node& node = nodes[child];
      if (!node.whiteout && paths.is_gone(child)) continue;
      if (node.whiteout) {
        if (!hides_anything(child)) continue;
        if (!whiteout) whiteout = writer.add_node({.mode = S_IFCHR, .xattrs = {}}, {});
        node.value = *whiteout;
      }
      ErofsWriter::Entry entry{nodes.name(child), node.type, node.value, 0};
      if (node.linked || node.whiteout) ++links[node.value];
      if (S_ISDIR(node.type)) {
        node.fresh = node.fresh || paths.is_hidden(directory);
        entry.directory = queue.size();
        queue.push_back(child);
        directories.push_back({.attributes = nullptr, .parent = index, .entries = {}});
      }
      directories[index].entries.push_back(entry);
    }
  }
  for (const auto& [nid, count] : links)
    if (count > 1) writer.set_links(nid, count);
  return directories;
}

// overlayfs merges the roots of its layers whatever their xattrs say: an opaque root is one
// whiteout for each name below.
void LayerImage::State::hide_all_below() {
  for (const std::string& name : paths.names_below_root()) {
    Index there = nodes.find(LayerNodes::kRoot, name);
    if (there != LayerNodes::kNone && nodes[there].kept && nodes.is_directory(there)) {
      nodes[there].opaque = true;
    } else if (there == LayerNodes::kNone || !nodes[there].kept) {
      hide_below({LayerNodes::kRoot, name});
    }
  }
  nodes[LayerNodes::kRoot].opaque = false;
}

LayerImage::Result LayerImage::State::finish() {
  if (nodes[LayerNodes::kRoot].opaque) hide_all_below();
  std::vector<ErofsWriter::Directory> directories = collect();
  writer.finish(directories, has_root ? kWithRoot : kWithoutRoot);
  return {std::move(counts), paths.has_asked()};
}

LayerImage::LayerImage(int file, LayerOptions options, Below below)
    : state_(std::make_unique<State>(file, options, std::move(below))) {}
LayerImage::LayerImage(LayerImage&&) noexcept = default;
LayerImage::~LayerImage() = default;

LayerImage::Result LayerImage::write(TarReader& reader) {
  TarEntry entry;
  while (reader.next(entry)) {
    try {
      if (!state_->options.set_id) drop_set_id(entry, state_->counts);
      state_->add_entry(entry, reader);
    } catch (Error& error) {
      error.add_context("layer entry ", printable(entry.name));
      throw;
    }
  }
  return state_->finish();
}
