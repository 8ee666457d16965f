// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/child.hpp"

#include <linux/sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/syscalls.hpp"

namespace launch {

Child Child::clone(std::uint64_t namespace_flags, int v2_directory) {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = namespace_flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (v2_directory >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(v2_directory);
  }
  const pid_t pid = kernel::clone3(arguments);
  if (pid < 0) {
    const int number = errno;
    const bool user = number == EPERM && ::geteuid() != 0 && (namespace_flags & CLONE_NEWUSER) == 0;
    throw Error(sentence("clone3 with the container's namespaces",
                         user ? " (an ordinary user needs a user namespace as well; "
                                "`toyrun spec --rootless` writes such a config.json)"
                              : ""),
                number);
  }
  // Of the two that come back here only one made the call.
  if (pid != 0) trace::call("clone3 with the container's namespaces");
  return Child(pid, UniqueFd(pidfd));
}

Child Child::adopt(pid_t pid) {
  return Child(pid, UniqueFd(check(kernel::pidfd_open(pid, 0), "pidfd_open ", pid)));
}

Child::Child(Child&& other) noexcept
    : pid_(other.pid_), pidfd_(std::move(other.pidfd_)), keep_(std::exchange(other.keep_, true)) {}

Child::~Child() {
  if (keep_ || pid_ == 0) return;
  ::kill(pid_, SIGKILL);  // ours and not reaped yet: the pid cannot be another's
  wait();
}

UniqueFd Child::take_pidfd() { return std::move(pidfd_); }

int Child::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  keep_ = true;
  return status;
}

}  // namespace launch
