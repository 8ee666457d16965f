// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/emulation.hpp"

#include <gtest/gtest.h>

namespace build {
namespace {

// As Debian's qemu-user-static registers it.
constexpr const char* kArm64 =
    "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POCF\noffset 0\n"
    "magic 7f454c460201010000000000000000000200b700\n"
    "mask ffffffffffffff00fffffffffffffffffeffffff\n";
constexpr const char* kS390x =
    "enabled\ninterpreter /usr/bin/qemu-s390x-static\nflags: F\noffset 0\n"
    "magic 7f454c4602020100000000000000000000020016\n"
    "mask ffffffffffffff00fffffffffffffffffffeffff\n";

TEST(Emulation, IsForOneMachine) {
  EXPECT_TRUE(emulates(kArm64, "arm64"));
  EXPECT_TRUE(emulates(kS390x, "s390x"));
  for (const char* other : {"amd64", "arm", "s390x", "riscv64", "nothing"})
    EXPECT_FALSE(emulates(kArm64, other)) << other;
  EXPECT_FALSE(emulates(kS390x, "arm64"));
}

TEST(Emulation, IsEnabledAndSaysEnough) {
  const std::string entry = kArm64;
  EXPECT_FALSE(emulates("dis" + entry.substr(2), "arm64"));
  EXPECT_FALSE(emulates("enabled\ninterpreter /bin/x\nflags: \nextension .py\n", "arm64"));
  EXPECT_FALSE(
      emulates("enabled\ninterpreter /bin/x\nflags: \noffset 0\nmagic 7f454c46\n", "arm64"));
  EXPECT_FALSE(emulates("", "arm64"));
}

}  // namespace
}  // namespace build
