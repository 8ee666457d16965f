// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <string>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/mount_calls.hpp"
#include "runtime/kernel/rootfs_steps.hpp"

namespace kernel {
namespace {

constexpr std::string_view kDev = "/dev/";

/// /dev of the container. A symlink is refused: links and nodes would be made, and removed, where
/// it leads (CVE-2026-41579).
int open_dev(RootfsWork& work) {
  if (work.dev) return work.dev.get();
  try {
    work.dev = open_or_make_real_directory("/dev", work.root);
  } catch (Error& error) {
    if (error.number() == ELOOP || error.number() == ENOTDIR)
      throw Error(
          "/dev is not a real directory in the root filesystem: devices are made in no symbolic "
          "link",
          error.number());
    throw;
  }
  return work.dev.get();
}

/// Where a node or link is made: the directory (held in `owned` unless it is /dev) and the name in
/// it.
struct Place {
  UniqueFd owned;
  int directory = -1;
  std::string name;
};

Place open_place(const std::string& path, RootfsWork& work) {
  if (path.starts_with(kDev)) {
    const int dev = open_dev(work);
    const std::string name = path.substr(kDev.size());
    if (!name.empty() && name.find('/') == std::string::npos && name != "." && name != "..")
      return {UniqueFd(), dev, name};
  }
  RootedDir::Parent parent = work.root.make_parent(path);
  const int directory = parent.directory.get();
  return {std::move(parent.directory), directory, std::move(parent.name)};
}

mode_t file_type(char type) { return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR; }

bool is_device(const struct stat& status, const plan::MakeDevice& step) {
  const mode_t type = file_type(step.type);
  if ((status.st_mode & S_IFMT) != type) return false;
  return type == S_IFIFO || status.st_rdev == makedev(step.major, step.minor);
}

/// O_PATH of an existing node. Throws Error unless it is the device asked for (runtime-spec,
/// config-linux "Devices").
UniqueFd open_matching(int directory, const std::string& name, const plan::MakeDevice& step) {
  UniqueFd node(check(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC), "open ",
                      step.path));
  struct stat status{};
  check(::fstat(node.get(), &status), "stat ", step.path);
  if (!is_device(status, step))
    throw Error(sentence(step.path, " exists and is not the device asked for"), EEXIST);
  return node;
}

void bind_from_host(const plan::MakeDevice& step, RootfsWork& work) {
  const UniqueFd node(
      check(::open(step.path.c_str(), O_PATH | O_CLOEXEC), "open the host's ", step.path));
  struct stat status{};
  check(::fstat(node.get(), &status), "stat the host's ", step.path);
  if (!is_device(status, step))
    throw Error(sentence("the host's ", step.path, " is not the device asked for"));
  if (step.path.starts_with(kDev)) open_dev(work);
  const UniqueFd target = work.root.make_file(step.path);
  prove_target(target.get(), step.path, work);
  const std::string from = fd_path(node.get());
  const std::string to = fd_path(target.get());
  check(::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr), "bind the host's ",
        step.path);
}

/// True if the link is there with this target already.
bool is_link_to(int directory, const std::string& name, const std::string& target) {
  std::string there(target.size() + 1, '\0');
  const ssize_t length = ::readlinkat(directory, name.c_str(), there.data(), there.size());
  return length >= 0 && static_cast<std::size_t>(length) == target.size() &&
         there.compare(0, target.size(), target) == 0;
}

void remove_name(int directory, const std::string& name, const std::string& path) {
  if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR) throw Error(sentence("remove ", path), errno);
  check(::unlinkat(directory, name.c_str(), AT_REMOVEDIR), "remove ", path);
}

/// /dev/console as a regular file or device to mount on; a symlink there is refused
/// (CVE-2026-88264).
UniqueFd open_console(int dev) {
  constexpr const char* kName = "console";
  if (::mknodat(dev, kName, S_IFREG | 0600, 0) < 0 && errno != EEXIST)
    throw Error("make /dev/console", errno);
  UniqueFd console(
      check(::openat(dev, kName, O_PATH | O_NOFOLLOW | O_CLOEXEC), "open /dev/console"));
  struct stat status{};
  check(::fstat(console.get(), &status), "stat /dev/console");
  if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
    throw Error("/dev/console is neither a file nor a device in the root filesystem",
                S_ISLNK(status.st_mode) ? ELOOP : EINVAL);
  return console;
}

}  // namespace

UniqueFd open_host_null() {
  UniqueFd null(
      check(::open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC), "open the host's /dev/null"));
  struct stat status{};
  check(::fstat(null.get(), &status), "stat the host's /dev/null");
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
    throw Error("the host's /dev/null is not the null device 1:3");
  return null;
}

void apply(const plan::MakeDevice& step, RootfsWork& work) {
  if (step.bind_from_host && file_type(step.type) != S_IFIFO) return bind_from_host(step, work);
  const Place place = open_place(step.path, work);
  const dev_t number = step.type == 'p' ? 0 : makedev(step.major, step.minor);
  if (::mknodat(place.directory, place.name.c_str(), file_type(step.type) | step.mode, number) <
      0) {
    const int error = errno;
    if (error == EEXIST) {
      open_matching(place.directory, place.name, step);  // a match is kept as it is
      return;
    }
    // An outer container or a security module may forbid mknod to us as well.
    if (error == EPERM && step.type != 'p' && work.plan.has_mount_namespace)
      return bind_from_host(step, work);
    throw Error(sentence("make ", step.path), error);
  }
  if (step.uid == 0 && step.gid == 0) return;
  const UniqueFd node = open_matching(place.directory, place.name, step);
  check(::fchownat(node.get(), "", step.uid, step.gid, AT_EMPTY_PATH), "set the owner of ",
        step.path);
}

void apply(const plan::MakeLink& step, RootfsWork& work) {
  const Place place = open_place(step.path, work);
  if (::symlinkat(step.target.c_str(), place.directory, place.name.c_str()) == 0) return;
  if (errno != EEXIST) throw Error(sentence("make the link ", step.path), errno);
  if (!step.replace || is_link_to(place.directory, place.name, step.target)) return;
  remove_name(place.directory, place.name, step.path);
  check(::symlinkat(step.target.c_str(), place.directory, place.name.c_str()), "make the link ",
        step.path);
}

void apply(const plan::MakeWorkingDirectory& step, RootfsWork& work) {
  work.root.make_directories(step.path);
}

void bind_console(int slave, RootfsWork& work) {
  const UniqueFd console = open_console(open_dev(work));
  work.dev.reset();
  const std::string from = fd_path(slave);
  const std::string to = fd_path(console.get());
  check(::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr),
        "bind the terminal on /dev/console");
}

}  // namespace kernel
