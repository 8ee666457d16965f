// SPDX-License-Identifier: Apache-2.0
// What was done and how long it took: steps, and the kernel calls in them. Off, it costs a null
// pointer test. The events lie in memory that a cloned child shares, so that both halves of a
// launch write into one list. Any process of ours; one thread each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bundle-spec/error.hpp"

namespace trace {

struct Event {
  enum class Kind : std::uint8_t { kName, kBegin, kEnd, kCall };
  Kind kind = Kind::kCall;
  std::uint32_t half = 0;      // 0: the process that started the trace; then each child in turn
  std::uint64_t start = 0;     // nanoseconds since the trace was started
  std::uint64_t duration = 0;  // kCall only
  std::string text;            // kName: of the half
};

struct Record;                    // the shared memory
inline Record* record = nullptr;  // null: no trace
inline bool on() { return record != nullptr; }

/// Starts the trace; every call that check() sees is an event from now on. Throws Error.
void start();
/// In a cloned child: its events are those of another half, of this name.
void enter_half(std::string_view name);
/// This process adds nothing more: from here on it may call nothing but what its filter allows.
void stop();
/// All events so far, each half's in order of time; `lost` is how many found no room.
std::vector<Event> events(std::size_t& lost);

void add_call(std::string_view text);
void begin_step(std::string_view text);
void end_step();

/// A kernel call that check() does not see. Its time begins where the event before it ended.
template <typename... Words>
void call(const Words&... parts) {
  if (on()) [[unlikely]]
    add_call(sentence(parts...));
}

/// What is done while this lives is one step.
class Step {
 public:
  template <typename... Words>
    requires(!std::is_invocable_v<Words> && ...)
  explicit Step(const Words&... parts) {
    if (on()) [[unlikely]]
      begin_step(sentence(parts...));
  }
  /// With words that take trouble to make: `words` is called only for a trace.
  template <typename Words>
    requires std::is_invocable_v<Words>
  explicit Step(const Words& words) {
    if (on()) [[unlikely]]
      begin_step(words());
  }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;
  ~Step() {
    if (on()) [[unlikely]]
      end_step();
  }
};

/// Runs `body` as one step and returns what it returns.
template <typename Body>
decltype(auto) step(std::string_view words, Body body) {
  const Step step(words);
  return body();
}

}  // namespace trace
