// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/run_mounts.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/build/copy_files.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/store/file_lock.hpp"

namespace build {
namespace {

constexpr std::size_t kSecretLimit = std::size_t{500} << 10;  // BuildKit's

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool is_directory(int fd) {
  struct stat status{};
  check(::fstat(fd, &status), "stat a mount's source");
  return S_ISDIR(status.st_mode);
}

/// The file is there with its owner and mode before anything is in it.
void write_file(const std::string& path, const std::string& content, mode_t mode, uid_t uid,
                gid_t gid) {
  const UniqueFd file = open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  check(::fchown(file.get(), uid, gid), "chown ", path);
  check(::fchmod(file.get(), mode), "chmod ", path);
  write_all(file.get(), content, path);
}

std::string cache_of(const BuildStore& store, const MountFlag& flag) {
  return store.cache_mount(flag.id.empty() ? flag.target : flag.id);
}

std::string read_secret(const Secret& secret) {
  if (!secret.file.empty()) return read_file(secret.file, kSecretLimit);
  const char* const value =
      std::getenv(secret.environment.c_str());  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? "" : value;
}

}  // namespace

RunMounts::~RunMounts() {
  overlays_.clear();
  for (auto mounted = mounted_.rbegin(); mounted != mounted_.rend(); ++mounted)
    ::umount2(mounted->c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

std::string RunMounts::place(bool is_directory) {
  std::string path = store_.make_work("mount");
  if (is_directory) return path;
  path += "/file";
  const UniqueFd file = open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  return path;
}

void RunMounts::bind(const std::string& source, const std::string& target, bool directory,
                     bool readonly) {
  oci::Mount mount;
  mount.destination = target;
  mount.type = "bind";
  mount.source = source;
  mount.options = {"rbind", "rprivate", readonly ? "ro" : "rw", "nosuid", "nodev"};
  mounts_.push_back(std::move(mount));
  targets_.push_back({target, directory});
}

void RunMounts::add(const PlannedMount& mount) {
  try {
    switch (mount.flag.type) {
      case MountFlag::Type::kBind:
        return add_bind(mount);
      case MountFlag::Type::kCache:
        return add_cache(mount);
      case MountFlag::Type::kTmpfs:
        return add_tmpfs(mount.flag);
      case MountFlag::Type::kSecret:
        return add_secret(mount.flag);
      case MountFlag::Type::kSsh:
        return add_ssh(mount.flag);
    }
  } catch (Error& error) {
    error.add_context("--mount=type=", name_of(mount.flag.type));
    throw;
  }
}

void RunMounts::add_file(const std::string& target, const std::string& content, mode_t mode) {
  const std::string source = store_.make_work("file") + "/" + base_name(target);
  write_file(source, content, mode, 0, 0);
  bind(source, target, false, true);
}

void RunMounts::add_bind(const PlannedMount& mount) {
  const OpenedOrigin origin = open_origin_(mount.origin);
  const std::string& source = mount.flag.source;
  if (origin.is_context && bind_filtered(origin, mount.flag)) return;
  const std::string path = clean_relative(source);
  const auto opened = origin.root->open_if_exists(path.empty() ? "." : path, O_PATH);
  if (!opened) throw Error(sentence("source \"", printable(source, 200), "\" is not there"));
  roots_.push_back(origin.root);
  if (!mount.flag.readonly) return bind_writable(opened->get(), mount.flag);
  const bool directory = is_directory(opened->get());
  const std::string target = place(directory);
  mount_descriptor(opened->get(), target);
  mounted_.push_back(target);
  bind(target, mount.flag.target, directory, true);
}

/// A copy, when the step must not see a context as it is: what .dockerignore leaves of it, and as
/// root's, as COPY has it and the step's key says.
bool RunMounts::bind_filtered(const OpenedOrigin& origin, const MountFlag& flag) {
  const SourceTree tree{
      .root = *origin.root, .ignored = origin.ignored, .name = "the build context"};
  const CopyAction whole{.sources = {as_pattern(flag.source)}};
  const std::vector<SourceMatch> matches = find_sources(tree, whole);
  const auto is_roots = [](const SourceItem& item) {
    return item.status.st_uid == 0 && item.status.st_gid == 0;
  };
  if (origin.ignored.empty() && std::ranges::all_of(matches.front().items, is_roots)) return false;
  const std::string copy = store_.make_work("context");
  copy_matches(tree, matches, RootedDir::open(copy), "/", false, {});
  const SourceMatch& match = matches.front();
  bind(match.is_directory ? copy : sentence(copy, "/", base_name(match.path)), flag.target,
       match.is_directory, flag.readonly);
  return true;
}

/// What the step writes goes with the step.
void RunMounts::bind_writable(int source, const MountFlag& flag) {
  struct stat status{};
  check(::fstat(source, &status), "stat a mount's source");
  const std::string below = place(S_ISDIR(status.st_mode));
  if (S_ISREG(status.st_mode)) {
    const UniqueFd from =
        open_at(AT_FDCWD, sentence("/proc/self/fd/", source), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    const UniqueFd to = open_at(AT_FDCWD, below, O_WRONLY | O_NOFOLLOW);
    copy_bytes(from.get(), to.get(), static_cast<std::uint64_t>(status.st_size), flag.source);
    check(::fchown(to.get(), status.st_uid, status.st_gid), "chown ", below);
    check(::fchmod(to.get(), status.st_mode & 0777), "chmod ", below);
    return bind(below, flag.target, false, false);
  }
  if (!S_ISDIR(status.st_mode))
    throw Error(sentence("source \"", printable(flag.source, 200),
                         "\" is neither a file nor a directory: it cannot be mounted with rw"));
  mount_descriptor(source, below);
  mounted_.push_back(below);
  const std::string upper = store_.make_work("upper");
  copy_root_attributes({below}, upper);
  overlays_.push_back(std::make_unique<TreeMount>(store_.make_work("merged"),
                                                  std::vector<std::string>{below}, upper,
                                                  store_.make_work("work")));
  bind(overlays_.back()->path(), flag.target, true, false);
}

void RunMounts::add_all(const std::vector<PlannedMount>& mounts) {
  lock_caches(mounts);
  for (const PlannedMount& mount : mounts) add(mount);
}

/// Each cache once, as strictly as any of the mounts wants it, in the order of their names: no two
/// steps wait for each other. Before that come the stages that are mounted, since one that is not
/// done yet may want the same cache.
void RunMounts::lock_caches(const std::vector<PlannedMount>& mounts) {
  std::map<std::string, MountFlag::Sharing> wanted;
  for (const PlannedMount& mount : mounts) {
    const MountFlag& flag = mount.flag;
    const bool is_cache = flag.type == MountFlag::Type::kCache;
    if ((is_cache && mount.origin.kind != Origin::Kind::kNothing) ||
        flag.type == MountFlag::Type::kBind)
      roots_.push_back(open_origin_(mount.origin).root);
    if (!is_cache) continue;
    MountFlag::Sharing& sharing = wanted[cache_of(store_, flag)];
    sharing = std::max(sharing, flag.sharing);
  }
  for (const auto& [directory, sharing] : wanted) lock_cache(directory, sharing);
}

void RunMounts::lock_cache(const std::string& directory, MountFlag::Sharing sharing) {
  static_assert(MountFlag::Sharing::kShared < MountFlag::Sharing::kPrivate &&
                MountFlag::Sharing::kPrivate < MountFlag::Sharing::kLocked);
  UniqueFd lock = open_at(AT_FDCWD, directory + ".lock", O_RDWR | O_CREAT, 0600);
  caches_[directory] = directory;
  if (sharing != MountFlag::Sharing::kPrivate) {
    const bool exclusive = sharing == MountFlag::Sharing::kLocked;
    lock_unless_stopped(lock.get(), exclusive ? LOCK_EX : LOCK_SH, "a cache", options_.stop);
  } else if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) check(-1, "lock a cache");
    caches_[directory] = store_.make_work("own") + "/cache";
  }
  locks_.push_back(std::move(lock));
}

/// Made whole under another name: what fails leaves no cache.
void RunMounts::fill_cache(const PlannedMount& mount, const std::string& directory) {
  const MountFlag& flag = mount.flag;
  const std::string draft = store_.make_work("cache");
  if (mount.origin.kind != Origin::Kind::kNothing) {
    const OpenedOrigin origin = open_origin_(mount.origin);
    const CopyAction copy{.sources = {as_pattern(flag.source)}};
    const SourceTree tree{.root = *origin.root,
                          .ignored = origin.ignored,
                          .name = "the cache's from",
                          .local = origin.is_context};
    copy_matches(tree, find_sources(tree, copy), RootedDir::open(draft), "/", false, {});
  }
  check(::chown(draft.c_str(), flag.uid.value_or(0), flag.gid.value_or(0)), "chown the cache");
  check(::chmod(draft.c_str(), flag.mode.value_or(0755)), "chmod the cache");
  if (::renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, directory.c_str(), RENAME_NOREPLACE) != 0 &&
      errno != EEXIST)
    check(-1, "make the cache ", directory);
}

void RunMounts::add_cache(const PlannedMount& mount) {
  const MountFlag& flag = mount.flag;
  const std::string& directory = caches_.at(cache_of(store_, flag));
  if (::access(directory.c_str(), F_OK) != 0) fill_cache(mount, directory);
  std::string source = directory;
  if (mount.origin.kind == Origin::Kind::kNothing && !clean_relative(flag.source).empty()) {
    const RootedDir root = RootedDir::open(directory);
    const UniqueFd inside = root.make_directories(clean_relative(flag.source));
    source = place(true);
    mount_descriptor(inside.get(), source);
    mounted_.push_back(source);
  }
  bind(source, flag.target, true, flag.readonly);
}

void RunMounts::add_tmpfs(const MountFlag& flag) {
  oci::Mount mount;
  mount.destination = flag.target;
  mount.type = "tmpfs";
  mount.source = "tmpfs";
  mount.options = {"nosuid", "nodev", "mode=1777"};
  if (flag.size != 0) mount.options.push_back(sentence("size=", flag.size));
  mounts_.push_back(std::move(mount));
  targets_.push_back({flag.target, true});
}

const std::string& RunMounts::memory() {
  if (memory_.empty()) {
    const std::string directory = store_.make_work("memory");
    mount_tmpfs(directory);
    mounted_.push_back(directory);
    memory_ = directory;
  }
  return memory_;
}

void RunMounts::add_secret(const MountFlag& flag) {
  const std::string id = flag.id.empty() ? base_name(flag.target) : flag.id;
  const auto found = options_.secrets.find(id);
  if (found == options_.secrets.end()) {
    if (flag.required)
      throw Error(sentence("secret ", printable(id, 80),
                           ": not found: give --secret id=", printable(id, 80), ",src=FILE"));
    return;
  }
  const std::string content = read_secret(found->second);
  if (!flag.environment.empty()) environment_.push_back(sentence(flag.environment, "=", content));
  if (!flag.environment.empty() && flag.target.empty()) return;
  const std::string file = sentence(memory(), "/", mounts_.size());
  write_file(file, content, flag.mode.value_or(0400), flag.uid.value_or(0), flag.gid.value_or(0));
  bind(file, flag.target.empty() ? "/run/secrets/" + base_name(id) : flag.target, false, true);
}

void RunMounts::add_ssh(const MountFlag& flag) {
  const std::string id = flag.id.empty() ? "default" : flag.id;
  const auto found = options_.ssh.find(id);
  if (found == options_.ssh.end()) {
    if (flag.required)
      throw Error(
          sentence("ssh ", printable(id, 80), ": not found: give --ssh ", printable(id, 80)));
    return;
  }
  const std::string target =
      flag.target.empty() ? sentence("/run/buildkit/ssh_agent.", mounts_.size()) : flag.target;
  bind(found->second, target, false, false);
  environment_.push_back("SSH_AUTH_SOCK=" + target);
}

void RunMounts::make_stubs(const std::string& directory) const {
  const RootedDir root = RootedDir::open(directory);
  for (const char* path : {"proc", "sys", "dev"}) root.make_directories(path);
  for (const Target& target : targets_)
    if (target.path.starts_with("/dev/"))
      continue;
    else if (target.is_directory)
      root.make_directories(target.path);
    else
      root.make_file(target.path);
}

}  // namespace build
