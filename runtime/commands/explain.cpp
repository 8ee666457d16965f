// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "bundle-spec/error.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/recorded_plan.hpp"

namespace commands {
namespace {

std::string title(const Container& container, const RecordedPlan& plan) {
  const ContainerRecord& record = container.record();
  std::string text = sentence("How the container \"", record.id, "\", made at ", record.created,
                              " and now ", oci::name(container.status()), ", came to life.\n");
  text +=
      plan.config_changed
          ? sentence("Beware: ", plan.config_file,
                     " was changed after that. What the record does not hold, mounts and limits "
                     "above all, is told as the file is now.")
          : sentence("Worked out from ", plan.config_file, ", which is as it was then.");
  for (const std::string& one : plan.differences) text += sentence("\nBeware: ", one, ".");
  return text;
}

int explain(const cli::Parsed& global, const cli::Parsed& options) {
  const Container container = Container::open(state_root(global), options.words[0]);
  const RecordedPlan plan = recorded_plan(container);
  print(plan::explain(plan.launch, title(container, plan)));
  return 0;
}

}  // namespace

cli::Command explain_command() {
  return {.name = "explain",
          .summary = "Print how a container was made, as numbered sentences",
          .words = {.usage = "ID", .least = 1, .most = 1},
          .options = {},
          .run = explain};
}

}  // namespace commands
