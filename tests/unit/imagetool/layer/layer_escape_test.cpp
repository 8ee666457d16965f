// SPDX-License-Identifier: Apache-2.0
// Hostile layers: whatever a layer does, nothing outside the root changes (image.md 5.1 A and
// B, 5.4). The canary is a directory beside the root, reached by the absolute and relative paths
// which the layers use.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <thread>

#include "bundle-spec/error.hpp"
#include "tests/support/layer_fixture.hpp"
#include "tests/support/tar_builder.hpp"

namespace {

class LayerEscapeTest : public LayerFixture {
 protected:
  LayerEscapeTest() {
    std::filesystem::create_directory(outside());
    std::ofstream(outside() / "secret") << "canary";
    ::chmod((outside() / "secret").c_str(), 0600);
    before_ = snapshot();
  }
  void TearDown() override {
    EXPECT_EQ(snapshot(), before_) << "something outside the root changed";
  }

  std::string canary() const { return outside(); }

  /// Applies layer after layer; an error ends it, and is fine.
  void try_all(const std::vector<TarBuilder>& layers) {
    try {
      for (const TarBuilder& layer : layers) apply(layer);
    } catch (const Error&) {
      // Refused: TearDown looks at the canary.
    }
  }

 private:
  std::map<std::string, std::string> snapshot() const {
    std::map<std::string, std::string> found;
    const auto note = [&](const std::filesystem::path& path) {
      struct stat status = {};
      EXPECT_EQ(::lstat(path.c_str(), &status), 0);
      std::ifstream file(path, std::ios::binary);
      const std::string text = S_ISREG(status.st_mode)
                                   ? std::string(std::istreambuf_iterator<char>(file), {})
                                   : std::string();
      found[path] =
          sentence(status.st_ino, ' ', status.st_mode, ' ', status.st_uid, ' ', status.st_nlink,
                   ' ', status.st_mtim.tv_sec, '.', status.st_mtim.tv_nsec, ' ', text);
    };
    note(outside());
    for (const auto& entry : std::filesystem::recursive_directory_iterator(outside()))
      note(entry.path());
    return found;
  }
  std::map<std::string, std::string> before_;
};

TEST_F(LayerEscapeTest, NamesThatLeadOut) {
  for (const char* name : {"../outside/x", "/../outside/x", "a/../../outside/x", ".."})
    EXPECT_NE(fault(TarBuilder().file(name, "x")).find("above the root"), std::string::npos)
        << name;
  EXPECT_NE(fault(TarBuilder().symlink("../outside/secret", "x")), "");
  EXPECT_NE(fault(TarBuilder().directory("../outside", 0777)), "");
  EXPECT_NE(fault(TarBuilder().file("../outside/.wh.secret")), "");
}

TEST_F(LayerEscapeTest, AbsoluteNamesMeanTheRoot) {
  apply(TarBuilder().file(canary() + "/x", "inside"));
  EXPECT_EQ(content(canary().substr(1) + "/x"), "inside");
}

TEST_F(LayerEscapeTest, FilesThroughSymlinks) {
  for (const std::string& to :
       {canary(), std::string("../outside"), std::string("../../../../../../../..") + canary(),
        "/proc/self/root" + canary(), std::string("/proc/self/cwd")}) {
    try_all({TarBuilder().symlink("a", to).file("a/secret", "owned").file("a/new", "owned")});
    try_all({TarBuilder().symlink("b", to), TarBuilder().file("b/secret", "owned")});
    try_all({TarBuilder()
                 .symlink("c", to)
                 .symlink("d", "c/../c")
                 .file("d/secret", "owned")
                 .directory("d/dir")});
  }
}

TEST_F(LayerEscapeTest, FileOverASymlinkReplacesIt) {
  apply(TarBuilder().symlink("l", canary() + "/secret"));
  apply(TarBuilder().file("l", "mine", 04777));
  EXPECT_EQ(content("l"), "mine");
  apply(TarBuilder().symlink("l", canary()));
  apply(TarBuilder().directory("l", 0777, 1));
  EXPECT_EQ(type("l"), static_cast<mode_t>(S_IFDIR));
}

TEST_F(LayerEscapeTest, ChainsOfSymlinks) {
  try_all({TarBuilder().symlink("a", "b").symlink("b", "..").file("a/outside/secret", "owned")});
  try_all({TarBuilder()
               .directory("d/e")
               .symlink("d/e/up", "../../..")
               .file("d/e/up/outside/secret", "owned")});
  try_all({TarBuilder().symlink("x", "y").symlink("y", "x").file("x/f", "owned")});
  EXPECT_NE(fault(TarBuilder().symlink("m", "n").symlink("n", "m").file("m/f")), "");
}

TEST_F(LayerEscapeTest, HardLinksOut) {
  for (const std::string& to : {canary() + "/secret", std::string("../outside/secret"),
                                std::string("a/../../outside/secret")}) {
    EXPECT_NE(fault(TarBuilder().hard_link("h", to)), "") << to;
    EXPECT_FALSE(exists("h"));
  }
  try_all(
      {TarBuilder().symlink("s", canary()).hard_link("h", "s/secret").file("h", "owned", 0777)});
  // CVE-2021-32760: the mode of what a link leads to.
  try_all({TarBuilder()
               .symlink("t", canary() + "/secret")
               .hard_link("i", "t")
               .add({.name = "i", .mode = 04777}, "x")});
  try_all({TarBuilder().symlink("t", canary() + "/secret"), TarBuilder().hard_link("i", "t"),
           TarBuilder().add({.name = "i", .mode = 04777}, "x")});
}

TEST_F(LayerEscapeTest, WhiteoutsThroughSymlinks) {
  for (const std::string& to : {canary(), std::string("../outside"), std::string("..")}) {
    try_all({TarBuilder().symlink("a", to), TarBuilder().file("a/.wh.secret")});
    try_all({TarBuilder().symlink("b", to), TarBuilder().file("b/.wh..wh..opq")});
    try_all({TarBuilder().symlink("c", to).file("c/.wh.outside").file("c/.wh..wh..opq")});
    try_all({TarBuilder().symlink("d", to), TarBuilder().file(".wh.d").file("d/x")});
  }
}

TEST_F(LayerEscapeTest, WhiteoutNamesThatAreNoNames) {
  apply(TarBuilder().file("d/keep", "x"));
  for (const char* name :
       {".wh.", "d/.wh.", "d/.wh..", "d/.wh...", ".wh.../x", "d/.wh.a/b", ".wh../x"})
    EXPECT_NE(fault(TarBuilder().file(name)), "") << name;
  EXPECT_EQ(content("d/keep"), "x");
}

TEST_F(LayerEscapeTest, RootEntryThatIsNoDirectory) {
  for (const char* name : {".", "./", "/", "a/.."}) {
    EXPECT_NE(fault(TarBuilder().symlink(name, canary()).file("x", "owned")), "") << name;
    EXPECT_NE(fault(TarBuilder().add({.name = name, .type = '6'})), "") << name;
    EXPECT_NE(fault(TarBuilder().hard_link(name, "x")), "") << name;
  }
}

TEST_F(LayerEscapeTest, DirectoryReplacedBetweenEntries) {
  try_all(
      {TarBuilder().directory("d").file("d/a").symlink("d", canary()).file("d/secret", "owned")});
  try_all({TarBuilder().directory("e").file("e/a"),
           TarBuilder().file("e/b").symlink("e", canary()).file("e/secret", "owned")});
  EXPECT_FALSE(std::filesystem::exists(outside() / "a"));
}

TEST_F(LayerEscapeTest, AttributesOnSymlinksStayThere) {
  apply(TarBuilder()
            .pax(pax_record("SCHILY.xattr.user.x", "1") + pax_record("mtime", "1"))
            .add({.name = "l",
                  .type = '2',
                  .mode = 0777,
                  .uid = 5,
                  .gid = 5,
                  .link = canary() + "/secret"}));
  EXPECT_EQ(mtime("l"), 1);
}

TEST_F(LayerEscapeTest, FifosAreNeverOpened) {
  apply(TarBuilder().add({.name = "p", .type = '6'}).hard_link("q", "p"));
  apply(TarBuilder().file("p", "no hang").file(".wh.q"));
  EXPECT_EQ(content("p"), "no hang");
}

TEST_F(LayerEscapeTest, DeepTreesAreNoTrap) {
  TarBuilder layer;
  std::string path;
  for (int i = 0; i < 300; ++i) layer.directory((path += "d/"));
  apply(layer.file(path + "f", "x"));
  apply(TarBuilder().file(".wh.d"));
  EXPECT_FALSE(exists("d"));
}

// CVE-2025-47290: someone swaps a directory and a symlink while the layer is applied.
TEST_F(LayerEscapeTest, SwappingDirectoriesWhileApplying) {
  apply(TarBuilder().directory("d").symlink("l", canary()));
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    const std::string one = root() / "d";
    const std::string two = root() / "l";
    while (!stop) ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, two.c_str(), RENAME_EXCHANGE);
  });
  for (int i = 0; i < 300; ++i)
    try_all({TarBuilder()
                 .file("d/secret", "owned", 0666)
                 .file("d/.wh.secret")
                 .directory("d/x", 0777, 1)
                 .hard_link("d/h", "d/secret"),
             TarBuilder().file("d/.wh..wh..opq")});
  stop = true;
  swapper.join();
}
}  // namespace
