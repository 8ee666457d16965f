// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/pax_header.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "bundle-spec/error.hpp"

namespace tar {
namespace {

struct Record {
  std::string_view key, value;
};

// "LENGTH KEY=VALUE\n", LENGTH counting the whole record. The length alone delimits: values may
// hold any byte.
Record take_record(std::string_view& records) {
  const std::size_t space = records.substr(0, 21).find(' ');
  if (space == std::string_view::npos || space == 0)
    throw Error("a PAX header has a record without a length");
  const std::uint64_t length = read_decimal(records.substr(0, space), "record length");
  if (length <= space + 1 || length > records.size() || records[length - 1] != '\n')
    throw Error("a PAX header has a record whose length is wrong");
  const std::string_view body = records.substr(space + 1, length - space - 2);
  records.remove_prefix(length);
  const std::size_t equals = body.find('=');
  if (equals == std::string_view::npos || equals == 0 ||
      body.substr(0, equals).find('\0') != std::string_view::npos)
    throw Error("a PAX header has a record without a key");
  return {body.substr(0, equals), body.substr(equals + 1)};
}

std::string without_nul(Record record) {
  if (record.value.find('\0') != std::string_view::npos)
    throw Error(sentence("a PAX header's ", record.key, " has a NUL byte in it"));
  return std::string(record.value);
}

int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  const char lower = static_cast<char>(letter | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// libarchive writes xattr names URL-encoded in LIBARCHIVE.xattr.
std::string url_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      decoded += text[i];
      continue;
    }
    decoded += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return decoded;
}

std::string base64_decoded(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string decoded;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char letter : text.substr(0, text.find('='))) {
    const std::size_t digit = kAlphabet.find(letter);
    if (digit == std::string_view::npos)
      throw Error("a PAX header's LIBARCHIVE.xattr is not base64");
    bits = (bits << 6 | static_cast<std::uint32_t>(digit)) & 0xfffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    decoded += static_cast<char>(bits >> count & 0xff);
  }
  return decoded;
}

// GNU.sparse.map of 0.1: all numbers in one list.
std::vector<std::uint64_t> number_list(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    numbers.push_back(read_decimal(text.substr(0, comma), "GNU.sparse.map"));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return numbers;
}

void read_sparse(Record record, SparseRecords& sparse) {
  const std::string_view key = record.key.substr(std::string_view("GNU.sparse.").size());
  sparse.any = true;
  if (key == "major")
    sparse.major = record.value;
  else if (key == "minor")
    sparse.minor = record.value;
  else if (key == "name")
    sparse.name = without_nul(record);
  else if (key == "size" || key == "realsize")
    sparse.size = read_decimal(record.value, record.key);
  else if (key == "map")
    sparse.map = number_list(record.value);
  else if (key == "offset" || key == "numbytes")
    // 0.0 repeats these two keys, and here order matters: the only keys where the last one does not
    // win.
    sparse.map.push_back(
        sparse.map.size() % 2 == (key == "offset" ? 0U : 1U)
            ? read_decimal(record.value, record.key)
            : throw Error("a PAX header's GNU.sparse.offset and numbytes do not alternate"));
  else if (key != "numblocks")
    throw Error(sentence("a PAX header has the unknown key ", record.key));
}

// True for an xattr. An empty value is an xattr too.
bool read_xattr(Record record, Extensions& extensions) {
  constexpr std::string_view kSchily = "SCHILY.xattr.";
  constexpr std::string_view kLibarchive = "LIBARCHIVE.xattr.";
  if (record.key.starts_with(kSchily)) {
    extensions.xattrs.emplace_back(record.key.substr(kSchily.size()), record.value);
    return true;
  }
  if (record.key.starts_with(kLibarchive)) {
    extensions.xattrs.emplace_back(url_decoded(record.key.substr(kLibarchive.size())),
                                   base64_decoded(record.value));
    return true;
  }
  return false;
}

void read_record(Record record, Extensions& extensions) {
  if (read_xattr(record, extensions)) return;
  if (record.value.empty())
    return;  // POSIX pax: an empty value takes back an earlier one; the header's stays in force
  if (record.key == "path")
    extensions.path = without_nul(record);
  else if (record.key == "linkpath")
    extensions.linkpath = without_nul(record);
  else if (record.key == "size")
    extensions.size = read_decimal(record.value, "size");
  else if (record.key == "uid")
    extensions.uid = read_decimal(record.value, "uid");
  else if (record.key == "gid")
    extensions.gid = read_decimal(record.value, "gid");
  else if (record.key == "mtime")
    extensions.mtime = read_time(record.value);
  else if (record.key.starts_with("GNU.sparse."))
    read_sparse(record, extensions.sparse);
}

// The last of several values of one name wins, as with every other key.
void keep_last_of_each(std::vector<std::pair<std::string, std::string>>& xattrs) {
  if (xattrs.size() < 2) return;
  std::reverse(xattrs.begin(), xattrs.end());
  const auto by_name = [](const auto& left, const auto& right) { return left.first < right.first; };
  std::stable_sort(xattrs.begin(), xattrs.end(), by_name);
  const auto same_name = [](const auto& left, const auto& right) {
    return left.first == right.first;
  };
  xattrs.erase(std::unique(xattrs.begin(), xattrs.end(), same_name), xattrs.end());
}
}  // namespace

std::uint64_t read_decimal(std::string_view text, std::string_view what) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, value);
  if (fault != std::errc{} || stop != end ||
      value > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    throw Error(sentence("a PAX header's ", what, " is not a number that can be used"));
  return value;
}

std::timespec read_time(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string fraction(text.substr(std::min(point + 1, text.size())));
  if (fraction.find_first_not_of("0123456789") != std::string::npos)
    throw Error("a PAX header's mtime is not a time");
  fraction.resize(9, '0');
  auto seconds = static_cast<std::int64_t>(read_decimal(text.substr(0, point), "mtime"));
  auto nanoseconds = static_cast<long>(read_decimal(fraction, "mtime"));
  if (negative) {
    seconds = -seconds;
    if (nanoseconds > 0) {
      --seconds;
      nanoseconds = 1'000'000'000 - nanoseconds;
    }
  }
  return {.tv_sec = seconds, .tv_nsec = nanoseconds};
}

void read_pax(std::string_view records, Extensions& extensions) {
  while (!records.empty()) read_record(take_record(records), extensions);
  keep_last_of_each(extensions.xattrs);
}

void check_global_pax(std::string_view records) {
  while (!records.empty()) {
    const std::string_view key = take_record(records).key;
    if (key == "path" || key == "linkpath" || key == "size" || key.starts_with("GNU.sparse."))
      throw Error(sentence("a global PAX header sets ", key,
                           " for every entry, which tar readers do not agree about"));
  }
}

}  // namespace tar
