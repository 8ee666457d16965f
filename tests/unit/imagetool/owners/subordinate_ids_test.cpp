// SPDX-License-Identifier: Apache-2.0
#include "imagetool/owners/subordinate_ids.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using Ranges = std::vector<IdRange>;

TEST(SubordinateIds, AreThoseOfTheUserByNameAndByNumber) {
  EXPECT_EQ(ranges_of("alice:100000:65536\nbob:1:2\n1000:300000:10\nalic:5:5\n", "alice", 1000),
            (Ranges{{100000, 65536}, {300000, 10}}));
  EXPECT_EQ(ranges_of("alice:7:8", "alice", 1000), (Ranges{{7, 8}}));
  EXPECT_EQ(ranges_of("", "alice", 1000), Ranges{});
}

TEST(SubordinateIds, DamagedLinesArePassedOver) {
  for (const char* const line : {"alice", "alice:", "alice:1", "alice:1:", "alice::1", "alice:x:1",
                                 "alice:1:1:1", "alice:1:0", "alice:-1:5", "alice:4294967290:10",
                                 "alice:4294967296:1", "alice: 1:1", ":1:1", "#alice:1:1"})
    EXPECT_EQ(ranges_of(std::string(line) + "\nalice:9:9\n", "alice", 1000), (Ranges{{9, 9}}))
        << line;
}

TEST(SubordinateIds, FollowTheUsersOwn) {
  const auto map = map_of(1000, {{100000, 10}, {500, 5}});
  ASSERT_EQ(map.size(), 3U);
  EXPECT_EQ(map[0], (oci::IdMapping{.container_id = 0, .host_id = 1000, .size = 1}));
  EXPECT_EQ(map[1], (oci::IdMapping{.container_id = 1, .host_id = 100000, .size = 10}));
  EXPECT_EQ(map[2], (oci::IdMapping{.container_id = 11, .host_id = 500, .size = 5}));
  EXPECT_EQ(last_mapped(map), 15U);
  EXPECT_TRUE(is_mapped(map, 0) && is_mapped(map, 15));
  EXPECT_FALSE(is_mapped(map, 16) || is_mapped(map, 4294967295U));
}

TEST(SubordinateIds, EndBeforeTheIdThatIsNone) {
  const auto map = map_of(1000, {{2000, 4294960000U}, {1, 4294967294U}, {1, 1}});
  EXPECT_EQ(last_mapped(map), 4294967294U);
  ASSERT_EQ(map.size(), 3U);
}

TEST(SubordinateIds, AMapHasNoMoreLinesThanTheKernelTakes) {
  std::string text;
  for (int index = 0; index < 500; ++index) text += "alice:" + std::to_string(index) + ":1\n";
  EXPECT_EQ(map_of(1000, ranges_of(text, "alice", 1000)).size(), 340U);
}

TEST(SubordinateIds, AnEmptyLineOfAMapMapsNothing) {
  EXPECT_EQ(last_mapped({{.container_id = 5, .host_id = 5, .size = 0}}), 0U);
  EXPECT_FALSE(is_mapped({{.container_id = 5, .host_id = 5, .size = 0}}, 5));
}

}  // namespace
