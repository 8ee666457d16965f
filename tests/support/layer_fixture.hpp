// SPDX-License-Identifier: Apache-2.0
// A root to apply layers to, and a look at what came of it that follows no symlink.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/layer/layer_applier.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/tar_builder.hpp"
#include "tests/support/temporary_directory.hpp"

class LayerFixture : public testing::Test {
 protected:
  LayerFixture() { std::filesystem::create_directory(root()); }

  std::filesystem::path root() const { return directory_ / "root"; }
  std::filesystem::path outside() const { return directory_ / "outside"; }

  LayerCounts apply(const TarBuilder& layer, LayerOptions options = {}) {
    const RootedDir rooted = RootedDir::open(root());
    TarReader reader(chunks_of(layer.finish()));
    LayerApplier applier(rooted, options);
    applier.apply(reader);
    return applier.counts();
  }
  /// What applying throws; empty when it does not.
  std::string fault(const TarBuilder& layer, LayerOptions options = {}) {
    try {
      apply(layer, options);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  struct stat status(const std::string& name) const {
    struct stat found = {};
    EXPECT_EQ(::lstat((root() / name).c_str(), &found), 0) << name;
    return found;
  }
  bool exists(const std::string& name) const {
    struct stat found = {};
    return ::lstat((root() / name).c_str(), &found) == 0;
  }
  mode_t mode(const std::string& name) const { return status(name).st_mode & 07777; }
  mode_t type(const std::string& name) const { return status(name).st_mode & S_IFMT; }
  time_t mtime(const std::string& name) const { return status(name).st_mtim.tv_sec; }
  ino_t inode(const std::string& name) const { return status(name).st_ino; }
  std::string target(const std::string& name) const {
    return std::filesystem::read_symlink(root() / name);
  }
  std::string content(const std::string& name) const {
    EXPECT_EQ(type(name), static_cast<mode_t>(S_IFREG)) << name;
    std::ifstream file(root() / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::optional<std::string> xattr(const std::string& name, const std::string& key) const {
    std::array<char, 256> value{};
    const ssize_t size =
        ::lgetxattr((root() / name).c_str(), key.c_str(), value.data(), value.size());
    if (size < 0) return std::nullopt;
    return std::string(value.data(), static_cast<std::size_t>(size));
  }
  std::vector<std::string> names(const std::string& name) const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(root() / name))
      found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }
  static mode_t current_umask() {
    const mode_t mask = ::umask(022);
    ::umask(mask);
    return mask;
  }

  TemporaryDirectory directory_;
};
