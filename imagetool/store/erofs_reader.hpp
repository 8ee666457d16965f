// SPDX-License-Identifier: Apache-2.0
// Reads the images that ErofsWriter writes, without mounting them. What is damaged is an Error,
// whatever the bytes are. toyimg.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/store/erofs_writer.hpp"

class ErofsReader {
 public:
  struct Inode {
    std::uint64_t nid = 0, size = 0;
    mode_t mode = 0;
    std::uint32_t uid = 0, gid = 0, links = 1;
    std::timespec mtime = {};
    std::uint32_t device_major = 0, device_minor = 0;
    // Where its bytes are.
    std::uint64_t plain_at = 0, plain_bytes = 0, tail_at = 0;
    std::uint64_t xattrs_at = 0, xattr_bytes = 0;
    /// overlayfs's sign for "nothing here, whatever is below".
    bool is_whiteout() const;
  };

  /// Takes an image. `name` is for messages. Throws Error when it is none.
  ErofsReader(UniqueFd file, std::string name);

  /// The name the image was given.
  const std::string& label() const { return label_; }
  const Inode& root() const { return root_; }
  Inode inode(std::uint64_t nid) const;
  std::optional<Inode> find(const Inode& directory, std::string_view name) const;
  /// Every entry but "." and "..", in the order of the names.
  void each(const Inode& directory,
            const std::function<void(std::string_view name, const Inode& inode)>& visit) const;
  /// Fills `out` (less at the end) and returns the count.
  std::size_t read(const Inode& inode, std::uint64_t offset, std::span<std::byte> out) const;
  /// All of it: a symlink's target, a small file. Throws Error above `limit`.
  std::string content(const Inode& inode, std::uint64_t limit = 4096) const;
  InodeAttributes attributes(const Inode& inode) const;
  /// Whether overlayfs stops at this directory.
  bool is_opaque(const Inode& directory) const;

 private:
  void read_exactly(std::uint64_t at, void* out, std::size_t size) const;
  struct Names;
  bool each_in_block(const Inode& directory, std::uint64_t block,
                     const std::function<bool(std::string_view, std::uint64_t)>& visit) const;
  UniqueFd file_;
  std::string name_, label_;
  std::uint64_t build_time_ = 0, bytes_ = 0;
  std::uint32_t build_time_nsec_ = 0;
  Inode root_;
};
