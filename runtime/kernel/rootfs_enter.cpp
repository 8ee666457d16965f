// SPDX-License-Identifier: Apache-2.0
// From the host's root to the container's: the last act of kernel/rootfs, in init.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <climits>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/mount_calls.hpp"
#include "runtime/kernel/rootfs_steps.hpp"
#include "runtime/kernel/syscalls.hpp"

namespace kernel {
namespace {

void pivot(const RootfsWork& work) {
  UniqueFd old_root;
  if (may_be_shared(work.plan))
    old_root = UniqueFd(check(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), "open the host's /"));
  check(::fchdir(work.root.fd()), "enter ", work.plan.root);
  // pivot_root(2), NOTES: with "." twice the old root ends up on top of the new one, from where it
  // is unmounted.
  check(pivot_root(".", "."), "pivot_root to ", work.plan.root,
        " (on a host that runs from an initramfs use --no-pivot)");
  // Detaching it must not be seen on the host.
  if (old_root) set_propagation(old_root.get(), MS_SLAVE | MS_REC, "the old root");
  check(::umount2(".", MNT_DETACH), "detach the old root");
  check(::chdir("/"), "enter the new root");
}

/// The `number`th word of a line of mountinfo, counted from 0.
std::string_view word(std::string_view line, int number) {
  for (; number > 0; --number) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return {};
    line.remove_prefix(space + 1);
  }
  return line.substr(0, line.find(' '));
}

/// proc(5): blank, tab, newline and backslash are \040 and the like in mountinfo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size()) {
      plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 +
                                 (text[at + 3] - '0'));
      at += 3;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

/// The host's whole proc and sysfs mounts outside the new root, last mounted first.
std::vector<std::string> full_mounts(const RootfsWork& work) {
  std::string root(PATH_MAX, '\0');
  const ssize_t length =
      check(::readlink(fd_path(work.root.fd()).c_str(), root.data(), root.size()),
            "read the path of the root");
  root.resize(static_cast<std::size_t>(length));
  const UniqueFd file = work.procfs.open_file("self/mountinfo", O_RDONLY);
  const std::string table = read_all(file.get(), "/proc/self/mountinfo");
  std::vector<std::string> found;
  for (std::string_view rest = table; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t dash = line.find(" - ");
    const std::string_view type =
        dash == std::string_view::npos ? std::string_view() : word(line.substr(dash + 3), 0);
    const std::string point = unescape(word(line, 4));
    if ((type != "proc" && type != "sysfs") || word(line, 3) != "/") continue;
    if (point != root && !point.starts_with(root + "/")) found.insert(found.begin(), point);
  }
  return found;
}

/// After MS_MOVE the host's file systems stay reachable by whoever escapes the chroot: an unmasked
/// proc or sysfs among them would undo the masks, and let a user namespace mount a fresh one. They
/// go, or are covered.
void hide_full_mounts(const RootfsWork& work) {
  for (const std::string& point : full_mounts(work)) {
    if (::umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) continue;
    if (errno != EINVAL && errno != EPERM)
      throw Error(sentence("unmount the host's ", point), errno);
    check(::mount("tmpfs", point.c_str(), "tmpfs", MS_RDONLY, "nr_inodes=1"), "cover the host's ",
          point);
  }
}

void move(const RootfsWork& work) {
  check(::fchdir(work.root.fd()), "enter ", work.plan.root);
  // What is unmounted here must stay on the host.
  if (may_be_shared(work.plan))
    throw Error("--no-pivot: does not go with a shared rootfsPropagation");
  hide_full_mounts(work);
  check(::move_mount(work.root.fd(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH), "move ",
        work.plan.root, " to /");
  check(::chroot("."), "chroot to ", work.plan.root);
  check(::chdir("/"), "enter the new root");
}

void change_root(const RootfsWork& work) {
  check(::fchdir(work.root.fd()), "enter ", work.plan.root);
  check(::chroot("."), "chroot to ", work.plan.root);
  check(::chdir("/"), "enter the new root");
}

}  // namespace

void enter_root(RootfsWork& work) {
  const plan::RootfsPlan& plan = work.plan;
  if (plan.readonly_root) {
    // Without a mount namespace this mount is the host's.
    if (!plan.has_mount_namespace) throw Error("/root/readonly: needs a mount namespace");
    set_attributes(work.root.fd(), {.set = MOUNT_ATTR_RDONLY, .clear = 0}, false,
                   "the root filesystem");
  }
  switch (plan.enter) {
    case plan::EnterRoot::kPivot:
      pivot(work);
      break;
    case plan::EnterRoot::kMove:
      move(work);
      break;
    case plan::EnterRoot::kChroot:
      change_root(work);
      break;
  }
  if (plan.root_propagation != 0 && plan.has_mount_namespace)
    check(::mount(nullptr, "/", nullptr, plan.root_propagation, nullptr),
          "set the propagation of the container's /");
}

}  // namespace kernel
