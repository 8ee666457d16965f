// SPDX-License-Identifier: Apache-2.0
// What an honest layer makes of a root. The hostile ones are in layer_escape_test.cpp.
#include "imagetool/layer/layer_applier.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"
#include "tests/support/layer_fixture.hpp"
#include "tests/support/tar_builder.hpp"

namespace {
using namespace std::string_literals;
using LayerApplierTest = LayerFixture;

TEST_F(LayerApplierTest, MakesEveryKind) {
  apply(TarBuilder()
            .directory("d/", 0750, 1000)
            .add({.name = "d/f", .mode = 04711, .mtime = 2000}, "hello")
            .symlink("d/s", "/absolute/../raw")
            .hard_link("d/h", "d/f")
            .add({.name = "p", .type = '6', .mode = 0622, .mtime = 3000})
            .file("zero", "", 0));
  EXPECT_EQ(mode("d"), 0750U);
  EXPECT_EQ(mtime("d"), 1000);
  EXPECT_EQ(content("d/f"), "hello");
  EXPECT_EQ(mode("d/f"), 04711U);
  EXPECT_EQ(mtime("d/f"), 2000);
  EXPECT_EQ(target("d/s"), "/absolute/../raw");
  EXPECT_EQ(inode("d/h"), inode("d/f"));
  EXPECT_EQ(type("p"), static_cast<mode_t>(S_IFIFO));
  EXPECT_EQ(mode("p"), 0622U);
  EXPECT_EQ(mtime("p"), 3000);
  EXPECT_EQ(mode("zero"), 0U);
}

TEST_F(LayerApplierTest, NanosecondsAndTimesBefore1970) {
  apply(TarBuilder()
            .pax(pax_record("mtime", "-1.5"))
            .file("f")
            .pax(pax_record("mtime", "5.000000007"))
            .symlink("s", "x")
            .pax(pax_record("mtime", "6.000000008"))
            .directory("d")
            .file("d/later"));
  EXPECT_EQ(status("f").st_mtim.tv_sec, -2);
  EXPECT_EQ(status("f").st_mtim.tv_nsec, 500000000);
  EXPECT_EQ(status("s").st_mtim.tv_nsec, 7);
  EXPECT_EQ(status("d").st_mtim.tv_nsec, 8);
}

TEST_F(LayerApplierTest, OwnersAndSetIdBits) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can set owners";
  apply(TarBuilder()
            .add({.name = "d", .type = '5', .mode = 02775, .uid = 8, .gid = 50})
            .add({.name = "d/mine", .mode = 0644})
            .add({.name = "d/sub", .type = '5', .mode = 0755})
            .file("d/unlisted/file")
            .add({.name = "suid", .mode = 06755, .uid = 1, .gid = 2}, "x")
            .add({.name = "link", .type = '2', .uid = 3, .gid = 4, .link = "nowhere"})
            .pax(pax_record("uid", "4294967294"))
            .file("huge"));
  EXPECT_EQ(mode("d"), 02775U);
  EXPECT_EQ(status("d").st_gid, 50U);
  EXPECT_EQ(status("d/mine").st_gid, 0U) << "a set-group-id directory must not hand its group on";
  EXPECT_EQ(status("d/sub").st_gid, 0U);
  EXPECT_EQ(mode("d/sub"), 0755U);
  EXPECT_EQ(status("d/unlisted").st_gid, 0U);
  EXPECT_EQ(mode("d/unlisted"), 0755U);
  EXPECT_EQ(mode("suid"), 06755U);
  EXPECT_EQ(status("suid").st_uid, 1U);
  EXPECT_EQ(status("link").st_uid, 3U);
  EXPECT_EQ(status("huge").st_uid, 4294967294U);
}

TEST_F(LayerApplierTest, Devices) {
  const TarBuilder layer =
      TarBuilder()
          .add({.name = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3})
          .add({.name = "whiteout", .type = '3'});
  const LayerCounts counts = apply(layer);
  if (::geteuid() != 0 || !exists("null")) {
    EXPECT_EQ(counts.skipped.at("device node"), 2U);
    EXPECT_FALSE(exists("null"));
    return;
  }
  EXPECT_EQ(type("null"), static_cast<mode_t>(S_IFCHR));
  EXPECT_EQ(mode("null"), 0666U);
  EXPECT_EQ(status("null").st_rdev, makedev(1, 3));
  EXPECT_FALSE(exists("whiteout")) << "0:0 is overlayfs's whiteout";
  EXPECT_EQ(counts.skipped.at("device node"), 1U);
}

TEST_F(LayerApplierTest, Xattrs) {
  const LayerCounts counts =
      apply(TarBuilder()
                .pax(pax_record("SCHILY.xattr.user.toy", "v\0w"s) +
                     pax_record("SCHILY.xattr.user.overlay.opaque", "y") +
                     pax_record("SCHILY.xattr.trusted.overlay.redirect", "/etc") +
                     pax_record("SCHILY.xattr.security.selinux", "label"))
                .file("f", "x", 0400)
                .pax(pax_record("SCHILY.xattr.user.toy", "s"))
                .symlink("s", "f"));
  if (!counts.skipped.contains("xattr user.toy") || counts.skipped.at("xattr user.toy") == 1) {
    EXPECT_EQ(xattr("f", "user.toy"), "v\0w"s);
  }
  EXPECT_EQ(xattr("f", "user.overlay.opaque"), std::nullopt);
  EXPECT_EQ(xattr("f", "trusted.overlay.redirect"), std::nullopt);
  EXPECT_EQ(counts.skipped.at("xattr user.overlay.opaque"), 1U);
  EXPECT_EQ(counts.skipped.at("xattr trusted.overlay.redirect"), 1U);
  EXPECT_EQ(counts.skipped.at("xattr security.selinux"), 1U);
}

TEST_F(LayerApplierTest, CapabilityOutlivesChownAndChmod) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can set file capabilities";
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                               20);  // cap_net_bind_service+ep
  const LayerCounts counts =
      apply(TarBuilder()
                .pax(pax_record("SCHILY.xattr.security.capability", capability))
                .add({.name = "ping", .mode = 06755, .uid = 9, .gid = 9}, "x"));
  if (counts.skipped.empty()) {
    EXPECT_EQ(xattr("ping", "security.capability"), capability);
  }
  EXPECT_EQ(mode("ping"), 06755U);
}

TEST_F(LayerApplierTest, SparseFilesHaveHoles) {
  apply(TarBuilder()
            .pax(pax_record("GNU.sparse.major", "0") + pax_record("GNU.sparse.minor", "1") +
                 pax_record("GNU.sparse.name", "s") + pax_record("GNU.sparse.size", "10485760") +
                 pax_record("GNU.sparse.map", "8388608,4"))
            .file("x", "data"));
  EXPECT_EQ(status("s").st_size, 10485760);
  EXPECT_LT(status("s").st_blocks, 1024);
  EXPECT_EQ(content("s").substr(8388608, 5), "data\0"s);
}

TEST_F(LayerApplierTest, MissingParentsAreMade) {
  const mode_t before = ::umask(077);
  apply(TarBuilder().file("a/b/c", "x"));
  ::umask(before);
  EXPECT_EQ(content("a/b/c"), "x");
  EXPECT_EQ(mode("a/b"), 0755U) << "the caller's umask has no say in what the image is";
}

TEST_F(LayerApplierTest, RootEntrySetsTheRootsAttributes) {
  apply(TarBuilder().directory("./", 0711, 77).file("f"));
  EXPECT_EQ(mode("."), 0711U);
  EXPECT_EQ(mtime("."), 77);
}

TEST_F(LayerApplierTest, PathsThroughLinksOfTheImage) {
  // var/run -> /run is what every Debian image has; absolute hard link targets are what some
  // builders write.
  apply(TarBuilder()
            .directory("run")
            .directory("var")
            .symlink("var/run", "/run")
            .file("var/run/pid", "7")
            .hard_link("absolute", "/run/pid")
            .hard_link("through", "var/run/pid"));
  EXPECT_EQ(content("run/pid"), "7");
  EXPECT_EQ(inode("absolute"), inode("run/pid"));
  EXPECT_EQ(inode("through"), inode("run/pid"));
  EXPECT_EQ(target("var/run"), "/run");
}

TEST_F(LayerApplierTest, DirectoryTimesAreKeptWhenChildrenChange) {
  apply(TarBuilder().directory("d", 0755, 100).directory("d/e", 0755, 200).file("d/e/f"));
  apply(TarBuilder().file("d/e/new").file("d/e/.wh.f"));
  EXPECT_EQ(mtime("d"), 100);
  EXPECT_EQ(mtime("d/e"), 200);
  EXPECT_FALSE(exists("d/e/f"));
}

TEST_F(LayerApplierTest, ManyDirectoriesPassThroughTheCache) {
  TarBuilder layer;
  for (int i = 0; i < 400; ++i) layer.directory("d" + std::to_string(i), 0700, 1000 + i);
  for (int i = 0; i < 400; ++i) layer.file("d" + std::to_string(i) + "/f", std::to_string(i));
  apply(layer);
  for (int i = 0; i < 400; ++i) {
    ASSERT_EQ(mtime("d" + std::to_string(i)), 1000 + i);
    ASSERT_EQ(content("d" + std::to_string(i) + "/f"), std::to_string(i));
  }
}

TEST_F(LayerApplierTest, TwoNamesOfOneDirectoryAreOneDirectory) {
  apply(TarBuilder()
            .directory("run", 0755, 100)
            .symlink("alias", "run")
            .file("alias/a")
            .file("run/b")
            .file("alias/c"));
  EXPECT_EQ(mtime("run"), 100);
}

TEST_F(LayerApplierTest, ClosedDirectoriesCanBeFilled) {
  apply(TarBuilder().directory("proc", 0555, 100).file("proc/x"));
  EXPECT_EQ(mode("proc"), 0555U);
  apply(TarBuilder().file("proc/y"));
  EXPECT_EQ(mode("proc"), 0555U);
  EXPECT_EQ(mtime("proc"), 100);
  EXPECT_TRUE(exists("proc/y"));
  ::chmod((root() / "proc").c_str(), 0755);
}

// --- replacing
// -------------------------------------------------------------------------------------------------------

TEST_F(LayerApplierTest, TypesReplaceEachOther) {
  apply(TarBuilder()
            .directory("dir")
            .file("dir/child")
            .file("file", "f")
            .symlink("link", "dir")
            .directory("keep", 0700)
            .file("keep/k"));
  apply(TarBuilder()
            .file("dir", "now a file")
            .directory("file")
            .directory("link", 0711)
            .directory("keep", 0750, 9));
  EXPECT_EQ(content("dir"), "now a file");
  EXPECT_EQ(type("file"), static_cast<mode_t>(S_IFDIR));
  EXPECT_EQ(type("link"), static_cast<mode_t>(S_IFDIR));
  EXPECT_TRUE(exists("keep/k"));
  EXPECT_EQ(mode("keep"), 0750U);
  EXPECT_EQ(mtime("keep"), 9);
}

TEST_F(LayerApplierTest, DirectoryOverDirectoryDropsOldXattrs) {
  apply(TarBuilder().pax(pax_record("SCHILY.xattr.user.old", "1")).directory("d"));
  apply(TarBuilder().pax(pax_record("SCHILY.xattr.user.new", "2")).directory("d"));
  EXPECT_EQ(xattr("d", "user.old"), std::nullopt);
}

TEST_F(LayerApplierTest, RewritingOneNameBreaksTheLink) {
  apply(TarBuilder().file("a", "old").hard_link("b", "a"));
  apply(TarBuilder().file("a", "new"));
  EXPECT_EQ(content("a"), "new");
  EXPECT_EQ(content("b"), "old");
}

TEST_F(LayerApplierTest, HardLinkToALowerLayersFile) {
  apply(TarBuilder().file("a", "x"));
  apply(TarBuilder().hard_link("b", "a").hard_link("a", "a"));
  EXPECT_EQ(inode("a"), inode("b"));
}

TEST_F(LayerApplierTest, HardLinkToASymlinkIsThatSymlink) {
  apply(TarBuilder().symlink("s", "/nowhere").hard_link("h", "s"));
  EXPECT_EQ(target("h"), "/nowhere");
}

TEST_F(LayerApplierTest, HardLinkTargetsThatCannotBe) {
  EXPECT_NE(fault(TarBuilder().hard_link("h", "missing")).find("does not exist"),
            std::string::npos);
  EXPECT_NE(fault(TarBuilder().directory("d").hard_link("h", "d")).find("directory"),
            std::string::npos);
  EXPECT_NE(fault(TarBuilder().hard_link("h", "/")), "");
}

TEST_F(LayerApplierTest, LowerFileInTheWayOfAParentIsReplaced) {
  apply(TarBuilder().file("a", "file").symlink("l", "a").symlink("dangling", "made"));
  apply(TarBuilder().file("a/b", "x").file("dangling/c", "y"));
  EXPECT_EQ(content("a/b"), "x");
  EXPECT_EQ(content("made/c"), "y");
  EXPECT_NE(fault(TarBuilder().file("z", "same layer").file("z/b")).find("not a directory"),
            std::string::npos);
}

TEST_F(LayerApplierTest, LastOfTwoEntriesWins) {
  apply(TarBuilder().file("f", "1").file("f", "2").directory("d").file("d/x").symlink("d", "f"));
  EXPECT_EQ(content("f"), "2");
  EXPECT_EQ(target("d"), "f");
}

TEST_F(LayerApplierTest, CachedDirectoryIsForgottenWhenReplaced) {
  apply(TarBuilder().directory("a/b").file("a/b/one").directory("other"));
  apply(TarBuilder().file("a/b/two").symlink("a/b", "/other").file("a/b/three", "3"));
  EXPECT_EQ(content("other/three"), "3");
}

// --- whiteouts
// -------------------------------------------------------------------------------------------------------

TEST_F(LayerApplierTest, WhiteoutsRemoveLowerContentOnly) {
  apply(TarBuilder().file("f").directory("d").file("d/e/f").symlink("s", "d").file("x", "lower"));
  apply(TarBuilder()
            .file(".wh.f")
            .file(".wh.d")
            .file(".wh.s")
            .file(".wh.missing")
            .file("gone/.wh.x")
            .file("x", "upper")
            .file(".wh.x"));
  EXPECT_FALSE(exists("f"));
  EXPECT_FALSE(exists("d"));
  EXPECT_FALSE(exists("s"));
  EXPECT_FALSE(exists("gone")) << "a whiteout makes no directory";
  EXPECT_EQ(content("x"), "upper") << "this layer's own entry stays";
}

TEST_F(LayerApplierTest, WhiteoutOfADirectoryThisLayerRemakes) {
  for (const bool whiteout_first : {true, false}) {
    apply(TarBuilder().directory("d").file("d/lower").file("d/sub/lower"));
    TarBuilder layer;
    if (whiteout_first) layer.file(".wh.d");
    layer.file("d/sub/upper");
    if (!whiteout_first) layer.file(".wh.d");
    apply(layer);
    EXPECT_TRUE(exists("d/sub/upper"));
    EXPECT_FALSE(exists("d/lower"));
    EXPECT_FALSE(exists("d/sub/lower"));
  }
}

TEST_F(LayerApplierTest, OpaqueWorksInAnyOrder) {
  for (const bool opaque_first : {true, false}) {
    apply(TarBuilder()
              .directory("d", 0755, 5)
              .file("d/lower")
              .file("d/sub/lower")
              .directory("d/all-lower/x")
              .symlink("d/link", "/"));
    TarBuilder layer;
    layer.directory("d", 0700, 6);
    if (opaque_first) layer.file("d/.wh..wh..opq");
    layer.file("d/upper").file("d/sub/upper").directory("d/empty");
    if (!opaque_first) layer.file("d/.wh..wh..opq");
    apply(layer);
    EXPECT_EQ(names("d"), (std::vector<std::string>{"empty", "sub", "upper"}));
    EXPECT_EQ(names("d/sub"), std::vector<std::string>{"upper"});
    EXPECT_EQ(mtime("d"), 6);
  }
}

TEST_F(LayerApplierTest, OpaqueThroughALinkKnowsWhatThisLayerWrote) {
  apply(TarBuilder().directory("real").file("real/lower").symlink("alias", "real"));
  apply(TarBuilder().file("alias/upper").file("real/.wh..wh..opq"));
  EXPECT_EQ(names("real"), std::vector<std::string>{"upper"});
}

TEST_F(LayerApplierTest, AufsNamesAreLeftOut) {
  apply(TarBuilder()
            .directory(".wh..wh.plnk")
            .file(".wh..wh.plnk/1.2", "x")
            .file(".wh..wh.aufs")
            .directory(".wh..wh.orph"));
  EXPECT_TRUE(names(".").empty());
}

TEST_F(LayerApplierTest, Limits) {
  EXPECT_NE(fault(TarBuilder().file("four"), {.name_bytes = 3}), "");
  EXPECT_NE(fault(TarBuilder().symlink("a", "four"), {.name_bytes = 3}), "");
  EXPECT_NE(
      fault(TarBuilder().pax(pax_record("linkpath", std::string(4096, 'x'))).symlink("a", "x")),
      "");
  EXPECT_NE(fault(TarBuilder().file("a/b/c"), {.depth = 2}), "");
  EXPECT_EQ(fault(TarBuilder().file("a/b"), {.name_bytes = 3, .depth = 2}), "");
  EXPECT_NE(fault(TarBuilder().file("a").file("b").file("c"), {.entries = 2})
                .find("more than the 2 entries"),
            std::string::npos);
  EXPECT_NE(fault(TarBuilder().file("a", "xxxx").file("b", "xxxx"), {.file_bytes = 7})
                .find("7 bytes allowed"),
            std::string::npos);
}

TEST_F(LayerApplierTest, CountsWhatItDid) {
  const LayerCounts counts = apply(TarBuilder().file("a", "1234").directory("d").file(".wh.x"));
  EXPECT_EQ(counts.entries, 3U);
  EXPECT_EQ(counts.file_bytes, 4U);
}

TEST_F(LayerApplierTest, FaultNamesTheEntryWithoutControlBytes) {
  const std::string words = fault(TarBuilder().hard_link("bad\x1b[2Jname", "missing"));
  EXPECT_NE(words.find("layer entry bad"), std::string::npos) << words;
  EXPECT_EQ(words.find('\x1b'), std::string::npos);
}
}  // namespace
