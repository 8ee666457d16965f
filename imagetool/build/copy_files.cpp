// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/copy_files.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/bundle/user.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr int kMostLinks = 40;

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}
std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// The path that a symlink at the end of `path` leads to in the end, still to be resolved inside
/// the root.
std::string follow_last(const RootedDir& root, std::string path) {
  for (int links = 0; links < kMostLinks; ++links) {
    const auto directory =
        root.open_if_exists(parent_of(path).empty() ? "." : parent_of(path), O_PATH | O_DIRECTORY);
    std::array<char, 4097> target{};
    const ssize_t length = directory ? ::readlinkat(directory->get(), base_name(path).c_str(),
                                                    target.data(), target.size())
                                     : -1;
    if (length <= 0) return path;
    const std::string link(target.data(), static_cast<std::size_t>(length));
    path = link.front() == '/' ? link : sentence(parent_of(path), "/", link);
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  }
  throw Error(sentence("copy to ", printable(path, 200), ": too many symbolic links"), ELOOP);
}

bool is_directory_in(const RootedDir& root, const std::string& path) {
  return root.open_if_exists(path.empty() ? "." : path, O_PATH | O_DIRECTORY).has_value();
}

class Copier {
 public:
  Copier(const SourceTree& tree, const RootedDir& root, const CopyStyle& style)
      : tree_(tree), root_(root), style_(style) {}

  void copy(const SourceMatch& match, const std::string& place) {
    const bool is_new = match.is_directory && !is_directory_in(root_, place);
    for (const SourceItem& item : match.items) {
      const std::string path = item.name.empty() ? place : sentence(place, "/", item.name);
      try {
        if (item.name.empty() && match.is_directory)
          copy_top(item, path, is_new);
        else
          copy_item(item, path);
      } catch (Error& error) {
        error.add_context("copy ", printable(item.path, 200), " to ", printable(path, 200));
        throw;
      }
    }
    finish_directories();
  }

 private:
  /// The directory that is to hold `path`, opened once for all its entries.
  int parent(const std::string& path) {
    const std::string directory = parent_of(path);
    if (!parent_ || directory != parent_path_) {
      parent_ = root_.open(directory.empty() ? "." : directory, O_PATH | O_DIRECTORY);
      parent_path_ = directory;
    }
    return parent_.get();
  }

  void copy_top(const SourceItem& item, const std::string& path, bool is_new) {
    if (!is_new) return;  // an existing destination keeps what it is
    make_parents(root_, parent_of(path), style_);
    copy_directory(item, path);
  }

  void copy_item(const SourceItem& item, const std::string& path) {
    const mode_t mode = item.status.st_mode;
    if (S_ISDIR(mode)) return copy_directory(item, path);
    const int directory = parent(path);
    const std::string name = base_name(path);
    struct stat old{};
    if (::fstatat(directory, name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0) {
      if (S_ISDIR(old.st_mode)) throw Error("cannot copy to directory");
      check(::unlinkat(directory, name.c_str(), 0), "replace ", name);
    }
    if (link_again(item, directory, name, path)) return;
    if (S_ISREG(mode)) return copy_file(item, directory, name);
    if (S_ISLNK(mode))
      check(::symlinkat(item.link.c_str(), directory, name.c_str()), "make the symlink");
    else
      check(::mknodat(directory, name.c_str(), mode & ~07777U, item.status.st_rdev),
            "make the node");
    check(::fchownat(directory, name.c_str(), uid(item), gid(item), AT_SYMLINK_NOFOLLOW), "chown");
    if (!S_ISLNK(mode)) check(::fchmodat(directory, name.c_str(), new_mode(item), 0), "chmod");
    set_times(directory, name, item);
  }

  void copy_directory(const SourceItem& item, const std::string& path) {
    const int directory = parent(path);
    const std::string name = base_name(path);
    if (::mkdirat(directory, name.c_str(), 0755) != 0) {
      struct stat old{};
      if (errno != EEXIST || ::fstatat(directory, name.c_str(), &old, AT_SYMLINK_NOFOLLOW) != 0)
        check(-1, "make the directory");
      if (!S_ISDIR(old.st_mode)) throw Error("cannot copy to non-directory");
    }
    const UniqueFd made(
        check(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
              "open it"));
    check(::fchown(made.get(), uid(item), gid(item)), "chown");
    check(::fchmod(made.get(), new_mode(item)), "chmod");
    const UniqueFd source =
        tree_.root.open(item.path.empty() ? "." : item.path, O_RDONLY | O_DIRECTORY);
    copy_xattrs(source.get(), made.get());
    made_directories_.emplace_back(path, item.status.st_mtim);
  }

  /// One of several names of a file already copied: hard links stay links.
  bool link_again(const SourceItem& item, int directory, const std::string& name,
                  const std::string& path) {
    if (!S_ISREG(item.status.st_mode) || item.status.st_nlink < 2) return false;
    const auto [known, is_new] =
        links_.emplace(std::pair(item.status.st_dev, item.status.st_ino), path);
    if (is_new) return false;
    const RootedDir::Parent first = root_.open_parent(known->second);
    check(::linkat(first.directory.get(), first.name.c_str(), directory, name.c_str(), 0), "link");
    return true;
  }

  void copy_file(const SourceItem& item, int directory, const std::string& name) {
    // The match itself may be a symlink, which is followed; what lies below it may not.
    const UniqueFd source = tree_.root.open(
        item.path, O_RDONLY | O_NOCTTY | O_NONBLOCK | (item.name.empty() ? 0 : O_NOFOLLOW));
    const UniqueFd made(check(::openat(directory, name.c_str(),
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600),
                              "make it"));
    copy_bytes(source.get(), made.get(), static_cast<std::uint64_t>(item.status.st_size),
               item.path);
    if (uid(item) != 0 || gid(item) != 0)
      check(::fchown(made.get(), uid(item), gid(item)), "chown");
    check(::fchmod(made.get(), new_mode(item)), "chmod");
    copy_xattrs(source.get(), made.get());
    const std::array<timespec, 2> times = {item.status.st_mtim, item.status.st_mtim};
    check(::futimens(made.get(), times.data()), "set the times");
  }

  static void copy_xattrs(int from, int to) {
    for (const auto& [name, value] : read_xattrs(from))
      // ENOTSUP: the store's file system has none of that kind.
      if (::fsetxattr(to, name.c_str(), value.data(), value.size(), 0) != 0 && errno != ENOTSUP)
        check(-1, "set the attribute ", name);
  }

  static void set_times(int directory, const std::string& name, const SourceItem& item) {
    const std::array<timespec, 2> times = {item.status.st_mtim, item.status.st_mtim};
    check(::utimensat(directory, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW), "set the times");
  }

  /// Deepest last made, so backwards: a directory's time is set when nothing more comes into it.
  void finish_directories() {
    for (auto made = made_directories_.rbegin(); made != made_directories_.rend(); ++made) {
      const RootedDir::Parent place = root_.open_parent(made->first);
      const std::array<timespec, 2> times = {made->second, made->second};
      check(
          ::utimensat(place.directory.get(), place.name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW),
          "set the times of ", made->first);
    }
    made_directories_.clear();
  }

  std::uint32_t uid(const SourceItem& item) const {
    return style_.uid.value_or(tree_.local ? 0 : item.status.st_uid);
  }
  std::uint32_t gid(const SourceItem& item) const {
    return style_.gid.value_or(tree_.local ? 0 : item.status.st_gid);
  }
  mode_t new_mode(const SourceItem& item) const {
    const mode_t mode = item.status.st_mode & 07777;
    return style_.mode ? style_.mode->apply(mode, S_ISDIR(item.status.st_mode)) : mode;
  }

  const SourceTree& tree_;
  const RootedDir& root_;
  const CopyStyle& style_;
  UniqueFd parent_{};
  std::string parent_path_{};
  std::vector<std::pair<std::string, timespec>> made_directories_{};
  std::map<std::pair<dev_t, ino_t>, std::string> links_{};
};

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path == "/" ? "" : path;
}

}  // namespace

void copy_bytes(int from, int to, std::uint64_t size, const std::string& path) {
  if (size == 0 || ::ioctl(to, FICLONE, from) == 0) return;
  std::uint64_t left = size;
  while (left > 0) {
    const ssize_t count = ::copy_file_range(from, nullptr, to, nullptr, left, 0);
    if (count == 0) return;  // shorter than it was
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    left -= static_cast<std::uint64_t>(count);
  }
  std::array<char, std::size_t{64} << 10> buffer{};
  while (left > 0) {
    const ssize_t count = check(::read(from, buffer.data(), buffer.size()), "read ", path);
    if (count == 0) return;
    write_all(to, std::string_view(buffer.data(), static_cast<std::size_t>(count)), path);
    left -= std::min(left, static_cast<std::uint64_t>(count));
  }
}

CopyStyle copy_style(const RootedDir& root, const CopyAction& action) {
  CopyStyle style;
  if (!action.chmod.empty()) style.mode = ModeChange::parse(action.chmod);
  if (action.chown.empty()) return style;
  const std::size_t colon = action.chown.find(':');
  const std::string user = action.chown.substr(0, colon);
  const std::string group = colon == std::string::npos ? "" : action.chown.substr(colon + 1);
  if (user == "root" && (group.empty() || group == "root" || group == "0")) {
    style.uid = style.gid = 0;
    return style;
  }
  // resolve_user() gives a number without group what passwd says; COPY takes the number itself.
  const std::string words =
      group.empty() && is_number(user) ? sentence(user, ":", user) : action.chown;
  try {
    const ImageUser owner = resolve_user(root, words);
    style.uid = owner.uid;
    style.gid = owner.gid;
  } catch (Error& error) {
    error.add_context("--chown=", printable(action.chown, 80));
    throw;
  }
  return style;
}

void make_parents(const RootedDir& root, const std::string& path, const CopyStyle& style) {
  if (path.empty() || path == "/" || is_directory_in(root, path)) return;
  make_parents(root, parent_of(path), style);
  const UniqueFd made = root.make_directories(path);
  if (style.mode && style.mode->is_octal())
    check(::fchmodat(AT_FDCWD, sentence("/proc/self/fd/", made.get()).c_str(),
                     style.mode->apply(0755, true), 0),
          "chmod ", path);
  if (style.uid || style.gid)
    check(::fchownat(made.get(), "", style.uid.value_or(0), style.gid.value_or(0), AT_EMPTY_PATH),
          "chown ", path);
}

void copy_matches(const SourceTree& tree, const std::vector<SourceMatch>& matches,
                  const RootedDir& root, const std::string& destination, bool several,
                  const CopyStyle& style) {
  const std::string place = without_slash(destination);
  const bool into = several || destination.ends_with('/') || is_directory_in(root, place);
  Copier copier(tree, root, style);
  for (const SourceMatch& match : matches) {
    std::string target = place;
    if (!match.kept.empty())
      target = sentence(place, "/", match.kept);
    else if (!match.is_directory && into)
      target = sentence(place, "/", base_name(match.path));
    else if (!match.is_directory)
      target = follow_last(root, place);
    if (!match.kept.empty() || !match.is_directory) make_parents(root, parent_of(target), style);
    copier.copy(match, target);
  }
}

void copy_text(const std::string& name, const std::string& content, const RootedDir& root,
               const std::string& destination, bool several, const CopyStyle& style) {
  std::string target = without_slash(destination);
  if (several || destination.ends_with('/') || is_directory_in(root, target))
    target = sentence(target, "/", name);
  else
    target = follow_last(root, target);
  make_parents(root, parent_of(target), style);
  const RootedDir::Parent place = root.open_parent(target);
  ::unlinkat(place.directory.get(), place.name.c_str(), 0);
  const UniqueFd made(check(::openat(place.directory.get(), place.name.c_str(),
                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644),
                            "make ", target));
  write_all(made.get(), content, target);
  check(::fchown(made.get(), style.uid.value_or(0), style.gid.value_or(0)), "chown ", target);
  check(::fchmod(made.get(), style.mode ? style.mode->apply(0644, false) : 0644), "chmod ", target);
}

}  // namespace build
