// SPDX-License-Identifier: Apache-2.0
// One 512-byte tar header block, field by field (tar(5), POSIX pax "ustar Interchange Format").
// Pure; used by TarReader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tar {

constexpr std::size_t kBlockSize = 512;
using Block = std::span<const std::byte, kBlockSize>;

/// A field of the block, as it lies there.
struct Field {
  std::size_t offset, size;
  std::string_view name;
};
inline constexpr Field kName{0, 100, "name"}, kMode{100, 8, "mode"}, kUid{108, 8, "uid"},
    kGid{116, 8, "gid"}, kSize{124, 12, "size"}, kMtime{136, 12, "mtime"},
    kChecksum{148, 8, "checksum"}, kLinkName{157, 100, "linkname"}, kMajor{329, 8, "devmajor"},
    kMinor{337, 8, "devminor"}, kRealSize{483, 12, "realsize"};

bool is_zero(Block block);
/// The sum of all bytes, the checksum field taken as spaces, unsigned or (old writers) signed.
bool checksum_fits(Block block);
/// True for GNU's own dialect, the only one whose type S is a sparse file as described in the GNU
/// tar manual.
bool is_gnu(Block block);
/// The type flag.
char type_of(Block block);
/// The field's text up to its first NUL.
std::string_view text(std::span<const std::byte> block, Field field);
/// Octal text or GNU's base-256. Throws Error: not a number, negative, over 2^63-1.
std::uint64_t number(std::span<const std::byte> block, Field field);
/// The same, below zero too (base-256).
std::int64_t signed_number(std::span<const std::byte> block, Field field);
/// The name: prefix and name joined where the dialect has a prefix (POSIX ustar and star, not GNU).
std::string full_name(Block block);

}  // namespace tar
