// SPDX-License-Identifier: Apache-2.0
// Content by digest in an OCI image layout: oci-layout and blobs/ALGORITHM/HEX. A blob becomes
// visible only when its size and digest matched. Safe against kill -9, and two processes that want
// one blob download it once. Runs in toyimg.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/oci/byte_source.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/store/blob_writer.hpp"

class BlobStore {
 public:
  /// Opens the layout at `directory` (made with mode 0700, with its oci-layout file, when missing)
  /// and removes what dead writers left. Throws Error: not a layout, another layout version, owned
  /// by another user.
  static BlobStore open(const std::string& directory);

  const std::string& directory() const { return directory_; }
  /// Where the blob is or would be.
  std::string path(const Digest& digest) const;
  bool has(const Digest& digest) const;
  /// Size of a blob that is there.
  std::optional<std::uint64_t> size(const Digest& digest) const;
  /// The blob's bytes, its digest checked at the end: when it differs the reader removes the blob
  /// and throws Error instead of ending. Throws NotFound. Symlinks are not followed.
  ByteSource read(const Digest& digest) const;
  /// The whole blob, at most `limit` bytes, digest checked. Throws NotFound.
  std::string read_all(const Digest& digest, std::size_t limit = std::size_t{4} << 20) const;

  /// Begins to write a blob of `size` bytes, with Resume::kYes behind what an earlier writer left
  /// (BlobWriter::written()). While another process writes the same blob this waits
  /// for it, or throws Error when told to stop; nullopt when the blob is there (already, or after
  /// that wait).
  std::optional<BlobWriter> begin(const Digest& digest, std::uint64_t size,
                                  const std::stop_token& stop = {},
                                  Resume resume = Resume::kNo) const;
  /// Stores a text (a manifest, a config) and returns its sha256.
  Digest put(std::string_view content) const;
  /// Stores a text under the digest that was asked for. Throws Error when it has another one.
  void put(const Digest& digest, std::string_view content) const;
  /// Returns when those of the blobs that are there are on disk, and their names, too.
  void sync(const std::set<Digest>& digests) const;
  /// Removes a blob; missing is fine. Returns the bytes freed.
  std::uint64_t remove(const Digest& digest) const;
  /// All blobs that are there, in the order of their digests.
  std::vector<Digest> list() const;

 private:
  explicit BlobStore(std::string directory) : directory_(std::move(directory)) {}
  void remove_stale_parts() const;
  std::string directory_;
};
