// SPDX-License-Identifier: Apache-2.0
// Compressed layer bytes in, tar bytes out: gzip (ISA-L), zstd and plain streams, told apart by
// their magic bytes and not by the media type. Memory is fixed. Runs in toyimg, on the inflating
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "imagetool/oci/byte_source.hpp"

struct InflateLimits {
  std::uint64_t output = UINT64_MAX;                  // most tar bytes in all
  std::uint64_t ratio = 1000;                         // most tar bytes per compressed byte …
  std::uint64_t ratio_from = std::uint64_t{1} << 30;  // … once this many have come out
};

class Inflate {
 public:
  explicit Inflate(ByteSource source, InflateLimits limits = {});
  Inflate(Inflate&&) noexcept;
  ~Inflate();

  /// Fills `out` (less only at the end of the stream) and returns the count; 0 means that the
  /// compressed stream was read to its very end and was sound. Throws Error: damaged, truncated,
  /// trailing garbage, xz or bzip2, over a limit.
  std::size_t read(std::span<std::byte> out);
  /// Compressed bytes read from the source so far.
  std::uint64_t compressed_bytes() const;
  std::uint64_t tar_bytes() const;

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};
