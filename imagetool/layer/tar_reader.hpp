// SPDX-License-Identifier: Apache-2.0
// Tar bytes → entries, for layers: v7, ustar, GNU and PAX dialects, names as raw bytes, every size
// capped. Hostile input is expected: what implementations read differently is refused. Content
// comes as views without a copy.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// The next run of tar bytes, valid until the next call; empty at the end. Runs may have any
/// length.
using ChunkSource = std::function<std::span<const std::byte>()>;

struct TarEntry {
  enum class Kind { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };
  struct Segment {
    std::uint64_t offset = 0, size = 0;
    bool operator==(const Segment&) const = default;
  };

  Kind kind = Kind::kFile;
  std::string name;                // raw bytes, not cleaned, never with NUL
  std::string link_target;         // of hard links and symlinks, raw
  mode_t mode = 0;                 // the low 12 bits
  std::uint32_t uid = 0, gid = 0;  // never 2^32-1
  std::timespec mtime = {};
  std::uint64_t size = 0;                                   // of a file, holes included
  std::uint32_t device_major = 0, device_minor = 0;         // of devices
  std::vector<std::pair<std::string, std::string>> xattrs;  // name, value
  bool sparse = false;
  std::vector<Segment> segments;  // where the data of a sparse file goes, ascending
};

struct TarLimits {
  std::uint64_t header_bytes = std::uint64_t{1}
                               << 20;  // of one extension header (PAX, long name, sparse map)
  std::uint64_t sparse_size = std::uint64_t{1} << 40;  // of one file that has holes
};

class TarReader {
 public:
  explicit TarReader(ChunkSource source, TarLimits limits = {});

  /// Moves to the next entry (what is left of this one's data is skipped) and describes it in
  /// `entry`, whose memory is used again. False at the end of the archive. Throws Error that says
  /// what is wrong, at which byte.
  bool next(TarEntry& entry);

  struct Piece {
    std::uint64_t offset = 0;  // in the file
    std::span<const std::byte> bytes;
  };
  /// The next piece of the current file's data, valid until the next call; empty bytes at its end.
  Piece next_piece();

  /// Reads everything after the end of the archive, to the end of the stream (a diffID covers it).
  void drain();

 private:
  using Block = std::span<const std::byte, 512>;
  struct Extensions;

  std::span<const std::byte> take(std::size_t most);
  const std::byte* peek_block();
  const std::byte* read_block();
  void skip(std::uint64_t bytes);
  bool read_end_marker();
  std::string read_extension(std::uint64_t size);
  bool read_extensions(const std::byte*& block, Extensions& extensions);
  void describe(TarEntry& entry, const std::byte* block, Extensions& extensions);
  void describe_sparse(TarEntry& entry, const std::byte* block, const Extensions& extensions);
  void read_old_sparse_map(TarEntry& entry, const std::byte* block);
  void read_sparse_map_in_data(TarEntry& entry);
  bool has_no_body(const std::byte* block) const;
  [[noreturn]] void fail(std::string_view what) const;

  ChunkSource source_;
  TarLimits limits_;
  std::span<const std::byte> chunk_;    // what is left of the current run
  std::array<std::byte, 512> block_{};  // a block that lay across two runs
  std::uint64_t position_ = 0;          // bytes consumed
  std::uint64_t body_left_ = 0;         // stored bytes of the current entry still to come
  std::uint64_t padding_ = 0;           // and the padding after them
  std::vector<TarEntry::Segment> segments_;
  std::size_t segment_ = 0;
  std::uint64_t segment_done_ = 0;
};
