// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/entry_path.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"

namespace {

TEST(CleanPath, TakesNoiseAway) {
  EXPECT_EQ(clean_path("./usr//bin/./sh/"), "usr/bin/sh");
  EXPECT_EQ(clean_path("/etc/passwd"), "etc/passwd");
  EXPECT_EQ(clean_path("a/../b/c/.."), "b");
  for (const char* root : {".", "./", "/", "//./", "a/.."}) EXPECT_EQ(clean_path(root), "") << root;
  EXPECT_EQ(clean_path("..."), "...");
  EXPECT_EQ(clean_path("\xff\n"), "\xff\n");
}

TEST(CleanPath, RefusesWhatLeadsOut) {
  for (const char* name : {"..", "../x", "/../x", "a/../../x", "./../x"})
    EXPECT_THROW(clean_path(name), Error) << name;
  EXPECT_THROW(clean_path(std::string(256, 'x')), Error);
  std::string deep;
  for (int i = 0; i < 2100; ++i) deep += "a/";
  EXPECT_THROW(clean_path(deep), Error);
}

TEST(JoinPath, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(join_path("usr/bin", "sh"), "usr/bin/sh");
  EXPECT_EQ(join_path("", "sh"), "sh");
  EXPECT_EQ(join_path("usr", ""), "usr");
  EXPECT_EQ(join_path("", ""), "");
}

TEST(MarkerOf, Whiteouts) {
  EXPECT_EQ(marker_of("a/b"), Marker::kNone);
  EXPECT_EQ(marker_of("a/.wh"), Marker::kNone);
  EXPECT_EQ(marker_of("a/.wh.b"), Marker::kWhiteout);
  EXPECT_EQ(marker_of("a/.wh..hidden"), Marker::kWhiteout);
  EXPECT_EQ(marker_of("a/.wh..wh"), Marker::kWhiteout);
  EXPECT_EQ(marker_of(".wh..wh..opq"), Marker::kOpaque);
  EXPECT_EQ(marker_of("a/.wh..wh..opq"), Marker::kOpaque);
  EXPECT_EQ(marker_of(".wh..wh.plnk"), Marker::kAufs);
  EXPECT_EQ(marker_of(".wh..wh.plnk/12.34"), Marker::kAufs);
  EXPECT_EQ(marker_of(".wh..wh.aufs"), Marker::kAufs);
  EXPECT_EQ(marker_of(".wh..wh.opq"), Marker::kAufs);
  EXPECT_EQ(whiteout_target(".wh.x"), "x");
}

TEST(MarkerOf, RefusesTricks) {
  for (const char* path :
       {".wh.", "a/.wh.", ".wh..", "a/.wh...", ".wh.../x", ".wh.a/b", "a/.wh../b"})
    EXPECT_THROW(marker_of(path), Error) << path;
}
}  // namespace
