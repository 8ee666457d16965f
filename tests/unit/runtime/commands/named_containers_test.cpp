// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/named_containers.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"

namespace commands {
namespace {

TEST(NamedContainers, MatchAnywhereUnlessAnchored) {
  using Ids = std::vector<std::string>;
  const Ids ids = {"a.b", "box-1", "box-22", "mybox-3"};
  EXPECT_EQ(matching(ids, "box"), (Ids{"box-1", "box-22", "mybox-3"}));
  EXPECT_EQ(matching(ids, "^box-[0-9]$"), Ids{"box-1"});
  EXPECT_EQ(matching(ids, "(a|my).?b"), (Ids{"a.b", "mybox-3"}));
  EXPECT_EQ(matching(ids, "nobody"), Ids{});
  EXPECT_EQ(matching(ids, ""), ids);
  EXPECT_THROW(matching(ids, "("), Error);
  EXPECT_THROW(matching(ids, "[a"), Error);
}

}  // namespace
}  // namespace commands
