// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/apply_layer.hpp"

#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/chunk_ring.hpp"
#include "imagetool/layer/tar_reader.hpp"

namespace {
constexpr std::size_t kBuffers = 12;
constexpr std::size_t kBufferSize = std::size_t{512} << 10;
enum Consumer : std::size_t { kHash, kExtract, kConsumers };

void inflate_into(ChunkRing& ring, Inflate& inflate) noexcept {
  try {
    for (;;) {
      const std::span<std::byte> buffer = ring.free_buffer();
      if (buffer.empty()) return;
      const std::size_t filled = inflate.read(buffer);
      if (filled == 0) break;
      ring.publish(filled);
    }
    ring.finish();
  } catch (...) {
    ring.finish(std::current_exception());
  }
}

// What the producer failed with is thrown by the extracting side; a failure of hashing itself ends
// it for all.
void hash_from(ChunkRing& ring, const std::string& algorithm,
               std::optional<Digest>& digest) noexcept {
  try {
    Hasher hash(algorithm);
    for (;;) {
      const std::span<const std::byte> chunk = ring.next(kHash);
      if (chunk.empty()) break;
      hash.update(chunk);
    }
    digest = hash.finish();
  } catch (...) {
    ring.cancel();
  }
}

void consume_from(ChunkRing& ring, const ApplyLayerOptions& options,
                  const std::function<void(TarReader&)>& consume, const LayerProgress& progress) {
  std::uint64_t done = 0;
  TarReader reader(
      [&] {
        const std::span<const std::byte> chunk = ring.next(kExtract);
        if (progress && done > 0) progress(done);
        done += chunk.size();
        return chunk;
      },
      options.tar);
  consume(reader);
  reader.drain();
}

/// Joins on the way out, whatever happened; everyone is woken before.
class Threads {
 public:
  Threads(ChunkRing& ring, Inflate& inflate, const std::string& algorithm,
          std::optional<Digest>& digest)
      : ring_(ring),
        inflating_([&] { inflate_into(ring, inflate); }),
        hashing_([&] { hash_from(ring, algorithm, digest); }) {}
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() {
    ring_.cancel();
    join();
  }
  void join() {
    if (inflating_.joinable()) inflating_.join();
    if (hashing_.joinable()) hashing_.join();
  }

 private:
  ChunkRing& ring_;
  std::thread inflating_;
  std::thread hashing_;
};

/// Each buffer is hashed and consumed before the next one is inflated: it is still in the cache.
Digest consume_in_place(Inflate& inflate, const ApplyLayerOptions& options,
                        const std::function<void(TarReader&)>& consume,
                        const LayerProgress& progress) {
  std::vector<std::byte> buffer(kBufferSize / 2);
  Hasher hash(options.hash);
  TarReader reader(
      [&]() -> std::span<const std::byte> {
        if (progress && inflate.tar_bytes() > 0) progress(inflate.tar_bytes());
        const auto chunk = std::span(buffer).first(inflate.read(buffer));
        hash.update(chunk);
        return chunk;
      },
      options.tar);
  consume(reader);
  reader.drain();
  return hash.finish();
}
}  // namespace

LayerResult read_layer(ByteSource compressed, const ApplyLayerOptions& options,
                       const std::function<void(TarReader&)>& consume,
                       const LayerProgress& progress) {
  Inflate inflate(std::move(compressed), options.inflate);
  std::optional<Digest> digest;
  if (options.threads == ApplyLayerOptions::Threads::kOne) {
    digest = consume_in_place(inflate, options, consume, progress);
  } else {
    ChunkRing ring(kBuffers, kBufferSize, kConsumers);
    Threads threads(ring, inflate, options.hash, digest);
    consume_from(ring, options, consume, progress);
    threads.join();
  }
  if (!digest) throw Error("the layer could not be hashed");
  return {std::move(*digest), inflate.compressed_bytes(), inflate.tar_bytes(), {}};
}

LayerResult apply_layer(ByteSource compressed, const RootedDir& root,
                        const ApplyLayerOptions& options, const LayerProgress& progress) {
  LayerApplier applier(root, options.layer);
  LayerResult result = read_layer(
      std::move(compressed), options, [&](TarReader& reader) { applier.apply(reader); }, progress);
  result.counts = applier.counts();
  return result;
}
