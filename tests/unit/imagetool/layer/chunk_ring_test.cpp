// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/chunk_ring.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"

namespace {

TEST(ChunkRing, EveryConsumerSeesEveryChunk) {
  ChunkRing ring(2, 16, 2);
  ASSERT_EQ(ring.free_buffer().size(), 16U);
  ring.publish(3);
  ring.finish();
  for (const std::size_t consumer : {0U, 1U}) {
    EXPECT_EQ(ring.next(consumer).size(), 3U);
    EXPECT_TRUE(ring.next(consumer).empty());
  }
}

TEST(ChunkRing, GivingUpBecauseOfAFailureHidesItFromNobody) {
  ChunkRing ring(2, 16, 2);
  ring.finish(std::make_exception_ptr(Error("the cause")));
  EXPECT_THROW(ring.next(0), Error);
  ring.cancel();  // what consumer 0 does then
  EXPECT_THROW(ring.next(1), Error);
}

TEST(ChunkRing, GivingUpEndsItForAll) {
  ChunkRing ring(2, 16, 2);
  ring.cancel();
  EXPECT_TRUE(ring.free_buffer().empty());
  EXPECT_TRUE(ring.next(0).empty());
}

}  // namespace
