// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/stats_json.hpp"
#include "runtime/container/container.hpp"
#include "runtime/container/start_gate.hpp"
#include "runtime/kernel/cgroup_watch.hpp"
#include "runtime/kernel/deadline.hpp"

namespace commands {
namespace {

using std::chrono::milliseconds;

constexpr std::array kOptions = {
    cli::Option{.name = "interval",
                .value = "TIME",
                .help = "Print statistics every TIME: 500ms, 5s (default), 1m, 1h"},
    cli::Option{.name = "stats", .value = "", .help = "Print the statistics once and return"},
};

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

/// As Go writes durations, whole numbers only: "1m30s".
milliseconds read_interval(const std::string& text) {
  constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
  constexpr std::uint64_t kMost = 1'000'000;
  std::int64_t total = 0;
  std::string_view rest = text;
  do {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const std::uint64_t number = cli::parse_number(rest.substr(0, digits), kMost, "--interval");
    rest.remove_prefix(digits);
    const std::string_view name =
        rest.substr(0, std::min(rest.find_first_of("0123456789"), rest.size()));
    const auto* unit = std::ranges::find(kUnits, name, &Unit::name);
    if (unit == std::end(kUnits))
      throw UsageError(
          sentence("--interval: \"", text, "\" is no time such as 500ms, 5s or 1m30s"));
    total += static_cast<std::int64_t>(number) * unit->milliseconds;
    rest.remove_prefix(name.size());
  } while (!rest.empty());
  if (total == 0) throw Error("duration interval must be greater than 0");
  return milliseconds(total);
}

JsonWriter begin_event(const Container& container, std::string_view type) {
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.begin_object().key("type").text(type).key("id").text(container.record().id);
  return json;
}

void print_event(JsonWriter& json) { print(json.end_object().take() += '\n'); }

void print_stats(const Container& container) {
  JsonWriter json = begin_event(container, "stats");
  json.key("data");
  write_stats(json, kernel::cgroup_stats(container.cgroups().directories));
  print_event(json);
}

void print_state(const Container& container, oci::Status status) {
  JsonWriter json = begin_event(container, "state");
  json.key("data").begin_object().key("status").text(oci::name(status)).end_object();
  print_event(json);
}

/// Prints what happens, until init has ended.
class EventStream {
 public:
  EventStream(const Container& container, int init)
      : container_(container),
        init_(init),
        watch_(container.cgroups().directories),
        status_(container.status()) {
    if (status_ == oci::Status::kCreated)
      watch_.add_removal(
          sentence(container.root(), '/', StartGate::file_name(container.record().id)));
    // What changed before the watch began is no news, except its end.
    status_ = container.status();
  }

  void follow(milliseconds interval) {
    kernel::Deadline next(interval);
    while (!has_ended(next)) {
      print_changes();
      if (!next.has_passed()) continue;
      print_stats(container_);
      next = kernel::Deadline(interval);
    }
    print_changes();
  }

 private:
  /// Waits for whatever comes first: a change, the next statistics, the end of init (true).
  bool has_ended(const kernel::Deadline& next) const {
    const auto [memory, files] = watch_.descriptors();
    std::array<pollfd, 3> all{pollfd{.fd = init_, .events = POLLIN, .revents = 0}, memory, files};
    const int ready = ::poll(all.data(), all.size(), next.remaining());
    if (ready < 0 && errno != EINTR) check(ready, "poll for events");
    return ready > 0 && all[0].revents != 0;
  }

  void print_changes() {
    for (std::uint64_t left = watch_.take_out_of_memory(); left > 0; --left) {
      JsonWriter json = begin_event(container_, "oom");
      print_event(json);
    }
    const oci::Status now = container_.status();
    if (now != status_) print_state(container_, now);
    status_ = now;
  }

  const Container& container_;
  int init_;
  kernel::CgroupWatch watch_;
  oci::Status status_;
};

int events(const cli::Parsed& global, const cli::Parsed& options) {
  const milliseconds interval = read_interval(options.value_or("interval", "5s"));
  const Container container = Container::open(state_root(global), options.words[0]);
  const std::optional<UniqueFd> init = container.open_init();
  if (!init) throw Error(sentence("container with id ", container.record().id, " is not running"));
  if (options.has("stats")) {
    print_stats(container);
    return 0;
  }
  EventStream(container, init->get()).follow(interval);
  return 0;
}

}  // namespace

cli::Command events_command() {
  return {.name = "events",
          .summary = "Print statistics, out-of-memory and state changes as JSON lines",
          .words = {.usage = "ID", .least = 1, .most = 1},
          .options = kOptions,
          .run = events};
}

}  // namespace commands
