// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/fs/rooted_dir.hpp"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace {

constexpr std::uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
// openat2(2): EAGAIN when a rename or mount anywhere raced with "..": a retry nearly always
// succeeds.
constexpr int kMaxAttempts = 128;
// path_resolution(7): the kernel follows at most 40 symlinks in one path.
constexpr int kMaxSymlinks = 40;

enum class Last { kDirectory, kFile };

std::string_view in_root(std::string_view path) { return path.empty() ? "." : path; }

bool has_nul(std::string_view path) { return path.find('\0') != std::string_view::npos; }

int open_in_root(int root, std::string_view path, int flags, mode_t mode, std::uint64_t resolve) {
  if (has_nul(path)) {
    errno = EINVAL;
    return -1;
  }
  return open_beneath(root, std::string(in_root(path)).c_str(), flags, mode, resolve);
}

/// Puts the components of `path` on the stack so that the first one is on top.
void push_components(std::vector<std::string>& stack, std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.rfind('/');
    const std::size_t start = slash == std::string_view::npos ? 0 : slash + 1;
    const std::string_view component = path.substr(start);
    if (!component.empty() && component != ".") stack.emplace_back(component);
    path = path.substr(0, start == 0 ? 0 : start - 1);
  }
}

std::string read_link(int link, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length =
      check(::readlinkat(link, "", target.data(), target.size()), "read link ", name);
  target.resize(static_cast<std::size_t>(length));
  return target;
}

/// Walks a path inside a root on descriptors, one component at a time, and makes what is missing.
/// No step can leave the root: names have no slash, links are read and walked as text, ".." goes
/// back to a descriptor that was reached before.
class MakingWalk {
 public:
  MakingWalk(int root, std::string_view path, Last last, mode_t mode)
      : root_(root), path_(path), last_(last), mode_(mode) {
    push_components(pending_, path);
  }

  UniqueFd run() {
    while (!pending_.empty()) step();
    if (last_file_) return std::move(last_file_);
    return UniqueFd(
        check(::openat(current(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC), "open ", path_));
  }

 private:
  int current() const { return passed_.empty() ? root_ : passed_.back().get(); }
  bool makes_file() const { return last_ == Last::kFile && pending_.empty(); }

  void step() {
    const std::string name = std::move(pending_.back());
    pending_.pop_back();
    if (name == "..") {
      if (!passed_.empty()) passed_.pop_back();
      return;
    }
    UniqueFd next = open_or_make(name);
    struct stat status;
    check(::fstat(next.get(), &status), "stat ", path_);
    if (S_ISLNK(status.st_mode)) return follow(next.get(), name);
    if (makes_file()) {
      last_file_ = std::move(next);
      return;
    }
    if (!S_ISDIR(status.st_mode)) throw Error(sentence("make ", path_, ": ", name), ENOTDIR);
    passed_.push_back(std::move(next));
  }

  UniqueFd open_or_make(const std::string& name) {
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
      const int fd = ::openat(current(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
      if (fd >= 0) return UniqueFd(fd);
      if (errno != ENOENT) check(-1, "open ", path_);
      // Made and then opened again by name: whatever a racing process puts there is looked at anew.
      if (make(name) < 0 && errno != EEXIST) check(-1, "make ", path_);
    }
    throw Error(sentence("make ", path_, ": it disappears as fast as it is made"), EAGAIN);
  }

  int make(const std::string& name) const {
    if (!makes_file()) return ::mkdirat(current(), name.c_str(), mode_);
    const UniqueFd file(::openat(current(), name.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    return file ? 0 : -1;
  }

  void follow(int link, const std::string& name) {
    if (++symlinks_ > kMaxSymlinks) throw Error(sentence("make ", path_), ELOOP);
    const std::string target = read_link(link, name);
    if (target.starts_with('/')) passed_.clear();
    push_components(pending_, target);
  }

  int root_;
  std::string path_;
  Last last_;
  mode_t mode_;
  int symlinks_ = 0;
  std::vector<std::string> pending_;  // the next component is the last element
  std::vector<UniqueFd> passed_;      // directories from the root down; empty: at the root
  UniqueFd last_file_;
};

/// Cuts the last component off. Returns nullopt when there is none that could be made or removed.
struct SplitPath {
  std::string_view parent;
  std::string_view name;
};
SplitPath split(std::string_view path) {
  const std::string_view whole = path;
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  const std::size_t start = slash == std::string_view::npos ? 0 : slash + 1;
  const std::string_view name = path.substr(start);
  if (name.empty() || name == "." || name == ".." || has_nul(name))
    throw Error(sentence("\"", whole, "\" does not name an entry of a directory"), EINVAL);
  return {path.substr(0, start), name};
}

/// What a path lacks is mostly its last directory only: made without a walk. -1 when it is not so
/// simple.
int make_last_directory(int root, std::string_view path, mode_t mode) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  const std::size_t start = slash == std::string_view::npos ? 0 : slash + 1;
  const std::string name(path.substr(start));
  if (name.empty() || name == "." || name == ".." || has_nul(path)) return -1;
  const UniqueFd parent(
      open_in_root(root, path.substr(0, start), O_PATH | O_DIRECTORY, 0, kInRoot));
  if (!parent || ::mkdirat(parent.get(), name.c_str(), mode) < 0) return -1;
  return ::openat(parent.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

Directory open_entries(UniqueFd directory, const std::string& name) {
  Directory entries(::fdopendir(directory.get()), &::closedir);
  if (entries == nullptr) check(-1, "open ", name);
  [[maybe_unused]] const int owned_now = directory.release();
  return entries;
}

/// A caller who is not root needs all rights on his directory to empty it, whatever mode an image
/// gave it.
void open_up(int parent, const std::string& name) {
  if (::geteuid() == 0) return;
  const UniqueFd directory(open_beneath(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW, 0,
                                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
  struct stat status;
  if (!directory || ::fstat(directory.get(), &status) != 0 || (status.st_mode & 0700) == 0700)
    return;
  const std::string link = sentence("/proc/self/fd/", directory.get());  // fchmod refuses O_PATH
  [[maybe_unused]] const int result = ::chmod(link.c_str(), (status.st_mode & 07777) | 0700);
}

/// Removes a tree on descriptors. What lies deeper than kMaxDepth is first moved up to the top, so
/// that neither descriptors nor stack run out, however deep a hostile tree is.
class TreeRemoval {
 public:
  void remove(int parent, const std::string& name, int depth) {
    unsigned long moved_before = 0;
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
      if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return;
      if (errno != EISDIR) check(-1, "remove ", name);
      if (!remove_children(parent, name, depth)) continue;
      if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return;
      if (errno != ENOTEMPTY && errno != ENOTDIR && errno != EEXIST) check(-1, "remove ", name);
      if (std::exchange(moved_before, moved_) != moved_) attempt = 0;
    }
    throw Error(sentence("remove ", name, ": it keeps changing"), EBUSY);
  }

 private:
  static constexpr int kMaxDepth = 100;

  /// False when `name` is no longer there or no longer a directory.
  bool remove_children(int parent, const std::string& name, int depth) {
    open_up(parent, name);
    UniqueFd opened(open_beneath(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                                 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
    if (!opened && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) return false;
    if (!opened && errno == EXDEV)
      throw Error(sentence("remove ", name, ": something is mounted on it"), EBUSY);
    const int fd = check(opened.get(), "open ", name);
    if (depth == 0) top_ = fd;
    const Directory entries = open_entries(std::move(opened), name);
    while (const dirent* entry = ::readdir(entries.get())) {
      const std::string_view child = entry->d_name;
      if (child != "." && child != "..") remove_child(fd, entry->d_name, entry->d_type, depth);
    }
    return true;
  }

  void remove_child(int directory, const std::string& name, unsigned char type, int depth) {
    if (depth < kMaxDepth || type != DT_DIR) return remove(directory, name, depth + 1);
    // Found by the top's next round: its rmdir says ENOTEMPTY as long as one is left.
    const std::string moved = sentence(".removed-", ::getpid(), '-', ++moved_);
    check(::renameat(directory, name.c_str(), top_, moved.c_str()), "move ", name, " up");
  }

  int top_ = -1;
  unsigned long moved_ = 0;
};

}  // namespace

int open_beneath(int dir, const char* path, int flags, mode_t mode, std::uint64_t resolve) {
  open_how how = {};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  for (int attempt = 1;; ++attempt) {
    const long fd = ::syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if ((errno != EAGAIN && errno != EINTR) || attempt == kMaxAttempts) return -1;
  }
}

RootedDir RootedDir::open(const std::string& root) {
  return RootedDir(open_at(AT_FDCWD, root, O_PATH | O_DIRECTORY));
}

UniqueFd RootedDir::open(std::string_view path, int flags, mode_t mode) const {
  return UniqueFd(check(open_in_root(fd(), path, flags, mode, kInRoot), "open ", path));
}

std::optional<UniqueFd> RootedDir::open_if_exists(std::string_view path, int flags) const {
  const int opened = open_in_root(fd(), path, flags, 0, kInRoot);
  if (opened < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  return UniqueFd(check(opened, "open ", path));
}

UniqueFd RootedDir::open_no_symlinks(std::string_view path, int flags) const {
  return UniqueFd(check(open_in_root(fd(), path, flags, 0, kInRoot | RESOLVE_NO_SYMLINKS), "open ",
                        path, " without following symlinks"));
}

UniqueFd RootedDir::make_directories(std::string_view path, mode_t mode) const {
  const int existing = open_in_root(fd(), path, O_PATH | O_DIRECTORY, 0, kInRoot);
  if (existing >= 0) return UniqueFd(existing);
  if (errno != ENOENT) check(-1, "make directory ", path);
  const int made = make_last_directory(fd(), path, mode);
  if (made >= 0) return UniqueFd(made);
  return MakingWalk(fd(), path, Last::kDirectory, mode).run();
}

UniqueFd RootedDir::make_file(std::string_view path) const {
  const int existing = open_in_root(fd(), path, O_PATH, 0, kInRoot);
  if (existing >= 0) return UniqueFd(existing);
  if (errno != ENOENT) check(-1, "make file ", path);
  if (path.ends_with('/')) throw Error(sentence("make file ", path), EISDIR);
  return MakingWalk(fd(), path, Last::kFile, 0755).run();
}

RootedDir::Parent RootedDir::open_parent(std::string_view path) const {
  const auto [parent, name] = split(path);
  return {open(parent, O_PATH | O_DIRECTORY), std::string(name)};
}

RootedDir::Parent RootedDir::make_parent(std::string_view path, mode_t mode) const {
  const auto [parent, name] = split(path);
  return {make_directories(parent, mode), std::string(name)};
}

void RootedDir::remove_all(std::string_view path) const {
  const auto [parent, name] = split(path);
  const std::optional<UniqueFd> directory = open_if_exists(parent, O_PATH | O_DIRECTORY);
  if (directory) remove_tree_at(directory->get(), std::string(name));
}

void remove_tree_at(int dir, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
    throw Error(sentence("\"", name, "\" does not name an entry of a directory"), EINVAL);
  TreeRemoval().remove(dir, name, 0);
}
