// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <csignal>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/new_container.hpp"
#include "runtime/kernel/foreground.hpp"
#include "runtime/kernel/host_facts.hpp"
#include "runtime/kernel/pidfd.hpp"
#include "runtime/plan/cgroup.hpp"
#include "runtime/plan/process.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    cli::Option{.name = "process",
                .letter = 'p',
                .value = "FILE",
                .help = "Take the whole process object from FILE"},
    cli::Option{.name = "cwd", .value = "DIR", .help = "Working directory in the container"},
    cli::Option{.name = "env",
                .letter = 'e',
                .value = "NAME=VALUE",
                .help = "Add a variable to the environment",
                .repeatable = true},
    cli::Option{.name = "tty", .letter = 't', .value = "", .help = "Give the process a terminal"},
    cli::Option{
        .name = "user", .letter = 'u', .value = "UID[:GID]", .help = "Run as this user and group"},
    cli::Option{.name = "additional-gids",
                .letter = 'g',
                .value = "GID",
                .help = "Add a supplementary group",
                .repeatable = true},
    cli::Option{.name = "cap",
                .letter = 'c',
                .value = "CAP",
                .help = "Add a capability",
                .repeatable = true},
    cli::Option{.name = "no-new-privs", .value = "", .help = "Set no_new_privs"},
    cli::Option{.name = "apparmor", .value = "PROFILE", .help = "AppArmor profile of the process"},
    cli::Option{.name = "process-label", .value = "LABEL", .help = "SELinux label of the process"},
    cli::Option{
        .name = "detach", .letter = 'd', .value = "", .help = "Return when the process runs"},
    kPidFileOption,
    kConsoleSocketOption,
    kPidfdSocketOption,
    kPreserveFdsOption,
    cli::Option{.name = "ignore-paused", .value = "", .help = "Enter a paused container, too"},
    cli::Option{.name = "cgroup",
                .value = "[CONTROLLER:]PATH",
                .help = "Run in this cgroup below the container's",
                .repeatable = true},
};

constexpr std::uint64_t kLargestId = std::numeric_limits<std::uint32_t>::max() - 1;

std::uint32_t read_id(std::string_view text, std::string_view what) {
  return static_cast<std::uint32_t>(cli::parse_number(text, kLargestId, what));
}

void set_user(oci::User& user, const cli::Parsed& options) {
  if (const std::string text = options.value_or("user", ""); !text.empty()) {
    const std::size_t colon = text.find(':');
    user.uid = read_id(std::string_view(text).substr(0, colon), "uid");
    if (colon != std::string::npos)
      user.gid = read_id(std::string_view(text).substr(colon + 1), "gid");
  }
  for (const std::string& gid : options.values("additional-gids"))
    user.additional_gids.push_back(read_id(gid, "--additional-gids"));
}

void add_capabilities(oci::Process& process, const std::vector<std::string>& names) {
  if (names.empty()) return;
  if (!process.capabilities) process.capabilities.emplace();
  oci::Capabilities& sets = *process.capabilities;
  for (const std::string& name : names) {
    sets.bounding.push_back(name);
    sets.effective.push_back(name);
    sets.permitted.push_back(name);
    // An ambient capability must be inheritable as well, and runc's exec adds none there.
    if (!sets.inheritable.empty()) sets.ambient.push_back(name);
  }
}

/// The container's own process with the flags over it, as runc's exec has it.
oci::Process process_from_flags(oci::Process process, const cli::Parsed& options) {
  process.args.assign(options.words.begin() + 1, options.words.end());
  if (const std::string cwd = options.value_or("cwd", ""); !cwd.empty()) process.cwd = cwd;
  for (const std::string& variable : options.values("env")) process.env.push_back(variable);
  process.terminal = options.has("tty");
  process.console_size.reset();
  if (options.has("no-new-privs")) process.no_new_privileges = true;
  if (options.has("apparmor")) process.apparmor_profile = options.value("apparmor");
  if (options.has("process-label")) process.selinux_label = options.value("process-label");
  set_user(process.user, options);
  add_capabilities(process, options.values("cap"));
  return process;
}

oci::Process process_of(const cli::Parsed& options, const std::optional<oci::Process>& own) {
  if (const std::string file = options.value_or("process", ""); !file.empty()) {
    if (options.words.size() > 1) throw Error("--process and a command line exclude each other");
    for (const char* flag : {"cwd", "env", "user", "additional-gids", "cap"})
      if (options.has(flag))
        throw Error(sentence("--process and --", flag, " exclude each other: the file says it"));
    oci::Process process = oci::read_process(read_file(file), file);
    // Security labels and CPUs fall back to the container's.
    if (!process.apparmor_profile && own) process.apparmor_profile = own->apparmor_profile;
    if (!process.selinux_label && own) process.selinux_label = own->selinux_label;
    if (!process.exec_cpu_affinity && own) process.exec_cpu_affinity = own->exec_cpu_affinity;
    return process;
  }
  if (options.words.size() < 2) throw Error("process args cannot be empty");
  if (!own)
    throw Error("the container's config has no process to take defaults from: use --process");
  return process_from_flags(*own, options);
}

void check_enterable(const Container& container, const cli::Parsed& options) {
  const oci::Status status = container.status();
  if (status == oci::Status::kStopped) throw Error("cannot exec in a stopped container");
  if (status == oci::Status::kCreating)
    throw Error("cannot exec in a container that is being created");
  if (status == oci::Status::kPaused && !options.has("ignore-paused"))
    throw Error("cannot exec in a paused container (use --ignore-paused to override)");
}

plan::ProcessPlan plan_in(const ContainerDetails& details, const oci::Process& process) {
  plan::ProcessPlan plan = plan::plan_process(process, details.setgroups_denied, "/process");
  plan.personality = details.personality;
  plan.memory_policy = details.memory_policy;
  // Most processes have no label, and the facts take a while to collect.
  if (!plan.apparmor_profile.empty() || !plan.selinux_label.empty())
    plan::require_security_modules(plan, kernel::host_facts(), "/process");
  return plan;
}

/// Once the program runs: conmon takes a pid file for success. Without the file nobody would know
/// of the process.
void write_pid_file(const launch::Launched& launched, const std::string& file) {
  try {
    replace_file(file, std::to_string(launched.pid));
  } catch (const Error&) {
    kernel::send_signal(launched.pidfd.get(), SIGKILL);
    throw;
  }
}

int exec_in(const Container& container, const cli::Parsed& options) {
  check_enterable(container, options);
  const ContainerDetails& details = container.details();
  const oci::Process wanted = process_of(options, details.process);
  oci::check_process_rules(wanted, options.value_or("process", "process"));
  const plan::ProcessPlan process = plan_in(details, wanted);
  const bool detach = options.has("detach");
  launch::ProcessOptions stdio = process_options(
      options, process.terminal, detach ? Attachment::kDetached : Attachment::kForeground);
  if (options.has("cgroup"))
    stdio.cgroups = plan::sub_cgroups(container.cgroups().directories, options.values("cgroup"));
  std::optional<kernel::SignalForwarder> signals;
  if (!detach) signals.emplace();

  launch::Launched launched =
      start_process([&] { return launch::join_container(container, process, stdio); });
  const launch::Filter filter{.seccomp = details.seccomp,
                              .no_new_privileges = process.no_new_privileges};
  start_process([&] { launched.release(filter, detach); });
  if (stdio.pid_file) write_pid_file(launched, *stdio.pid_file);
  if (detach) return 0;
  const int status = kernel::wait_in_foreground(launched.pid, launched.pidfd.get(), *signals,
                                                std::move(launched.master), false);
  tell_barred_start(status, filter);
  return status;
}

/// The container may end at any moment of an exec: then that is what its user must hear.
void explain_end(const Container& container, Error& error) {
  constexpr std::string_view kStopped = "cannot exec in a stopped container";
  const bool is_said = std::string_view(error.what()).find(kStopped) != std::string_view::npos;
  const ContainerRecord& record = container.record();
  if (!is_said && kernel::is_ending(record.pid, record.start_time)) error.add_context(kStopped);
}

int exec(const cli::Parsed& global, const cli::Parsed& options) {
  std::optional<Container> container;
  try {
    container.emplace(Container::open(state_root(global), options.words[0]));
    return exec_in(*container, options);
  } catch (Error& error) {
    if (container) explain_end(*container, error);
    error.add_context("exec failed");
    throw;
  }
}

}  // namespace

cli::Command exec_command() {
  return {.name = "exec",
          .summary = "Run another process in a container",
          .words = {.usage = "ID COMMAND [ARGUMENT...]", .least = 1, .command_line = true},
          .options = kOptions,
          .run = exec};
}

}  // namespace commands
