// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/content_digests.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/oci/digest.hpp"
#include "tests/support/temporary_directory.hpp"

using build::ContentDigests;

namespace {

class ContentDigestsTest : public ::testing::Test {
 protected:
  ContentDigestsTest() { replace_file(path("file"), "content"); }
  std::string path(const std::string& name) const { return temp_.path() + "/" + name; }
  struct stat status() const {
    struct stat found{};
    check(::lstat(path("file").c_str(), &found), "stat");
    return found;
  }
  /// What a build after this one makes of the file.
  std::string next(const struct stat& found, bool is_local = true) const {
    ContentDigests digests(path("digests"));
    std::string digest = digests.of(RootedDir::open(temp_.path()), "file", found, is_local);
    digests.save();
    return digest;
  }
  void grow_old() const {
    while (::time(nullptr) - status().st_ctim.tv_sec <= 3)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }

  TemporaryDirectory temp_;
};

TEST_F(ContentDigestsTest, RemembersAFileOnceItIsOldEnough) {
  EXPECT_EQ(next(status()), sha256_of("content").hex);
  EXPECT_FALSE(std::filesystem::exists(path("digests")));  // it could change within this tick
  grow_old();
  const struct stat before = status();
  EXPECT_EQ(next(before), sha256_of("content").hex);
  std::filesystem::rename(path("file"), path("elsewhere"));
  EXPECT_EQ(next(before), sha256_of("content").hex);  // not read again
  EXPECT_THROW(next(before, false), Error);
  struct stat other = before;
  ++other.st_ctim.tv_nsec;
  EXPECT_THROW(next(other), Error);
  std::filesystem::resize_file(path("digests"), 200);
  EXPECT_THROW(next(before), Error);
}

TEST_F(ContentDigestsTest, SeesAnAttributeThatWasSetMeanwhile) {
  grow_old();
  const std::string before = next(status());
  if (::setxattr(path("file").c_str(), "user.test", "one", 3, 0) != 0)
    GTEST_SKIP() << "no attributes here";
  const std::string one = next(status());
  EXPECT_NE(one, before);
  check(::setxattr(path("file").c_str(), "user.test", "two", 3, 0), "set an attribute");
  EXPECT_NE(next(status()), one);
}

}  // namespace
