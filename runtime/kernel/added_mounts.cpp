// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/added_mounts.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/mount_calls.hpp"
#include "runtime/kernel/rootfs.hpp"
#include "runtime/kernel/rootfs_steps.hpp"

namespace kernel {
namespace {

/// By name in its parent: umount2(2) takes no descriptor, and a path through /proc would be the
/// container's.
void unmount(const RootedDir& root, const std::string& target) {
  const RootedDir::Parent parent = root.open_parent(target);
  const UniqueFd there(
      check(::openat(parent.directory.get(), parent.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC),
            "open ", target));
  if ((identify(there.get(), target).stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0)
    throw Error(sentence("nothing is mounted on ", target, " in the container"), EINVAL);
  check(::fchdir(parent.directory.get()), "chdir to the parent of ", target);
  const int result = ::umount2(parent.name.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  check(result, "unmount ", target);
}

void undo(const RootedDir& root, const plan::RootfsPlan& plan, std::size_t count) {
  while (count > 0) {
    try {
      unmount(root, plan::target_of(plan.mounts[--count]));
    } catch (const Error&) {
      continue;  // the failure that led here is what the user must see
    }
  }
}

}  // namespace

void add_mounts(const plan::RootfsPlan& plan, const Procfs& procfs,
                std::vector<UniqueFd> prepared) {
  const Cgroup no_cgroup = Cgroup::open({});
  RootfsWork work{.plan = plan,
                  .cgroup = no_cgroup,
                  .procfs = procfs,
                  .pid_namespace = -1,
                  .root = RootedDir::open("/"),
                  .root_mount_id = 0,
                  .root_inode = 0,
                  .plain_mount_id = 0,
                  .host_null = {},
                  .dev = {},
                  .masked_directory = {},
                  .late_readonly = {}};
  const struct statx root = identify(work.root.fd(), "/");
  work.root_mount_id = root.stx_mnt_id;
  work.root_inode = root.stx_ino;
  std::size_t done = 0;
  try {
    for (; done < plan.mounts.size(); ++done) {
      UniqueFd tree = done < prepared.size() ? std::move(prepared[done]) : UniqueFd();
      carry_out(plan.mounts[done], work, std::move(tree));
    }
    for (const plan::RootfsStep& step : plan.protections) carry_out(step, work, UniqueFd());
  } catch (const Error&) {
    undo(work.root, plan, done);
    throw;
  }
}

void remove_mounts(const std::vector<std::string>& targets) {
  const RootedDir root = RootedDir::open("/");
  for (const std::string& target : targets) unmount(root, target);
}

}  // namespace kernel
