// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/erofs_writer.hpp"

#include <isa-l/crc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/store/erofs_format.hpp"

namespace {

// Still in the core's own cache when the kernel copies it: 1 MiB cost a fifth of a pull's CPU.
constexpr std::size_t kGathered = std::size_t{128} << 10;
constexpr std::size_t kLargestExtent = 64;
// A larger inode with its tail leaves holes in the blocks of inodes that cost more than a block of
// its own.
constexpr std::uint64_t kLargestInline = 3328;
constexpr std::uint64_t kRootOffset = erofs::kSuperOffset + sizeof(erofs::Superblock);

constexpr std::uint64_t rounded_up(std::uint64_t number, std::uint64_t to) {
  return (number + to - 1) / to * to;
}

template <typename Structure>
std::string_view bytes_of(const Structure& structure) {
  return {reinterpret_cast<const char*>(&structure), sizeof structure};
}

const erofs::XattrPrefix* prefix_of(std::string_view name) {
  for (const erofs::XattrPrefix& prefix : erofs::kXattrPrefixes) {
    const std::string_view text = prefix.text;
    if (text.ends_with('.') ? name.starts_with(text) && name.size() > text.size() : name == text)
      return &prefix;
  }
  return nullptr;
}

std::uint64_t xattr_size(const InodeAttributes& attributes) {
  std::uint64_t size = 0;
  for (const auto& [name, value] : attributes.xattrs) {
    const std::string_view prefix = prefix_of(name)->text;
    size += rounded_up(sizeof(erofs::XattrEntry) + name.size() - prefix.size() + value.size(), 4);
  }
  return size == 0 ? 0 : sizeof(erofs::XattrHeader) + size;
}

std::string xattrs_of(const InodeAttributes& attributes) {
  if (attributes.xattrs.empty()) return {};
  std::string bytes(bytes_of(erofs::XattrHeader{}));
  for (const auto& [name, value] : attributes.xattrs) {
    const erofs::XattrPrefix* const prefix = prefix_of(name);
    const std::string_view rest = std::string_view(name).substr(std::strlen(prefix->text));
    if (rest.size() > UINT8_MAX || value.size() > UINT16_MAX)
      throw Error(sentence("the xattr ", printable(name), " is too large"));
    bytes += bytes_of(erofs::XattrEntry{.name_length = static_cast<std::uint8_t>(rest.size()),
                                        .prefix = prefix->index,
                                        .value_size = static_cast<std::uint16_t>(value.size())});
    bytes += rest;
    bytes += value;
    bytes.resize(rounded_up(bytes.size(), 4));
  }
  if ((bytes.size() - sizeof(erofs::XattrHeader)) / 4 >= UINT16_MAX)
    throw Error("an entry has too many xattrs");
  return bytes;
}

/// new_encode_dev() of the kernel.
std::uint32_t device_number(const InodeAttributes& attributes) {
  const std::uint32_t minor = attributes.device_minor;
  return (minor & 0xff) | attributes.device_major << 8 | (minor & ~0xffU) << 12;
}

std::uint8_t file_type(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return erofs::kRegular;
    case S_IFDIR:
      return erofs::kDirectory;
    case S_IFCHR:
      return erofs::kCharDevice;
    case S_IFBLK:
      return erofs::kBlockDevice;
    case S_IFIFO:
      return erofs::kFifo;
    default:
      return erofs::kSymlink;
  }
}

std::size_t entry_size(const ErofsWriter::Entry& entry) {
  return sizeof(erofs::DirectoryEntry) + entry.name.size();
}

/// How many entries from `first` on go into one block.
std::size_t entries_in_block(const std::vector<ErofsWriter::Entry>& entries, std::size_t first) {
  std::size_t used = 0;
  std::size_t index = first;
  while (index < entries.size() && used + entry_size(entries[index]) <= erofs::kBlock)
    used += entry_size(entries[index++]);
  return index - first;
}

}  // namespace

bool erofs_can_hold(std::string_view xattr_name) { return prefix_of(xattr_name) != nullptr; }

// --- inodes

bool ErofsWriter::is_extended(const Inode& inode) const {
  const InodeAttributes& one = *inode.attributes;
  return one.uid > UINT16_MAX || one.gid > UINT16_MAX || inode.size > UINT32_MAX ||
         inode.links > UINT16_MAX || one.mtime.tv_sec != build_time_->tv_sec ||
         one.mtime.tv_nsec != build_time_->tv_nsec;
}

std::uint64_t ErofsWriter::header_size(const Inode& inode) const {
  return (is_extended(inode) ? sizeof(erofs::ExtendedInode) : sizeof(erofs::CompactInode)) +
         xattr_size(*inode.attributes);
}

std::string ErofsWriter::header_of(const Inode& inode) {
  const InodeAttributes& one = *inode.attributes;
  const std::string xattrs = xattrs_of(one);
  const bool is_device = S_ISCHR(one.mode) || S_ISBLK(one.mode);
  const bool extended = is_extended(inode);
  const std::uint16_t format = erofs::inode_format(
      extended, inode.is_inline ? erofs::Layout::kInline : erofs::Layout::kPlain);
  const auto count = static_cast<std::uint16_t>(
      xattrs.empty() ? 0 : (xattrs.size() - sizeof(erofs::XattrHeader)) / 4 + 1);
  const std::uint32_t place =
      is_device ? device_number(one) : static_cast<std::uint32_t>(inode.block);
  const auto number = static_cast<std::uint32_t>(++inodes_);
  if (extended)
    return std::string(bytes_of(
               erofs::ExtendedInode{.format = format,
                                    .xattr_count = count,
                                    .mode = static_cast<std::uint16_t>(one.mode),
                                    .size = inode.size,
                                    .block_or_device = place,
                                    .number = number,
                                    .uid = one.uid,
                                    .gid = one.gid,
                                    .mtime = static_cast<std::uint64_t>(one.mtime.tv_sec),
                                    .mtime_nsec = static_cast<std::uint32_t>(one.mtime.tv_nsec),
                                    .links = inode.links})) +
           xattrs;
  return std::string(bytes_of(erofs::CompactInode{.format = format,
                                                  .xattr_count = count,
                                                  .mode = static_cast<std::uint16_t>(one.mode),
                                                  .links = static_cast<std::uint16_t>(inode.links),
                                                  .size = static_cast<std::uint32_t>(inode.size),
                                                  .block_or_device = place,
                                                  .number = number,
                                                  .uid = static_cast<std::uint16_t>(one.uid),
                                                  .gid = static_cast<std::uint16_t>(one.gid)})) +
         xattrs;
}

std::uint64_t ErofsWriter::allocate(std::uint64_t blocks) {
  if (blocks > UINT32_MAX - next_block_) throw Error("the layer is larger than 16 TiB");
  const std::uint64_t first = next_block_;
  next_block_ += blocks;
  return first;
}

void ErofsWriter::begin_extent() {
  extent_.block = allocate(extent_blocks_);
  extent_.used.assign(extent_blocks_, 0);
  extent_.bytes.assign(extent_blocks_ * erofs::kBlock, '\0');
  extent_.first_open = 0;
  extent_blocks_ = std::min(extent_blocks_ * 2, kLargestExtent);
}

void ErofsWriter::flush_extent() {
  std::size_t blocks = extent_.used.size();
  while (blocks > 0 && extent_.used[blocks - 1] == 0) --blocks;
  write_at(extent_.block * erofs::kBlock,
           std::string_view(extent_.bytes).substr(0, blocks * erofs::kBlock));
  extent_.used.clear();
}

std::optional<ErofsWriter::Nid> ErofsWriter::place_in_extent(const std::string& inode) {
  for (std::size_t block = extent_.first_open; block < extent_.used.size(); ++block) {
    std::uint16_t& used = extent_.used[block];
    if (used + inode.size() > erofs::kBlock) {
      if (block == extent_.first_open && used + 2 * erofs::kSlot > erofs::kBlock)
        ++extent_.first_open;
      continue;
    }
    const std::uint64_t offset = block * erofs::kBlock + used;
    extent_.bytes.replace(offset, inode.size(), inode);
    used = static_cast<std::uint16_t>(rounded_up(used + inode.size(), erofs::kSlot));
    return (extent_.block * erofs::kBlock + offset) / erofs::kSlot;
  }
  return std::nullopt;
}

ErofsWriter::Nid ErofsWriter::place(const std::string& inode) {
  if (inode.size() > erofs::kBlock) {  // large xattrs
    const std::uint64_t block = allocate(rounded_up(inode.size(), erofs::kBlock) / erofs::kBlock);
    write_at(block * erofs::kBlock, inode);
    return block * erofs::kBlock / erofs::kSlot;
  }
  if (const std::optional<Nid> nid = place_in_extent(inode)) return *nid;
  flush_extent();
  begin_extent();
  return *place_in_extent(inode);
}

// --- files

void ErofsWriter::begin_file(InodeAttributes attributes, std::uint64_t size) {
  attributes_ = std::move(attributes);
  if (!build_time_) build_time_ = attributes_.mtime;
  size_ = size;
  const std::uint64_t tail = size % erofs::kBlock;
  const bool is_inline =
      tail > 0 && header_size({.attributes = &attributes_, .size = size}) + tail <= kLargestInline;
  plain_bytes_ = is_inline ? size - tail : size;
  tail_.assign(is_inline ? tail : 0, '\0');
  block_ =
      plain_bytes_ == 0 ? 0 : allocate(rounded_up(plain_bytes_, erofs::kBlock) / erofs::kBlock);
}

void ErofsWriter::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (offset < plain_bytes_) {
    const std::uint64_t count = std::min<std::uint64_t>(bytes.size(), plain_bytes_ - offset);
    put(data_, block_ * erofs::kBlock + offset, bytes.first(count));
    bytes = bytes.subspan(count);
    offset += count;
  }
  if (bytes.empty()) return;
  std::memcpy(tail_.data() + (offset - plain_bytes_), bytes.data(), bytes.size());
}

ErofsWriter::Nid ErofsWriter::end_file() {
  return place(header_of({.attributes = &attributes_,
                          .size = size_,
                          .block = block_,
                          .is_inline = !tail_.empty()}) +
               tail_);
}

ErofsWriter::Nid ErofsWriter::add_node(const InodeAttributes& attributes,
                                       std::string_view content) {
  begin_file(attributes, content.size());
  write(0, std::as_bytes(std::span(content)));
  return end_file();
}

void ErofsWriter::set_links(Nid nid, std::uint32_t links) {
  if (!extent_.used.empty()) flush_extent();
  std::uint16_t format = 0;
  const auto at = static_cast<off_t>(nid * erofs::kSlot);
  if (::pread(file_, &format, sizeof format, at) != sizeof format)
    throw Error("read the image back", errno);
  const auto narrow = static_cast<std::uint16_t>(links);
  if ((format & 1) != 0)
    write_at(nid * erofs::kSlot + erofs::kExtendedLinksOffset, bytes_of(links));
  else if (links == narrow)
    write_at(nid * erofs::kSlot + erofs::kCompactLinksOffset, bytes_of(narrow));
  else
    throw Error("a file has more than 65535 hard links");
}

// --- bytes

void ErofsWriter::write_at(std::uint64_t at, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    const auto written = static_cast<std::size_t>(check(count, "write the layer's image"));
    bytes.remove_prefix(written);
    at += written;
  }
}

void ErofsWriter::put(Stream& stream, std::uint64_t at, std::span<const std::byte> bytes) {
  const std::uint64_t end = stream.start + stream.bytes.size();
  const bool joins = !stream.bytes.empty() && at >= end && at - end < erofs::kBlock &&
                     stream.bytes.size() + (at - end) + bytes.size() <= kGathered;
  if (joins) {
    stream.bytes.resize(at - stream.start, '\0');
  } else {
    flush(stream);
    stream.start = at;
    stream.bytes.reserve(kGathered);
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.size() >= kGathered / 4 && stream.bytes.empty()) return write_at(at, text);
  stream.bytes += text;
}

void ErofsWriter::flush(Stream& stream) {
  write_at(stream.start, stream.bytes);
  stream.bytes.clear();
}

// --- directories and superblock

std::vector<ErofsWriter::PlacedDirectory> ErofsWriter::place_directories(
    std::vector<Directory>& directories) {
  std::vector<PlacedDirectory> placed(directories.size());
  std::uint64_t at = next_block_ * erofs::kBlock;
  for (std::size_t index = 0; index < directories.size(); ++index) {
    std::vector<Entry>& entries = directories[index].entries;
    entries.push_back({".", S_IFDIR, 0, index});
    entries.push_back({"..", S_IFDIR, 0, directories[index].parent});
    std::ranges::sort(entries, {}, &Entry::name);  // char_traits<char> compares unsigned
    PlacedDirectory& one = placed[index];
    for (std::size_t first = 0; first < entries.size();) {
      const std::size_t count = entries_in_block(entries, first);
      one.size = rounded_up(one.size, erofs::kBlock);
      for (const std::size_t end = first + count; first < end; ++first) {
        one.size += entry_size(entries[first]);
        one.links += S_ISDIR(entries[first].type) ? 1 : 0;  // "." and ".." among them
      }
    }
    one.header = header_size(
        {.attributes = directories[index].attributes, .size = one.size, .links = one.links});
    const std::uint64_t tail = one.size % erofs::kBlock;
    const std::uint64_t room = index == 0 ? erofs::kBlock - kRootOffset : erofs::kBlock;
    if (index == 0 && one.header > room)
      throw Error("the root directory has more xattrs than an image of the layer can hold");
    one.is_inline = tail > 0 && one.header + tail <= room;
    const std::uint64_t bytes = one.header + (one.is_inline ? tail : 0);
    if (index == 0) {
      one.at = kRootOffset;
      continue;
    }
    if (at % erofs::kBlock + bytes > erofs::kBlock) at = rounded_up(at, erofs::kBlock);
    one.at = at;
    at = rounded_up(at + bytes, erofs::kSlot);
  }
  next_block_ = rounded_up(at, erofs::kBlock) / erofs::kBlock;
  for (PlacedDirectory& one : placed) {
    const std::uint64_t blocks = one.is_inline
                                     ? one.size / erofs::kBlock
                                     : rounded_up(one.size, erofs::kBlock) / erofs::kBlock;
    if (blocks > 0) one.block = allocate(blocks);
  }
  return placed;
}

void ErofsWriter::write_directory(const std::vector<Directory>& directories,
                                  const std::vector<PlacedDirectory>& placed, std::size_t index,
                                  Stream& inodes) {
  const std::vector<Entry>& entries = directories[index].entries;
  std::string content;
  for (std::size_t first = 0; first < entries.size();) {
    const std::size_t count = entries_in_block(entries, first);
    content.resize(rounded_up(content.size(), erofs::kBlock), '\0');
    std::string names;
    for (const std::size_t end = first + count; first < end; ++first) {
      const Entry& entry = entries[first];
      const bool is_directory = S_ISDIR(entry.type);
      content += bytes_of(erofs::DirectoryEntry{
          .nid = is_directory ? placed[entry.directory].at / erofs::kSlot : entry.nid,
          .name_offset =
              static_cast<std::uint16_t>(count * sizeof(erofs::DirectoryEntry) + names.size()),
          .type = file_type(entry.type)});
      names += entry.name;
    }
    content += names;
  }
  const PlacedDirectory& one = placed[index];
  const std::string header = header_of({.attributes = directories[index].attributes,
                                        .size = one.size,
                                        .block = one.block,
                                        .is_inline = one.is_inline,
                                        .links = one.links});
  const std::size_t inline_bytes = one.is_inline ? content.size() % erofs::kBlock : 0;
  const auto bytes = std::as_bytes(std::span(content));
  put(inodes, one.at, std::as_bytes(std::span(header)));
  put(inodes, one.at + header.size(), bytes.last(inline_bytes));
  put(data_, one.block * erofs::kBlock, bytes.first(content.size() - inline_bytes));
}

void ErofsWriter::write_superblock(std::string_view label) {
  erofs::Superblock super{.root_nid = static_cast<std::uint16_t>(kRootOffset / erofs::kSlot),
                          .inodes = inodes_,
                          .build_time = static_cast<std::uint64_t>(build_time_->tv_sec),
                          .build_time_nsec = static_cast<std::uint32_t>(build_time_->tv_nsec),
                          .blocks = static_cast<std::uint32_t>(next_block_)};
  label.copy(super.volume_name.data(), super.volume_name.size() - 1);
  std::array<unsigned char, erofs::kBlock - erofs::kSuperOffset> rest{};
  const ssize_t count = ::pread(file_, rest.data(), rest.size(), erofs::kSuperOffset);
  check(count, "read the image back");
  std::memcpy(rest.data(), &super, sizeof super);
  super.checksum = ::crc32_iscsi(rest.data(), static_cast<int>(rest.size()), ~0U);
  write_at(erofs::kSuperOffset, bytes_of(super));
}

void ErofsWriter::finish(std::vector<Directory>& directories, std::string_view label) {
  if (!build_time_) build_time_ = directories[0].attributes->mtime;
  if (!extent_.used.empty()) flush_extent();
  flush(data_);
  const std::vector<PlacedDirectory> placed = place_directories(directories);
  Stream inodes;
  for (std::size_t index = 0; index < directories.size(); ++index)
    write_directory(directories, placed, index, inodes);
  flush(inodes);
  flush(data_);
  check(::ftruncate(file_, static_cast<off_t>(next_block_ * erofs::kBlock)),
        "set the image's size");
  write_superblock(label);
}
