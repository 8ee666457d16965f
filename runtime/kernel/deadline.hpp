// SPDX-License-Identifier: Apache-2.0
// A moment until which waiting is allowed, in the form poll(2) wants it. Any process.
#pragma once

#include <algorithm>
#include <chrono>
#include <climits>

namespace kernel {

class Deadline {
 public:
  /// A negative `timeout` means: no limit.
  explicit Deadline(std::chrono::milliseconds timeout)
      : unlimited_(timeout.count() < 0), end_(std::chrono::steady_clock::now() + timeout) {}

  /// Milliseconds for poll(2): rounded up, 0 when the moment has passed, -1 without a limit.
  int remaining() const {
    if (unlimited_) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<long long>(left.count(), 0, INT_MAX));
  }
  bool has_passed() const { return remaining() == 0; }

 private:
  bool unlimited_;
  std::chrono::steady_clock::time_point end_;
};

}  // namespace kernel
