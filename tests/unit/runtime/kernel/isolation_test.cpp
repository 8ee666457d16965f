// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/isolation.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/pidfd.hpp"

namespace kernel {
namespace {

TEST(Isolation, Status) {
  plan::Isolation isolation;
  parse_status(
      "Name:\tsh) Uid:\t9\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nCapInh:\t0000000000000001\n"
      "CapPrm:\t0000000000000002\nCapEff:\t0000000000000003\nCapBnd:\t000001ffffffffff\n"
      "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n",
      isolation);
  EXPECT_EQ(isolation.uid, 2u);
  EXPECT_EQ(isolation.gid, 6u);
  EXPECT_EQ(isolation.capabilities.effective, 3u);
  EXPECT_EQ(isolation.capabilities.bounding, 0x1ffffffffffu);
  EXPECT_TRUE(isolation.no_new_privileges);
  EXPECT_EQ(isolation.seccomp_mode, 2);
}

TEST(Isolation, LimitsAreTheProcessesOwn) {
  const auto limits = parse_limits(read_file("/proc/self/limits"));
  ASSERT_EQ(limits.size(), static_cast<std::size_t>(RLIM_NLIMITS));
  for (const plan::ResourceLimit& one : limits) {
    rlimit own{};
    ASSERT_EQ(::getrlimit(static_cast<__rlimit_resource>(one.resource), &own), 0);
    EXPECT_EQ(one.soft, own.rlim_cur) << one.resource;
    EXPECT_EQ(one.hard, own.rlim_max) << one.resource;
  }
}

TEST(Isolation, AnotherProcessWithTheNumberIsNotRead) {
  plan::LaunchPlan launch;
  launch.rootfs.root = "/";
  EXPECT_TRUE(read_isolation(launch, ::getpid(), start_time(::getpid())));
  EXPECT_FALSE(read_isolation(launch, ::getpid(), start_time(::getpid()) + 1));
  EXPECT_FALSE(read_isolation(launch, 0x3fffffff, 1));
}

}  // namespace
}  // namespace kernel
