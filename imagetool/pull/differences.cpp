// SPDX-License-Identifier: Apache-2.0
#include "imagetool/pull/differences.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/overlay_names.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/printable.hpp"

namespace {

using Found = LowerLayers::Found;
using Entries = std::map<std::string, Found>;

std::string octal(mode_t mode) {
  std::string digits;
  for (int shift = 9; shift >= 0; shift -= 3)
    digits += static_cast<char>('0' + ((mode >> shift) & 7));
  return digits;
}

const char* word_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "a file";
    case S_IFDIR:
      return "a directory";
    case S_IFLNK:
      return "a symlink";
    case S_IFCHR:
      return "a character device";
    case S_IFBLK:
      return "a block device";
    case S_IFIFO:
      return "a fifo";
    default:
      return "a socket";
  }
}

class TreeComparison {
 public:
  TreeComparison(const LowerLayers& image, const Comparison& comparison)
      : image_(image), comparison_(comparison) {}

  std::vector<Difference> run(int root) {
    const bool whole = comparison_.kind == TreeKind::kWhole;
    compare_directory(root, "", image_.entries(""), whole);
    std::ranges::sort(differences_, {}, &Difference::path);
    return std::move(differences_);
  }

 private:
  /// `whole`: what the image has and the directory has not is missing.
  void compare_directory(int directory, const std::string& path, const Entries& image, bool whole) {
    std::vector<std::string> names = sorted_names(directory);
    for (const std::string& name : names) {
      const std::string here = path.empty() ? name : sentence(path, '/', name);
      const auto known = image.find(name);
      compare(directory, name, here, known == image.end() ? nullptr : &known->second);
    }
    if (!whole) return;
    for (const auto& [name, found] : image)
      if (!std::ranges::binary_search(names, name) &&
          (comparison_.devices || !is_device(found.inode.mode)))
        add(Difference::Kind::kMissing, path.empty() ? name : sentence(path, '/', name));
  }

  void compare(int directory, const std::string& name, const std::string& path,
               const Found* image) {
    struct stat status = {};
    check(::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW), "stat ", name);
    const bool whiteout =
        comparison_.kind == TreeKind::kUpper && S_ISCHR(status.st_mode) && status.st_rdev == 0;
    if (whiteout) {
      if (image != nullptr) add(Difference::Kind::kMissing, path);
      return;
    }
    if (image == nullptr) {
      add(Difference::Kind::kExtra, path);
      return;
    }
    std::vector<std::string> what = changes(directory, name, status, *image);
    if (!what.empty()) differences_.push_back({Difference::Kind::kChanged, path, std::move(what)});
    if (!S_ISDIR(status.st_mode)) return;
    const UniqueFd child(open_subdirectory(directory, name));
    const bool whole = comparison_.kind == TreeKind::kWhole || is_opaque(directory, name);
    const bool was_directory = S_ISDIR(image->inode.mode);
    compare_directory(child.get(), path, was_directory ? image_.entries(path) : Entries(), whole);
  }

  static bool is_device(mode_t mode) { return S_ISCHR(mode) || S_ISBLK(mode); }

  static bool is_opaque(int directory, const std::string& name) {
    return read_xattr(directory, name, kOpaqueXattr) == "y" ||
           read_xattr(directory, name, kUserOpaqueXattr) == "y";
  }

  std::vector<std::string> changes(int directory, const std::string& name,
                                   const struct stat& status, const Found& image) {
    const InodeAttributes was = image.attributes();
    if ((status.st_mode & S_IFMT) != (was.mode & S_IFMT))
      return {sentence(word_of(was.mode), " is ", word_of(status.st_mode))};
    std::vector<std::string> what;
    if (!S_ISLNK(was.mode) && (status.st_mode & 07777) != (was.mode & 07777))
      what.push_back(sentence("mode ", octal(was.mode), " is ", octal(status.st_mode)));
    if (comparison_.owners && (status.st_uid != was.uid || status.st_gid != was.gid))
      what.push_back(
          sentence("owner ", was.uid, ':', was.gid, " is ", status.st_uid, ':', status.st_gid));
    const std::optional<TreeEntry> now = read_tree_entry(directory, name);
    if (!now) return what;
    compare_content(directory, name, status, image, *now, what);
    compare_xattrs(was, now->entry, what);
    return what;
  }

  void compare_content(int directory, const std::string& name, const struct stat& status,
                       const Found& image, const TreeEntry& now, std::vector<std::string>& what) {
    if (S_ISREG(status.st_mode) && !same_bytes(directory, name, status, image))
      what.emplace_back("content");
    if (S_ISLNK(status.st_mode) && image.layer->content(image.inode) != now.entry.link_target)
      what.push_back(sentence("target is ", printable(now.entry.link_target)));
    if (is_device(status.st_mode) && (now.entry.device_major != image.inode.device_major ||
                                      now.entry.device_minor != image.inode.device_minor))
      what.push_back(sentence("device ", image.inode.device_major, ':', image.inode.device_minor,
                              " is ", now.entry.device_major, ':', now.entry.device_minor));
  }

  bool same_bytes(int directory, const std::string& name, const struct stat& status,
                  const Found& image) {
    if (static_cast<std::uint64_t>(status.st_size) != image.inode.size) return false;
    const UniqueFd file(open_regular(directory, name));
    for (std::uint64_t done = 0; done < image.inode.size;) {
      const std::size_t count = image.layer->read(image.inode, done, expected_);
      for (std::size_t have = 0; have < count;) {
        const ssize_t bytes = ::pread(file.get(), found_.data() + have, count - have,
                                      static_cast<off_t>(done + have));
        if (bytes < 0 && errno == EINTR) continue;
        if (check(bytes, "read ", name) == 0) return false;
        have += static_cast<std::size_t>(bytes);
      }
      if (std::memcmp(expected_.data(), found_.data(), count) != 0) return false;
      done += count;
    }
    return true;
  }

  static void compare_xattrs(const InodeAttributes& was, const TarEntry& now,
                             std::vector<std::string>& what) {
    std::map<std::string, std::string> before(was.xattrs.begin(), was.xattrs.end());
    std::map<std::string, std::string> after(now.xattrs.begin(), now.xattrs.end());
    std::erase_if(after, [](const auto& xattr) { return is_host_xattr(xattr.first); });
    for (const auto& [name, value] : before) {
      const auto same = after.find(name);
      if (same == after.end())
        what.push_back(sentence("xattr ", printable(name), " is missing"));
      else if (same->second != value)
        what.push_back(sentence("xattr ", printable(name)));
    }
    for (const auto& [name, value] : after)
      if (!before.contains(name)) what.push_back(sentence("xattr ", printable(name), " is extra"));
  }

  void add(Difference::Kind kind, const std::string& path) {
    differences_.push_back({kind, path, {}});
  }

  const LowerLayers& image_;
  Comparison comparison_;
  std::vector<Difference> differences_;
  std::vector<std::byte> expected_ = std::vector<std::byte>(std::size_t{256} << 10);
  std::vector<std::byte> found_ = std::vector<std::byte>(std::size_t{256} << 10);
};

}  // namespace

std::vector<Difference> find_differences(const RootedDir& tree, const LowerLayers& image,
                                         const Comparison& comparison) {
  const UniqueFd root = tree.open("/", O_RDONLY | O_DIRECTORY);
  return TreeComparison(image, comparison).run(root.get());
}
