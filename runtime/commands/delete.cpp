// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>

#include "bundle-spec/error.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/named_containers.hpp"
#include "runtime/container/removal.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    cli::Option{.name = "force",
                .letter = 'f',
                .value = "",
                .help = "Kill the container if it still runs; an unknown one is fine"},
    kRegexOption,
};

void delete_stopped(const std::string& root, const std::string& id) {
  const Container container = Container::open_locked(root, id, Container::Creating::kShow);
  const oci::Status status = container.status();
  // The spec forbids to delete a created container; the engines do it all the time.
  if (status == oci::Status::kCreated) kill_container(container);
  if (status != oci::Status::kCreated && status != oci::Status::kStopped)
    throw Error(
        sentence("cannot delete container ", id, " that is not stopped: ", oci::name(status)));
  remove_container(container);
}

void delete_forced(const std::string& root, const std::string& id) {
  try {
    // Killed before the lock is asked for: a `start` that hangs in a hook may hold it.
    kill_container(Container::open(root, id));
    const Container container = Container::open_locked(root, id);
    kill_container(container);
    remove_container(container);
  } catch (const NotFound&) {
    return;
  }
}

int remove(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string root = state_root(global);
  const auto remove_one = options.has("force") ? delete_forced : delete_stopped;
  for_named_containers(root, options, [&](const std::string& id) { remove_one(root, id); });
  return 0;
}

}  // namespace

cli::Command delete_command() {
  return {.name = "delete",
          .summary = "Remove a stopped container",
          .words = {.usage = "ID", .least = 1, .most = 1},
          .options = kOptions,
          .run = remove};
}

}  // namespace commands
