// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/cli/trace.hpp"

#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

namespace trace {
namespace {

constexpr std::size_t kMostEvents = 32768;
constexpr std::uint32_t kMostHalves = 64;

// Without initialisers: the kernel's zeros are right, and a page that is not written is not there.
struct Slot {
  std::uint64_t start, duration;
  std::uint32_t half;
  std::uint16_t length;
  Event::Kind kind;
  std::array<char, 105> text;
};
static_assert(sizeof(Slot) == 128);

/// Of this process alone: where the last event ended, and whose events these are.
std::uint64_t last_end = 0;
std::uint32_t own_half = 0;

std::uint64_t clock_now() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

struct Record {
  std::uint64_t origin;
  std::uint32_t used, halves;  // both halves count at once: by atomic_ref
  Slot slots[kMostEvents];
};

namespace {

std::uint32_t count_up(std::uint32_t& counter) {
  return std::atomic_ref(counter).fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t now() { return clock_now() - record->origin; }

void add(Event::Kind kind, std::uint64_t start, std::uint64_t duration, std::string_view text) {
  const std::uint32_t at = count_up(record->used);
  if (at >= kMostEvents) return;
  Slot& slot = record->slots[at];
  slot.start = start;
  slot.duration = duration;
  slot.half = own_half;
  slot.kind = kind;
  slot.length = static_cast<std::uint16_t>(text.copy(slot.text.data(), slot.text.size()));
}

void observe(const std::string& text) { add_call(text); }

}  // namespace

void start() {
  void* const memory =
      ::mmap(nullptr, sizeof(Record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw Error("memory for the trace", errno);
  record = static_cast<Record*>(memory);
  record->origin = clock_now();
  last_end = 0;
  own_half = 0;
  observed::call = observe;
}

void enter_half(std::string_view name) {
  if (!on()) return;
  own_half = count_up(record->halves) + 1;
  last_end = now();
  add(Event::Kind::kName, last_end, 0, name);
}

void stop() {
  record = nullptr;
  observed::call = nullptr;
}

void add_call(std::string_view text) {
  const int number = errno;
  const std::uint64_t end = now();
  add(Event::Kind::kCall, last_end, end - last_end, text);
  last_end = end;
  errno = number;
}

void begin_step(std::string_view text) {
  last_end = now();
  add(Event::Kind::kBegin, last_end, 0, text);
}

void end_step() {
  const int number = errno;
  last_end = now();
  add(Event::Kind::kEnd, last_end, 0, {});
  errno = number;
}

std::vector<Event> events(std::size_t& lost) {
  std::vector<Event> all;
  lost = 0;
  if (!on()) return all;
  const std::size_t used = std::atomic_ref(record->used).load();
  lost = used - std::min(used, kMostEvents);
  for (std::size_t i = 0; i < used - lost; ++i) {
    // Copied and then believed in nothing: a container may have got at the half that shares it.
    const Slot slot = record->slots[i];
    if (slot.half > kMostHalves || slot.kind > Event::Kind::kCall) continue;
    all.push_back({.kind = slot.kind,
                   .half = slot.half,
                   .start = slot.start,
                   .duration = slot.duration,
                   .text = std::string(slot.text.data(),
                                       std::min<std::size_t>(slot.length, slot.text.size()))});
  }
  return all;
}

}  // namespace trace
