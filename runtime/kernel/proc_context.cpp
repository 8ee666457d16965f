// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/proc_context.hpp"

#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/syscalls.hpp"
#include "runtime/kernel/terminal.hpp"

namespace kernel {
namespace {

UniqueFd open_context() {
  return UniqueFd(check(::fsopen("proc", FSOPEN_CLOEXEC), "open file system type proc"));
}

pid_t fork_plainly() {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  return check(clone3(arguments), "clone3 of a process that opens a procfs");
}

int wait_for(pid_t pid) {
  int status = W_EXITCODE(1, 0);
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

void close_all_but(int socket) {
  const auto kept = static_cast<unsigned>(socket);
  if (kept > 3) check(::close_range(3, kept - 1, 0), "close_range");
  check(::close_range(kept + 1, ~0U, 0), "close_range");
}

/// A mount namespace with nothing in it but an empty directory.
void leave_the_host() {
  check(::unshare(CLONE_NEWNS), "unshare the mount namespace");
  check(::mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr), "make / private");
  check(::mount("tmpfs", "/proc", "tmpfs", MS_RDONLY, "nr_inodes=1"), "mount an empty root");
  check(::chdir("/proc"), "enter the empty root");
  check(pivot_root(".", "."), "pivot_root to the empty root");
  check(::umount2(".", MNT_DETACH), "detach the host's root");
  check(::chdir("/"), "enter the empty root");
}

/// The life of the middle process; errno as its exit status.
[[noreturn]] void send_context_from_inside(int pid_namespace, int socket) noexcept {
  try {
    leave_the_host();
    check(::setns(pid_namespace, CLONE_NEWPID), "join the pid namespace");
    close_all_but(socket);
    const pid_t pid = fork_plainly();
    if (pid != 0) ::_exit(wait_for(pid));
    send_descriptor(socket, open_context().get(), "proc");
    ::_exit(0);
  } catch (const Error& error) {
    ::_exit(error.number() != 0 ? error.number() : 1);
  }
}

}  // namespace

UniqueFd open_proc_context_inside(int pid_namespace) {
  std::array<int, 2> ends{};
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t pid = fork_plainly();
  if (pid == 0) send_context_from_inside(pid_namespace, theirs.get());
  theirs.reset();
  const int number = wait_for(pid);
  if (number != 0) throw Error("open a procfs of the joined pid namespace", number);
  UniqueFd context = receive_descriptor(ours.get());
  if (!context) throw Error("open a procfs of the joined pid namespace: none came");
  return context;
}

UniqueFd open_proc_context(int pid_namespace) {
  UniqueFd context = open_context();
  if (::fsconfig(context.get(), FSCONFIG_SET_FD, "pidns", nullptr, pid_namespace) == 0)
    return context;
  if (errno != EINVAL) throw Error("make a procfs of the joined pid namespace", errno);
  return open_proc_context_inside(pid_namespace);
}

}  // namespace kernel
