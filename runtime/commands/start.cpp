// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/new_container.hpp"
#include "runtime/container/removal.hpp"
#include "runtime/container/start_gate.hpp"
#include "runtime/kernel/pidfd.hpp"
#include "runtime/launch/launch.hpp"

namespace commands {
namespace {

/// ": …" with the cause, of a container whose program never ran; else empty.
std::string early_end(const Container& container) {
  const ContainerRecord& record = container.record();
  const std::optional<int> status = kernel::status_without_exec(record.pid, record.start_time);
  if (!status) return {};
  const ContainerDetails& details = container.details();
  const bool no_new_privileges = details.process && details.process->no_new_privileges;
  return sentence(
      ": ", launch::describe_early_end(
                *status, {.seccomp = details.seccomp, .no_new_privileges = no_new_privileges}));
}

/// runc's words: engines match them.
void check_startable(const Container& container) {
  const oci::Status status = container.status();
  const std::string end = status == oci::Status::kCreated ? std::string() : early_end(container);
  if (status == oci::Status::kStopped || !end.empty())
    throw Error("cannot start a container that has stopped" + end);
  switch (status) {
    case oci::Status::kCreated:
    case oci::Status::kStopped:
      return;
    case oci::Status::kRunning:
      throw Error("cannot start an already running container");
    case oci::Status::kCreating:
    case oci::Status::kPaused:
      throw Error(sentence("cannot start a container in the ", oci::name(status), " state"));
  }
}

/// Init let go of the gate by execve, or by its end.
void require_program(const Container& container) {
  const std::string end = early_end(container);
  if (!end.empty()) throw Error("cannot start" + end);
}

/// Whether somebody still waits at the gate: when nobody does, another `start` may have let the
/// program run, which has ended since. Then the container is as any that stopped.
bool still_waits(const Container& container, bool& has_stopped) {
  if (!kernel::is_ending(container.record().pid, container.record().start_time)) return true;
  require_program(container);
  has_stopped = true;
  throw Error("cannot start a container that has stopped");
}

/// runtime-spec, runtime.md "Lifecycle": after a hook that failed the container is destroyed (step
/// 12), nobody needs to ask for it. One that still waits at its gate was not touched.
void destroy_failed(const Container& container) {
  if (container.status() == oci::Status::kCreated) return;
  kill_container(container);
  remove_container(container);
}

int start(const cli::Parsed& global, const cli::Parsed& options) {
  const Container container =
      Container::open_locked(state_root(global), options.words[0], Container::Creating::kShow);
  check_startable(container);
  std::optional<NotifySocket> notify;
  const trace::Step step("open the gate, run the poststart hooks");
  bool has_stopped = false;
  try {
    notify = bind_notify_socket(container);
    const ContainerRecord& record = container.record();
    StartGate::open(container.root_directory(), record.id,
                    [&] { return still_waits(container, has_stopped); });
    require_program(container);
    run_poststart_hooks(container);
  } catch (const Error&) {
    if (!has_stopped) destroy_failed(container);
    throw;
  }
  container.unlock();
  wait_until_notified(container, notify);
  return 0;
}

}  // namespace

cli::Command start_command() {
  return {.name = "start",
          .summary = "Run the program of a created container",
          .words = {.usage = "ID", .least = 1, .most = 1},
          .options = {},
          .run = start};
}

}  // namespace commands
