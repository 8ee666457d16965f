// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/layer_tree.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/layer/entry_path.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/printable.hpp"

namespace {
constexpr std::size_t kOpenDirectories = 128;
constexpr int kDeepest = 400;  // each level of a walk holds a descriptor
constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::optional<struct stat> stat_at(int directory, const std::string& name) {
  struct stat status = {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return status;
  if (errno == ENOENT) return std::nullopt;
  const int number = errno;
  throw Error(sentence("stat ", printable(name)), number);
}

/// For a caller who is not root: the right to work in a directory of his which the image took away.
/// `directory` may be O_PATH, which fchmod(2) refuses.
void open_up(int directory, mode_t mode) {
  const std::string link = sentence("/proc/self/fd/", directory);
  check(::chmod(link.c_str(), mode | 0700), "open up a directory");
}

/// What no entry describes is root's, or one's own, and 0755: neither the umask nor a set-group-ID
/// directory above has a say. False when something is there.
bool make_plain(const Directory& parent, const std::string& base) {
  if (::mkdirat(parent.fd.get(), base.c_str(), 0755) != 0) {
    if (errno == EEXIST) return false;
    check(-1, "make a parent directory");
  }
  const UniqueFd made = open_at(parent.fd.get(), base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if ((parent.status.st_mode & S_ISGID) != 0)
    check(::fchown(made.get(), ::geteuid(), ::getegid()), "set the owner of a parent directory");
  check(::fchmod(made.get(), 0755), "set the mode of a parent directory");
  return true;
}

}  // namespace

LayerTree::LayerTree(const RootedDir& root, bool privileged)
    : root_(root), privileged_(privileged), cache_(kOpenDirectories) {}

// --- directories
// -----------------------------------------------------------------------------------------------------

DirectoryRef LayerTree::open_existing(const std::string& path) {
  const std::string in_root = path.empty() ? "/" : path;
  std::optional<mode_t> closed_mode;
  if (!privileged_) {
    const std::optional<UniqueFd> fd = root_.open_if_exists(in_root, O_PATH | O_DIRECTORY);
    struct stat status = {};
    if (!fd || ::fstat(fd->get(), &status) != 0) return nullptr;
    if ((status.st_mode & 0700) != 0700) {
      closed_mode = status.st_mode & 07777;
      if (status.st_uid == ::geteuid()) open_up(fd->get(), *closed_mode);
    }
  }
  std::optional<UniqueFd> fd = root_.open_if_exists(in_root, O_RDONLY | O_DIRECTORY);
  if (!fd) return nullptr;
  DirectoryRef directory = cache_.add(path, std::move(*fd));
  if (closed_mode) directory->final_mode = *closed_mode;
  return directory;
}

DirectoryRef LayerTree::find(const std::string& path) {
  DirectoryRef directory = cache_.find(path);
  return directory ? directory : open_existing(path);
}

DirectoryRef LayerTree::open(const std::string& path) {
  DirectoryRef directory = find(path);
  if (directory) return directory;
  make_directory(path);
  directory = open_existing(path);
  if (!directory) throw Error(sentence(printable(path), " is not a directory"));
  return directory;
}

// Only for a path that leads to no directory: nothing there, something else, or a symlink to
// either.
void LayerTree::make_directory(const std::string& path) {
  if (path.empty()) throw Error("the root is gone");
  const SplitPath split = split_path(path);
  const std::string base(split.base);
  const DirectoryRef parent = open(std::string(split.directory));
  parent->changed = true;
  if (make_plain(*parent, base)) return;
  const std::optional<struct stat> there = stat_at(parent->fd.get(), base);
  if (there && S_ISLNK(there->st_mode) && make_link_target(path)) return;
  if (written_.contains(parent->id, base))
    throw Error(sentence(printable(path),
                         " is not a directory in this layer, yet something is to go below it"));
  make_room(*parent, base);
  if (!make_plain(*parent, base)) throw Error("make a parent directory", EEXIST);
}

// A dangling link's target, inside the root, is meant. False when it leads to no directory: then
// the link is in the way, of whatever it leads to nothing is touched.
bool LayerTree::make_link_target(const std::string& path) {
  try {
    root_.make_directories(path);
    return true;
  } catch (const Error& error) {
    if (error.number() != ENOTDIR) throw;
    return false;
  }
}

void LayerTree::note_written(Directory& directory, const std::string& name) {
  directory.changed = true;
  written_.insert(directory.id, name);
}

// --- removing
// --------------------------------------------------------------------------------------------------------

void LayerTree::make_room(Directory& directory, const std::string& name) {
  const std::optional<struct stat> there = stat_at(directory.fd.get(), name);
  if (!there) return;
  directory.changed = true;
  if (S_ISDIR(there->st_mode))
    remove_tree_at(directory.fd.get(), name);
  else
    check(::unlinkat(directory.fd.get(), name.c_str(), 0), "remove what stood there");
  if (S_ISDIR(there->st_mode) || S_ISLNK(there->st_mode)) cache_.forget_paths();
}

void LayerTree::hide(Directory& directory, const std::string& name) {
  directory.changed = true;
  remove_lower(directory.fd.get(), directory.id, name, 0);
}

void LayerTree::hide_content(Directory& directory) {
  directory.changed = true;
  remove_lower_content(directory.fd.get(), directory.id, 0);
}

// True when nothing is left of it.
bool LayerTree::remove_lower(int directory, const FileId& id, const std::string& name, int depth) {
  const std::optional<struct stat> there = stat_at(directory, name);
  if (!there) return true;
  const bool ours = written_.contains(id, name);
  if (!S_ISDIR(there->st_mode)) {
    if (ours) return false;
    check(::unlinkat(directory, name.c_str(), 0), "remove a file of a lower layer");
    if (S_ISLNK(there->st_mode)) cache_.forget_paths();
    return true;
  }
  if (depth > kDeepest) throw Error("a directory of a lower layer lies too deep to be removed");
  const mode_t mode = there->st_mode & 07777;
  if (!privileged_ && (mode & 0700) != 0700) {
    const UniqueFd closed(
        check(::openat(directory, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
              "open a directory of a lower layer"));
    open_up(closed.get(), mode);
  }
  const UniqueFd child(
      check(::openat(directory, name.c_str(), kOpenFlags), "open a directory of a lower layer"));
  const bool empty = remove_lower_content(child.get(), {there->st_dev, there->st_ino}, depth + 1);
  if (empty && !ours) {
    check(::unlinkat(directory, name.c_str(), AT_REMOVEDIR), "remove a directory of a lower layer");
    cache_.forget_paths();
    return true;
  }
  // It stays for what this layer has in it, as it was. (If it is in the cache, settling has the
  // last word.)
  const std::timespec times[2] = {there->st_atim, there->st_mtim};
  check(::futimens(child.get(), times), "set the time of a directory");
  if (!privileged_) check(::fchmod(child.get(), mode), "set the mode of a directory");
  return false;
}

bool LayerTree::remove_lower_content(int directory, const FileId& id, int depth) {
  bool empty = true;
  for (const std::string& name : sorted_names(directory))
    empty = remove_lower(directory, id, name, depth) && empty;
  return empty;
}
