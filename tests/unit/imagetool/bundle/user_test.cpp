// SPDX-License-Identifier: Apache-2.0
#include "imagetool/bundle/user.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"

namespace {

constexpr std::string_view kPasswd =
    "# comment\n"
    "root:x:0:0:root:/root:/bin/sh\n"
    "broken line\n"
    "daemon:x:1:1::/usr/sbin:/bin/false\n"
    "redis:x:105:110:,,,:/var/lib/redis:/bin/false\n"
    "redis:x:0:0:second entry loses:/root:/bin/sh\n"
    "4294967296:x:0:0:a number for a name:/root:/bin/sh\n"
    "big:x:3000000000:1::/:/bin/sh";
constexpr std::string_view kGroup =
    "root:x:0:\n"
    "audio:x:29:redis,root\n"
    "redis:x:110:\n"
    "extra:x:29:redis\n"
    "video:x:44:redis\n";

ImageUser resolve(std::string_view user) { return resolve_user(kPasswd, kGroup, user); }

TEST(User, FollowsTheTableOfForms) {
  const std::vector<std::uint32_t> root_groups = {0, 29};
  EXPECT_EQ(resolve(""), (ImageUser{0, 0, root_groups, "/root"}));
  EXPECT_EQ(resolve("root"), (ImageUser{0, 0, root_groups, "/root"}));
  EXPECT_EQ(resolve("redis"), (ImageUser{105, 110, {110, 29, 44}, "/var/lib/redis"}));
  EXPECT_EQ(resolve("105"), (ImageUser{105, 110, {110, 29, 44}, "/var/lib/redis"}));
  EXPECT_EQ(resolve("redis:audio"), (ImageUser{105, 29, {}, "/var/lib/redis"}));
  EXPECT_EQ(resolve("redis:7"), (ImageUser{105, 7, {}, "/var/lib/redis"}));
  EXPECT_EQ(resolve("1000:1001"), (ImageUser{1000, 1001, {}, "/"}));
  EXPECT_EQ(resolve("1000"), (ImageUser{1000, 0, {}, "/"}));
  EXPECT_EQ(resolve(":44"), (ImageUser{0, 44, {}, "/root"}));
  EXPECT_EQ(resolve("2147483647").uid, 2147483647U);
}

TEST(User, RefusesNumbersThatWouldWrapOrBecomeNames) {
  for (const char* user : {"4294967296", "4294967295", "2147483648", "-1", "+1",
                           "99999999999999999999", "1:4294967296"})
    EXPECT_THROW(resolve(user), Error) << user;
}

TEST(User, RefusesUnknownNames) {
  EXPECT_THROW(resolve("nobody-here"), Error);
  EXPECT_THROW(resolve("root:nogroup-here"), Error);
  EXPECT_THROW(resolve("big"), Error) << "an id beyond the limit makes no account";
  EXPECT_THROW(resolve("0x0"), Error);
  EXPECT_THROW(resolve("1 "), Error);
}

TEST(User, TakesEmptyFiles) {
  EXPECT_EQ(resolve_user("", "", ""), (ImageUser{0, 0, {}, "/"}));
  EXPECT_EQ(resolve_user("", "", "33"), (ImageUser{33, 0, {}, "/"}));
}

}  // namespace
