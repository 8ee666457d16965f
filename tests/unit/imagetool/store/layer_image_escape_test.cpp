// SPDX-License-Identifier: Apache-2.0
// Hostile layers as EROFS images (image.md 5.1 A and B, 5.4): the rows that are tests of the plain
// directory in layer_escape_test.cpp. An image is written without any path of the host, so there is
// nothing to race for; what it shows must be what the directory shows, hold nothing of the canary
// beside the root, and only names that a directory may have. The canary stays as it is.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "bundle-spec/error.hpp"
#include "tests/support/layer_stack.hpp"

namespace {

using Layers = std::vector<TarBuilder>;

class LayerImageEscapeTest : public testing::Test {
 protected:
  /// Beside the root: "canary", which must neither change nor be seen.
  struct Canary {
    explicit Canary(const LayerStack& stack) : directory(stack.flat().parent_path() / "outside") {
      std::filesystem::create_directory(directory);
      std::ofstream(directory / "secret") << "canary";
      ::chmod((directory / "secret").c_str(), 0600);
      before = listing_of(directory.parent_path() / "outside");
    }
    std::filesystem::path directory;
    Listing before;
  };

  static std::string fault_of(const auto& attempt) {
    try {
      attempt();
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  static void expect_harmless(const LayerStack& stack, const std::string& words) {
    const Listing merged = listing_of(stack.merged());
    EXPECT_EQ(merged, listing_of(stack.flat())) << words;
    const Listing seen = mounted_listing(stack).value_or(merged);
    EXPECT_EQ(seen, merged) << words;
    EXPECT_EQ(stack.complaints(), "") << words;
    for (const auto& [path, line] : seen) {
      EXPECT_EQ(line.find("canary"), line.find("outside/canary")) << words << path;
      EXPECT_EQ(line.find("overlay."), std::string::npos) << words << path;
      for (const std::filesystem::path& part : std::filesystem::path(path))
        EXPECT_TRUE(part != "." && part != ".." && !part.empty()) << words << path;
    }
  }

  /// As a directory and as an image: both refuse a layer or neither, and what they take is the
  /// same. True when all were taken.
  static bool try_all(const std::string& words, const auto& layers_for) {
    LayerStack stack;
    const Canary canary(stack);
    bool taken = true;
    for (const TarBuilder& layer : static_cast<const Layers&>(layers_for(canary.directory))) {
      const std::string flat = fault_of([&] { stack.add_flat(layer.finish()); });
      const std::string image = fault_of([&] { stack.add_image(layer.finish()); });
      EXPECT_EQ(flat.empty(), image.empty()) << words << "\n" << flat << "\n" << image;
      taken = flat.empty() && image.empty();
      if (!taken) break;
    }
    if (taken) expect_harmless(stack, words);
    EXPECT_EQ(listing_of(canary.directory), canary.before) << words;
    return taken;
  }
  static bool try_all(const std::string& words, const Layers& layers) {
    return try_all(words, [&](const std::string&) -> Layers { return layers; });
  }
};

TEST_F(LayerImageEscapeTest, NamesThatLeadOut) {
  for (const char* name : {"../outside/x", "/../outside/secret", "a/../../outside/x", ".."})
    EXPECT_FALSE(try_all(name, {TarBuilder().file(name, "x")}));
  EXPECT_FALSE(try_all("directory", {TarBuilder().directory("../outside", 0777)}));
  EXPECT_FALSE(try_all("whiteout", {TarBuilder().file("../outside/.wh.secret")}));
  EXPECT_TRUE(try_all("absolute", [](const std::string& canary) -> Layers {
    return {TarBuilder().file(canary + "/secret", "inside").directory("//./a//b/")};
  }));
  const std::string nul("a\0b", 3);
  EXPECT_FALSE(try_all("NUL", {TarBuilder().pax(pax_record("path", nul)).file("x", "x")}));
  EXPECT_FALSE(try_all("NUL", {TarBuilder().pax(pax_record("linkpath", nul)).symlink("x", "y")}));
  EXPECT_FALSE(try_all(
      "long", {TarBuilder().pax(pax_record("path", std::string(256, 'x'))).file("x", "x")}));
}

// CVE-2021-29136.
TEST_F(LayerImageEscapeTest, RootEntriesThatAreNoDirectory) {
  for (const char* name : {".", "./", "/", "a/.."}) {
    EXPECT_FALSE(try_all(name, {TarBuilder().symlink(name, "../outside").file("secret", "x")}));
    EXPECT_FALSE(try_all(name, {TarBuilder().hard_link(name, "x")}));
  }
}

// CVE-2026-17106, CVE-2025-47290: parents that are links, of this layer and of one below.
TEST_F(LayerImageEscapeTest, FilesThroughSymlinks) {
  for (const std::string to : {"../outside", "/", "..", "../../../../../../../..",
                               "/proc/self/root", "/proc/self/cwd", "x/../../outside"}) {
    try_all(to, {TarBuilder().symlink("a", to).file("a/secret", "owned").directory("a/new")});
    try_all(to, {TarBuilder().symlink("a", to), TarBuilder().file("a/secret", "owned")});
    try_all(to, {TarBuilder().symlink("a", to).symlink("b", "a/../a").file("b/secret", "owned")});
    try_all(to, {TarBuilder().directory("d").file("d/x", "x"),
                 TarBuilder().symlink("d", to).file("d/secret", "owned"),
                 TarBuilder().file("d/.wh.secret").file("d/.wh.x").file("d/.wh..wh..opq")});
  }
  EXPECT_FALSE(try_all("loop", {TarBuilder().symlink("m", "n").symlink("n", "m").file("m/f")}));
}

// CVE-2021-32760: what a link leads to keeps its mode, content and owner.
TEST_F(LayerImageEscapeTest, HardLinksOut) {
  for (const std::string to : {"../outside/secret", "a/../../outside/secret", "s/secret"}) {
    EXPECT_FALSE(try_all(to, {TarBuilder().symlink("s", "../outside").hard_link("h", to)}));
    EXPECT_FALSE(try_all(to, {TarBuilder().symlink("s", "../outside"),
                              TarBuilder().hard_link("h", to).file("h", "owned", 04777)}));
  }
  EXPECT_FALSE(try_all("absolute", [](const std::string& canary) -> Layers {
    return {TarBuilder().hard_link("h", canary + "/secret")};
  }));
  EXPECT_TRUE(try_all("to a link", [](const std::string& canary) -> Layers {
    return {TarBuilder().symlink("s", canary + "/secret").hard_link("h", "s"),
            TarBuilder().hard_link("again", "h").file("s", "mine", 04777)};
  }));
  EXPECT_FALSE(try_all("directory", {TarBuilder().directory("d").hard_link("h", "d")}));
  EXPECT_FALSE(try_all("itself", {TarBuilder().hard_link("h", "h")}));
  EXPECT_TRUE(try_all("across", {TarBuilder().file("a/b", "1"),
                                 TarBuilder().hard_link("c/d", "a/b").file("a/.wh.b"),
                                 TarBuilder().hard_link("a/e", "c/d").file("c/d", "2")}));
}

TEST_F(LayerImageEscapeTest, WhiteoutsOfWhiteouts) {
  const auto base = [] { return TarBuilder().directory("d").file("d/x", "x").file("y", "y"); };
  EXPECT_TRUE(try_all("twice", {base(), TarBuilder().file("d/.wh.x"), TarBuilder().file("d/.wh.x"),
                                TarBuilder().file("d/x", "new")}));
  EXPECT_TRUE(try_all("of .wh.", {base(), TarBuilder().file(".wh..wh.y").file(".wh..wh..wh.y")}));
  for (const char* name : {".wh.", ".wh..", ".wh...", "d/.wh..", ".wh.d/x", "d/.wh.x/y"})
    EXPECT_FALSE(try_all(name, {base(), TarBuilder().file(name)})) << name;
  EXPECT_FALSE(try_all("hard link", {base(), TarBuilder().file(".wh.y").hard_link("h", "y")}));
  EXPECT_FALSE(try_all("to one", {base(), TarBuilder().file("d/.wh.x").hard_link("h", "d/.wh.x")}));
  EXPECT_TRUE(try_all("opaque", {base(), TarBuilder().file("d/.wh..wh..opq").file("d/.wh.x"),
                                 TarBuilder().file("d/.wh..wh..opq").file("d/n", "n")}));
  EXPECT_TRUE(try_all("root", {base(), TarBuilder().file(".wh..wh..opq").file("n", "n")}));
  EXPECT_TRUE(try_all("out", [&](const std::string& canary) -> Layers {
    return {base().symlink("w", canary), TarBuilder().file("w/.wh.secret").file("w/.wh..wh..opq")};
  }));
}

// What overlayfs would take for its own marks.
TEST_F(LayerImageEscapeTest, ForgedMarks) {
  TarBuilder forged;
  forged.directory("d").file("d/x", "x").file("y", "y");
  TarBuilder marks;
  marks.add({.name = "y", .type = '3', .major = 0, .minor = 0}).hard_link("z", "d/x");
  for (const char* name :
       {"trusted.overlay.opaque", "trusted.overlay.redirect", "trusted.overlay.metacopy",
        "trusted.overlay.origin", "user.overlay.opaque", "trusted.overlay.overlay.opaque"})
    marks.pax(pax_record(std::string("SCHILY.xattr.") + name, "y")).directory("d", 0755, 1);
  marks.pax(pax_record("LIBARCHIVE.xattr.trusted.overlay.opaque", "eQ")).directory("d", 0755, 2);
  EXPECT_TRUE(try_all("marks", {forged, marks}));
  TarBuilder link;
  link.add({.name = "null", .type = '3', .major = 0, .minor = 0});
  EXPECT_FALSE(try_all("hard link", {link.hard_link("h", "null")}));
}

}  // namespace
