// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/execute.hpp"

#include <linux/close_range.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/options.hpp"
#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/process.hpp"
#include "runtime/kernel/seccomp.hpp"

namespace launch {
namespace {

void send_log(logging::Level level, std::string_view text, void* handshake) {
  static_cast<const Handshake*>(handshake)->send_log(static_cast<std::uint32_t>(level), text);
}

std::vector<char*> as_pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// sd_listen_fds(3): count and names are passed through, the pid is the program's own.
void pass_listen_fds(std::vector<std::string>& env) {
  const char* count = ::getenv("LISTEN_FDS");
  if (count == nullptr || *count == '\0') return;
  std::erase_if(env, [](const std::string& one) {
    return one.starts_with("LISTEN_FDS=") || one.starts_with("LISTEN_PID=") ||
           one.starts_with("LISTEN_FDNAMES=");
  });
  env.push_back(sentence("LISTEN_FDS=", count));
  env.push_back(sentence("LISTEN_PID=", ::getpid()));
  const char* names = ::getenv("LISTEN_FDNAMES");
  if (names != nullptr) env.push_back(sentence("LISTEN_FDNAMES=", names));
}

std::vector<std::string> environment(const plan::ProcessPlan& process) {
  std::vector<std::string> env = process.env;
  const bool has_home =
      std::ranges::any_of(env, [](const std::string& one) { return one.starts_with("HOME="); });
  if (!has_home) env.push_back("HOME=" + kernel::home_directory(process.uid));
  pass_listen_fds(env);
  return env;
}

/// runc's rule: a directory only root may enter and one only the user may enter both work.
void become_user_in_directory(const plan::ProcessPlan& process) {
  bool entered = true;
  try {
    kernel::enter_working_directory(process.cwd);
  } catch (const Error& error) {
    if (error.number() != EACCES && error.number() != EPERM) throw;
    entered = false;
  }
  kernel::become_user(process);
  if (!entered) kernel::enter_working_directory(process.cwd);
}

}  // namespace

void mark_inherited_fds(unsigned kept) {
  check(::close_range(3 + kept, ~0U, CLOSE_RANGE_CLOEXEC), "close_range");
}

void close_all_but(unsigned kept, std::vector<int> open) {
  std::ranges::sort(open);
  unsigned first = 3 + kept;
  for (const int fd : open) {
    const auto next = static_cast<unsigned>(fd);
    if (next > first) check(::close_range(first, next - 1, 0), "close_range");
    first = std::max(first, next + 1);
  }
  check(::close_range(first, ~0U, 0), "close_range");
}

void set_own_proc_files(const kernel::Procfs& procfs, const plan::ProcessPlan& process) {
  if (process.oom_score_adj) kernel::set_oom_score_adj(procfs, *process.oom_score_adj);
  kernel::set_exec_labels(procfs, process);
}

unsigned count_kept_fds(unsigned preserve_fds) {
  const char* listen = ::getenv("LISTEN_FDS");
  if (listen == nullptr || *listen == '\0') return preserve_fds;
  return preserve_fds + static_cast<unsigned>(cli::parse_number(listen, 4096, "LISTEN_FDS"));
}

void execute(const Execution& execution) {
  const plan::ProcessPlan& process = execution.process;
  const trace::Step step("become the process");
  kernel::own_stdio(process);
  kernel::set_scheduling(process);
  if (!execution.limits_set_by_parent) kernel::set_limits(process.limits, 0);

  std::vector<int> open = execution.open_until_execve;
  open.push_back(execution.handshake.fd());
  close_all_but(execution.kept_fds, std::move(open));

  int listener = -1;
  if (process.no_new_privileges)
    check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs");
  // Without no_new_privs the filter needs CAP_SYS_ADMIN, so it comes before the identity; with it,
  // as late as possible.
  const bool seccomp_first = !process.no_new_privileges;
  if (seccomp_first && execution.seccomp != nullptr)
    listener = kernel::install_seccomp(*execution.seccomp);
  become_user_in_directory(process);
  kernel::set_capabilities(process);

  const std::vector<std::string> env = environment(process);
  // A config.json without a process makes a container that can only wait: runtime.md "Start".
  const bool has_program = !process.args.empty();
  const std::string executable =
      has_program ? kernel::find_executable(process.args, env) : std::string();
  const std::vector<char*> argument_pointers = as_pointers(process.args);
  const std::vector<char*> environment_pointers = as_pointers(env);
  if (!seccomp_first && execution.seccomp != nullptr)
    listener = kernel::install_seccomp(*execution.seccomp);

  if (listener >= 0 && !execution.parent_is_root) {
    execution.handshake.send_listener(listener);
    listener = -1;
  }
  execution.handshake.send_ready(listener);
  execution.handshake.expect(Message::kRelease);
  if (execution.wait_for_start) execution.wait_for_start();
  if (!has_program) throw Error("config.json: process property must not be empty");
  const trace::Step last("execve ", executable);
  ::execve(executable.c_str(), argument_pointers.data(), environment_pointers.data());
  throw Error(sentence("exec ", process.args.front()), errno);
}

void run_child(Handshake& handshake, const std::function<void()>& body) noexcept {
  logging::redirect(send_log, &handshake);
  try {
    body();
  } catch (const Error& error) {
    handshake.send_failed(error.number(), error.what());
  } catch (const std::exception& error) {
    handshake.send_failed(0, error.what());
  }
  ::_exit(1);
}

}  // namespace launch
