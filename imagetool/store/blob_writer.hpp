// SPDX-License-Identifier: Apache-2.0
// A blob on its way into the store: hashed as it arrives, readable by others meanwhile, visible
// only once verified.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/oci/byte_source.hpp"
#include "imagetool/oci/digest.hpp"

/// Whether what was written of a blob is worth keeping when the rest does not come: for who can get
/// the rest alone.
enum class Resume { kNo, kYes };

/// Fewer bytes are not worth keeping.
inline constexpr std::uint64_t kLeastPart = std::uint64_t{1} << 20;

/// Its lock is held until commit() or destruction; without commit() nothing is left but, with
/// Resume::kYes, the part that the next writer goes on from. write(), restart() and commit() belong
/// to one thread; readers may run in others and outlive the writer.
class BlobWriter {
 public:
  /// For BlobStore::begin(): `part` is locked, and becomes `final_path` when everything matched.
  /// What is in it counts as written with Resume::kYes, and is dropped else.
  BlobWriter(UniqueFd part, std::string part_path, std::string final_path, const Digest& digest,
             std::uint64_t size, Resume resume);
  BlobWriter(BlobWriter&&) noexcept;
  BlobWriter& operator=(BlobWriter&&) noexcept;
  ~BlobWriter();

  /// Appends. Throws Error when more than the announced size arrives, or the disk is full; nothing
  /// is left then.
  void write(std::span<const std::byte> bytes);
  /// Checks size and digest, then publishes the blob. Throws Error when they differ; nothing is
  /// left then.
  void commit();
  /// Drops what was written, to begin again from the first byte. Readers fail: only before anyone
  /// has one.
  void restart();
  std::uint64_t written() const;
  /// The blob's bytes from the first on while they arrive: waits for the writer, ends only after
  /// commit(), and throws Error when the writer gave up.
  ByteSource reader() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};
