// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/tree_mount.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace build {
namespace {

constexpr std::size_t kMostInOnePage = 180, kMostLowers = 500;
constexpr auto kLayerOptions = std::to_array<std::pair<const char*, const char*>>(
    {{"redirect_dir", "nofollow"}, {"metacopy", "off"}, {"index", "off"}});

/// In place of a path that may be long, or have a comma in it.
std::string by_descriptor(const std::string& path, std::vector<UniqueFd>& open) {
  open.push_back(open_at(AT_FDCWD, path, O_PATH));
  return sentence("/proc/self/fd/", open.back().get());
}

// By descriptors: the option string of mount(2) has one page, and paths are resolved once.
std::string lower_option(const std::vector<std::string>& lowers, std::vector<UniqueFd>& open) {
  std::string option = "lowerdir=";
  for (const std::string& lower : lowers) {
    option += sentence(option.back() == '=' ? "" : ":", by_descriptor(lower, open));
  }
  return option;
}

/// One by one (Linux 6.8), where they do not fit into that page: overlayfs takes 500.
void mount_deep_overlay(const std::string& target, const std::vector<std::string>& lowers,
                        const std::string& upper, const std::string& work, Devices devices) {
  if (lowers.size() > kMostLowers)
    throw Error(sentence(lowers.size(), " layers are more than the ", kMostLowers,
                         " that overlayfs takes: --squash, or fewer steps"));
  std::vector<UniqueFd> open;
  const UniqueFd context(check(::fsopen("overlay", FSOPEN_CLOEXEC), "fsopen overlay"));
  const auto set = [&](const char* key, const std::string& value) {
    return ::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0);
  };
  for (const std::string& lower : lowers) {
    if (set("lowerdir+", by_descriptor(lower, open)) != 0)
      throw Error(sentence(lowers.size(), " layers are more than this kernel takes"), errno);
  }
  if (!upper.empty()) {
    check(set("upperdir", by_descriptor(upper, open)), "set upperdir=", upper);
    check(set("workdir", by_descriptor(work, open)), "set workdir=", work);
    check(::fsconfig(context.get(), FSCONFIG_SET_FLAG, "volatile", nullptr, 0), "set volatile");
  }
  for (const auto& [key, value] : kLayerOptions) check(set(key, value), "set ", key);
  check(::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), "make an overlay for ",
        target);
  unsigned int attributes = devices == Devices::kRefused ? MOUNT_ATTR_NODEV : 0;
  if (upper.empty()) attributes |= MOUNT_ATTR_RDONLY;
  const UniqueFd made(
      check(::fsmount(context.get(), FSMOUNT_CLOEXEC, attributes), "mount an overlay on ", target));
  check(::move_mount(made.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH),
        "mount an overlay on ", target);
}

RootedDir mount_overlay(const std::string& target, const std::vector<std::string>& lowers,
                        const std::string& upper, const std::string& work, Devices devices) {
  if (lowers.size() > kMostInOnePage) {
    mount_deep_overlay(target, lowers, upper, work, devices);
    return RootedDir::open(target);
  }
  std::vector<UniqueFd> open;
  unsigned long flags = 0;
  if (upper.empty()) flags |= MS_RDONLY;
  if (devices == Devices::kRefused) flags |= MS_NODEV;
  std::string options = lower_option(lowers, open);
  if (!upper.empty()) {
    // A layer cannot say that a directory was renamed or that a file's data lie below; and what a
    // build writes is synced once, when its layers are published.
    options += sentence(",upperdir=", by_descriptor(upper, open),
                        ",workdir=", by_descriptor(work, open), ",volatile");
  }
  for (const auto& [key, value] : kLayerOptions) options += sentence(",", key, "=", value);
  if (upper.empty() && lowers.size() == 1) {
    check(::mount(lowers[0].c_str(), target.c_str(), nullptr, MS_BIND, nullptr), "bind ", lowers[0],
          " on ", target);
    check(::mount(nullptr, target.c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr), "make ",
          target, " read-only");
  } else {
    check(::mount("overlay", target.c_str(), "overlay", flags, options.c_str()),
          "mount an overlay on ", target);
  }
  return RootedDir::open(target);
}

}  // namespace

void enter_private_mounts() {
  check(::unshare(CLONE_NEWNS), "make a mount namespace for the build (toyimg build needs root)");
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr),
        "make the build's mounts private");
}

TreeMount::TreeMount(const std::string& target, const std::vector<std::string>& lowers,
                     const std::string& upper, const std::string& work, Devices devices)
    : target_(target), root_(mount_overlay(target, lowers, upper, work, devices)) {}

TreeMount::~TreeMount() { ::umount2(target_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW); }

void mount_descriptor(int fd, const std::string& target) {
  const UniqueFd tree(
      check(::open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH),
            "clone the mount for ", target));
  check(::move_mount(tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH),
        "mount on ", target);
}

bool mount_image(const std::string& image, const std::string& target) {
  const UniqueFd context(check(::fsopen("erofs", FSOPEN_CLOEXEC), "fsopen erofs"));
  check(::fsconfig(context.get(), FSCONFIG_SET_FLAG, "ro", nullptr, 0), "make ", image,
        " read-only");
  std::vector<UniqueFd> open;
  const std::string source = by_descriptor(image, open);
  check(::fsconfig(context.get(), FSCONFIG_SET_STRING, "source", source.c_str(), 0), "open ",
        image);
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    if (errno == ENOTBLK) return false;
    check(-1, "mount ", image);
  }
  const UniqueFd made(
      check(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY), "mount ", image));
  check(::move_mount(made.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH), "mount ",
        image, " on ", target);
  return true;
}

void mount_tmpfs(const std::string& target) {
  check(::mount("tmpfs", target.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700"),
        "mount a tmpfs on ", target);
}

void copy_root_attributes(const std::vector<std::string>& lowers, const std::string& upper) {
  struct stat status{};
  if (lowers.empty() || ::stat(lowers.front().c_str(), &status) != 0) return;
  check(::chown(upper.c_str(), status.st_uid, status.st_gid), "chown ", upper);
  check(::chmod(upper.c_str(), status.st_mode & 07777), "chmod ", upper);
}

}  // namespace build
