// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>

#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/container/container.hpp"
#include "runtime/kernel/pidfd.hpp"

namespace commands {
namespace {

int wait(const cli::Parsed& global, const cli::Parsed& options) {
  const Container container = Container::open(state_root(global), options.words[0]);
  const ContainerRecord& record = container.record();
  const std::optional<int> status = kernel::wait_for_status(record.pid, record.start_time);
  print(status ? std::to_string(*status) + '\n' : "unknown\n");
  return 0;
}

}  // namespace

cli::Command wait_command() {
  return {.name = "wait",
          .summary = "Wait for the end of a container's program and print its exit status",
          .words = {.usage = "ID", .least = 1, .most = 1},
          .options = {},
          .run = wait};
}

}  // namespace commands
