// SPDX-License-Identifier: Apache-2.0
// A foreground run or exec: forwards signals to the process, relays the terminal with resize,
// waits, returns the status. Host side.
#pragma once

#include <sys/types.h>

#include <functional>

#include "bundle-spec/fs/unique_fd.hpp"

namespace kernel {

/// Blocks the signals that will be forwarded and opens a signalfd; made before clone so that none
/// is lost. The child must call restore_in_child() (all signals unblocked, default dispositions).
class SignalForwarder {
 public:
  SignalForwarder();
  static void restore_in_child();
  int fd() const { return signals_.get(); }

 private:
  UniqueFd signals_;
};

/// Something else to look after meanwhile: `serve` is called when `fd` has something to read, until
/// it says true.
struct Event {
  int fd = -1;
  std::function<bool()> serve;
};

/// Waits for `pid` (a child, or through `pidfd`), forwarding every signal except SIGCHLD, SIGPIPE,
/// SIGURG, and, when `master` is a descriptor, copying between it and stdin/stdout (raw mode,
/// SIGWINCH sets the size) until both the process and its output have ended. Returns the exit
/// status, 128 + signal when killed. With `reap_orphans` also reaps other children (subreaper).
int wait_in_foreground(pid_t pid, int pidfd, const SignalForwarder& signals, UniqueFd master,
                       bool reap_orphans, Event event = {});

}  // namespace kernel
