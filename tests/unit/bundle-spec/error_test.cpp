// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/error.hpp"

#include <gtest/gtest.h>

TEST(Error, SentenceJoinsWordsAndNumbers) {
  EXPECT_EQ(sentence("mount ", std::string("tmpfs"), ' ', 3, " of ", 4u), "mount tmpfs 3 of 4");
}

TEST(Error, CheckReturnsTheResult) { EXPECT_EQ(check(7, "open ", "x"), 7); }

TEST(Error, CheckNamesTheCallAndTheErrno) {
  const std::string path = "/nowhere";
  errno = ENOENT;
  try {
    check(-1, "open ", path);
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "open /nowhere: No such file or directory");
    EXPECT_EQ(error.number(), ENOENT);
  }
}

TEST(Error, ContextGoesInFront) {
  Error error("open /x", EACCES);
  error.add_context("mount ", 3);
  EXPECT_STREQ(error.what(), "mount 3: open /x: Permission denied");
  EXPECT_EQ(error.number(), EACCES);
}
