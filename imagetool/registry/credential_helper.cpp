// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/credential_helper.hpp"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/oci/json_view.hpp"
#include "imagetool/oci/printable.hpp"

namespace registry {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kOutputLimit = std::size_t{64} << 10;
// docker-credential-helpers: this user name marks the secret as an identity token.
constexpr const char* kTokenUser = "<token>";

struct Pipe {
  UniqueFd read, write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// A running helper; killed and reaped unless waited for.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  /// The wait status.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }

 private:
  pid_t pid_;
};

pid_t spawn(const std::string& program, std::string verb, int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  // The signals that end a pull are blocked here, and shall end the helper.
  posix_spawnattr_t attributes;
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::string name = program;
  std::array<char*, 3> arguments{name.data(), verb.data(), nullptr};
  pid_t pid = 0;
  const int failure =
      ::posix_spawnp(&pid, program.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failure == ENOENT) throw NotFound(sentence("there is no program ", program));
  if (failure != 0) throw Error(sentence("run ", program), failure);
  return pid;
}

/// All the helper prints until it closes its output or the time is up.
std::string read_output(int output, const std::string& program, Clock::time_point deadline) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd watched{.fd = output, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&watched, 1, static_cast<int>(std::max<long>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (check(ready, "poll") == 0) throw Error(sentence(program, " takes too long"));
    const ssize_t count = ::read(output, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (check(count, "read from ", program) == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kOutputLimit)
      throw Error(sentence(program, " prints more than ", kOutputLimit, " bytes"));
  }
}

/// The helpers have no code for "no login", only these sentences.
bool says_not_found(std::string_view output) {
  return output.find("credentials not found in native keychain") != std::string_view::npos ||
         output.find("No stored credential for") != std::string_view::npos;
}

Login read_login(const std::string& output, const std::string& program) {
  const oci::JsonView answer =
      oci::JsonView::parse(output, sentence("the answer of ", program), kOutputLimit);
  Login login{.username = answer.string("Username"), .password = answer.string("Secret")};
  if (login.username == kTokenUser) return {.identity_token = std::move(login.password)};
  return login;
}

/// Blocks SIGPIPE in this thread: a helper need not read what it is asked.
class PipeSignalBlocked {
 public:
  PipeSignalBlocked() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  PipeSignalBlocked(const PipeSignalBlocked&) = delete;
  PipeSignalBlocked& operator=(const PipeSignalBlocked&) = delete;
  ~PipeSignalBlocked() {
    const timespec now{};
    if (sigismember(&before_, SIGPIPE) == 0) (void)::sigtimedwait(&pipe_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

struct Answer {
  bool is_success = false;
  std::string output{};
};

std::string program_of(const std::string& name) {
  const bool is_plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '-' || letter == '_' || letter == '.';
  });
  if (!is_plain)
    throw Error(sentence("\"", printable(name), "\" is not the name of a credential helper"));
  return "docker-credential-" + name;
}

Answer run_helper(const std::string& program, const std::string& verb, std::string_view input,
                  std::chrono::seconds timeout) {
  Pipe question = make_pipe();
  Pipe answer = make_pipe();
  Child child(spawn(program, verb, question.read.get(), answer.write.get()));
  question.read.reset();
  answer.write.reset();
  {
    const PipeSignalBlocked blocked;
    // What is asked is far smaller than a pipe's buffer: this does not block. One that is not read
    // is no failure.
    (void)!::write(question.write.get(), input.data(), input.size());
    question.write.reset();
  }
  std::string output = read_output(answer.read.get(), program, Clock::now() + timeout);
  const int status = child.wait();
  return {.is_success = WIFEXITED(status) && WEXITSTATUS(status) == 0, .output = std::move(output)};
}

[[noreturn]] void fail(const std::string& program, const std::string& server,
                       const Answer& answer) {
  throw Error(sentence(program, " fails for ", server, ": ", printable(answer.output)));
}

}  // namespace

std::optional<Login> ask_helper(const std::string& name, const std::string& server,
                                std::chrono::seconds timeout) {
  const std::string program = program_of(name);
  const Answer answer = run_helper(program, "get", server, timeout);
  if (answer.is_success) return read_login(answer.output, program);
  if (says_not_found(answer.output)) return std::nullopt;
  fail(program, server, answer);
}

void store_in_helper(const std::string& name, const std::string& server, const Login& login,
                     std::chrono::seconds timeout) {
  const std::string program = program_of(name);
  const bool is_token = !login.identity_token.empty();
  const nlohmann::json document = {{"ServerURL", server},
                                   {"Username", is_token ? kTokenUser : login.username},
                                   {"Secret", is_token ? login.identity_token : login.password}};
  const Answer answer = run_helper(program, "store", document.dump(), timeout);
  if (!answer.is_success) fail(program, server, answer);
}

void erase_in_helper(const std::string& name, const std::string& server,
                     std::chrono::seconds timeout) {
  const std::string program = program_of(name);
  const Answer answer = run_helper(program, "erase", server, timeout);
  if (!answer.is_success && !says_not_found(answer.output)) fail(program, server, answer);
}

}  // namespace registry
