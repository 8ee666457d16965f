// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/layer_image.hpp"

#include <random>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/file_tree.hpp"
#include "tests/support/layer_stack.hpp"

namespace {

class LayerImageTest : public testing::Test {
 protected:
  void expect_same() {
    const Listing flat = listing_of(stack.flat());
    EXPECT_EQ(listing_of(stack.merged()), flat);
    EXPECT_EQ(mounted_listing(stack).value_or(flat), flat);
    EXPECT_EQ(stack.complaints(), "");
  }
  std::string fault(const TarBuilder& layer, LayerOptions options = {}) {
    try {
      stack.add_image(layer.finish(), options);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }
  LayerStack stack;
};

TarBuilder base() {
  TarBuilder layer;
  layer.directory("usr", 0755, 100).directory("usr/bin", 0711, 200).directory("etc", 0755, 300);
  layer.file("usr/bin/sh", "shell", 0755).file("etc/passwd", "root").symlink("bin", "usr/bin");
  layer.file("etc/shadow", "secret", 0600).symlink("var", "/usr");
  return layer;
}

TEST_F(LayerImageTest, EveryKindOfEntry) {
  TarBuilder layer = base();
  layer.add({.name = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3});
  layer.add({.name = "disk", .type = '4', .mode = 0660, .gid = 6, .major = 4000, .minor = 1000000});
  layer.add({.name = "fifo", .type = '6', .mode = 0600, .uid = 7});
  layer.file("setuid", "x", 04755).hard_link("usr/link", "usr/bin/sh").hard_link("l2", "/bin/sh");
  layer
      .pax(pax_record("mtime", "-5.25") + pax_record("SCHILY.xattr.user.a", std::string("b\0c", 3)))
      .file("times", "y");
  layer.pax(pax_record("uid", "70000") + pax_record("gid", "4294967294")).file("owner", "z");
  layer.file("caf\xe9", "latin").directory("empty").file("nothing", "");
  stack.add(layer);
  expect_same();
  EXPECT_FALSE(stack.result.depends_on_lower);
}

TEST_F(LayerImageTest, SizesAroundABlock) {
  TarBuilder layer;
  for (const std::size_t size : {1, 63, 2000, 3200, 3263, 3264, 3265, 3328, 4000, 4032, 4095, 4096,
                                 4097, 8191, 8192, 8193, 300000})
    layer.add({.name = "f" + std::to_string(size), .mtime = static_cast<std::int64_t>(size % 3)},
              std::string(size, static_cast<char>('a' + size % 26)));
  stack.add(layer);
  expect_same();
}

TEST_F(LayerImageTest, ManyNamesInOneDirectory) {
  TarBuilder layer;
  layer.directory("d");
  for (int index = 0; index < 3000; ++index)
    layer.file("d/" + std::to_string(index * 7919 % 3000) + std::string(index % 200, 'n'), "x");
  for (const char* name : {"!", "-", "..a", ".a", "0", "\xff", "\x01"})
    layer.file(std::string("d/") + name, name);
  stack.add(layer);
  expect_same();
}

TEST_F(LayerImageTest, WhiteoutsAndOpaqueDirectories) {
  stack.add(base());
  TarBuilder layer;
  layer.directory("etc", 0750, 7).file("etc/.wh.shadow").file("etc/.wh.not-there");
  layer.directory("usr", 0755, 8).file("usr/new", "n").file("usr/.wh..wh..opq");
  layer.file(".wh.bin").file("missing/.wh.x");
  stack.add(layer);
  expect_same();
  TarBuilder again;
  again.directory("bin").file("bin/x", "x").file(".wh.etc").directory("etc").file("etc/y", "y");
  stack.add(again);
  expect_same();
}

TEST_F(LayerImageTest, TheLaterEntryWins) {
  stack.add(base());
  TarBuilder layer;
  layer.file("a", "1").file("a", "2").directory("a").file("a/b", "3").file("etc", "no directory");
  layer.directory("etc", 0700, 1).file("x", "1").hard_link("y", "x").file("x", "2");
  layer.directory("usr").file("usr/.wh.bin").file("usr/bin/late", "l");
  stack.add(layer);
  expect_same();
}

TEST_F(LayerImageTest, ParentsOfTheLayersBelow) {
  stack.add(base());
  TarBuilder layer;
  layer.file("usr/bin/new", "n").file("bin/through", "t").file("var/lib/x", "x").file("deep/er/y");
  stack.add(layer);
  expect_same();
  EXPECT_TRUE(stack.result.depends_on_lower);
}

// What a symlink leads to is nothing that the layer's entry names: the link makes room, not that.
TEST_F(LayerImageTest, AParentThatIsASymlinkToAFile) {
  TarBuilder lower;
  lower.file("a", "kept").symlink("d", "a").symlink("e", "d").symlink("f", "a/none").directory("b");
  lower.symlink("b/up", "../a/../a").symlink("c", "b/up");
  stack.add(lower);
  TarBuilder layer;
  layer.directory("d/x").file("e/y/z", "z").file("f/x", "x").file("c/new", "n").file("c/more", "m");
  stack.add(layer);
  expect_same();
  const auto kept = stack.merged().find("a");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->layer->content(kept->inode), "kept");
  TarBuilder own;
  own.file("a", "mine").symlink("d", "a").file("d/x", "x");
  EXPECT_NE(fault(own).find("is not a directory in this layer"), std::string::npos);
}

TEST_F(LayerImageTest, SymlinksHaveOneMode) {
  stack.add(TarBuilder().add({.name = "link", .type = '2', .mode = 01644, .link = "nowhere"}));
  expect_same();
  EXPECT_EQ(stack.merged().find("link")->inode.mode, static_cast<mode_t>(S_IFLNK | 0777));
}

TEST_F(LayerImageTest, HardLinksToTheLayersBelow) {
  stack.add(base());
  TarBuilder layer;
  layer.directory("usr").hard_link("usr/sh", "bin/sh").hard_link("passwd", "/etc/passwd");
  layer.hard_link("link", "bin");
  stack.add(layer);
  expect_same();
  EXPECT_TRUE(stack.result.depends_on_lower);
}

TEST_F(LayerImageTest, AFullLayerDependsOnNoOther) {
  stack.add(base());
  TarBuilder layer;
  layer.directory("etc", 0755, 9).file("etc/passwd", "other").file("etc/.wh.shadow");
  layer.directory("opt").file("opt/x", "x").hard_link("opt/y", "opt/x");
  stack.add(layer);
  expect_same();
  EXPECT_FALSE(stack.result.depends_on_lower);
}

TEST_F(LayerImageTest, WhatNoImageMayBring) {
  stack.add(base());
  TarBuilder layer;
  layer.add({.name = "etc/passwd", .type = '3', .major = 0, .minor = 0});  // a forged whiteout
  layer.pax(pax_record("SCHILY.xattr.trusted.overlay.redirect", "/etc")).directory("usr", 0755, 5);
  layer.pax(pax_record("SCHILY.xattr.trusted.overlay.opaque", "y")).directory("usr/bin");
  layer.pax(pax_record("SCHILY.xattr.user.overlay.whiteout", "y")).file("etc/shadow", "shown");
  layer.pax(pax_record("SCHILY.xattr.security.selinux", "label")).file("labelled");
  stack.add(layer);
  expect_same();
  EXPECT_EQ(stack.result.counts.skipped, stack.flat_counts.skipped);
  const auto shell = stack.merged().find("usr/bin/sh");
  EXPECT_TRUE(shell) << "an image hid what lies below";
}

TEST_F(LayerImageTest, HostilePathsStayInside) {
  TarBuilder loops;
  loops.symlink("a", "b").symlink("b", "a").file("a/x", "x");
  EXPECT_NE(fault(loops).find("symlinks"), std::string::npos);
  EXPECT_NE(fault(TarBuilder().file("../x")).find("above the root"), std::string::npos);
  EXPECT_NE(fault(TarBuilder().symlink(".", "/etc")), "");
  EXPECT_NE(fault(TarBuilder().hard_link("h", "/etc/../../nothing")), "");
  EXPECT_NE(fault(TarBuilder().file("f").file("f/below")), "");
  TarBuilder up;
  up.directory("d").symlink("d/up", "../../../..").file("d/up/etc/x", "inside");
  stack.add(up);
  expect_same();
}

TEST_F(LayerImageTest, Limits) {
  EXPECT_NE(fault(TarBuilder().file("a").file("b"), {.entries = 1}), "");
  EXPECT_NE(fault(TarBuilder().file("a", "12345"), {.file_bytes = 4}), "");
  EXPECT_NE(fault(TarBuilder().file("four"), {.name_bytes = 3}), "");
  EXPECT_NE(fault(TarBuilder().symlink("a", "four"), {.name_bytes = 3}), "");
  EXPECT_NE(
      fault(TarBuilder().pax(pax_record("linkpath", std::string(4096, 'x'))).symlink("a", "x")),
      "");
  EXPECT_NE(fault(TarBuilder().file("a/b/c"), {.depth = 2}), "");
  TarBuilder layer;
  layer.file("su", "x", 06755).add({.name = "null", .type = '3', .major = 1, .minor = 3});
  layer.pax(pax_record("SCHILY.xattr.security.capability", "v")).file("ping", "y");
  stack.add(layer, {.devices = false, .set_id = false});
  expect_same();
  EXPECT_EQ(stack.result.counts.skipped, stack.flat_counts.skipped);
  EXPECT_EQ(stack.result.counts.skipped.size(), 3U);
}

TEST_F(LayerImageTest, SparseFiles) {
  TarBuilder layer;
  layer
      .pax(pax_record("GNU.sparse.major", "0") + pax_record("GNU.sparse.minor", "1") +
           pax_record("GNU.sparse.name", "sparse") + pax_record("GNU.sparse.size", "1000000") +
           pax_record("GNU.sparse.map", "5000,4,999990,10"))
      .file("GNUSparseFile/sparse", "abcd0123456789");
  stack.add(layer);
  expect_same();
}

TEST_F(LayerImageTest, LargeXattrs) {
  TarBuilder layer;
  layer.pax(pax_record("SCHILY.xattr.user.large", std::string(3000, 'v'))).directory("d");
  layer.pax(pax_record("SCHILY.xattr.user.a", std::string(2500, 'a'))).file("d/f", "content");
  stack.add(layer);
  expect_same();
}

TEST_F(LayerImageTest, TheSameLayerGivesTheSameBytes) {
  stack.add_image(base().finish());
  LayerStack other;
  other.add_image(base().finish());
  EXPECT_EQ(read_file(stack.paths()[0]), read_file(other.paths()[0]));
}

/// Layers as no tool writes them: any kind of entry at any of a few names.
TarBuilder random_layer(std::mt19937& random) {
  const std::vector<std::string> names = {"a",     "b",     "a/b", "a/c", "b/c",
                                          "a/b/c", "b/c/d", "c",   "d/e", "d"};
  TarBuilder layer;
  const auto any = [&] { return names[random() % names.size()]; };
  for (std::size_t count = 2 + random() % 6; count > 0; --count) {
    const std::string name = any();
    const std::size_t slash = name.rfind('/') + 1;
    switch (random() % 16) {
      case 0:
      case 1:
        layer.symlink(name, any());
        break;
      case 2:
        layer.hard_link(name, any());
        break;
      case 3:
      case 4:
        layer.file(name.substr(0, slash) + ".wh." + name.substr(slash));
        break;
      case 5:
        layer.file((random() % 8 == 0 ? "" : name + '/') + ".wh..wh..opq");
        break;
      case 6:
      case 7:
        layer.file(name, std::string(random() % 5000, 'x'));
        break;
      default:
        layer.directory(name, 0700 + random() % 64, static_cast<std::int64_t>(random() % 1000 + 1));
    }
  }
  return layer;
}

/// What the attempt threw.
template <typename Attempt>
std::string fault_of(const Attempt& attempt) {
  try {
    attempt();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// A plain directory made through a dangling symlink changes the time of one that is not known to
/// have changed.
Listing without_directory_times(Listing listing) {
  for (auto& [name, line] : listing) {
    if (!S_ISDIR(static_cast<mode_t>(std::stoul(line)))) continue;
    const std::size_t time = line.find(' ', line.find(' ', line.find(' ') + 1) + 1);
    if (time != std::string::npos) line.erase(time, line.find('\n') - time);
  }
  return listing;
}

/// What FileTree has otherwise, the times of directories aside.
std::string differences(const FileTree& memory, const std::filesystem::path& flat) {
  std::string text;
  compare_trees(memory, FileTree::read(RootedDir::open(flat)), [&](const TreeChange& change) {
    if (change.what != "time") text += change.path + ": " + change.what + "\n";
  });
  return text;
}

TEST(LayerImage, RandomLayers) {
  const char* const wanted = std::getenv("TOY_ROUNDS");
  const unsigned rounds = wanted != nullptr ? static_cast<unsigned>(std::atoi(wanted)) : 200;
  unsigned layers = 0;
  for (unsigned seed = 0; seed < rounds; ++seed) {
    std::mt19937 random(seed);
    LayerStack stack;
    std::string fault;
    FileTree memory;
    while (stack.paths().size() < 3 && fault.empty()) {
      const TarBuilder layer = random_layer(random);
      fault = fault_of([&] { stack.add_flat(layer.finish()); });
      const std::string of_image = fault_of([&] { stack.add_image(layer.finish()); });
      ASSERT_EQ(fault.empty(), of_image.empty()) << seed << fault << of_image;
      if (!fault.empty()) break;
      ++layers;
      ASSERT_EQ(fault_of([&] { memory.apply(source_of(layer.finish())); }), "") << seed;
      ASSERT_EQ(differences(memory, stack.flat()), "") << "seed " << seed;
      const Listing flat = without_directory_times(listing_of(stack.flat()));
      const Listing merged = without_directory_times(listing_of(stack.merged()));
      ASSERT_EQ(merged, flat) << "seed " << seed;
      ASSERT_EQ(without_directory_times(mounted_listing(stack).value_or(flat)), flat)
          << "seed " << seed;
    }
    ASSERT_EQ(seed % 20 == 0 ? stack.complaints() : "", "") << "seed " << seed;
  }
  EXPECT_GT(layers, rounds);
}

}  // namespace
