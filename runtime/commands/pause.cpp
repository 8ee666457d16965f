// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/error.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/container/container.hpp"
#include "runtime/kernel/cgroup.hpp"

namespace commands {
namespace {

void require_running(const Container& container) {
  const oci::Status status = container.status();
  if (status != oci::Status::kRunning && status != oci::Status::kCreated)
    throw Error("container not running");
}

int pause(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string root = state_root(global);
  require_running(Container::open(root, options.words[0]));  // without waiting for its create
  // Locked: another container of this name, frozen while it is made, would hang for ever.
  const Container container = Container::open_locked(root, options.words[0]);
  require_running(container);
  kernel::freeze(container.cgroups().directories);
  if (!container.open_init()) throw Error("container not running");  // it ended meanwhile
  return 0;
}

}  // namespace

cli::Command pause_command() {
  return {.name = "pause",
          .summary = "Freeze all processes of a container",
          .words = {.usage = "ID", .least = 1, .most = 1},
          .options = {},
          .run = pause};
}

}  // namespace commands
