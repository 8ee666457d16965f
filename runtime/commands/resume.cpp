// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/error.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/container/container.hpp"
#include "runtime/kernel/cgroup.hpp"

namespace commands {
namespace {

int resume(const cli::Parsed& global, const cli::Parsed& options) {
  const Container container = Container::open(state_root(global), options.words[0]);
  if (container.status() != oci::Status::kPaused) throw Error("container not paused");
  kernel::thaw(container.cgroups().directories);
  return 0;
}

}  // namespace

cli::Command resume_command() {
  return {.name = "resume",
          .summary = "Let the processes of a paused container run again",
          .words = {.usage = "ID", .least = 1, .most = 1},
          .options = {},
          .run = resume};
}

}  // namespace commands
