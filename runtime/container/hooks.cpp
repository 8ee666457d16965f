// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/hooks.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/kernel/spawn_plan.hpp"
#include "runtime/kernel/syscalls.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostOutput = 64 * 1024;
constexpr const char* kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// While a hook is fed, a closed stdin is EPIPE and no signal.
class SigpipeIgnored {
 public:
  SigpipeIgnored() {
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &before_);
  }
  SigpipeIgnored(const SigpipeIgnored&) = delete;
  SigpipeIgnored& operator=(const SigpipeIgnored&) = delete;
  ~SigpipeIgnored() { ::sigaction(SIGPIPE, &before_, nullptr); }

 private:
  struct sigaction before_{};
};

struct Pipe {
  UniqueFd read, write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe for a hook");
  return {.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
}

void make_nonblocking(const UniqueFd& fd) {
  check(::fcntl(fd.get(), F_SETFL, O_NONBLOCK), "fcntl");
}

std::vector<char*> as_pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// Up to 64 KiB of what comes out of one pipe; the rest is read and forgotten.
struct Output {
  UniqueFd pipe;
  std::string text;

  /// Takes what is there now; closes the pipe at its end.
  void read_available() {
    std::array<char, 4096> buffer;
    while (pipe) {
      const ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return pipe.reset();
      text.append(buffer.data(),
                  std::min(static_cast<std::size_t>(got), kMostOutput - text.size()));
    }
  }
  /// On one line: a line of a hook's must not look like one of ours.
  std::string shown() const {
    std::string line;
    for (const char letter : std::string_view(text).substr(0, text.find_last_not_of("\n\r ") + 1))
      if (letter == '\n')
        line += "\\n";
      else
        line += letter;
    return line;
  }
};

/// A hook that runs. Its process group is killed if it is not waited for.
class RunningHook {
 public:
  RunningHook(const oci::Hook& hook, const HookSurroundings& surroundings, std::string_view state)
      : state_(state) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    Pipe error = make_pipe();
    spawn(hook, surroundings, {in.read.get(), out.write.get(), error.write.get()});
    make_nonblocking(in.write);
    make_nonblocking(out.read);
    make_nonblocking(error.read);
    in_ = std::move(in.write);
    out_.pipe = std::move(out.read);
    error_.pipe = std::move(error.read);
  }
  RunningHook(const RunningHook&) = delete;
  RunningHook& operator=(const RunningHook&) = delete;
  ~RunningHook() {
    if (pid_ > 0) kill_and_reap();
  }

  /// Feeds stdin and reads the outputs until the hook has ended; false when `deadline` passes
  /// first.
  bool converse(std::optional<Clock::time_point> deadline) {
    const UniqueFd ended(check(kernel::pidfd_open(pid_, 0), "pidfd_open of a hook"));
    for (;;) {
      std::array<pollfd, 4> events{pollfd{ended.get(), POLLIN, 0}, pollfd{in_.get(), POLLOUT, 0},
                                   pollfd{out_.pipe.get(), POLLIN, 0},
                                   pollfd{error_.pipe.get(), POLLIN, 0}};
      const int ready = ::poll(events.data(), events.size(), milliseconds_until(deadline));
      if (ready < 0 && errno == EINTR) continue;
      if (check(ready, "poll a hook") == 0) return false;
      if (events[1].revents != 0) feed();
      out_.read_available();
      error_.read_available();
      // A grandchild may hold the pipes open for ever: the hook's own end is what counts.
      if (events[0].revents != 0) return true;
    }
  }

  /// The wait status, waitpid(2).
  int reap() {
    int status = W_EXITCODE(1, 0);
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }

  void kill_and_reap() {
    ::kill(-pid_, SIGKILL);
    reap();
  }

  std::string outputs() const {
    return sentence(", stdout: ", out_.shown(), ", stderr: ", error_.shown());
  }

 private:
  void spawn(const oci::Hook& hook, const HookSurroundings& surroundings,
             const std::array<int, 3>& stdio) {
    kernel::SpawnPlan plan;
    for (int number = 0; number < 3; ++number)
      ::posix_spawn_file_actions_adddup2(&plan.actions, stdio[static_cast<std::size_t>(number)],
                                         number);
    if (surroundings.working_directory >= 0)
      ::posix_spawn_file_actions_addfchdir_np(&plan.actions, surroundings.working_directory);
    ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, 3);

    const std::vector<std::string> words =
        hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
    // Never the caller's environment, which an image may have chosen (CVE-2025-23266).
    const std::vector<std::string> environment =
        hook.env.empty() ? std::vector<std::string>{kDefaultPath} : hook.env;
    const int problem = ::posix_spawn(&pid_, hook.path.c_str(), &plan.actions, &plan.attributes,
                                      as_pointers(words).data(), as_pointers(environment).data());
    if (problem == 0) return;
    pid_ = 0;
    throw Error(sentence("fork/exec ", hook.path), problem);
  }

  void feed() {
    const ssize_t written = ::write(in_.get(), state_.data(), state_.size());
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) return;
    // EPIPE: a hook need not read its stdin.
    state_.remove_prefix(written < 0 ? state_.size() : static_cast<std::size_t>(written));
    if (state_.empty()) in_.reset();
  }

  static int milliseconds_until(std::optional<Clock::time_point> deadline) {
    if (!deadline) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000'000));
  }

  pid_t pid_ = 0;
  std::string_view state_;  // what stdin still has to get
  UniqueFd in_;
  Output out_, error_;
};

void run_hook(const oci::Hook& hook, const HookSurroundings& surroundings,
              const std::string& state) {
  std::optional<Clock::time_point> deadline;
  // A year is as good as for ever, and no clock overflows.
  constexpr std::int64_t kLongest = 365 * 24 * 3600;
  if (hook.timeout)
    deadline = Clock::now() + std::chrono::seconds(std::min(*hook.timeout, kLongest));
  RunningHook running(hook, surroundings, state);
  if (!running.converse(deadline)) {
    running.kill_and_reap();
    throw Error(
        sentence("hook ran past specified timeout of ", *hook.timeout, 's', running.outputs()));
  }
  const int status = running.reap();
  if (WIFSIGNALED(status))
    throw Error(sentence("killed by signal ", WTERMSIG(status), running.outputs()));
  if (WEXITSTATUS(status) != 0)
    throw Error(sentence("exit status ", WEXITSTATUS(status), running.outputs()));
}

void run_hook_of_list(const std::vector<oci::Hook>& hooks, std::size_t index, std::string_view kind,
                      const std::string& state, const HookSurroundings& surroundings) {
  try {
    logging::debug(sentence("running ", kind, " hook #", index, ": ", hooks[index].path));
    const trace::Step step(kind, " hook ", hooks[index].path);
    run_hook(hooks[index], surroundings, state);
  } catch (Error& error) {
    error.add_context("error running ", kind, " hook #", index);
    throw;
  }
}

}  // namespace

void run_hooks(const std::vector<oci::Hook>& hooks, std::string_view kind, const oci::State& state,
               const HookSurroundings& surroundings) {
  if (hooks.empty()) return;
  const SigpipeIgnored ignored;
  const std::string document = oci::write_state(state);
  for (std::size_t index = 0; index < hooks.size(); ++index)
    run_hook_of_list(hooks, index, kind, document, surroundings);
}

void run_hooks_warning_only(const std::vector<oci::Hook>& hooks, std::string_view kind,
                            const oci::State& state, const HookSurroundings& surroundings) {
  if (hooks.empty()) return;
  const SigpipeIgnored ignored;
  const std::string document = oci::write_state(state);
  for (std::size_t index = 0; index < hooks.size(); ++index) {
    try {
      run_hook_of_list(hooks, index, kind, document, surroundings);
    } catch (const Error& error) {
      logging::warning(sentence(error.what(), ", ignoring"));
    }
  }
}
