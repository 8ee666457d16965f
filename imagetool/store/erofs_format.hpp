// SPDX-License-Identifier: Apache-2.0
// The on-disk structures of EROFS, as far as uncompressed images need them (Linux
// fs/erofs/erofs_fs.h, Documentation/filesystems/erofs.rst). All numbers are little-endian.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace erofs {
static_assert(std::endian::native == std::endian::little, "the structures are written as they lie");

inline constexpr std::uint64_t kBlock = 4096;
inline constexpr std::uint8_t kBlockBits = 12;
inline constexpr std::uint64_t kSlot = 32;  // inodes begin at multiples of it: nid = offset / 32
inline constexpr std::uint64_t kSuperOffset = 1024;
inline constexpr std::uint32_t kMagic = 0xe0f5e1e2;
inline constexpr std::uint32_t kCompatChecksum = 1;
inline constexpr std::uint32_t kCompatMtime = 2;

struct [[gnu::packed]] Superblock {
  std::uint32_t magic = kMagic, checksum = 0, feature_compat = kCompatChecksum | kCompatMtime;
  std::uint8_t block_bits = kBlockBits, extension_slots = 0;
  std::uint16_t root_nid = 0;
  std::uint64_t inodes = 0, build_time = 0;
  std::uint32_t build_time_nsec = 0, blocks = 0, meta_block = 0, xattr_block = 0;
  std::array<std::uint8_t, 16> uuid{};
  std::array<char, 16> volume_name{};
  std::uint32_t feature_incompat = 0;
  std::array<std::uint8_t, 44> unused{};
};
static_assert(sizeof(Superblock) == 128);

enum class Layout : std::uint16_t { kPlain = 0, kInline = 2 };

/// i_format: bit 0 tells the extended form, bits 1 to 3 the layout of the data.
constexpr std::uint16_t inode_format(bool extended, Layout layout) {
  return static_cast<std::uint16_t>((extended ? 1 : 0) | static_cast<std::uint16_t>(layout) << 1);
}

struct [[gnu::packed]] CompactInode {  // its mtime is the superblock's build time
  std::uint16_t format = 0, xattr_count = 0, mode = 0, links = 1;
  std::uint32_t size = 0, reserved = 0;
  std::uint32_t block_or_device = 0, number = 0;
  std::uint16_t uid = 0, gid = 0;
  std::uint32_t reserved2 = 0;
};
static_assert(sizeof(CompactInode) == 32);

struct [[gnu::packed]] ExtendedInode {
  std::uint16_t format = 0, xattr_count = 0, mode = 0, reserved = 0;
  std::uint64_t size = 0;
  std::uint32_t block_or_device = 0, number = 0, uid = 0, gid = 0;
  std::uint64_t mtime = 0;
  std::uint32_t mtime_nsec = 0, links = 1;
  std::array<std::uint8_t, 16> reserved2{};
};
static_assert(sizeof(ExtendedInode) == 64);
inline constexpr std::uint64_t kCompactLinksOffset = 6;
inline constexpr std::uint64_t kExtendedLinksOffset = 44;

struct [[gnu::packed]] DirectoryEntry {
  std::uint64_t nid = 0;
  std::uint16_t name_offset = 0;  // in the block; the first one tells how many entries it has
  std::uint8_t type = 0, reserved = 0;
};
static_assert(sizeof(DirectoryEntry) == 12);

struct [[gnu::packed]] XattrHeader {
  std::uint32_t name_filter = 0;
  std::uint8_t shared_count = 0;
  std::array<std::uint8_t, 7> reserved{};
};
static_assert(sizeof(XattrHeader) == 12);

struct [[gnu::packed]] XattrEntry {
  std::uint8_t name_length = 0, prefix = 0;
  std::uint16_t value_size = 0;
};
static_assert(sizeof(XattrEntry) == 4);

/// i_xattr_icount: how many bytes the inline xattrs of an inode take, header included.
constexpr std::uint64_t xattr_bytes(std::uint16_t count) {
  return count == 0 ? 0 : sizeof(XattrHeader) + sizeof(std::uint32_t) * (count - 1ULL);
}

enum FileType : std::uint8_t {
  kRegular = 1,
  kDirectory = 2,
  kCharDevice = 3,
  kBlockDevice = 4,
  kFifo = 5,
  kSymlink = 7
};

struct XattrPrefix {
  std::uint8_t index;
  const char* text;
};
/// Longest match first; an index stands for its text, the rest is stored.
inline constexpr std::array<XattrPrefix, 5> kXattrPrefixes = {{{2, "system.posix_acl_access"},
                                                               {3, "system.posix_acl_default"},
                                                               {1, "user."},
                                                               {4, "trusted."},
                                                               {6, "security."}}};

}  // namespace erofs
