// SPDX-License-Identifier: Apache-2.0
// What extension headers say about the entry that follows them: PAX records (POSIX pax "Extended
// Header Keywords", GNU's sparse keywords, star's and libarchive's xattrs) and GNU long names.
// Pure; used by TarReader.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tar {

struct SparseRecords {
  std::string major, minor;
  std::optional<std::string> name;    // GNU.sparse.name: the real one, path is mangled
  std::optional<std::uint64_t> size;  // GNU.sparse.size or realsize
  std::vector<std::uint64_t> map;     // offset, size, offset, size … (0.0 and 0.1)
  bool any = false;
};

struct Extensions {
  std::optional<std::string> path, linkpath;        // PAX
  std::optional<std::string> long_name, long_link;  // GNU L and K
  std::optional<std::uint64_t> size, uid, gid;
  std::optional<std::timespec> mtime;
  std::vector<std::pair<std::string, std::string>> xattrs;  // name, value; each name once
  SparseRecords sparse;
};

/// Reads the records of one PAX header ('x'). Throws Error: malformed, or a value that cannot be
/// used.
void read_pax(std::string_view records, Extensions& extensions);
/// Looks through a global PAX header ('g'). It is ignored, as every container tool does; one that
/// tries to name or size the entries, which other tar readers would obey, throws Error.
void check_global_pax(std::string_view records);
/// "[-]seconds[.fraction]"; digits after the ninth are dropped. Throws Error.
std::timespec read_time(std::string_view text);
/// A decimal number. Throws Error: not one, over 2^63-1.
std::uint64_t read_decimal(std::string_view text, std::string_view what);

}  // namespace tar
