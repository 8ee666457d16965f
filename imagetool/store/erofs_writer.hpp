// SPDX-License-Identifier: Apache-2.0
// Writes one uncompressed EROFS image in one pass: files go to disk as their bytes arrive, each
// inode right behind them; directories and the superblock come last. Memory does not depend on how
// much data there is. The same calls give the same bytes. Runs in toyimg.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What an inode has beside its content.
struct InodeAttributes {
  mode_t mode = 0;  // with the type
  std::uint32_t uid = 0, gid = 0;
  std::timespec mtime = {};
  std::uint32_t device_major = 0, device_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;
};

/// True for xattr names that EROFS has a place for.
bool erofs_can_hold(std::string_view xattr_name);

class ErofsWriter {
 public:
  using Nid = std::uint64_t;
  struct Entry {
    std::string_view name;
    mode_t type = 0;            // S_IFREG and so on
    Nid nid = 0;                // of anything but a directory
    std::size_t directory = 0;  // of a directory: its index
  };
  struct Directory {
    const InodeAttributes* attributes = nullptr;
    std::size_t parent = 0;
    std::vector<Entry> entries;  // in any order; names are unique
  };

  /// `file` is borrowed: an empty regular file.
  explicit ErofsWriter(int file) : file_(file) {}

  /// A regular file: begin, write pieces in ascending order (what is left out reads as zeros), end.
  void begin_file(InodeAttributes attributes, std::uint64_t size);
  void write(std::uint64_t offset, std::span<const std::byte> bytes);
  Nid end_file();
  /// A symlink with its target as content, a device or a fifo.
  Nid add_node(const InodeAttributes& attributes, std::string_view content);
  /// An inode made before gets this many names; it has one without that. After the last inode.
  void set_links(Nid nid, std::uint32_t links);
  /// The directories, the root first, and the superblock. `label` (at most 15 bytes) becomes the
  /// volume's name. Throws Error for what EROFS cannot hold, as the others do.
  void finish(std::vector<Directory>& directories, std::string_view label);

 private:
  struct Stream {  // bytes on their way to consecutive places of the file
    std::uint64_t start = 0;
    std::string bytes;
  };
  struct Extent {  // blocks that inodes are put into, in memory until they are full
    std::uint64_t block = 0;
    std::vector<std::uint16_t> used;
    std::string bytes;
    std::size_t first_open = 0;
  };
  struct Inode {
    const InodeAttributes* attributes;
    std::uint64_t size;
    std::uint64_t block = 0;
    bool is_inline = false;
    std::uint32_t links = 1;
  };
  struct PlacedDirectory {
    std::uint64_t size = 0, header = 0, at = 0, block = 0;
    std::uint32_t links = 0;
    bool is_inline = false;
  };
  bool is_extended(const Inode& inode) const;
  std::uint64_t header_size(const Inode& inode) const;
  std::string header_of(const Inode& inode);
  std::uint64_t allocate(std::uint64_t blocks);
  Nid place(const std::string& inode);
  std::optional<Nid> place_in_extent(const std::string& inode);
  void begin_extent();
  void flush_extent();
  void put(Stream& stream, std::uint64_t at, std::span<const std::byte> bytes);
  void flush(Stream& stream);
  void write_at(std::uint64_t at, std::string_view bytes) const;
  std::vector<PlacedDirectory> place_directories(std::vector<Directory>& directories);
  void write_directory(const std::vector<Directory>& directories,
                       const std::vector<PlacedDirectory>& placed, std::size_t index,
                       Stream& inodes);
  void write_superblock(std::string_view label);

  int file_;
  std::uint64_t next_block_ = 1;  // the first one holds the superblock and the root's inode
  std::optional<std::timespec> build_time_;
  std::uint64_t inodes_ = 0;
  Stream data_;
  Extent extent_;
  std::size_t extent_blocks_ = 4;
  // The file that is being written.
  InodeAttributes attributes_;
  std::uint64_t size_ = 0, block_ = 0, plain_bytes_ = 0;
  std::string tail_;
};
