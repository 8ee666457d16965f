// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/id_map.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/namespaces.hpp"
#include "runtime/kernel/procfs.hpp"
#include "runtime/kernel/syscalls.hpp"

namespace kernel {
namespace {

/// A process that only holds a new user namespace; it ends when this object, or this process, does.
class NamespaceHolder {
 public:
  NamespaceHolder() {
    std::array<int, 2> ends{};
    check(::pipe2(ends.data(), O_CLOEXEC), "pipe");
    UniqueFd reader(ends[0]);
    writer_.reset(ends[1]);
    clone_args arguments{};
    arguments.flags = CLONE_NEWUSER;
    arguments.exit_signal = SIGCHLD;
    pid_ = check(clone3(arguments), "clone3 with a user namespace for an idmapped mount");
    if (pid_ != 0) return;
    ::close(writer_.release());
    char byte = 0;
    while (::read(reader.get(), &byte, 1) < 0 && errno == EINTR) {
    }
    ::_exit(0);
  }
  NamespaceHolder(const NamespaceHolder&) = delete;
  NamespaceHolder& operator=(const NamespaceHolder&) = delete;
  ~NamespaceHolder() {
    writer_.reset();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  pid_t pid() const { return pid_; }

 private:
  UniqueFd writer_;
  pid_t pid_ = 0;
};

UniqueFd make_namespace(const plan::IdMap& map) {
  const NamespaceHolder holder;
  plan::NamespacePlan maps;
  maps.uid_mappings = map.uids;
  maps.gid_mappings = map.gids;
  write_id_maps(holder.pid(), maps);
  const Procfs procfs = Procfs::open();
  return open_at(procfs.fd(), sentence(holder.pid(), "/ns/user"), O_RDONLY);
}

const char* hint(int number) {
  if (number == EINVAL) return " (its file system may not support that)";
  if (number == EPERM)
    return " (needs CAP_SYS_ADMIN over its file system, and a mount without a mapping yet)";
  return "";
}

}  // namespace

int IdMapNamespaces::namespace_for(const plan::IdMap& map) {
  if (map.of_joined_namespace) return joined_;
  for (const auto& [known, descriptor] : made_)
    if (known.uids == map.uids && known.gids == map.gids) return descriptor.get();
  made_.emplace_back(map, make_namespace(map));
  return made_.back().second.get();
}

void set_id_map(int mount, int user_namespace, bool recursive, std::string_view name) {
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_IDMAP;
  change.userns_fd = static_cast<std::uint64_t>(user_namespace);
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
  if (::mount_setattr(mount, "", flags, &change, sizeof change) == 0) return;
  const int number = errno;
  throw Error(sentence("map the ids of the mount of ", name, hint(number)), number);
}

}  // namespace kernel
