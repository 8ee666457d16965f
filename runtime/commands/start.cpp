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

namespace commands {
namespace {

/// runc's words: engines match them.
void check_startable(const Container& container) {
  switch (const oci::Status status = container.status()) {
    case oci::Status::kCreated:
      return;
    case oci::Status::kStopped:
      throw Error("cannot start a container that has stopped");
    case oci::Status::kRunning:
      throw Error("cannot start an already running container");
    case oci::Status::kCreating:
    case oci::Status::kPaused:
      throw Error(sentence("cannot start a container in the ", oci::name(status), " state"));
  }
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
  try {
    notify = bind_notify_socket(container);
    const ContainerRecord& record = container.record();
    StartGate::open(container.root_directory(), record.id,
                    [&] { return !kernel::is_ending(record.pid, record.start_time); });
    run_poststart_hooks(container);
  } catch (const Error&) {
    destroy_failed(container);
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
