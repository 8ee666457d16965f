// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "bundle-spec/error.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/new_container.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    kBundleOption,
    kConfigOption,
    kConsoleSocketOption,
    kPidFileOption,
    kPidfdSocketOption,
    kPreserveFdsOption,
    kNoPivotOption,
    kNoNewKeyringOption,
    cli::Option{.name = "explain",
                .value = "HOST",
                .help = "Print what would be done on HOST (this, v1, hybrid, v2) and do nothing",
                .value_optional = true},
    cli::Option{.name = "no-subreaper", .value = "", .help = "", .hidden = true},  // crun's
};

int explain(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string host = options.value_or("explain", "");
  const plan::HostFacts facts =
      host.empty() || host == "this" ? facts_of_this_host(global) : plan::example_host(host);
  NewContainer wanted = plan_new_container(global, options, facts);
  add_notify_socket(state_root(global), wanted);
  print(plan::explain(wanted.plan));
  return 0;
}

int create(const cli::Parsed& global, const cli::Parsed& options) {
  try {
    if (options.has("explain")) return explain(global, options);
    NewContainer wanted = plan_new_container(global, options, facts_of_this_host(global));
    add_notify_socket(state_root(global), wanted);
    const launch::ProcessOptions process =
        process_options(options, wanted.plan.process.terminal, Attachment::kDetached);
    Container container = reserve(state_root(global), wanted);
    start_container(container,
                    [&] { return launch::create_init(wanted.plan, container, process); });
    return 0;
  } catch (Error& error) {
    error.add_context("create failed");
    throw;
  }
}

}  // namespace

cli::Command create_command() {
  return {.name = "create",
          .summary = "Create a container from a bundle; its program waits for start",
          .words = {.usage = "ID [BUNDLE]", .least = 1, .most = 2},
          .options = kOptions,
          .run = create};
}

}  // namespace commands
