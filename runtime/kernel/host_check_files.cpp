// SPDX-License-Identifier: Apache-2.0
// Root file system, mounts, devices and hooks of the host check. Opens with O_PATH only.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "runtime/kernel/host_check_parts.hpp"
#include "runtime/kernel/mount_calls.hpp"
#include "runtime/plan/paths.hpp"

namespace kernel {
namespace {

/// The last of the mounts before this one that lies over the root file system there; what it shows
/// is not known here.
const plan::RootfsStep* covering(const HostCheck& check, std::size_t index,
                                 const std::string& target) {
  const std::vector<plan::RootfsStep>& steps = check.launch.rootfs.mounts;
  for (std::size_t before = index; before-- > 0;) {
    const std::string over = plan::target_of(steps[before]);
    if (!over.empty() && plan::is_at_or_below(target, over)) return &steps[before];
  }
  return nullptr;
}

mode_t type_of(int fd) {
  struct stat status{};
  ::check(::fstat(fd, &status), "stat");
  return status.st_mode & S_IFMT;
}

/// As create opens it: inside the root file system if that is where it lies.
UniqueFd open_source(const std::string& source, const std::string& root_path,
                     const RootedDir& root) {
  const std::string below = root_path.ends_with('/') ? root_path : root_path + '/';
  if (below.size() > 1 && source.starts_with(below))
    return root.open(std::string_view(source).substr(below.size()), O_PATH);
  return UniqueFd(::check(::open(source.c_str(), O_PATH | O_CLOEXEC), "open ", source));
}

/// What is in the way of making this path: the nearest thing above it that is there, when that is
/// no directory. Empty: nothing.
std::string barrier(const RootedDir& root, std::string path) {
  while (path.size() > 1) {
    path.resize(std::max(path.rfind('/'), std::size_t{1}));
    const std::optional<UniqueFd> there = root.open_if_exists(path, O_PATH);
    if (there) return S_ISDIR(type_of(there->get())) ? std::string() : path;
  }
  return {};
}

void check_kind(const HostCheck& check, const std::string& pointer, const std::string& target,
                bool is_directory, bool wants_directory) {
  if (is_directory != wants_directory)
    check.error(pointer,
                sentence(target, " is ", is_directory ? "a directory" : "no directory",
                         " in the root file system, and what is mounted there is ",
                         wants_directory ? "one" : "none"),
                "mount it elsewhere, or remove what is there from the root file system");
}

/// In a proc or sysfs the host has the same files, and nothing can be made.
void check_kernels_file(const HostCheck& check, const std::string& pointer,
                        const plan::MountFilesystem& over, const std::string& target,
                        bool wants_directory) {
  const bool is_proc = over.type == "proc";
  if (!is_proc && over.type != "sysfs") return;
  const std::string file = plan::moved(target, over.target, is_proc ? "/proc" : "/sys");
  // A process's own.
  if (is_proc && (file.starts_with("/proc/self/") || file.find_first_of("0123456789") == 6)) return;
  struct stat status{};
  if (::stat(file.c_str(), &status) == 0)
    return check_kind(check, pointer, target, S_ISDIR(status.st_mode), wants_directory);
  if (errno == ENOENT || errno == ENOTDIR)
    check.error(pointer,
                sentence(target, " is not there, and nothing can be made in a ", over.type),
                "mount it elsewhere");
}

void check_mount_point(const HostCheck& check, const RootedDir& root, std::size_t index,
                       const std::string& target, bool wants_directory) {
  const std::string pointer = sentence("/mounts/", check.wanted.mounts[index], "/destination");
  if (const plan::RootfsStep* const over = covering(check, index, target)) {
    if (const auto* fresh = std::get_if<plan::MountFilesystem>(over))
      check_kernels_file(check, pointer, *fresh, target, wants_directory);
    return;
  }
  const std::optional<UniqueFd> there = root.open_if_exists(target, O_PATH);
  if (there)
    return check_kind(check, pointer, target, S_ISDIR(type_of(there->get())), wants_directory);
  if (const std::string file = barrier(root, target); !file.empty())
    return check.error(pointer, sentence(file, " is no directory in the root file system"),
                       "mount it elsewhere, or remove that from the root file system");
  struct statvfs status{};
  ::check(::fstatvfs(root.fd(), &status), "statvfs of the root file system");
  if ((status.f_flag & ST_RDONLY) != 0)
    check.error(pointer,
                sentence(target,
                         " is not in the root file system, which lies on a read-only file "
                         "system where it cannot be made"),
                "make the mount point in the image");
}

void check_bind(const HostCheck& check, const RootedDir& root, std::size_t index,
                const plan::BindMount& mount) {
  const std::string pointer = sentence("/mounts/", check.wanted.mounts[index], "/source");
  try {
    const UniqueFd source = open_source(mount.source, check.launch.rootfs.root, root);
    check_mount_point(check, root, index, mount.target, S_ISDIR(type_of(source.get())));
  } catch (const Error& error) {
    const bool below_root =
        plan::is_at_or_below(mount.source, check.launch.rootfs.root) && index > 0;
    // An earlier mount may put it there.
    if (below_root)
      check.warning(pointer, error.what(), "make it in the root file system");
    else
      check.error(pointer, error.what(), "make it, or correct the source");
  }
}

/// A kernel without the type may still load a module for it.
void check_type(const HostCheck& check, const std::string& pointer, const std::string& type) {
  const std::string known = text_of("/proc/filesystems");
  if (known.empty() || has_word(known, type)) return;
  check.warning(pointer + "/type", sentence("the kernel does not list the file system ", type),
                sentence("load its module, if there is one: modprobe ", type));
}

/// Each of these shows a namespace, and only its owner may mount it (user_namespaces(7)).
void check_owner(const HostCheck& check, const std::string& pointer, const std::string& type) {
  struct Shows {
    std::string_view type, name;
    std::uint64_t flag;
  };
  constexpr Shows kShows[] = {{"proc", "pid", CLONE_NEWPID},
                              {"sysfs", "network", CLONE_NEWNET},
                              {"mqueue", "ipc", CLONE_NEWIPC}};
  const plan::NamespacePlan& namespaces = check.launch.namespaces;
  if ((namespaces.create_flags & CLONE_NEWUSER) == 0) return;
  for (const Shows& one : kShows)
    if (type == one.type && !namespaces.has(one.flag))
      check.error(pointer,
                  sentence("a user namespace may mount a new ", type, " only with a ", one.name,
                           " namespace of its own"),
                  sentence("add a ", one.name, " namespace, or bind the host's instead"));
}

/// A type that has to be loaded is not tried: nothing is to be changed.
void check_words(const HostCheck& check, const std::string& pointer,
                 const plan::MountFilesystem& mount) {
  std::size_t length = 0;
  for (const std::string& word : mount.data) length += word.size() + 1;
  const bool by_mount = !mount.copy_up && mount.propagation.empty() && !mount.id_map;
  if (by_mount && length > kMountDataLimit + 1)
    check.error(pointer + "/options",
                sentence("the options of this ", mount.type, " mount are ", length - 1,
                         " bytes, the kernel takes ", kMountDataLimit),
                "shorten them");
  if (!check.may(CAP_SYS_ADMIN) || !has_word(text_of("/proc/filesystems"), mount.type)) return;
  try {
    try_words(mount.type, mount.data);
  } catch (const Error& error) {
    if (error.number() != EPERM)
      check.error(pointer + "/options", error.what(), "correct the option, or leave it out");
  }
}

void check_mount(const HostCheck& check, const RootedDir& root, std::size_t index) {
  const plan::RootfsStep& step = check.launch.rootfs.mounts[index];
  if (const auto* bind = std::get_if<plan::BindMount>(&step))
    return check_bind(check, root, index, *bind);
  const auto* mount = std::get_if<plan::MountFilesystem>(&step);
  if (mount == nullptr) return;
  const std::string pointer = sentence("/mounts/", check.wanted.mounts[index]);
  check_type(check, pointer, mount->type);
  check_owner(check, pointer, mount->type);
  check_words(check, pointer, *mount);
  check_mount_point(check, root, index, mount->target, true);
}

mode_t file_type(char type) { return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR; }

void check_device_file(const HostCheck& check, const RootedDir& root,
                       const plan::MakeDevice& device) {
  if (covering(check, check.wanted.mounts.size(), device.path) != nullptr) return;
  const std::optional<UniqueFd> there = root.open_if_exists(device.path, O_PATH | O_NOFOLLOW);
  struct stat status{};
  if (there) ::check(::fstat(there->get(), &status), "stat");
  const bool other =
      there && ((status.st_mode & S_IFMT) != file_type(device.type) ||
                (device.type != 'p' && status.st_rdev != makedev(device.major, device.minor)));
  const std::string file = there ? std::string() : barrier(root, device.path);
  if (other)
    check.error("/linux/devices",
                sentence(device.path, " is in the root file system and not the device asked for"),
                "remove it there, or choose another path");
  else if (!file.empty())
    check.error("/linux/devices", sentence(file, " is no directory in the root file system"),
                "choose another path");
}

void check_device(const HostCheck& check, const RootedDir& root, const plan::MakeDevice& device) {
  if (!device.bind_from_host) {
    check_device_file(check, root, device);
    if (device.type != 'p' && !check.may(CAP_MKNOD))
      check.error(
          "/linux/devices", "device files, /dev/null above all, can be made with CAP_MKNOD only",
          "run toyrun as root, or add a user namespace, where they are bound from the host");
    return;
  }
  struct stat status{};
  const bool fits = ::stat(device.path.c_str(), &status) == 0 &&
                    (status.st_mode & S_IFMT) == file_type(device.type) &&
                    status.st_rdev == makedev(device.major, device.minor);
  if (!fits)
    check.error("/linux/devices",
                sentence("the host has no ", device.path, ", ", device.type, " ", device.major, ":",
                         device.minor, ", that could be bound into the container"),
                "leave it out, or make it on the host");
}

void check_working_directory(const HostCheck& check, const RootedDir& root,
                             const std::string& path) {
  if (covering(check, check.wanted.mounts.size(), path) != nullptr) return;
  const std::optional<UniqueFd> there = root.open_if_exists(path, O_PATH);
  const std::string file = !there                           ? barrier(root, path)
                           : S_ISDIR(type_of(there->get())) ? std::string()
                                                            : path;
  if (!file.empty())
    check.error("/process/cwd", sentence(file, " is no directory in the root file system"),
                "choose a directory");
}

void check_steps(const HostCheck& check, const RootedDir& root) {
  const std::vector<plan::RootfsStep>& steps = check.launch.rootfs.mounts;
  // The plan's first steps are the mounts, one each.
  const std::size_t mounts = std::min(check.wanted.mounts.size(), steps.size());
  for (std::size_t index = 0; index < mounts; ++index) check_mount(check, root, index);
  for (std::size_t index = mounts; index < steps.size(); ++index) {
    if (const auto* device = std::get_if<plan::MakeDevice>(&steps[index]))
      check_device(check, root, *device);
    if (const auto* directory = std::get_if<plan::MakeWorkingDirectory>(&steps[index]))
      check_working_directory(check, root, directory->path);
  }
}

/// `may_fail`: create, start and delete go on with a warning.
void check_hook_list(const HostCheck& check, const std::vector<oci::Hook>& hooks,
                     std::string_view kind, bool may_fail = false) {
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    const std::string& path = hooks[i].path;
    struct stat status{};
    const bool runs = ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
                      ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0;
    if (runs) continue;
    const std::string pointer = sentence("/hooks/", kind, "/", i, "/path");
    const std::string text = sentence(path, " is not a program that this user can run");
    const std::string remedy = "install it, or correct the path";
    may_fail ? check.warning(pointer, text, remedy) : check.error(pointer, text, remedy);
  }
}

}  // namespace

void check_files(const HostCheck& check) {
  const plan::RootfsPlan& rootfs = check.launch.rootfs;
  if (rootfs.enter == plan::EnterRoot::kChroot && !check.may(CAP_SYS_CHROOT) &&
      !check.launch.namespaces.has(CLONE_NEWUSER))
    check.error("/linux/namespaces", "without a mount namespace chroot(2) needs CAP_SYS_CHROOT",
                "add a mount namespace, or run toyrun as root");
  if (rootfs.overlay) return;  // what is in it cannot be told without mounting it
  std::optional<RootedDir> root;
  try {
    root = RootedDir::open(rootfs.root);
  } catch (const Error& error) {
    return check.error("/root/path", error.what(),
                       "make the root file system, or correct the path");
  }
  try {
    check_steps(check, *root);
  } catch (const Error& error) {
    check.error("/mounts", error.what(), "correct the root file system");
  }
}

void check_hooks(const HostCheck& check) {
  const oci::Hooks& hooks = check.launch.hooks;
  check_hook_list(check, hooks.prestart, "prestart");
  check_hook_list(check, hooks.create_runtime, "createRuntime");
  check_hook_list(check, hooks.create_container, "createContainer");
  check_hook_list(check, hooks.poststart, "poststart");
  check_hook_list(check, hooks.poststop, "poststop", true);
}

}  // namespace kernel
