// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/retries.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <random>
#include <string>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"

namespace registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kLongestBackoff{60'000};
constexpr seconds kDistantFuture{365L * 24 * 3600};

bool is_temporary(long status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504 || status == 522;
}

bool may_pass(const HttpResponse& response, bool has_answered) {
  switch (response.transport) {
    case Transport::kDone:
      return is_temporary(response.status);
    case Transport::kDropped:
      return true;
    case Transport::kUnreachable:
      return has_answered;
    default:
      return false;
  }
}

}  // namespace

std::optional<seconds> parse_retry_after(std::string_view text,
                                         std::chrono::system_clock::time_point now) {
  long count = 0;
  const char* const end = text.data() + text.size();
  const auto number = std::from_chars(text.data(), end, count);
  if (number.ptr == end && !text.empty()) {
    if (count < 0) return std::nullopt;
    if (number.ec != std::errc() || count > kDistantFuture.count()) return kDistantFuture;
    return seconds(count);
  }
  const time_t date = curl_getdate(std::string(text).c_str(), nullptr);
  if (date == -1) return std::nullopt;
  const long wait = date - std::chrono::system_clock::to_time_t(now);
  return seconds(std::clamp(wait, 0L, static_cast<long>(kDistantFuture.count())));
}

milliseconds Retries::backoff() const {
  const milliseconds longest =
      std::min(limits_.first_wait * (1L << std::min(done_, 16)), kLongestBackoff);
  thread_local std::minstd_rand random{std::random_device{}()};
  // Full jitter, but never quite at once.
  return milliseconds(
      std::uniform_int_distribution<long>(longest.count() / 4, longest.count())(random));
}

void Retries::wait(milliseconds time) const {
  std::mutex lock;
  std::condition_variable_any never;
  std::unique_lock guard(lock);
  (void)never.wait_for(guard, limits_.stop, time, [] { return false; });
  if (limits_.stop.stop_requested()) throw Error("stopped");
}

bool Retries::again(const HttpResponse& response, bool has_answered) {
  if (response.transport == Transport::kStopped) throw Error("stopped");
  if (done_ >= limits_.retries || !may_pass(response, has_answered)) return false;
  milliseconds time = backoff();
  if (const auto header = response.header("retry-after");
      header && response.transport == Transport::kDone) {
    const auto asked = parse_retry_after(*header, std::chrono::system_clock::now());
    if (asked && *asked > limits_.longest_wait) return false;
    if (asked) time = *asked;
  }
  ++done_;
  logging::debug(sentence("retry ", done_, " in ", time.count(), " ms: ",
                          response.transport == Transport::kDone
                              ? sentence("status ", response.status)
                              : response.failure));
  wait(time);
  return true;
}

}  // namespace registry
