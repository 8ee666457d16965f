// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/ip_address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>

namespace plan {
namespace {

TEST(IpAddress, AgreesWithTheCLibrary) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    IpAddress address{.is_v6 = round % 2 == 1};
    // Many zeros, for "::".
    for (unsigned i = 0; i < address.bits() / 8; ++i)
      address.bytes.at(i) = random() % 3 == 0 ? static_cast<std::uint8_t>(random()) : 0;
    char text[INET6_ADDRSTRLEN];
    ASSERT_NE(
        ::inet_ntop(address.is_v6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text),
        nullptr);
    EXPECT_EQ(parse_address(text), address) << text;
    EXPECT_EQ(parse_address(to_text(address)), address) << to_text(address);
    // inet_ntop(3) writes the last four bytes of ::a.b.c.d in the old way.
    if (std::string(text).find('.') == std::string::npos || !address.is_v6) {
      EXPECT_EQ(to_text(address), text);
    }
  }
}

TEST(IpAddress, RefusesWhatIsNone) {
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", ":",
                           ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
                           "12345::", "g::", "1:2:3:4:5:6:7::8", "::1.2.3", "fe80::1%eth0"})
    EXPECT_FALSE(parse_address(text)) << text;
}

TEST(IpPrefix, CutsContainsAndOverlaps) {
  EXPECT_EQ(to_text(*parse_prefix("10.1.2.3/20")), "10.1.0.0/20");
  EXPECT_EQ(to_text(*parse_prefix("fd00:1:2:3:4::/62")), "fd00:1:2::/62");
  for (const char* text :
       {"10.0.0.0", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "/8", "10.0.0.0/-1"})
    EXPECT_FALSE(parse_prefix(text)) << text;
  EXPECT_TRUE(lies_in(*parse_address("10.1.15.255"), *parse_prefix("10.1.0.0/20")));
  EXPECT_FALSE(lies_in(*parse_address("10.1.16.0"), *parse_prefix("10.1.0.0/20")));
  EXPECT_FALSE(lies_in(*parse_address("::"), *parse_prefix("0.0.0.0/0")));
  EXPECT_TRUE(overlap(*parse_prefix("10.0.0.0/8"), *parse_prefix("10.200.0.0/24")));
  EXPECT_TRUE(overlap(*parse_prefix("10.200.0.0/24"), *parse_prefix("10.0.0.0/8")));
  EXPECT_FALSE(overlap(*parse_prefix("10.200.0.0/24"), *parse_prefix("10.200.1.0/24")));
  EXPECT_EQ(to_text(last_address(*parse_prefix("10.1.0.0/20"))), "10.1.15.255");
}

TEST(IpAddress, CountsWithCarry) {
  EXPECT_EQ(to_text(advance(*parse_address("10.0.255.255"), 1)), "10.1.0.0");
  EXPECT_EQ(to_text(advance(*parse_address("fd00::ffff:ffff"), 2)), "fd00::1:0:1");
}

}  // namespace
}  // namespace plan
