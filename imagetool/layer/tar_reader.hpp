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
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tar {
struct Extensions;
}

/// The next run of tar bytes, valid until the next call; empty at the end. Runs may have any
/// length.
using ChunkSource = std::function<std::span<const std::byte>()>;

/// Moves the source past that many bytes without giving them out: for an archive in a file.
using SkipAhead = std::function<void(std::uint64_t bytes)>;

struct TarEntry {
  enum class Kind { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };
  struct Segment {
    std::uint64_t offset = 0, size = 0;
    bool operator==(const Segment&) const = default;
  };

  Kind kind = Kind::kFile;
  std::string name{};              // raw bytes, not cleaned, never with NUL
  std::string link_target{};       // of hard links and symlinks, raw
  mode_t mode = 0;                 // the low 12 bits
  std::uint32_t uid = 0, gid = 0;  // never 2^32-1
  std::timespec mtime = {};
  std::uint64_t size = 0;                                     // of a file, holes included
  std::uint32_t device_major = 0, device_minor = 0;           // of devices
  std::vector<std::pair<std::string, std::string>> xattrs{};  // name, value; each name once
  bool sparse = false;
  std::vector<Segment> segments{};  // where the data of a sparse file goes, ascending
};

struct TarLimits {
  std::uint64_t header_bytes = std::uint64_t{1}
                               << 20;  // of one extension header (PAX, long name, sparse map)
  std::uint64_t sparse_size = std::uint64_t{1} << 40;  // of one file that has holes
};

class TarReader {
 public:
  explicit TarReader(ChunkSource source, TarLimits limits = {}, SkipAhead skip_ahead = {});

  /// Moves to the next entry (what is left of this one's data is skipped) and describes it in
  /// `entry`, whose memory is used again. False at the end of the archive. Throws Error that says
  /// what is wrong and before which byte.
  bool next(TarEntry& entry);

  struct Piece {
    std::uint64_t offset = 0;  // in the file
    std::span<const std::byte> bytes;
  };
  /// The next piece of the current file's data, valid until the next call; empty bytes at its end.
  Piece next_piece();

  /// Bytes of the archive read so far: after next(), where the data of a file without holes begins.
  std::uint64_t position() const { return position_; }

  /// Reads everything after the end of the archive, to the end of the stream (a diffID covers it).
  void drain();

 private:
  bool next_entry(TarEntry& entry);
  bool refill();
  std::span<const std::byte> peek_block();
  bool read_block();
  std::span<const std::byte> take(std::uint64_t most);
  void skip(std::uint64_t bytes);
  void skip_padding();
  bool read_header();
  std::string read_extension();
  void read_extensions(tar::Extensions& extensions);
  void set_names(TarEntry& entry, tar::Extensions& extensions);
  void set_numbers(TarEntry& entry, tar::Extensions& extensions);
  void set_body(TarEntry& entry, const tar::Extensions& extensions);
  void set_sparse(TarEntry& entry, const tar::Extensions& extensions);
  void read_old_sparse_map(TarEntry& entry);
  void read_sparse_map_in_data(TarEntry& entry);
  void check_segments(const TarEntry& entry) const;

  ChunkSource source_;
  SkipAhead skip_ahead_;
  TarLimits limits_;
  std::span<const std::byte> chunk_;   // what comes next …
  std::span<const std::byte> after_;   // … and after that
  std::array<std::byte, 512> joined_;  // a block that lay across two runs
  std::array<std::byte, 512> block_;   // the current header
  std::uint64_t position_ = 0;         // bytes consumed
  std::uint64_t body_left_ = 0;        // stored bytes of the current entry still to come
  std::uint64_t padding_ = 0;          // and the padding after them
  std::uint64_t offset_ = 0;           // where the next piece goes
  std::vector<TarEntry::Segment> segments_;
  std::size_t segment_ = 0;
  bool sparse_ = false;
};
