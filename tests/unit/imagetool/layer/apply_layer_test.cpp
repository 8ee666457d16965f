// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/apply_layer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/chunk_ring.hpp"
#include "tests/support/layer_fixture.hpp"

namespace {
class ApplyLayerTest : public LayerFixture {
 protected:
  LayerResult apply_stream(const std::string& packed, std::size_t run = SIZE_MAX,
                           const ApplyLayerOptions& options = {},
                           const LayerProgress& progress = {}) {
    return apply_layer(source_of(packed, run), RootedDir::open(root()), options, progress);
  }
};

TEST_F(ApplyLayerTest, DiffIdCoversTheWholeStream) {
  const std::string archive = TarBuilder().file("f", std::string(3'000'000, 'x')).finish() +
                              std::string(9000, '\0') + "tail";
  for (const std::string& packed : {archive, gzipped(archive), zstd_packed(archive)}) {
    const LayerResult result = apply_stream(packed);
    EXPECT_EQ(result.diff_id, sha256_of(archive));
    EXPECT_EQ(result.tar_bytes, archive.size());
    EXPECT_EQ(result.compressed_bytes, packed.size());
    EXPECT_EQ(result.counts.entries, 1U);
    EXPECT_EQ(content("f").size(), 3'000'000U);
  }
}

TEST_F(ApplyLayerTest, DiffIdMayBeSha512) {
  const std::string archive = TarBuilder().file("f", "x").finish();
  Hasher hash("sha512");
  hash.update(archive);
  EXPECT_EQ(apply_stream(archive, SIZE_MAX, {.hash = "sha512"}).diff_id, hash.finish());
}

TEST_F(ApplyLayerTest, EmptyLayer) {
  EXPECT_EQ(apply_stream("").diff_id, sha256_of(""));
  EXPECT_EQ(apply_stream(gzipped(std::string(1024, '\0'))).counts.entries, 0U);
}

TEST_F(ApplyLayerTest, ReportsProgress) {
  std::uint64_t last = 0;
  const std::string archive = TarBuilder().file("f", std::string(5'000'000, 'x')).finish();
  apply_stream(gzipped(archive), SIZE_MAX, {}, [&](std::uint64_t done) {
    EXPECT_GT(done, last);
    last = done;
  });
  EXPECT_EQ(last, archive.size());
}

TEST_F(ApplyLayerTest, EveryFailureEndsAllThreads) {
  const std::string archive = TarBuilder().file("f", std::string(20'000'000, 'x')).finish();
  const std::string packed = gzipped(archive);
  EXPECT_THROW(apply_stream(packed.substr(0, packed.size() / 2)), Error);
  EXPECT_THROW(apply_stream("no tar at all" + archive), Error);
  EXPECT_THROW(apply_stream(archive, 1000, {.layer = {.file_bytes = 10}}), Error);
  EXPECT_THROW(apply_stream(packed, SIZE_MAX, {.inflate = {.output = 1 << 20}}), Error);
  int calls = 0;
  EXPECT_THROW(apply_layer(
                   [&](std::span<std::byte> buffer) -> std::size_t {
                     if (++calls > 3) throw Error("the line is dead");
                     return source_of(archive)(buffer);
                   },
                   RootedDir::open(root())),
               Error);
  EXPECT_THROW(
      apply_stream(archive, SIZE_MAX, {}, [](std::uint64_t) { throw Error("interrupted"); }),
      Error);
}

TEST(ChunkRing, EveryConsumerSeesEveryChunkInOrder) {
  ChunkRing ring(3, 8, 2);
  std::array<std::string, 2> seen;
  const auto consume = [&](std::size_t consumer) {
    for (;;) {
      const std::span<const std::byte> chunk = ring.next(consumer);
      if (chunk.empty()) return;
      seen[consumer].append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
    }
  };
  std::thread first(consume, 0);
  std::thread second(consume, 1);
  std::string wanted;
  for (int i = 0; i < 2000; ++i) {
    const std::span<std::byte> buffer = ring.free_buffer();
    const std::size_t size = static_cast<std::size_t>(i) % 8 + 1;
    std::fill_n(buffer.begin(), size, static_cast<std::byte>(i));
    wanted.append(size, static_cast<char>(i));
    ring.publish(size);
  }
  ring.finish();
  first.join();
  second.join();
  EXPECT_EQ(seen[0], wanted);
  EXPECT_EQ(seen[1], wanted);
}

TEST(ChunkRing, CancelWakesTheProducer) {
  ChunkRing ring(1, 8, 1);
  ring.free_buffer();
  ring.publish(8);
  std::thread canceller([&] { ring.cancel(); });
  EXPECT_TRUE(ring.free_buffer().empty());
  canceller.join();
  EXPECT_TRUE(ring.next(0).empty());
}
}  // namespace
