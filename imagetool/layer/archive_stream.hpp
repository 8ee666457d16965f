// SPDX-License-Identifier: Apache-2.0
// The tar inside whatever a user brings: plain, gzip, zstd, xz or bzip2, told by magic bytes. For
// archives and ADD; layers are Inflate's. Everything is decompressed in this process: no program is
// run for it (CVE-2026-41567). toyimg.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/oci/byte_source.hpp"

class ArchiveStream {
 public:
  /// Reads the first bytes to see what it is. Throws Error.
  explicit ArchiveStream(ByteSource source);
  ArchiveStream(ArchiveStream&&) noexcept;
  ~ArchiveStream();

  bool is_compressed() const;
  /// The next uncompressed bytes; 0 at the end. Throws Error: damaged, over the ratio of
  /// InflateLimits.
  std::size_t read(std::span<std::byte> buffer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads a file from its offset on; keeps it open.
ByteSource source_of_file(std::shared_ptr<UniqueFd> file);
/// A file without a name in $TMPDIR, else /var/tmp: gone with its descriptor. Throws Error.
UniqueFd unnamed_file();
