// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/interruption.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <utility>

#include "bundle-spec/error.hpp"

namespace {

std::atomic<int> caught = 0;

/// nohup(1), and SIGINT of a script's background job: blocking would make the signal count again.
bool is_ignored(int signal) {
  struct sigaction now{};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

/// The next signal; 0 when there will be none.
int next_signal(int signals, int end) {
  std::array<pollfd, 2> waits{pollfd{signals, POLLIN, 0}, pollfd{end, POLLIN, 0}};
  while (::poll(waits.data(), waits.size(), -1) < 0) {
  }
  signalfd_siginfo info{};
  if ((waits[0].revents & POLLIN) == 0 || ::read(signals, &info, sizeof info) != sizeof info)
    return 0;
  return static_cast<int>(info.ssi_signo);
}

void watch(int signals, int end, std::stop_source stop) {
  caught = next_signal(signals, end);
  if (caught == 0) return;
  stop.request_stop();
  if (const int again = next_signal(signals, end); again != 0) ::_exit(128 + again);
}

}  // namespace

Interruption::Interruption(std::stop_source stop) {
  sigset_t set;
  sigemptyset(&set);
  for (const int one : {SIGINT, SIGTERM, SIGHUP})
    if (!is_ignored(one)) sigaddset(&set, one);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(check(::signalfd(-1, &set, SFD_CLOEXEC), "signalfd"));
  end_.reset(check(::eventfd(0, EFD_CLOEXEC), "eventfd"));
  watcher_ = std::thread(watch, signals_.get(), end_.get(), std::move(stop));
}

Interruption::~Interruption() {
  ::eventfd_write(end_.get(), 1);
  watcher_.join();
}

int Interruption::signal() { return caught; }
