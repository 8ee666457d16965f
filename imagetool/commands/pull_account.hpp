// SPDX-License-Identifier: Apache-2.0
// What a pull did, for pull --explain and --trace: who was asked for what, where each layer came
// from, what it all cost. toyimg.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "imagetool/pull/pull.hpp"

class PullAccount {
 public:
  /// Has the registry tell of its exchanges. Must outlive the pull.
  void listen(registry::Options& options);

  /// The account in sentences, ending in a newline.
  /// `why_name`: why a short name meant what it did, "" of one that is not.
  std::string text(const PullRequest& request, const PulledImage& image,
                   const std::string& why_name, Progress& progress);
  /// The same moments as a Chrome trace (JSON): exchanges by thread, phases by layer.
  std::string trace(Progress& progress);

 private:
  using Clock = std::chrono::steady_clock;
  struct Heard {
    registry::Exchange exchange;
    std::size_t thread = 0;  // in the order of their first exchange
  };

  const Clock::time_point begin_ = Clock::now();
  std::mutex lock_;
  std::map<std::thread::id, std::size_t> threads_;
  std::vector<Heard> heard_;
};
