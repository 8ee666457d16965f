// SPDX-License-Identifier: Apache-2.0
#include "imagetool/bundle/bundle_draft.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace {

constexpr std::string_view kDraftEnding = ".partial";

/// "a/b/bundle/" → parent "a/b" and name "bundle".
std::pair<std::string, std::string> split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..")
    throw Error(sentence("bundle directory \"", path,
                         "\": give it by its own name, it is put in place by renaming"));
  if (slash == std::string::npos) return {".", std::move(name)};
  return {slash == 0 ? "/" : path.substr(0, slash), std::move(name)};
}

bool is_directory(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// rename(2) refuses mount points, but only at the end of all work.
bool is_mount_point(const std::string& path) {
  struct statx status{};
  return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/// The place to rename to: what a symlink leads to, else the path itself. Throws for what no
/// directory can be renamed to.
std::string place_of(const std::string& directory) {
  std::string path = directory;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return path;
  if (!is_directory(path))
    throw Error(sentence("bundle directory ", directory,
                         " exists and is not a directory: remove it or name another"));
  if (S_ISLNK(status.st_mode)) path = real_path(path);
  if (is_mount_point(path))
    throw Error(
        sentence("bundle directory ", directory, " is a mount point: name a directory inside it"));
  return path;
}

std::vector<std::string> names_in(int directory) {
  const int copy = check(::fcntl(directory, F_DUPFD_CLOEXEC, 3), "dup");
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(copy), ::closedir);
  ::rewinddir(listing.get());
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view one = entry->d_name;
    if (one != "." && one != "..") names.emplace_back(one);
  }
  return names;
}

void refuse_if_in_use(int parent, const std::string& name, const std::string& shown) {
  const std::optional<UniqueFd> existing =
      open_at_if_exists(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (existing && !names_in(existing->get()).empty())
    throw Error(sentence("bundle directory ", shown,
                         " is not empty: remove it or name another (nothing was changed)"));
}

/// ".NAME.", the maker's pid, ".partial".
bool is_draft_name(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || !name.ends_with(kDraftEnding)) return false;
  name.remove_prefix(prefix.size());
  const std::string_view pid =
      name.substr(0, name.size() - std::min(name.size(), kDraftEnding.size()));
  return !pid.empty() && pid.find_first_not_of("0123456789") == std::string_view::npos;
}

/// A draft without a lock belongs to a toyimg that was killed.
void remove_abandoned_drafts(int parent, const std::string& prefix) {
  for (const std::string& name : names_in(parent)) {
    if (!is_draft_name(name, prefix)) continue;
    const std::optional<UniqueFd> draft =
        open_at_if_exists(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (draft && ::flock(draft->get(), LOCK_EX | LOCK_NB) == 0) remove_tree_at(parent, name);
  }
}

/// Made and locked while the parent is locked, so that nobody takes a new draft for an abandoned
/// one.
UniqueFd make_locked_draft(int parent, const std::string& prefix, const std::string& draft) {
  const UniqueFd turn = open_at(parent, ".", O_RDONLY | O_DIRECTORY);
  check(::flock(turn.get(), LOCK_EX), "lock the bundle's parent directory");
  remove_abandoned_drafts(parent, prefix);
  // 0700: setuid programs of the image must not be in reach of the host's users (CVE-2021-41091).
  check(::mkdirat(parent, draft.c_str(), 0700), "make ", draft);
  UniqueFd lock = open_at(parent, draft, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  check(::flock(lock.get(), LOCK_EX | LOCK_NB), "lock ", draft);
  return lock;
}

}  // namespace

BundleDraft::BundleDraft(UniqueFd parent, UniqueFd lock, std::string draft, std::string name,
                         RootedDir root)
    : parent_(std::move(parent)),
      lock_(std::move(lock)),
      draft_(std::move(draft)),
      name_(std::move(name)),
      root_(std::move(root)) {}

BundleDraft::BundleDraft(BundleDraft&& other) noexcept
    : parent_(std::move(other.parent_)),
      lock_(std::move(other.lock_)),
      draft_(std::exchange(other.draft_, {})),
      name_(std::move(other.name_)),
      root_(std::move(other.root_)),
      made_parents_(std::exchange(other.made_parents_, {})) {}

BundleDraft BundleDraft::begin(const std::string& directory) {
  auto [parent_path, name] = split(place_of(directory));
  std::vector<std::string> made_parents = make_missing_directories(parent_path, 0755);
  const std::string prefix = sentence(".", name, ".");
  std::string draft = sentence(prefix, ::getpid(), kDraftEnding);
  UniqueFd parent;
  bool made = false;
  try {
    parent = open_at(AT_FDCWD, parent_path, O_RDONLY | O_DIRECTORY);
    refuse_if_in_use(parent.get(), name, directory);
    UniqueFd lock = make_locked_draft(parent.get(), prefix, draft);
    made = true;
    check(::mkdirat(lock.get(), "rootfs", 0755), "make ", draft, "/rootfs");
    RootedDir root(open_at(lock.get(), "rootfs", O_PATH | O_DIRECTORY | O_NOFOLLOW));
    BundleDraft begun(std::move(parent), std::move(lock), draft, std::move(name), std::move(root));
    begun.made_parents_ = std::move(made_parents);
    return begun;
  } catch (const Error&) {
    if (made) remove_tree_at(parent.get(), draft);
    remove_directories(made_parents);
    throw;
  }
}

BundleDraft::~BundleDraft() {
  if (draft_.empty()) return;
  try {
    remove_tree_at(parent_.get(), draft_);
    remove_directories(made_parents_);
  } catch (const Error&) {
    // Already failing with the true reason; what is left has a name that says what it is.
  }
}

void BundleDraft::write_config(const oci::RuntimeConfig& config) {
  replace_file_at(lock_.get(), "config.json", oci::write_runtime_config(config), 0644);
}

void BundleDraft::finish() {
  const int result = ::renameat(parent_.get(), draft_.c_str(), parent_.get(), name_.c_str());
  if (result != 0 && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR))
    throw Error(sentence("bundle directory ", name_,
                         " is no longer free: somebody put something there meanwhile"));
  check(result, "rename the bundle to ", name_);
  draft_.clear();
}
