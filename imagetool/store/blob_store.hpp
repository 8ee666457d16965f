// SPDX-License-Identifier: Apache-2.0
// Content by digest in an OCI image layout: oci-layout and blobs/ALGORITHM/HEX. A blob becomes
// visible only when its size and digest matched. Safe against kill -9, and two processes that want
// one blob download it once. Runs in toyimg.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/oci/byte_source.hpp"
#include "imagetool/oci/digest.hpp"

/// A blob on its way into the store. Its lock is held until commit() or destruction; without
/// commit() nothing is left. write() and commit() belong to one thread; reader() may be followed in
/// others.
class BlobWriter {
 public:
  BlobWriter(BlobWriter&&) noexcept;
  BlobWriter& operator=(BlobWriter&&) noexcept;
  ~BlobWriter();

  /// Appends. Throws Error when more than the announced size arrives.
  void write(std::span<const std::byte> bytes);
  /// Checks size and digest, then publishes the blob. Throws Error when they differ; nothing is
  /// left then.
  void commit();
  /// Drops what was written, to begin again from the first byte. Only before anyone asked for a
  /// reader.
  void restart();
  std::uint64_t written() const;
  /// The blob's bytes from the first on while they arrive: waits for the writer, ends only after
  /// commit(), and throws Error when the writer gave up. It may outlive the writer.
  ByteSource reader() const;

 private:
  friend class BlobStore;
  struct State;
  explicit BlobWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

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
  /// The blob's bytes, its digest checked at the end: the reader throws Error instead of ending
  /// when it differs. Throws NotFound. Symlinks are not followed.
  ByteSource read(const Digest& digest) const;
  /// The whole blob, at most `limit` bytes, digest checked. Throws NotFound.
  std::string read_all(const Digest& digest, std::size_t limit = std::size_t{4} << 20) const;

  /// Begins to write a blob of `size` bytes. While another process writes the same blob this waits
  /// for it; nullopt when the blob is there (already, or after that wait).
  std::optional<BlobWriter> begin(const Digest& digest, std::uint64_t size) const;
  /// Stores a text (a manifest, a config) and returns its sha256.
  Digest put(std::string_view content) const;
  /// Removes a blob; missing is fine. Returns the bytes freed.
  std::uint64_t remove(const Digest& digest) const;
  /// All blobs that are there, in the order of their digests.
  std::vector<Digest> list() const;

 private:
  explicit BlobStore(std::string directory) : directory_(std::move(directory)) {}
  void remove_stale_parts() const;
  std::string directory_;
};
