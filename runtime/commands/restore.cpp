// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <sys/prctl.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/criu_options.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/new_container.hpp"
#include "runtime/kernel/foreground.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    kBundleOption,
    kConfigOption,
    kImagePathOption,
    kWorkPathOption,
    cli::Option{
        .name = "detach", .letter = 'd', .value = "", .help = "Return when the processes run"},
    kConsoleSocketOption,
    kPidFileOption,
    cli::Option{.name = "no-subreaper",
                .value = "",
                .help = "Do not reap processes the container leaves behind"},
    kNoPivotOption,
    kTcpEstablishedOption,
    cli::Option{.name = "tcp-close", .value = "", .help = "Close TCP connections"},
    kExtUnixSkOption,
    kShellJobOption,
    kLazyPagesOption,
    kFileLocksOption,
    kCgroupsModeOption,
    kEmptyNsOption,
    kAutoDedupOption,
    kNetworkLockOption,
    cli::Option{.name = "lsm-profile",
                .value = "TYPE:NAME",
                .help = "Another profile than the image has: apparmor:NAME or selinux:LABEL"},
    cli::Option{.name = "lsm-mount-context",
                .value = "LABEL",
                .help = "Another SELinux label of the mounts than the image has"},
};

/// runc's descriptors.json: three strings.
std::vector<std::string> read_descriptors(const std::string& images) {
  const std::string name = sentence(images, '/', launch::kDescriptorsName);
  const nlohmann::json document =
      nlohmann::json::parse(read_file(name), nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> descriptors;
  if (document.is_array())
    for (const nlohmann::json& one : document)
      descriptors.push_back(one.is_string() ? one.get<std::string>() : std::string());
  if (descriptors.size() != 3)
    throw Error(sentence(name, ": is not an array of three strings (damaged checkpoint?)"));
  return descriptors;
}

launch::RestoreOptions restore_options(const cli::Parsed& options, bool terminal) {
  launch::RestoreOptions restore;
  restore.process = process_options(
      options, terminal, options.has("detach") ? Attachment::kDetached : Attachment::kForeground);
  restore.criu = criu_choices(options);
  restore.criu.lsm_profile = options.value_or("lsm-profile", "");
  restore.criu.lsm_mount_context = options.value_or("lsm-mount-context", "");
  restore.descriptors = read_descriptors(restore.criu.image_path);
  make_directories(restore.criu.work_path, 0700);
  return restore;
}

int restore_container(const cli::Parsed& global, const cli::Parsed& options) {
  require_criu_rights();
  const NewContainer wanted = plan_new_container(global, options, facts_of_this_host(global));
  if (!wanted.config.process) throw Error("config.json: process property must not be empty");
  const bool detach = options.has("detach");
  const launch::RestoreOptions restore = restore_options(options, wanted.plan.process.terminal);
  const bool subreaper = !detach && !options.has("no-subreaper");
  if (subreaper) check(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become a subreaper");
  std::optional<kernel::SignalForwarder> signals;
  if (!detach) signals.emplace();

  Container container = reserve(state_root(global), wanted);
  launch::Launched launched =
      start_container(container, [&] { return launch::restore(wanted.plan, container, restore); });
  if (detach) return 0;
  container.unlock();
  const int status = kernel::wait_in_foreground(launched.pid, launched.pidfd.get(), *signals,
                                                std::move(launched.master), subreaper);
  remove_after_run(state_root(global), container);
  return status;
}

int restore(const cli::Parsed& global, const cli::Parsed& options) {
  try {
    return restore_container(global, options);
  } catch (Error& error) {
    error.add_context("restore failed");
    throw;
  }
}

}  // namespace

cli::Command restore_command() {
  return {.name = "restore",
          .summary = "Bring a container back from the images of checkpoint",
          .words = {.usage = "ID", .least = 1, .most = 1},
          .options = kOptions,
          .run = restore};
}

}  // namespace commands
