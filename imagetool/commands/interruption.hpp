// SPDX-License-Identifier: Apache-2.0
// SIGINT, SIGTERM and SIGHUP ask the work to stop instead of ending the program, so that half-made
// bundles and blobs are removed. A second one ends it at once; the next pull removes what is left.
// toyimg.
#pragma once

#include <stop_token>
#include <thread>

#include "bundle-spec/fs/unique_fd.hpp"

class Interruption {
 public:
  /// Blocks the signals in all threads started from now on and turns the first one into a stop
  /// request.
  explicit Interruption(std::stop_source stop);
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// The signal that came, or 0: main() ends with 128 + signal.
  static int signal();

 private:
  UniqueFd signals_, end_;
  std::thread watcher_;
};
