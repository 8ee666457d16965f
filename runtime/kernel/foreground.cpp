// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/foreground.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/pidfd.hpp"
#include "runtime/kernel/relay.hpp"

namespace kernel {
namespace {

constexpr int kKilledBase = 128;
constexpr int kLastStandardSignal = 31;

/// Everything but what the kernel raises for our own mistakes: blocked, those would end us without
/// a word.
sigset_t caught_signals() {
  sigset_t set;
  ::sigfillset(&set);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGTTIN})
    ::sigdelset(&set, signal);
  return set;
}

int exit_status(const siginfo_t& ended) {
  return ended.si_code == CLD_EXITED ? ended.si_status : kKilledBase + ended.si_status;
}

class Foreground {
 public:
  Foreground(pid_t pid, int pidfd, int signals, Relay* relay, bool reap_orphans, Event event)
      : pid_(pid),
        pidfd_(pidfd),
        signals_(signals),
        relay_(relay),
        reap_orphans_(reap_orphans),
        event_(std::move(event)) {}

  int wait() {
    while (!status_ || (relay_ != nullptr && !relay_->ended())) turn();
    return *status_;
  }

 private:
  void turn() {
    set_.assign({{.fd = signals_, .events = POLLIN, .revents = 0},
                 // A negative descriptor is skipped: once ended, it would be readable for ever.
                 {.fd = status_ ? -1 : pidfd_, .events = POLLIN, .revents = 0},
                 {.fd = event_.fd, .events = POLLIN, .revents = 0}});
    if (relay_ != nullptr) relay_->watch(set_);
    if (::poll(set_.data(), set_.size(), -1) < 0) {
      if (errno == EINTR) return;
      throw Error("poll", errno);
    }
    if (set_[0].revents != 0) read_signals();
    if (relay_ != nullptr) relay_->serve(set_);
    if (set_[2].revents != 0 && event_.serve()) event_.fd = -1;
    if (set_[1].revents != 0) collect();
  }

  void read_signals() {
    std::array<signalfd_siginfo, 16> got{};
    const ssize_t size = ::read(signals_, got.data(), sizeof got);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    check(size, "read signals");
    for (std::size_t index = 0; index < static_cast<std::size_t>(size) / sizeof got[0]; ++index)
      pass_on(static_cast<int>(got[index].ssi_signo));
  }

  void pass_on(int signal) {
    if (signal == SIGCHLD) return reap();
    if (signal == SIGPIPE || signal == SIGURG) return;
    if (signal == SIGWINCH && relay_ != nullptr)
      return relay_->resize();  // the kernel tells the program
    if (signal == SIGCONT && relay_ != nullptr) relay_->continued();
    if (!status_) send_signal(pidfd_, signal);
  }

  /// Children of the container that became ours; the process itself is left for collect().
  void reap() const {
    if (!reap_orphans_) return;
    while (true) {
      siginfo_t ended{};
      if (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) < 0 || ended.si_pid == 0) return;
      if (ended.si_pid == pid_)
        return;  // it may hide others: after it has been collected they are ours no longer than we
                 // live
      ::waitid(P_PID, static_cast<id_t>(ended.si_pid), &ended, WEXITED | WNOHANG);
    }
  }

  void collect() {
    siginfo_t ended{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED) < 0)
      if (errno != EINTR) throw Error(sentence("wait for process ", pid_), errno);
    status_ = exit_status(ended);
    reap();
  }

  pid_t pid_;
  int pidfd_, signals_;
  Relay* relay_;  // none without a terminal
  bool reap_orphans_;
  Event event_;
  std::optional<int> status_;
  std::vector<pollfd> set_;
};

}  // namespace

SignalForwarder::SignalForwarder() {
  const sigset_t set = caught_signals();
  check(::sigprocmask(SIG_BLOCK, &set, nullptr), "block signals");
  signals_ = UniqueFd(check(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
}

void SignalForwarder::restore_in_child() {
  // CLONE_CLEAR_SIGHAND and execve(2) keep what is ignored: a caller's "nohup" is not the
  // container's.
  for (int signal = 1; signal <= kLastStandardSignal; ++signal)
    if (signal != SIGKILL && signal != SIGSTOP) std::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  check(::sigprocmask(SIG_SETMASK, &none, nullptr), "unblock signals");
}

int wait_in_foreground(pid_t pid, int pidfd, const SignalForwarder& signals, UniqueFd master,
                       bool reap_orphans, Event event) {
  const trace::Step step("wait for the program");
  std::unique_ptr<Relay>
      relay;  // not on the stack: its buffers are pages a run without a terminal need not touch
  if (master) relay = std::make_unique<Relay>(std::move(master));
  return Foreground(pid, pidfd, signals.fd(), relay.get(), reap_orphans, std::move(event)).wait();
}

}  // namespace kernel
