// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/interruption.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <utility>

#include "bundle-spec/error.hpp"

namespace {

std::atomic<int> caught = 0;

void watch(int signals, int end, std::stop_source stop) {
  std::array<pollfd, 2> waits{pollfd{signals, POLLIN, 0}, pollfd{end, POLLIN, 0}};
  while (::poll(waits.data(), waits.size(), -1) < 0) {
  }
  signalfd_siginfo info{};
  if ((waits[0].revents & POLLIN) == 0 || ::read(signals, &info, sizeof info) != sizeof info)
    return;
  caught = static_cast<int>(info.ssi_signo);
  stop.request_stop();
}

}  // namespace

Interruption::Interruption(std::stop_source stop) {
  sigset_t set;
  sigemptyset(&set);
  for (const int one : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, one);
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
