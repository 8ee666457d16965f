// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/seccomp_filters.hpp"

#include <linux/filter.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/deadline.hpp"

namespace kernel {
namespace {

constexpr std::chrono::seconds kPatience{1};

// glibc's wrapper is variadic: whatever is passed has to be as wide as a pointer.
long trace_call(__ptrace_request request, pid_t pid, std::uintptr_t address, void* data) {
  return ::ptrace(request, pid, address, data);
}

std::string obstacle(std::string_view what) { return sentence(what, ": ", std::strerror(errno)); }

/// Holds a process still. One that does not stop in time (a frozen one of cgroup v1, say) is let go
/// when this process ends.
class StoppedProcess {
 public:
  explicit StoppedProcess(pid_t pid) : pid_(pid) {
    ::sigemptyset(&child_);
    ::sigaddset(&child_, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child_, nullptr);
    if (trace_call(PTRACE_SEIZE, pid, 0, nullptr) != 0) {
      obstacle_ = obstacle("ptrace(2)");
    } else if (trace_call(PTRACE_INTERRUPT, pid, 0, nullptr) != 0 || !wait_for_stop()) {
      obstacle_ = "the process does not stop";
    }
  }
  ~StoppedProcess() {
    if (obstacle_.empty()) trace_call(PTRACE_DETACH, pid_, 0, signal_);
  }
  StoppedProcess(const StoppedProcess&) = delete;
  StoppedProcess& operator=(const StoppedProcess&) = delete;

  const std::string& obstacle_to_stop() const { return obstacle_; }

 private:
  bool wait_for_stop() {
    const Deadline deadline(kPatience);
    for (;;) {
      int status = 0;
      const pid_t stopped = ::waitpid(pid_, &status, WNOHANG | __WALL);
      if (stopped == pid_ && WIFSTOPPED(status)) {
        // A signal that was on its way is delivered when we let go.
        if (status >> 16 == 0)
          signal_ = reinterpret_cast<void*>(std::uintptr_t{0} + WSTOPSIG(status));
        return true;
      }
      const int left = deadline.remaining();
      if (stopped != 0 || left == 0) return false;
      const timespec time{.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1'000'000L};
      ::sigtimedwait(&child_, nullptr, &time);
    }
  }

  pid_t pid_;
  sigset_t child_{};
  void* signal_ = nullptr;  // a number, as ptrace(2) takes it
  std::string obstacle_;
};

std::vector<plan::FilterInstruction> instructions_of(const std::vector<sock_filter>& filter) {
  std::vector<plan::FilterInstruction> program;
  program.reserve(filter.size());
  for (const sock_filter& one : filter)
    program.push_back({.code = one.code, .jump_true = one.jt, .jump_false = one.jf, .k = one.k});
  return program;
}

}  // namespace

plan::SeenFilters read_seccomp_filters(pid_t pid) {
  plan::SeenFilters seen;
  const StoppedProcess stopped(pid);
  seen.obstacle = stopped.obstacle_to_stop();
  while (seen.obstacle.empty()) {
    const std::uintptr_t index = seen.programs.size();
    const long length = trace_call(PTRACE_SECCOMP_GET_FILTER, pid, index, nullptr);
    if (length < 0 && errno == ENOENT) break;
    std::vector<sock_filter> filter(length > 0 ? static_cast<std::size_t>(length) : 0);
    if (length < 0 || trace_call(PTRACE_SECCOMP_GET_FILTER, pid, index, filter.data()) != length) {
      seen.obstacle = obstacle("PTRACE_SECCOMP_GET_FILTER");
      break;
    }
    seen.programs.push_back(instructions_of(filter));
  }
  return seen;
}

}  // namespace kernel
