// SPDX-License-Identifier: Apache-2.0
// Entries → tar bytes: ustar, with a PAX header before it for what ustar cannot say. The same entry
// always gives the same bytes; names go out as the raw bytes they are. Pure; the counterpart of
// TarReader.
#pragma once

#include <string>

#include "imagetool/layer/tar_reader.hpp"

namespace tar {

/// What a layer ends with.
constexpr std::size_t kEndSize = 1024;

/// Appends the header blocks of `entry` to `out`; its data (padded to 512 bytes) is to follow. A
/// directory's name gets its "/" here. The mtime's nanoseconds are written when they are not 0.
/// Throws Error when no tar can hold the entry.
void append_header(const TarEntry& entry, std::string& out);
/// Bytes of padding behind `size` bytes of data.
std::size_t padding(std::uint64_t size);

}  // namespace tar
