// SPDX-License-Identifier: Apache-2.0
// Entries → one compressed layer, with its digest and its diffID worked out on the way: the
// caller's thread makes tar bytes, one thread hashes them, one compresses, hashes and hands out the
// result, and one more may read the entries. The same entries always give the same bytes. toyimg.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "imagetool/layer/compress.hpp"
#include "imagetool/layer/tar_reader.hpp"
#include "imagetool/oci/digest.hpp"

struct LayerWriterOptions {
  Compression compression{};
  std::optional<std::int64_t> latest_time{};  // SOURCE_DATE_EPOCH: no entry is younger (seconds)
  bool nanoseconds = false;  // else times are cut to whole seconds, as Docker's are
  std::function<void(TarReader&)>
      consume{};  // gets the entries as well, on a thread of the writer's
};

/// $SOURCE_DATE_EPOCH (reproducible-builds.org) as seconds; nullopt when it is not set. Throws
/// Error when it is no number.
std::optional<std::int64_t> source_date_epoch();

struct WrittenLayer {
  Digest digest;   // of the compressed bytes
  Digest diff_id;  // of the tar
  std::uint64_t size = 0;
  std::uint64_t tar_bytes = 0;
  std::uint64_t entries = 0;
};

class LayerWriter {
 public:
  /// `sink` gets the compressed bytes, on a thread of the writer's.
  explicit LayerWriter(ByteSink sink, LayerWriterOptions options = {});
  LayerWriter(LayerWriter&&) noexcept;
  /// Without finish(): gives up and waits for the threads.
  ~LayerWriter();

  /// Adds an entry; a file's `size` bytes are to follow by write(). Throws Error, also what the
  /// sink or `consume` threw.
  void add(const TarEntry& entry);
  void write(std::span<const std::byte> bytes);
  /// Adds a file whose `entry.size` bytes are read from `fd`, from its offset on. Throws Error when
  /// it has become shorter.
  void add_file(const TarEntry& entry, int fd);
  /// Adds the whiteout that hides `path` of the layers below (image-spec, layer "Whiteouts"); its
  /// time is 0.
  void add_whiteout(const std::string& path);
  /// Adds the mark that hides everything the layers below have in the directory `path`.
  void add_opaque(const std::string& path);
  /// Ends the layer. Throws Error, also what the sink or `consume` threw.
  WrittenLayer finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};
