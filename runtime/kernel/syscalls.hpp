// SPDX-License-Identifier: Apache-2.0
// The system calls glibc 2.36 lacks or breaks, with the man page's name and arguments. Nothing else
// belongs here.
#pragma once

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace kernel {

/// clone3(2). A `stack` of 0 makes it behave like fork: the child continues here with copied
/// memory.
inline pid_t clone3(clone_args& arguments) {
  return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

/// pivot_root(2).
inline int pivot_root(const char* new_root, const char* put_old) {
  return static_cast<int>(::syscall(SYS_pivot_root, new_root, put_old));
}

// <sys/pidfd.h> of glibc 2.36 has no extern "C".
/// pidfd_open(2).
inline int pidfd_open(pid_t pid, unsigned flags) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, flags));
}
/// pidfd_getfd(2).
inline int pidfd_getfd(int pidfd, int target, unsigned flags) {
  return static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, target, flags));
}
/// pidfd_send_signal(2).
inline int pidfd_send_signal(int pidfd, int signal, siginfo_t* info, unsigned flags) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, info, flags));
}

}  // namespace kernel
