// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/mount_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace kernel {
namespace {

TEST(MountTable, ReadsLinesWithAndWithoutOptionalFields) {
  const auto mounts = parse_mount_table(
      "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:3 - ext3 /dev/root rw,errors=continue\n"
      "37 35 0:25 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].root, "/mnt1");
  EXPECT_EQ(mounts[0].mount_point, "/mnt2");
  EXPECT_EQ(mounts[0].type, "ext3");
  EXPECT_EQ(mounts[1].mount_point, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(mounts[1].type, "cgroup");
  EXPECT_EQ(mounts[1].super_options, "rw,cpu,cpuacct");
}

TEST(MountTable, UndoesOctalEscapes) {
  const auto mounts = parse_mount_table("1 1 0:1 / /a\\040b\\134c\\012d rw - tmpfs none rw\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].mount_point, "/a b\\c\nd");
}

TEST(MountTable, LeavesOutBrokenLines) {
  EXPECT_TRUE(parse_mount_table("").empty());
  EXPECT_TRUE(
      parse_mount_table("\n\n1 2 3\n36 35 98:0 / /mnt rw master:1\n1 1 0:1 / /x rw -\n").empty());
}

TEST(MountTable, ReadsThisHost) {
  const auto mounts = read_mount_table();
  EXPECT_TRUE(
      std::ranges::any_of(mounts, [](const MountEntry& one) { return one.mount_point == "/"; }));
}

}  // namespace
}  // namespace kernel
