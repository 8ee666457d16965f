// SPDX-License-Identifier: Apache-2.0
// Tar bytes in, layer bytes out: gzip (ISA-L, header without name or time, so that equal input
// gives equal output), zstd, or none. Memory is fixed. Runs in toyimg.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

/// Takes bytes in order, keeps none of the span. What it throws ends the stream.
using ByteSink = std::function<void(std::span<const std::byte>)>;

struct Compression {
  enum class Kind { kNone, kGzip, kZstd };
  Kind kind = Kind::kGzip;
  int level = 1;  // gzip: 0 to 3, ISA-L's; zstd: 1 to 19

  /// "none", "gzip", "gzip:3", "zstd", "zstd:19". Throws UsageError naming the text.
  static Compression parse(std::string_view text);
  /// Media type of an OCI layer so compressed.
  std::string_view layer_type() const;
  bool operator==(const Compression&) const = default;
};

class Compressor {
 public:
  Compressor(Compression how, ByteSink out);
  Compressor(Compressor&&) noexcept;
  ~Compressor();

  /// Throws Error, and what the sink throws.
  void write(std::span<const std::byte> bytes);
  /// Ends the stream; nothing may be written after.
  void finish();

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};
