// SPDX-License-Identifier: Apache-2.0
// Streams out of strings, cut into runs of any length, and strings compressed, for tests of
// whatever reads streams.
#pragma once

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "imagetool/layer/tar_reader.hpp"
#include "imagetool/oci/byte_source.hpp"

/// At most `run` bytes a call.
inline ByteSource source_of(std::string text, std::size_t run = SIZE_MAX) {
  return [text = std::move(text), run, at = std::size_t{0}](std::span<std::byte> buffer) mutable {
    const std::size_t count = std::min({buffer.size(), run, text.size() - at});
    std::memcpy(buffer.data(), text.data() + at, count);
    at += count;
    return count;
  };
}

/// Runs of exactly `run` bytes in memory that is overwritten by the next call, as a ring's would
/// be.
inline ChunkSource chunks_of(std::string text, std::size_t run = 512 << 10) {
  return [text = std::move(text), run, at = std::size_t{0},
          buffer = std::vector<std::byte>(run)]() mutable -> std::span<const std::byte> {
    const std::size_t count = std::min(run, text.size() - at);
    std::fill(buffer.begin(), buffer.end(), std::byte{0xee});
    std::memcpy(buffer.data(), text.data() + at, count);
    at += count;
    return std::span(buffer).first(count);
  };
}

inline std::string gzipped(const std::string& text) {
  isal_zstream stream{};
  isal_deflate_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  std::string packed(text.size() + text.size() / 100 + 1000, '\0');
  std::string input = text;
  stream.next_in = reinterpret_cast<std::uint8_t*>(input.data());
  stream.avail_in = static_cast<std::uint32_t>(input.size());
  stream.next_out = reinterpret_cast<std::uint8_t*>(packed.data());
  stream.avail_out = static_cast<std::uint32_t>(packed.size());
  if (isal_deflate(&stream) != COMP_OK || stream.avail_in != 0)
    throw std::runtime_error("isal_deflate");
  packed.resize(stream.total_out);
  return packed;
}

inline std::string zstd_packed(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}
