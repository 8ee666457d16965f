// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/passwd.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace kernel {
namespace {

TEST(HomeInPasswd, TakesTheFirstEntryOfTheUid) {
  const char* text =
      "root:x:0:0:root:/root:/bin/sh\n"
      "toor:x:0:0::/elsewhere:/bin/sh\n"
      "redis:x:999:999::/var/lib/redis:/usr/sbin/nologin";
  EXPECT_EQ(home_in_passwd(text, 0), "/root");
  EXPECT_EQ(home_in_passwd(text, 999), "/var/lib/redis");
  EXPECT_EQ(home_in_passwd(text, 1), std::nullopt);
}

TEST(HomeInPasswd, AnEntryWithoutHomeHasNone) {
  EXPECT_EQ(home_in_passwd("a:x:5:5:::/bin/sh\n", 5), std::nullopt);
}

TEST(HomeInPasswd, SkipsWhatIsNoEntry) {
  const char* text =
      "\n:::\n# comment\n+nis\nshort:x:7\nlong:x:7:7:g:/h:/s:more\nneg:x:-7:7:g:/h:/s\n"
      "text:x:7x:7:g:/h:/s\nblank:x: 7:7:g:/h:/s\nhuge:x:4294967303:7:g:/wrapped:/s\n"
      "right:x:7:7:g:/right:/s\n";
  EXPECT_EQ(home_in_passwd(text, 7), "/right");
  EXPECT_EQ(home_in_passwd("", 7), std::nullopt);
}

TEST(HomeInPasswd, RefusesANulInTheName) {
  EXPECT_EQ(home_in_passwd(std::string_view("a:x:5:5::/a\0b:/s\n", 17), 5), std::nullopt);
}

}  // namespace
}  // namespace kernel
