// SPDX-License-Identifier: Apache-2.0
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/new_container.hpp"
#include "runtime/container/removal.hpp"
#include "runtime/kernel/foreground.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    kBundleOption,
    kConfigOption,
    cli::Option{
        .name = "detach", .letter = 'd', .value = "", .help = "Return when the program runs"},
    cli::Option{
        .name = "keep", .value = "", .help = "Do not delete the container when its program ends"},
    cli::Option{.name = "no-subreaper",
                .value = "",
                .help = "Do not reap processes the container leaves behind"},
    kConsoleSocketOption,
    kPidFileOption,
    kPidfdSocketOption,
    kPreserveFdsOption,
    kNoPivotOption,
    kNoNewKeyringOption,
};

/// A container whose program could not be started leaves nothing behind. The pid file comes last:
/// conmon takes one for success.
void start(const Container& container, launch::Launched& launched, const launch::Filter& filter,
           bool is_detached, const std::optional<std::string>& pid_file) {
  try {
    start_process([&] { launched.release(filter, is_detached); });
    run_poststart_hooks(container);
    if (pid_file) replace_file(*pid_file, std::to_string(launched.pid));
  } catch (const Error&) {
    kill_container(container);
    remove_container(container);
    throw;
  }
}

/// In the foreground we are the one to watch.
kernel::Event ready_event(const std::optional<NotifySocket>& notify) {
  if (!notify) return {};
  return {.fd = notify->fd(), .serve = [&] { return notify->serve(::getpid()); }};
}

int run_new_container(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string root = state_root(global);
  NewContainer wanted = plan_new_container(global, options, facts_of_this_host(global));
  add_notify_socket(root, wanted);
  if (!wanted.config.process) throw Error("config.json: process property must not be empty");
  const bool detach = options.has("detach");
  launch::ProcessOptions process =
      process_options(options, wanted.plan.process.terminal,
                      detach ? Attachment::kDetached : Attachment::kForeground);
  const std::optional<std::string> pid_file = std::exchange(process.pid_file, {});
  const bool subreaper = !detach && !options.has("no-subreaper");
  if (subreaper) check(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become a subreaper");
  std::optional<kernel::SignalForwarder> signals;
  if (!detach) signals.emplace();

  Container container = reserve(root, wanted);
  launch::Launched launched = start_container(
      container, [&] { return launch::create_init_for_run(wanted.plan, container, process); });
  const std::optional<NotifySocket> notify = bind_notify_socket(container);
  const launch::Filter filter{.seccomp = wanted.plan.seccomp,
                              .no_new_privileges = wanted.plan.process.no_new_privileges};
  start(container, launched, filter, detach, pid_file);
  container.unlock();
  if (detach) {
    wait_until_notified(container, notify);
    return 0;
  }
  const int status =
      kernel::wait_in_foreground(launched.pid, launched.pidfd.get(), *signals,
                                 std::move(launched.master), subreaper, ready_event(notify));
  tell_barred_start(status, filter);
  if (!options.has("keep")) remove_after_run(root, container);
  return status;
}

int run(const cli::Parsed& global, const cli::Parsed& options) {
  try {
    return run_new_container(global, options);
  } catch (Error& error) {
    error.add_context("run failed");
    throw;
  }
}

}  // namespace

cli::Command run_command() {
  return {.name = "run",
          .summary = "Create and start a container, wait for its program, delete it",
          .words = {.usage = "ID [BUNDLE]", .least = 1, .most = 2},
          .options = kOptions,
          .run = run};
}

}  // namespace commands
