// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/tar_writer.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/tar_header.hpp"

namespace tar {
namespace {
using Kind = TarEntry::Kind;

constexpr Field kMagic{257, 8, "magic"}, kPrefix{345, 155, "prefix"};
constexpr std::size_t kTypeFlag = 156;
constexpr std::string_view kUstar("ustar\00000", 8);
constexpr std::string_view kXattr = "SCHILY.xattr.";

char type_flag(Kind kind) {
  switch (kind) {
    case Kind::kFile:
      return '0';
    case Kind::kHardLink:
      return '1';
    case Kind::kSymlink:
      return '2';
    case Kind::kCharDevice:
      return '3';
    case Kind::kBlockDevice:
      return '4';
    case Kind::kDirectory:
      return '5';
    case Kind::kFifo:
      return '6';
  }
  return '0';
}

/// Digits that fit the field, less the NUL at its end.
bool fits_octal(std::uint64_t value, Field field) { return value >> (3 * (field.size - 1)) == 0; }

void put(std::string& block, Field field, std::string_view text) {
  block.replace(field.offset, text.size(), text);
}

void put_octal(std::string& block, Field field, std::uint64_t value) {
  for (std::size_t place = field.offset + field.size - 1; place-- > field.offset; value >>= 3)
    block[place] = static_cast<char>('0' + (value & 7));
}

/// Where to cut a long name into prefix and name; nullopt when ustar cannot hold it.
std::optional<std::size_t> cut_of(std::string_view name) {
  if (name.size() <= kName.size) return 0;
  const std::size_t slash = name.find('/', name.size() - kName.size - 1);
  if (slash == std::string_view::npos || slash == 0 || slash > kPrefix.size ||
      slash + 1 == name.size())
    return std::nullopt;
  return slash;
}

/// "LENGTH KEY=VALUE\n", where LENGTH counts itself (POSIX pax, "pax Extended Header").
void append_record(std::string& records, std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest > length) ++length;
  records += sentence(length, ' ', key, '=', value, '\n');
}

std::string decimal_time(const std::timespec& time) {
  std::array<char, 24> fraction{};
  std::int64_t seconds = time.tv_sec;
  long nanoseconds = time.tv_nsec;
  const bool negative = seconds < 0;
  if (negative && nanoseconds > 0) {  // -1 s and 0.25 s are -0.75
    ++seconds;
    nanoseconds = 1'000'000'000 - nanoseconds;
  }
  if (nanoseconds > 0) std::snprintf(fraction.data(), fraction.size(), ".%09ld", nanoseconds);
  const std::string sign = negative && seconds == 0 ? "-" : "";
  std::string text = sentence(sign, seconds, fraction.data());
  while (nanoseconds > 0 && text.ends_with('0')) text.pop_back();
  return text;
}

struct Names {
  std::string name, link;
};

std::string pax_records(const TarEntry& entry, const Names& names, std::uint64_t size) {
  std::string records;
  if (!cut_of(names.name)) append_record(records, "path", names.name);
  if (names.link.size() > kLinkName.size) append_record(records, "linkpath", names.link);
  if (!fits_octal(size, kSize)) append_record(records, "size", std::to_string(size));
  if (!fits_octal(entry.uid, kUid)) append_record(records, "uid", std::to_string(entry.uid));
  if (!fits_octal(entry.gid, kGid)) append_record(records, "gid", std::to_string(entry.gid));
  if (entry.mtime.tv_nsec != 0 || entry.mtime.tv_sec < 0 ||
      !fits_octal(static_cast<std::uint64_t>(entry.mtime.tv_sec), kMtime))
    append_record(records, "mtime", decimal_time(entry.mtime));
  for (const auto& [name, value] : entry.xattrs)
    append_record(records, sentence(kXattr, name), value);
  return records;
}

std::uint64_t if_it_fits(std::uint64_t value, Field field) {
  return fits_octal(value, field) ? value : 0;  // the PAX header before has it
}

void append_block(std::string& out, std::string block) {
  block.replace(kChecksum.offset, kChecksum.size, kChecksum.size, ' ');
  std::uint64_t sum = 0;
  for (const char letter : block) sum += static_cast<unsigned char>(letter);
  put_octal(block, {kChecksum.offset, kChecksum.size - 1, kChecksum.name}, sum);
  block[kChecksum.offset + kChecksum.size - 2] = '\0';
  out += block;
}

std::string empty_block(char type) {
  std::string block(kBlockSize, '\0');
  block[kTypeFlag] = type;
  put(block, kMagic, kUstar);
  for (const Field field : {kMode, kUid, kGid, kSize, kMtime, kMajor, kMinor})
    put_octal(block, field, 0);
  return block;
}

void append_pax(std::string& out, const std::string& records, std::string_view name) {
  if (records.empty()) return;
  if (name.ends_with('/')) name.remove_suffix(1);
  std::string block = empty_block('x');
  const std::string own = sentence("PaxHeaders.0/", name.substr(name.rfind('/') + 1));
  put(block, kName, std::string_view(own).substr(0, kName.size));
  put_octal(block, kMode, 0644);
  put_octal(block, kSize, records.size());
  append_block(out, std::move(block));
  out += records;
  out.append(padding(records.size()), '\0');
}
}  // namespace

std::size_t padding(std::uint64_t size) {
  return static_cast<std::size_t>((kBlockSize - size % kBlockSize) % kBlockSize);
}

void append_header(const TarEntry& entry, std::string& out) {
  if (entry.sparse) throw Error("a sparse entry cannot be written");
  Names names{entry.name, {}};
  if (entry.kind == Kind::kDirectory && !names.name.ends_with('/')) names.name += '/';
  if (entry.kind == Kind::kHardLink || entry.kind == Kind::kSymlink) names.link = entry.link_target;
  const std::uint64_t size = entry.kind == Kind::kFile ? entry.size : 0;
  append_pax(out, pax_records(entry, names, size), names.name);
  std::string block = empty_block(type_flag(entry.kind));
  if (const std::optional<std::size_t> cut = cut_of(names.name); cut && *cut > 0) {
    put(block, kPrefix, std::string_view(names.name).substr(0, *cut));
    put(block, kName, std::string_view(names.name).substr(*cut + 1));
  } else {
    put(block, kName, std::string_view(names.name).substr(0, kName.size));
  }
  put(block, kLinkName, std::string_view(names.link).substr(0, kLinkName.size));
  put_octal(block, kMode, entry.mode & 07777);
  put_octal(block, kUid, if_it_fits(entry.uid, kUid));
  put_octal(block, kGid, if_it_fits(entry.gid, kGid));
  put_octal(block, kSize, if_it_fits(size, kSize));
  const std::uint64_t seconds =
      entry.mtime.tv_sec < 0 ? 0 : static_cast<std::uint64_t>(entry.mtime.tv_sec);
  put_octal(block, kMtime, if_it_fits(seconds, kMtime));
  if (!fits_octal(entry.device_major, kMajor) || !fits_octal(entry.device_minor, kMinor))
    throw Error("the device's number is too large for a tar");
  put_octal(block, kMajor, entry.device_major);
  put_octal(block, kMinor, entry.device_minor);
  append_block(out, std::move(block));
}

}  // namespace tar
