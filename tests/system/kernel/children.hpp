// SPDX-License-Identifier: Apache-2.0
// Processes to experiment on: forked, and killed and reaped at the end of the scope.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <string>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/syscalls.hpp"

/// A process that entered `cgroup` as init does, and then waits for a signal (or runs `then`
/// first).
class Member {
 public:
  explicit Member(const kernel::Cgroup& cgroup, const std::function<void()>& then = [] {}) {
    int ready[2];
    check(::pipe2(ready, O_CLOEXEC), "pipe2");
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    if (cgroup.v2_directory() >= 0) {
      arguments.flags = CLONE_INTO_CGROUP;
      arguments.cgroup = static_cast<std::uint64_t>(cgroup.v2_directory());
    }
    pid_ = check(kernel::clone3(arguments), "clone3");
    if (pid_ == 0) {
      try {
        cgroup.enter();
        if (::write(ready[1], "", 1) != 1) ::_exit(3);
        then();
      } catch (const std::exception&) {
        ::_exit(2);
      }
      for (;;) ::pause();
    }
    char byte;
    ::close(ready[1]);
    EXPECT_EQ(::read(ready[0], &byte, 1), 1) << "the child could not enter its cgroup";
    ::close(ready[0]);
  }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  ~Member() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::kill(pid_, SIGCONT);
    wait();
  }
  pid_t pid() const { return pid_; }
  /// waitid(2) without reaping: has it ended?
  bool has_ended() const {
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid == pid_;
  }
  /// Reaps it; the wait status.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }

 private:
  pid_t pid_ = 0;
};

/// Runs `body` in a forked child and returns what it says; an Error's sentence after "Error: ".
inline std::string in_child(const std::function<std::string()>& body) {
  int ends[2];
  check(::pipe2(ends, O_CLOEXEC), "pipe2");
  const pid_t pid = check(::fork(), "fork");
  if (pid == 0) {
    std::string answer;
    try {
      answer = body();
    } catch (const std::exception& error) {
      answer = std::string("Error: ") + error.what();
    }
    if (::write(ends[1], answer.data(), answer.size()) < 0) ::_exit(1);
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string answer;
  char part[4096];
  for (ssize_t length; (length = ::read(ends[0], part, sizeof part)) > 0;) {
    answer.append(part, static_cast<std::size_t>(length));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status != 0) answer += sentence("[status ", status, "]");
  return answer;
}
