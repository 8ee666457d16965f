// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/runtime_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/unique_fd.hpp"

namespace build {
namespace {

constexpr int kFailedToStart = 127;
constexpr const char* kHostPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Pipe {
  UniqueFd read, write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// Words of a command as execve(2) wants them; made before fork(2), because after it, in a program
/// with threads, nothing may allocate.
struct Arguments {
  explicit Arguments(std::vector<std::string> all) : words(std::move(all)) {
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
  }
  std::vector<std::string> words;
  std::vector<char*> pointers;
};

struct Program {
  Arguments start;
  Arguments remove;
  Arguments environment;
};

void unblock_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void execute(const Arguments& arguments, const Arguments& environment, int null,
                          int output, const char* directory) {
  unblock_signals();
  if (::dup2(null, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0 ||
      (directory != nullptr && ::chdir(directory) != 0))
    ::_exit(kFailedToStart);
  ::execve(arguments.pointers[0], arguments.pointers.data(), environment.pointers.data());
  ::_exit(kFailedToStart);
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return kFailedToStart;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// The watcher: only calls that are safe after fork(2) from here on.
[[noreturn]] void watch(const Program& program, int lifeline, int null, int output) {
  ::setsid();
  const pid_t runtime = ::fork();
  if (runtime == 0) execute(program.start, program.environment, null, output, nullptr);
  if (runtime < 0) ::_exit(kFailedToStart);
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, runtime, 0));
  // Nothing else of the builder's may stay open here: its locks, above all, and the output's end.
  const int high_process = ::fcntl(process, F_DUPFD_CLOEXEC, 64);
  const int high_lifeline = ::fcntl(lifeline, F_DUPFD_CLOEXEC, 64);
  const int high_null = ::fcntl(null, F_DUPFD_CLOEXEC, 64);
  const int kept_process = ::dup3(high_process, 3, O_CLOEXEC);
  const int kept_lifeline = ::dup3(high_lifeline, 4, O_CLOEXEC);
  const int kept_null = ::dup3(high_null, 5, O_CLOEXEC);
  ::close_range(6, ~0U, 0);
  for (int standard = 0; standard < 3; ++standard) ::dup2(kept_null, standard);
  std::array<pollfd, 2> waits = {{{kept_process, POLLIN, 0}, {kept_lifeline, 0, 0}}};
  while (::poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
  }
  if (waits[0].revents != 0) ::_exit(wait_for(runtime));
  const pid_t removing = ::fork();
  if (removing == 0) execute(program.remove, program.environment, kept_null, kept_null, nullptr);
  if (removing > 0) wait_for(removing);
  ::kill(runtime, SIGKILL);
  wait_for(runtime);
  // The runtime may have been between its fork and its record when it was asked first.
  const pid_t again = ::fork();
  if (again == 0) execute(program.remove, program.environment, kept_null, kept_null, nullptr);
  if (again > 0) wait_for(again);
  ::_exit(128 + SIGTERM);
}

void copy_output(int from, const std::function<void(std::string_view)>& output) {
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t count = ::read(from, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    output(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
  }
}

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

std::optional<std::string> find_on_path(const std::string& name) {
  const char* const variable = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  std::string_view path = variable == nullptr ? kHostPath : variable;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    std::string candidate = sentence(path.substr(0, end), "/", name);
    if (end != 0 && is_program(candidate)) return candidate;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return std::nullopt;
}

std::vector<std::string> plain_environment() {
  // Nothing of the user's environment reaches a build (CVE-2021-3602).
  return {sentence("PATH=", kHostPath), "HOME=/", "LC_ALL=C.UTF-8", "GIT_TERMINAL_PROMPT=0"};
}

}  // namespace

std::string find_runtime(const std::string& chosen) {
  if (chosen.find('/') != std::string::npos) {
    if (!is_program(chosen)) throw Error(sentence("--runtime ", chosen, " is no program"));
    return real_path(chosen);
  }
  if (chosen.empty()) {
    const std::string own = real_path("/proc/self/exe");
    const std::string folder = own.substr(0, own.rfind('/'));
    // Installed side by side, or as meson builds them.
    for (const std::string& beside : {folder + "/toyrun", folder + "/../runtime/toyrun"})
      if (is_program(beside)) return real_path(beside);
  }
  const std::string name = chosen.empty() ? "toyrun" : chosen;
  if (const auto found = find_on_path(name)) return real_path(*found);
  throw Error(sentence("no OCI runtime \"", name,
                       "\" on PATH to run build steps with: install it or give --runtime"));
}

int run_container(const RuntimeCall& call, const std::function<void(std::string_view)>& output,
                  const std::stop_token& stop) {
  const Program program = {
      Arguments({call.runtime, "--root", call.state_root, "run", "--bundle", call.bundle, call.id}),
      Arguments({call.runtime, "--root", call.state_root, "delete", "--force", call.id}),
      Arguments(plain_environment())};
  Pipe lifeline = make_pipe(), printed = make_pipe();
  const UniqueFd null = open_at(AT_FDCWD, "/dev/null", O_RDWR);
  const pid_t watcher = check(::fork(), "fork");
  if (watcher == 0) watch(program, lifeline.read.get(), null.get(), printed.write.get());
  printed.write.reset();
  lifeline.read.reset();
  const std::stop_callback cut(stop, [&] { lifeline.write.reset(); });
  copy_output(printed.read.get(), output);
  const int status = wait_for(watcher);
  if (stop.stop_requested()) throw Error("stopped");
  return status;
}

std::string run_program(const std::vector<std::string>& words, const std::string& directory,
                        const std::stop_token& stop) {
  std::vector<std::string> command = words;
  if (command[0].find('/') == std::string::npos) {
    const auto found = find_on_path(command[0]);
    if (!found) throw Error(sentence("the program ", command[0], " is needed and not installed"));
    command[0] = *found;
  }
  const Arguments arguments(command), environment(plain_environment());
  Pipe printed = make_pipe();
  const UniqueFd null = open_at(AT_FDCWD, "/dev/null", O_RDWR);
  const pid_t pid = check(::fork(), "fork");
  if (pid == 0) execute(arguments, environment, null.get(), printed.write.get(), directory.c_str());
  printed.write.reset();
  const std::stop_callback kill(stop, [&] { ::kill(pid, SIGKILL); });
  std::string text;
  copy_output(printed.read.get(), [&](std::string_view piece) {
    if (text.size() < (std::size_t{1} << 20)) text += piece;
  });
  const int status = wait_for(pid);
  if (stop.stop_requested()) throw Error("stopped");
  if (status == 0) return text;
  while (text.ends_with('\n')) text.pop_back();
  throw Error(
      sentence(words[0], " failed with ", status, ": ",
               text.substr(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1)));
}

}  // namespace build
