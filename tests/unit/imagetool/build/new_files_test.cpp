// SPDX-License-Identifier: Apache-2.0
// A layer made of new files at once, applied to a root, comes to what copying into that root makes.
#include "imagetool/build/new_files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "imagetool/layer/apply_layer.hpp"
#include "imagetool/layer/layer_writer.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/temporary_directory.hpp"

namespace build {
namespace {

namespace fs = std::filesystem;

class NewFilesTest : public testing::Test {
 protected:
  NewFilesTest() {
    for (const char* place : {"context/d/s", "context/e", "root/there/deep", "root/usr/bin"})
      fs::create_directories(directory_ / place);
    write("context/a", "a\n");
    write("context/d/one", "1");
    write("context/d/s/two", "22");
    write("context/e/three", "333");
    write("root/there/old", "old");
    write("root/there/deep/old", "old");
    fs::create_symlink("/etc/passwd", directory_ / "context/d/link");
    fs::create_hard_link(directory_ / "context/d/one", directory_ / "context/d/s/again");
    fs::create_symlink("d", directory_ / "context/to-d");
    fs::create_symlink("usr/bin", directory_ / "root/bin");
    fs::create_symlink("nowhere", directory_ / "root/dangling");
    ::chmod((directory_ / "context/d/s").c_str(), 0710);
    ::chmod((directory_ / "root/there").c_str(), 01777);
    fs::copy(directory_ / "root", directory_ / "copied", kWhole);
    ::chmod((directory_ / "copied/there").c_str(), 01777);
  }

  void write(const std::string& path, const std::string& text) const {
    std::ofstream(directory_ / path) << text;
  }
  /// One line for each path below a root: all but the times of directories, and link counts.
  std::string listing(const std::string& root) const {
    std::vector<std::string> lines;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory_ / root)) {
      struct stat status{};
      EXPECT_EQ(::lstat(entry.path().c_str(), &status), 0);
      std::string line = entry.path().lexically_relative(directory_ / root).string();
      for (const auto number : {status.st_mode, status.st_uid, status.st_gid})
        line += " " + std::to_string(number);
      if (!S_ISDIR(status.st_mode)) {
        line += " " + std::to_string(status.st_nlink) + " " + std::to_string(status.st_mtim.tv_sec);
      }
      if (S_ISREG(status.st_mode)) {
        std::ifstream file(entry.path());
        line += " " + std::string(std::istreambuf_iterator<char>(file), {});
      }
      if (S_ISLNK(status.st_mode)) line += " " + fs::read_symlink(entry.path()).string();
      lines.push_back(line);
    }
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
  }

  std::optional<NewFiles> find(const CopyAction& action) const {
    const RootedDir context = RootedDir::open(directory_ / "context");
    const SourceTree tree{.root = context, .ignored = nothing_, .name = "the build context"};
    const std::vector<SourceMatch> matches = find_sources(tree, action);
    const RootedDir root = RootedDir::open(directory_ / "root");
    return find_new_files(tree, matches, root, action.destination, matches.size() > 1,
                          copy_style(root, action));
  }

  /// Does it both ways.
  void expect_equal(const CopyAction& action) const {
    const auto files = find(action);
    ASSERT_TRUE(files) << action.destination;
    const RootedDir context = RootedDir::open(directory_ / "context");
    const RootedDir root = RootedDir::open(directory_ / "root");
    std::string layer;
    LayerWriter writer([&](std::span<const std::byte> bytes) {
      layer.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    add_files(writer, root, files->directories);
    add_files(writer, context, files->files);
    static_cast<void>(writer.finish());
    static_cast<void>(apply_layer(source_of(layer), root));
    const RootedDir copied = RootedDir::open(directory_ / "copied");
    const SourceTree tree{.root = context, .ignored = nothing_, .name = "the build context"};
    const std::vector<SourceMatch> matches = find_sources(tree, action);
    copy_matches(tree, matches, copied, action.destination, matches.size() > 1,
                 copy_style(copied, action));
    EXPECT_EQ(listing("root"), listing("copied"));
  }

  static constexpr fs::copy_options kWhole =
      fs::copy_options::recursive | fs::copy_options::copy_symlinks;
  TemporaryDirectory temporary_;
  fs::path directory_ = temporary_.path();
  IgnoreRules nothing_{};
};

TEST_F(NewFilesTest, AreWhatCopyingMakes) {
  if (::geteuid() != 0) GTEST_SKIP() << "files become root's";
  for (const char* destination :
       {"/new", "/new/below/it/", "/there/new", "/bin/new", "/there/deep/"})
    expect_equal({.sources = {"d"}, .destination = destination});
  for (const char* destination : {"/f", "/there/f", "/n/f", "/m/", "/usr/bin", "/bin/f"})
    expect_equal({.sources = {"a"}, .destination = destination});
  expect_equal({.sources = {"."}, .destination = "/whole/"});
  expect_equal({.sources = {"a", "d/one"}, .destination = "/two/"});
  expect_equal({.sources = {"d", "e"}, .destination = "/usr/"});
  expect_equal({.sources = {"d"}, .destination = "/p/", .chown = "7:8", .chmod = "750"});
  expect_equal({.sources = {"d/s/two"}, .destination = "/q/r/s", .chown = "7:8", .chmod = "640"});
}

TEST_F(NewFilesTest, WhatIsNotOnlyNewIsLeftToCopying) {
  write("root/there/one", "old");
  write("context/.wh.x", "");
  for (const auto& [source, destination] :
       {std::pair{"a", "/there/old"}, std::pair{"d", "/there"}, std::pair{"a", "/dangling"},
        std::pair{"a", "/there/old/x"}, std::pair{"to-d", "/new"}, std::pair{".wh.x", "/w/"}})
    EXPECT_FALSE(find({.sources = {source}, .destination = destination})) << destination;
  EXPECT_FALSE(find({.sources = {"d", "e"}, .destination = "/new/"}));
  EXPECT_FALSE(find({.sources = {"a", "a"}, .destination = "/new/"}));
}

}  // namespace
}  // namespace build
