// SPDX-License-Identifier: Apache-2.0
// Tar archives for tests, honest and hostile ones, block by block.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A header's fields as the test wants them; the checksum is added.
struct TarHeader {
  std::string name{};
  char type = '0';
  unsigned mode = 0644;
  std::uint64_t uid = 0, gid = 0;
  std::uint64_t size = 0;
  std::int64_t mtime = 0;
  std::string link{};
  unsigned major = 0, minor = 0;
  std::string magic = std::string(
      "ustar\0"
      "00",
      8);
  std::string prefix{};
  std::vector<std::pair<std::size_t, std::string>>
      patches{};  // raw bytes at an offset, before the checksum
};

inline std::string tar_octal(std::uint64_t value, int width) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*llo", width - 1, static_cast<unsigned long long>(value));
  return std::string(text) + '\0';
}

inline std::string tar_block(const TarHeader& header) {
  std::string block(512, '\0');
  const auto put = [&](std::size_t offset, std::string_view text) {
    block.replace(offset, text.size(), text);
  };
  put(0, std::string_view(header.name).substr(0, 100));
  put(100, tar_octal(header.mode, 8));
  put(108, tar_octal(header.uid, 8));
  put(116, tar_octal(header.gid, 8));
  put(124, tar_octal(header.size, 12));
  put(136, tar_octal(static_cast<std::uint64_t>(header.mtime), 12));
  block[156] = header.type;
  put(157, std::string_view(header.link).substr(0, 100));
  put(257, header.magic);
  put(329, tar_octal(header.major, 8));
  put(337, tar_octal(header.minor, 8));
  if (!header.prefix.empty()) put(345, header.prefix);
  for (const auto& [offset, bytes] : header.patches) put(offset, bytes);
  put(148, "        ");
  unsigned sum = 0;
  for (const char letter : block) sum += static_cast<unsigned char>(letter);
  put(148, tar_octal(sum, 7) + ' ');
  return block;
}

inline std::string tar_padded(std::string data) {
  data.resize((data.size() + 511) / 512 * 512, '\0');
  return data;
}

/// One PAX record, its length worked out.
inline std::string pax_record(std::string_view key, std::string_view value) {
  std::string record;
  for (std::size_t length = key.size() + value.size() + 3;; ++length) {
    record = std::to_string(length) + ' ' + std::string(key) + '=' + std::string(value) + '\n';
    if (record.size() == length) return record;
  }
}

class TarBuilder {
 public:
  /// Any header, with the data behind it; the size is the data's unless the header has one.
  TarBuilder& add(TarHeader header, const std::string& data = {}) {
    if (header.size == 0) header.size = data.size();
    bytes_ += tar_block(header) + tar_padded(data);
    return *this;
  }
  TarBuilder& file(const std::string& name, const std::string& data = {}, unsigned mode = 0644) {
    return add({.name = name, .mode = mode}, data);
  }
  TarBuilder& directory(const std::string& name, unsigned mode = 0755, std::int64_t mtime = 0) {
    return add({.name = name, .type = '5', .mode = mode, .mtime = mtime});
  }
  TarBuilder& symlink(const std::string& name, const std::string& target) {
    return add({.name = name, .type = '2', .mode = 0777, .link = target});
  }
  TarBuilder& hard_link(const std::string& name, const std::string& target) {
    return add({.name = name, .type = '1', .link = target});
  }
  TarBuilder& pax(const std::string& records) {
    return add({.name = "PaxHeaders/x", .type = 'x'}, records);
  }
  TarBuilder& global_pax(const std::string& records) {
    return add({.name = "pax_global_header", .type = 'g'}, records);
  }
  TarBuilder& long_name(const std::string& name) {
    return add({.name = "././@LongLink", .type = 'L'}, name + '\0');
  }
  TarBuilder& long_link(const std::string& name) {
    return add({.name = "././@LongLink", .type = 'K'}, name + '\0');
  }
  TarBuilder& raw(const std::string& bytes) {
    bytes_ += bytes;
    return *this;
  }
  /// Without the end marker.
  const std::string& open_end() const { return bytes_; }
  /// With the two zero blocks.
  std::string finish() const { return bytes_ + std::string(1024, '\0'); }

 private:
  std::string bytes_;
};
