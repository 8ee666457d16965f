// SPDX-License-Identifier: Apache-2.0
// These tests make cgroups, change identity and install filters on the machine they run on: as root
// or not at all.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (::geteuid() != 0) {
    std::puts("skipped: needs root");
    return 77;
  }
  return RUN_ALL_TESTS();
}
