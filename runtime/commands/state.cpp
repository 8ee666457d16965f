// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/commands.hpp"
#include "runtime/commands/container_json.hpp"
#include "runtime/commands/global_options.hpp"

namespace commands {
namespace {

int state(const cli::Parsed& global, const cli::Parsed& options) {
  const Container container = Container::open(state_root(global), options.words[0]);
  JsonWriter json(JsonWriter::Layout::kIndented);
  write_container(json, container.record(), container.state());
  print(json.take() += '\n');
  return 0;
}

}  // namespace

cli::Command state_command() {
  return {.name = "state",
          .summary = "Print the state of a container as JSON",
          .words = {.usage = "ID", .least = 1, .most = 1},
          .options = {},
          .run = state};
}

}  // namespace commands
