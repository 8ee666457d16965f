// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/container/container.hpp"
#include "runtime/launch/launch.hpp"
#include "runtime/plan/added_mounts.hpp"

namespace commands {
namespace {

std::vector<oci::Mount> read_mounts(const std::string& file) {
  if (file == "-") return oci::read_mounts(read_all(STDIN_FILENO, "stdin"), "stdin");
  return oci::read_mounts(read_file(file), file);
}

void check_changeable(const Container& container) {
  const oci::Status status = container.status();
  if (status == oci::Status::kStopped) throw Error("container not running");
  if (status == oci::Status::kCreating) throw Error("the container is being created");
}

int mounts(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string& verb = options.words[0];
  if (verb != "add" && verb != "remove")
    throw UsageError(sentence("mounts: \"", verb, "\" is neither add nor remove"));
  const std::vector<oci::Mount> wanted = read_mounts(options.words[2]);
  const Container container =
      Container::open_locked(state_root(global), options.words[1], Container::Creating::kShow);
  check_changeable(container);
  if (verb == "remove") {
    launch::remove_mounts(container, plan::removed_mounts(wanted));
    return 0;
  }
  const ContainerRecord& record = container.record();
  launch::add_mounts(container, plan::plan_added_mounts(wanted, record.rootfs, record.bundle,
                                                        container.details().namespace_flags));
  return 0;
}

}  // namespace

cli::Command mounts_command() {
  return {.name = "mounts",
          .summary = "Add mounts to a container that runs, or remove some",
          .words = {.usage = "add|remove ID FILE", .least = 3, .most = 3},
          .options = {},
          .run = mounts};
}

}  // namespace commands
