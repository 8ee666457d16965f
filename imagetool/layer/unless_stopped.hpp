// SPDX-License-Identifier: Apache-2.0
// System calls that wait for others, for as long as nobody asks to stop: a lock, a pipe that the
// user named. toyimg.
#pragma once

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "bundle-spec/error.hpp"

/// What `work` returns or throws; it runs in a thread of its own and owns all that it uses. Throws
/// Error as soon as a stop is requested: the thread then stays behind, for the program is about to
/// end.
template <typename Work>
auto unless_stopped(const std::stop_token& stop, Work work) {
  struct Shared {
    std::mutex mutex{};
    std::condition_variable_any changed{};
    std::optional<decltype(work())> result{};
    std::exception_ptr error{};
  };
  const auto shared = std::make_shared<Shared>();
  std::thread([shared, owned = std::make_optional(std::move(work))]() mutable {
    std::optional<decltype((*owned)())> result;
    std::exception_ptr error;
    try {
      result.emplace((*owned)());
    } catch (...) {
      error = std::current_exception();
    }
    owned.reset();  // descriptors of a lock, say, before anybody goes on
    const std::lock_guard lock(shared->mutex);
    shared->result = std::move(result);
    shared->error = error;
    shared->changed.notify_all();
  }).detach();
  std::unique_lock lock(shared->mutex);
  if (!shared->changed.wait(lock, stop, [&] { return shared->result || shared->error; }))
    throw Error("stopped");
  if (shared->error) std::rethrow_exception(shared->error);
  return std::move(*shared->result);
}
