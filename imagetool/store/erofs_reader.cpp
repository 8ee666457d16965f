// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/erofs_reader.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "bundle-spec/error.hpp"
#include "imagetool/store/erofs_format.hpp"

bool ErofsReader::Inode::is_whiteout() const {
  return S_ISCHR(mode) && device_major == 0 && device_minor == 0;
}

ErofsReader::ErofsReader(UniqueFd file, std::string name)
    : file_(std::move(file)), name_(std::move(name)) {
  struct stat status = {};
  check(::fstat(file_.get(), &status), "stat ", name_);
  bytes_ = static_cast<std::uint64_t>(status.st_size);
  erofs::Superblock super;
  read_exactly(erofs::kSuperOffset, &super, sizeof super);
  const bool ours = super.magic == erofs::kMagic && super.block_bits == erofs::kBlockBits &&
                    super.feature_incompat == 0 && super.meta_block == 0 &&
                    super.blocks * erofs::kBlock == bytes_;
  if (!ours) throw Error(sentence(name_, " is damaged: it is no image of a layer"));
  label_.assign(super.volume_name.data(),
                ::strnlen(super.volume_name.data(), super.volume_name.size()));
  build_time_ = super.build_time;
  build_time_nsec_ = super.build_time_nsec;
  root_ = inode(super.root_nid);
  if (!S_ISDIR(root_.mode)) throw Error(sentence(name_, " is damaged: its root is no directory"));
}

void ErofsReader::read_exactly(std::uint64_t at, void* out, std::size_t size) const {
  auto* bytes = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t count = ::pread(file_.get(), bytes, size, static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error(sentence("read ", name_), errno);
    if (count == 0) throw Error(sentence(name_, " is damaged: it is cut off"));
    bytes += count;
    at += static_cast<std::uint64_t>(count);
    size -= static_cast<std::size_t>(count);
  }
}

ErofsReader::Inode ErofsReader::inode(std::uint64_t nid) const {
  const std::uint64_t at = nid * erofs::kSlot;
  if (nid > bytes_ / erofs::kSlot)
    throw Error(sentence(name_, " is damaged: a wrong inode number"));
  erofs::CompactInode compact;
  read_exactly(at, &compact, sizeof compact);
  Inode inode{.nid = nid, .mode = compact.mode};
  std::uint64_t header = sizeof compact;
  std::uint32_t place = 0;
  if ((compact.format & 1) != 0) {
    erofs::ExtendedInode raw;
    header = sizeof raw;
    read_exactly(at, &raw, sizeof raw);
    inode.size = raw.size;
    inode.uid = raw.uid;
    inode.gid = raw.gid;
    inode.links = raw.links;
    inode.mtime = {static_cast<time_t>(raw.mtime), static_cast<long>(raw.mtime_nsec)};
    place = raw.block_or_device;
  } else {
    inode.size = compact.size;
    inode.uid = compact.uid;
    inode.gid = compact.gid;
    inode.links = compact.links;
    inode.mtime = {static_cast<time_t>(build_time_), static_cast<long>(build_time_nsec_)};
    place = compact.block_or_device;
  }
  if (S_ISCHR(inode.mode) || S_ISBLK(inode.mode)) {  // new_decode_dev() of the kernel
    inode.device_major = (place & 0xfff00) >> 8;
    inode.device_minor = (place & 0xff) | ((place >> 12) & 0xfff00);
  }
  const auto layout = static_cast<erofs::Layout>((compact.format >> 1) & 7);
  if (layout != erofs::Layout::kPlain && layout != erofs::Layout::kInline)
    throw Error(sentence(name_, " is damaged: an inode is of an unknown form"));
  inode.xattr_bytes = erofs::xattr_bytes(compact.xattr_count);
  inode.xattrs_at = at + header;
  inode.tail_at = inode.xattrs_at + inode.xattr_bytes;
  inode.plain_at = place * erofs::kBlock;
  inode.plain_bytes =
      layout == erofs::Layout::kPlain ? inode.size : inode.size / erofs::kBlock * erofs::kBlock;
  return inode;
}

std::size_t ErofsReader::read(const Inode& inode, std::uint64_t offset,
                              std::span<std::byte> out) const {
  if (offset >= inode.size) return 0;
  std::size_t count = std::min<std::uint64_t>(out.size(), inode.size - offset);
  if (offset < inode.plain_bytes) {
    count = std::min<std::uint64_t>(count, inode.plain_bytes - offset);
    read_exactly(inode.plain_at + offset, out.data(), count);
  } else {
    read_exactly(inode.tail_at + (offset - inode.plain_bytes), out.data(), count);
  }
  return count;
}

std::string ErofsReader::content(const Inode& inode, std::uint64_t limit) const {
  if (inode.size > limit) throw Error(sentence("something in ", name_, " is larger than ", limit));
  std::string text(inode.size, '\0');
  for (std::uint64_t done = 0; done < text.size();)
    done += read(inode, done, std::as_writable_bytes(std::span(text)).subspan(done));
  return text;
}

/// Visits until `visit` says false; returns what it said last.
bool ErofsReader::each_in_block(
    const Inode& directory, std::uint64_t block,
    const std::function<bool(std::string_view, std::uint64_t)>& visit) const {
  std::array<std::byte, erofs::kBlock> bytes;
  const std::size_t size = read(directory, block * erofs::kBlock, bytes);
  const auto entry_at = [&](std::size_t index) {
    erofs::DirectoryEntry entry;
    std::memcpy(&entry, bytes.data() + index * sizeof entry, sizeof entry);
    return entry;
  };
  const auto damaged = [&] { return Error(sentence(name_, " is damaged: a broken directory")); };
  if (size < sizeof(erofs::DirectoryEntry)) throw damaged();
  const std::size_t count = entry_at(0).name_offset / sizeof(erofs::DirectoryEntry);
  if (count == 0 || count * sizeof(erofs::DirectoryEntry) > size) throw damaged();
  for (std::size_t index = 0; index < count; ++index) {
    const erofs::DirectoryEntry entry = entry_at(index);
    const std::size_t end = index + 1 < count ? entry_at(index + 1).name_offset : size;
    if (entry.name_offset > end || end > size) throw damaged();
    const char* const text = reinterpret_cast<const char*>(bytes.data()) + entry.name_offset;
    if (!visit({text, ::strnlen(text, end - entry.name_offset)}, entry.nid)) return false;
  }
  return true;
}

std::optional<ErofsReader::Inode> ErofsReader::find(const Inode& directory,
                                                    std::string_view name) const {
  std::uint64_t low = 0;
  std::uint64_t high = (directory.size + erofs::kBlock - 1) / erofs::kBlock;
  std::optional<std::uint64_t> nid;
  while (low < high && !nid) {
    const std::uint64_t middle = low + (high - low) / 2;
    bool is_first = true;
    bool before = false;
    each_in_block(directory, middle, [&](std::string_view one, std::uint64_t its_nid) {
      before = is_first && name < one;
      is_first = false;
      if (one == name) nid = its_nid;
      return !before && one < name;
    });
    if (before)
      high = middle;
    else
      low = middle + 1;
  }
  if (!nid) return std::nullopt;
  return inode(*nid);
}

void ErofsReader::each(
    const Inode& directory,
    const std::function<void(std::string_view name, const Inode& inode)>& visit) const {
  for (std::uint64_t block = 0; block * erofs::kBlock < directory.size; ++block)
    each_in_block(directory, block, [&](std::string_view name, std::uint64_t nid) {
      if (name != "." && name != "..") visit(name, inode(nid));
      return true;
    });
}

InodeAttributes ErofsReader::attributes(const Inode& inode) const {
  InodeAttributes attributes{.mode = inode.mode,
                             .uid = inode.uid,
                             .gid = inode.gid,
                             .mtime = inode.mtime,
                             .device_major = inode.device_major,
                             .device_minor = inode.device_minor,
                             .xattrs = {}};
  if (inode.xattr_bytes == 0) return attributes;
  std::string raw(inode.xattr_bytes, '\0');
  read_exactly(inode.xattrs_at, raw.data(), raw.size());
  std::string_view rest = std::string_view(raw).substr(sizeof(erofs::XattrHeader));
  while (rest.size() >= sizeof(erofs::XattrEntry)) {
    erofs::XattrEntry entry;
    std::memcpy(&entry, rest.data(), sizeof entry);
    const auto prefix =
        std::ranges::find(erofs::kXattrPrefixes, entry.prefix, &erofs::XattrPrefix::index);
    const std::size_t size = sizeof entry + entry.name_length + entry.value_size;
    if (prefix == erofs::kXattrPrefixes.end() || size > rest.size())
      throw Error(sentence(name_, " is damaged: broken xattrs"));
    attributes.xattrs.emplace_back(
        std::string(prefix->text) + std::string(rest.substr(sizeof entry, entry.name_length)),
        std::string(rest.substr(sizeof entry + entry.name_length, entry.value_size)));
    rest.remove_prefix(std::min(rest.size(), (size + 3) / 4 * 4));
  }
  return attributes;
}

bool ErofsReader::is_opaque(const Inode& directory) const {
  if (directory.xattr_bytes == 0) return false;
  for (const auto& [name, value] : attributes(directory).xattrs)
    if (name == "trusted.overlay.opaque" && value == "y") return true;
  return false;
}
