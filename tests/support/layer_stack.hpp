// SPDX-License-Identifier: Apache-2.0
// The same layers three ways: applied to a plain directory, as images read by ErofsReader, and as
// images that the kernel mounts under an overlay. Each as one line a path, to be compared.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bundle-spec/fs/file.hpp"
#include "imagetool/layer/layer_applier.hpp"
#include "imagetool/store/layer_image.hpp"
#include "imagetool/store/lower_layers.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/tar_builder.hpp"
#include "tests/support/temporary_directory.hpp"

using Listing = std::map<std::string, std::string>;

inline std::string as_line(const InodeAttributes& one, std::uint64_t size, std::string content) {
  const bool is_directory = S_ISDIR(one.mode);
  std::string line = std::to_string(one.mode) + ' ' + std::to_string(one.uid) + ':' +
                     std::to_string(one.gid) + ' ' + std::to_string(one.device_major) + ',' +
                     std::to_string(one.device_minor);
  // A parent without an entry has the time it was made at in a plain directory.
  if (!is_directory || one.mtime.tv_sec != 0)
    line += ' ' + std::to_string(one.mtime.tv_sec) + '.' + std::to_string(one.mtime.tv_nsec);
  if (!is_directory) line += " size " + std::to_string(size) + ' ' + std::move(content);
  std::map<std::string, std::string> xattrs(one.xattrs.begin(), one.xattrs.end());
  for (const auto& [name, value] : xattrs) line += '\n' + name + '=' + value;
  return line;
}

inline InodeAttributes attributes_at(const std::filesystem::path& path, const struct stat& status) {
  InodeAttributes one{.mode = status.st_mode,
                      .uid = status.st_uid,
                      .gid = status.st_gid,
                      .mtime = status.st_mtim,
                      .xattrs = {}};
  if (S_ISDIR(one.mode) && one.mtime.tv_sec > 1'700'000'000) one.mtime = {};
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    one.device_major = major(status.st_rdev);
    one.device_minor = minor(status.st_rdev);
  }
  std::string names(1 << 16, '\0');
  const ssize_t length = ::llistxattr(path.c_str(), names.data(), names.size());
  for (ssize_t at = 0; at < length;) {
    const std::string name = names.c_str() + at;
    at += static_cast<ssize_t>(name.size() + 1);
    std::string value(1 << 16, '\0');
    value.resize(static_cast<std::size_t>(
        std::max<ssize_t>(0, ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size()))));
    one.xattrs.emplace_back(name, value);
  }
  return one;
}

inline Listing listing_of(const std::filesystem::path& root) {
  Listing listing;
  const auto visit = [&](const auto& self, const std::filesystem::path& path,
                         const std::string& name) -> void {
    struct stat status = {};
    if (::lstat(path.c_str(), &status) != 0) {
      listing[name] = "cannot be looked at";
      return;
    }
    std::string content;
    if (S_ISLNK(status.st_mode)) content = std::filesystem::read_symlink(path).string();
    if (S_ISREG(status.st_mode)) {
      std::ifstream file(path, std::ios::binary);
      content.assign(std::istreambuf_iterator<char>(file), {});
    }
    const std::uint64_t size = S_ISREG(status.st_mode) || S_ISLNK(status.st_mode)
                                   ? static_cast<std::uint64_t>(status.st_size)
                                   : 0;
    if (!name.empty()) listing[name] = as_line(attributes_at(path, status), size, content);
    if (!S_ISDIR(status.st_mode)) return;
    for (const auto& entry : std::filesystem::directory_iterator(path))
      self(self, entry.path(), (name.empty() ? "" : name + '/') + entry.path().filename().string());
  };
  visit(visit, root, "");
  return listing;
}

inline Listing listing_of(const LowerLayers& layers, const std::string& directory = {}) {
  Listing listing;
  for (const auto& [name, found] : layers.entries(directory)) {
    const std::string path = directory.empty() ? name : directory + '/' + name;
    const bool has_content = S_ISREG(found.inode.mode) || S_ISLNK(found.inode.mode);
    const std::uint64_t size = has_content ? found.inode.size : 0;
    listing[path] =
        as_line(found.attributes(), size,
                has_content ? found.layer->content(found.inode, 1ULL << 32) : std::string());
    if (S_ISDIR(found.inode.mode)) listing.merge(listing_of(layers, path));
  }
  return listing;
}

class LayerStack {
 public:
  LayerStack() { std::filesystem::create_directory(directory_ / "flat"); }
  LayerStack(const LayerStack&) = delete;
  LayerStack& operator=(const LayerStack&) = delete;

  /// Both ways.
  void add(const TarBuilder& layer, LayerOptions options = {}) {
    add_flat(layer.finish(), options);
    add_image(layer.finish(), options);
  }
  void add_flat(const std::string& tar, LayerOptions options = {}) {
    const RootedDir rooted = RootedDir::open(flat());
    TarReader reader(chunks_of(tar));
    LayerApplier applier(rooted, options);
    applier.apply(reader);
    flat_counts = applier.counts();
  }
  void add_image(const std::string& tar, LayerOptions options = {}) {
    const std::string path = directory_ / (std::to_string(images_.size()) + ".erofs");
    const UniqueFd file = open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    LayerImage::Below below;
    if (!images_.empty())
      below = [this]() -> const LowerLayers& {
        lower_ = std::make_unique<LowerLayers>(images_);
        return *lower_;
      };
    TarReader image_reader(chunks_of(tar));
    result = LayerImage(file.get(), options, below).write(image_reader);
    images_.push_back(std::make_shared<ErofsReader>(open_at(AT_FDCWD, path, O_RDONLY), path));
    paths_.push_back(path);
  }

  std::filesystem::path flat() const { return directory_ / "flat"; }
  const std::vector<std::string>& paths() const { return paths_; }
  LowerLayers merged() const { return LowerLayers(images_); }

  /// What Debian's fsck.erofs says against an image; empty when it is content, or not installed.
  std::string complaints() const {
    if (std::system("command -v fsck.erofs >/dev/null") != 0) return {};
    for (const std::string& path : paths_)
      if (std::system(("fsck.erofs " + path + " >/dev/null").c_str()) != 0)
        return "fsck.erofs " + path;
    return {};
  }

  LayerImage::Result result;
  LayerCounts flat_counts;

 private:
  TemporaryDirectory directory_;
  std::vector<std::shared_ptr<const ErofsReader>> images_;
  std::vector<std::string> paths_;
  std::unique_ptr<LowerLayers> lower_;
};

/// What the kernel makes of the images under an overlay: in a mount namespace of its own, in a
/// child. nullopt where it cannot mount them (not root, no EROFS).
inline std::optional<Listing> mounted_listing(const LayerStack& stack) {
  static const bool possible = ::unshare(CLONE_NEWNS) == 0 &&
                               ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  if (!possible) return std::nullopt;
  TemporaryDirectory place;
  std::filesystem::create_directory(place / "merged");
  std::filesystem::create_directory(place / "lowest");  // overlayfs wants two
  std::string lower = place / "lowest";
  std::vector<std::string> mounted;
  std::optional<Listing> listing;
  for (const std::string& path : stack.paths()) {
    const std::string point = place / std::to_string(mounted.size());
    std::filesystem::create_directory(point);
    if (::mount(path.c_str(), point.c_str(), "erofs", MS_RDONLY, nullptr) != 0) break;
    mounted.push_back(point);
    lower.insert(0, point + ':');
  }
  if (mounted.size() == stack.paths().size()) {
    const std::string merged = place / "merged";
    if (::mount("overlay", merged.c_str(), "overlay", MS_RDONLY, ("lowerdir=" + lower).c_str()) ==
        0) {
      listing = listing_of(merged);
      ::umount(merged.c_str());
    }
  }
  for (const std::string& point : mounted) ::umount(point.c_str());
  return listing;
}
