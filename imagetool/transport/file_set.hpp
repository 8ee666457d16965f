// SPDX-License-Identifier: Apache-2.0
// Files by name, read only: those of a directory, or those in a tar archive, which is never
// unpacked (names, links and sizes in it are hostile). What an OCI layout, a docker-archive and a
// dir: are read through. toyimg.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "imagetool/oci/byte_source.hpp"
#include "imagetool/oci/manifest.hpp"

namespace transport {

class FileSet {
 public:
  virtual ~FileSet() = default;
  /// Size of the regular file of that name; nullopt when there is none. Throws Error for what is
  /// something else.
  virtual std::optional<std::uint64_t> size(const std::string& name) const = 0;
  /// Its bytes. Throws NotFound, Error. May be called from several threads.
  virtual ByteSource open(const std::string& name) const = 0;
  /// The file as a whole. Throws NotFound, Error (larger than `limit`).
  std::string read(const std::string& name, std::size_t limit = oci::kDocumentLimit) const;
};

/// The files of a host directory; symlinks in it are refused (ggcr#2306). Throws Error.
std::unique_ptr<FileSet> open_directory(const std::string& path);
/// The files of a tar archive, plain or compressed (gzip, zstd, xz, bzip2); "-" is stdin. What is
/// no plain file is spooled to an unnamed one in $TMPDIR (else /var/tmp), at most `limit` bytes.
/// Links inside are followed, inside. Throws Error.
std::unique_ptr<FileSet> open_archive(const std::string& path, const std::stop_token& stop = {},
                                      std::uint64_t limit = std::uint64_t{1} << 40);

}  // namespace transport
