// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/layer_applier.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/entry_attributes.hpp"
#include "imagetool/layer/entry_path.hpp"
#include "imagetool/layer/layer_tree.hpp"
#include "imagetool/oci/printable.hpp"

namespace {
using Kind = TarEntry::Kind;

void write_at(int fd, TarReader::Piece piece) {
  while (!piece.bytes.empty()) {
    const ssize_t count =
        ::pwrite(fd, piece.bytes.data(), piece.bytes.size(), static_cast<off_t>(piece.offset));
    if (count < 0 && errno == EINTR) continue;
    const auto written = static_cast<std::size_t>(check(count, "write"));
    piece.bytes = piece.bytes.subspan(written);
    piece.offset += written;
  }
}
}  // namespace

struct LayerApplier::State {
  State(const RootedDir& in_root, LayerOptions wanted)
      : root(in_root),
        options(wanted),
        attributes(counts),
        tree(in_root, attributes.privileged()) {}

  /// Where the current entry goes.
  struct Place {
    std::string directory, base;
    DirectoryRef parent;
  };

  void apply_entry(const TarEntry& entry, TarReader& reader);
  bool apply_marker(const std::string& path);
  void apply_root(const TarEntry& entry);
  void make_file(const TarEntry& entry, const Place& place, TarReader& reader);
  void make_hard_link(const TarEntry& entry, const Place& place);
  void make_symlink(const TarEntry& entry, const Place& place);
  void make_node(const TarEntry& entry, const Place& place);
  void make_directory(const TarEntry& entry, const Place& place);
  template <typename Make>
  int make_in_place_of_any(const Place& place, const char* words, const Make& make);
  void count_bytes(std::uint64_t size);

  const RootedDir& root;
  LayerOptions options;
  LayerCounts counts;
  EntryAttributes attributes;
  LayerTree tree;
};

// --- one function per kind of entry
// ----------------------------------------------------------------------------------

/// Calls `make`, which creates something with O_EXCL or the like; what stands there is removed
/// first if need be.
template <typename Make>
int LayerApplier::State::make_in_place_of_any(const Place& place, const char* words,
                                              const Make& make) {
  int result = make();
  if (result < 0 && errno == EEXIST) {
    tree.make_room(*place.parent, place.base);
    result = make();
  }
  return check(result, words);
}

void LayerApplier::State::make_file(const TarEntry& entry, const Place& place, TarReader& reader) {
  count_bytes(entry.size);
  const UniqueFd file(make_in_place_of_any(place, "create the file", [&] {
    return ::openat(place.parent->fd.get(), place.base.c_str(),
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    EntryAttributes::creation_mode(entry));
  }));
  tree.note_written(*place.parent, place.base);
  if (entry.sparse) check(::ftruncate(file.get(), static_cast<off_t>(entry.size)), "set the size");
  for (;;) {
    const TarReader::Piece piece = reader.next_piece();
    if (piece.bytes.empty()) break;
    write_at(file.get(), piece);
  }
  attributes.set_on_new_file(file.get(), entry, *place.parent);
}

// The target is resolved inside the root (builders do write absolute ones), its last component is
// not followed, and linkat without AT_SYMLINK_FOLLOW links a symlink itself. Owner, mode and time
// are the target's.
void LayerApplier::State::make_hard_link(const TarEntry& entry, const Place& place) {
  const std::string path = clean_path(entry.link_target);
  const SplitPath split = split_path(path);
  const std::string base(split.base);
  const DirectoryRef from = path.empty() ? nullptr : tree.find(std::string(split.directory));
  struct stat status = {};
  if (!from || ::fstatat(from->fd.get(), base.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    throw Error(sentence("its hard link target ", printable(entry.link_target), " does not exist"));
  if (S_ISDIR(status.st_mode))
    throw Error(sentence("its hard link target ", printable(entry.link_target), " is a directory"));
  const bool to_itself = from->id == place.parent->id && base == place.base;
  if (!to_itself)
    make_in_place_of_any(place, "make the hard link", [&] {
      return ::linkat(from->fd.get(), base.c_str(), place.parent->fd.get(), place.base.c_str(), 0);
    });
  tree.note_written(*place.parent, place.base);
}

void LayerApplier::State::make_symlink(const TarEntry& entry, const Place& place) {
  if (entry.link_target.empty()) throw Error("the symlink has no target");
  make_in_place_of_any(place, "make the symlink", [&] {
    return ::symlinkat(entry.link_target.c_str(), place.parent->fd.get(), place.base.c_str());
  });
  tree.note_written(*place.parent, place.base);
  attributes.set_on_new_node(*place.parent, place.base, entry);
}

void LayerApplier::State::make_node(const TarEntry& entry, const Place& place) {
  const bool is_device = entry.kind != Kind::kFifo;
  const mode_t type = entry.kind == Kind::kFifo         ? S_IFIFO
                      : entry.kind == Kind::kCharDevice ? S_IFCHR
                                                        : S_IFBLK;
  const dev_t number = ::makedev(entry.device_major, entry.device_minor);
  // Character device 0:0 is overlayfs's whiteout: an image cannot bring one where the root becomes
  // a lower layer.
  const bool is_whiteout = entry.kind == Kind::kCharDevice && number == 0;
  const bool wanted = !is_device || (options.devices && attributes.privileged() && !is_whiteout);
  if (wanted && ::mknodat(place.parent->fd.get(), place.base.c_str(), type | (entry.mode & 0777),
                          number) != 0) {
    if (errno == EEXIST) {
      tree.make_room(*place.parent, place.base);
      return make_node(entry, place);
    }
    if (!is_device || errno != EPERM) check(-1, "make the device or fifo");
    return attributes.count_skipped(
        "device node");  // mknod(2): user namespaces may not make devices
  }
  if (!wanted) {
    tree.make_room(*place.parent, place.base);
    return attributes.count_skipped("device node");
  }
  tree.note_written(*place.parent, place.base);
  attributes.set_on_new_node(*place.parent, place.base, entry);
}

// A directory over a directory keeps what is in it; over anything else, a symlink to a directory
// included, it replaces.
void LayerApplier::State::make_directory(const TarEntry& entry, const Place& place) {
  const int parent = place.parent->fd.get();
  const char* const name = place.base.c_str();
  if (::mkdirat(parent, name, EntryAttributes::creation_mode(entry)) != 0) {
    if (errno != EEXIST) check(-1, "make the directory");
    struct stat status = {};
    check(::fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW), "stat what stood there");
    if (!S_ISDIR(status.st_mode)) {
      tree.make_room(*place.parent, place.base);
      check(::mkdirat(parent, name, EntryAttributes::creation_mode(entry)), "make the directory");
    }
  }
  tree.note_written(*place.parent, place.base);
  const std::string path =
      place.directory.empty() ? place.base : sentence(place.directory, '/', place.base);
  attributes.set_on_directory(*tree.open(path), entry);
}

void LayerApplier::State::apply_root(const TarEntry& entry) {
  if (entry.kind != Kind::kDirectory)
    throw Error("the entry for the root is not a directory");  // CVE-2021-29136
  attributes.set_on_directory(*tree.open(""), entry);
}

// --- the layer
// -------------------------------------------------------------------------------------------------------

void LayerApplier::State::count_bytes(std::uint64_t size) {
  counts.file_bytes += size;
  if (counts.file_bytes > options.file_bytes)
    throw Error(
        sentence("the layer's files are larger than the ", options.file_bytes, " bytes allowed"));
}

// True for what is no entry of its own. A whiteout whose directory is missing hides nothing, and
// makes no directory.
bool LayerApplier::State::apply_marker(const std::string& path) {
  if (!options.whiteouts) return false;
  const Marker marker = marker_of(path);
  if (marker == Marker::kNone) return false;
  if (marker == Marker::kAufs) return true;
  const SplitPath split = split_path(path);
  const DirectoryRef directory = tree.find(std::string(split.directory));
  if (!directory) return true;
  if (marker == Marker::kOpaque)
    tree.hide_content(*directory);
  else
    tree.hide(*directory, std::string(whiteout_target(split.base)));
  return true;
}

void LayerApplier::State::apply_entry(const TarEntry& entry, TarReader& reader) {
  const std::string path = clean_path(entry.name);
  count_entry(entry, path, options, counts);
  if (path.empty()) return apply_root(entry);
  if (apply_marker(path)) return;
  const SplitPath split = split_path(path);
  Place place{std::string(split.directory), std::string(split.base), nullptr};
  place.parent = tree.open(place.directory);
  switch (entry.kind) {
    case Kind::kFile:
      return make_file(entry, place, reader);
    case Kind::kHardLink:
      return make_hard_link(entry, place);
    case Kind::kSymlink:
      return make_symlink(entry, place);
    case Kind::kDirectory:
      return make_directory(entry, place);
    case Kind::kCharDevice:
    case Kind::kBlockDevice:
    case Kind::kFifo:
      return make_node(entry, place);
  }
}

LayerApplier::LayerApplier(const RootedDir& root, LayerOptions options)
    : state_(std::make_unique<State>(root, options)) {}
LayerApplier::LayerApplier(LayerApplier&&) noexcept = default;
LayerApplier::~LayerApplier() = default;

void LayerApplier::apply(TarReader& reader) {
  TarEntry entry;
  while (reader.next(entry)) {
    try {
      if (!state_->options.set_id) drop_set_id(entry, state_->counts);
      state_->apply_entry(entry, reader);
    } catch (Error& error) {
      error.add_context("layer entry ", printable(entry.name));
      throw;
    }
  }
  state_->tree.settle();
}

const LayerCounts& LayerApplier::counts() const { return state_->counts; }
