// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/run_mounts.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/build/copy_files.hpp"
#include "imagetool/oci/printable.hpp"

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
  const std::shared_ptr<const RootedDir> root = open_origin_(mount.origin);
  const std::string& source = mount.flag.source;
  const std::string path = clean_relative(source);
  const auto opened = root->open_if_exists(path.empty() ? "." : path, O_PATH);
  if (!opened) throw Error(sentence("source \"", printable(source, 200), "\" is not there"));
  roots_.push_back(root);
  if (!mount.flag.readonly) return bind_writable(opened->get(), mount.flag.target);
  const bool directory = is_directory(opened->get());
  const std::string target = place(directory);
  mount_descriptor(opened->get(), target);
  mounted_.push_back(target);
  bind(target, mount.flag.target, directory, true);
}

/// What the step writes goes with the step.
void RunMounts::bind_writable(int source, const std::string& target) {
  const bool directory = is_directory(source);
  const std::string below = place(directory);
  if (!directory) {
    write_file(below + ".copy", read_file(sentence("/proc/self/fd/", source)), 0644, 0, 0);
    return bind(below + ".copy", target, false, false);
  }
  mount_descriptor(source, below);
  mounted_.push_back(below);
  const std::string upper = store_.make_work("upper");
  copy_root_attributes({below}, upper);
  overlays_.push_back(std::make_unique<TreeMount>(store_.make_work("merged"),
                                                  std::vector<std::string>{below}, upper,
                                                  store_.make_work("work")));
  bind(overlays_.back()->path(), target, true, false);
}

void RunMounts::add_cache(const PlannedMount& mount) {
  const MountFlag& flag = mount.flag;
  std::string directory = store_.cache_mount(flag.id.empty() ? flag.target : flag.id);
  UniqueFd lock = open_at(AT_FDCWD, directory + ".lock", O_RDWR | O_CREAT, 0600);
  const bool exclusive = flag.sharing != MountFlag::Sharing::kShared;
  const bool wait = flag.sharing != MountFlag::Sharing::kPrivate;
  if (::flock(lock.get(), (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB)) != 0) {
    if (errno != EWOULDBLOCK) check(-1, "lock the cache");
    directory = store_.make_work("cache");  // private, and in use: one of its own
    check(::rmdir(directory.c_str()), "remove ", directory);
  }
  locks_.push_back(std::move(lock));
  if (::mkdir(directory.c_str(), 0755) == 0) {
    if (mount.origin.kind != Origin::Kind::kNothing) {
      const std::shared_ptr<const RootedDir> root = open_origin_(mount.origin);
      const IgnoreRules none;
      CopyAction copy{.sources = {flag.source.empty() ? "." : flag.source}};
      const SourceTree tree{
          .root = *root, .ignored = none, .name = "the cache's from", .local = false};
      copy_matches(tree, find_sources(tree, copy), RootedDir::open(directory), "/", false, {});
    }
    check(::chown(directory.c_str(), flag.uid.value_or(0), flag.gid.value_or(0)),
          "chown the cache");
    check(::chmod(directory.c_str(), flag.mode.value_or(0755)), "chmod the cache");
  } else if (errno != EEXIST) {
    check(-1, "make the cache ", directory);
  }
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

/// Secrets never touch a disk.
std::string RunMounts::secret_directory() {
  if (secrets_.empty()) {
    const std::string directory = store_.make_work("secrets");
    mount_tmpfs(directory);
    mounted_.push_back(directory);
    secrets_ = directory;
  }
  return secrets_;
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
  const std::string file = sentence(secret_directory(), "/", mounts_.size());
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
