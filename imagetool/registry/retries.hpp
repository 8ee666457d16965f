// SPDX-License-Identifier: Apache-2.0
// When a request is worth repeating, and how long to wait before: backoff with jitter, Retry-After,
// an end when told to stop. toyimg only; the waiting thread sleeps on the stop token, not on a
// clock alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "imagetool/registry/http.hpp"

namespace registry {

/// One request and its answer, for who wants to explain what was done.
struct Exchange {
  std::string method{}, host{}, path{};  // without what may be secret
  long status = 0;                       // 0: there was no answer
  std::uint64_t received = 0;            // bytes of the body
  std::chrono::steady_clock::time_point begin{}, end{};
};
/// Called after each exchange, by several threads.
using Observe = std::function<void(const Exchange&)>;

struct RetryLimits {
  int retries = 5;
  std::chrono::milliseconds first_wait{1000};
  std::chrono::seconds longest_wait{60};
  std::stop_token stop{};
};

/// Seconds from `now` that a Retry-After header asks for ("120" or an HTTP date); nullopt when it
/// is neither.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text,
                                                      std::chrono::system_clock::time_point now);

class Retries {
 public:
  explicit Retries(RetryLimits limits) : limits_(std::move(limits)) {}

  /// True after waiting as long as it takes when the same request may do better; false when it is
  /// final. `has_answered`: the server was reached before, so a lost connection is a passing thing.
  /// Throws Error when stopped.
  bool again(const HttpResponse& response, bool has_answered);
  /// The transfer got on: count from zero again.
  void reset() { done_ = 0; }

 private:
  std::chrono::milliseconds backoff() const;
  void wait(std::chrono::milliseconds time) const;

  RetryLimits limits_;
  int done_ = 0;
};

}  // namespace registry
