// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/own_program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/deadline.hpp"
#include "runtime/kernel/spawn_plan.hpp"

namespace kernel {
namespace {

/// toyrun-systemd gives systemd 30 s.
constexpr std::chrono::seconds kPatience{40};

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

/// Beside toyrun, as in a build directory, else where it was installed. Our own path is that of the
/// command line: the executable may be a copy by now (kernel/own_binary).
std::string program_path(const OwnProgram::Name& name) {
  const std::string command_line = read_file("/proc/self/cmdline");
  const std::string own = command_line.c_str();
  const std::size_t slash = own.rfind('/');
  if (slash != std::string::npos) {
    for (const char* way : {"/", "/../libexec/toyrun/"}) {
      std::string path = sentence(own.substr(0, slash), way, name.file);
      if (is_program(path)) return path;
    }
  }
  std::string installed = sentence(TOYRUN_LIBEXEC, "/", name.file);
  if (is_program(installed)) return installed;
  throw Error(sentence(name.for_what, " needs the program ", name.file,
                       ", which is neither beside toyrun nor in ", TOYRUN_LIBEXEC));
}

/// Strings on the wire: each ends in a NUL byte, their number comes first.
std::string on_the_wire(const std::vector<std::string>& request) {
  std::string bytes = std::to_string(request.size()) + '\0';
  for (const std::string& word : request) bytes += word + '\0';
  return bytes;
}

}  // namespace

OwnProgram::OwnProgram(const Name& name, std::string argument) {
  std::array<int, 2> ends{};
  const char* file = name.file;
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "make a socket to ",
        file);
  socket_.reset(ends[0]);
  const UniqueFd theirs(ends[1]);
  path_ = program_path(name);
  std::string own_name = name.file;
  const std::array<char*, 3> words{own_name.data(), argument.empty() ? nullptr : argument.data(),
                                   nullptr};
  SpawnPlan plan;
  ::posix_spawn_file_actions_adddup2(&plan.actions, theirs.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_addopen(&plan.actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, 3);
  const int problem =
      ::posix_spawn(&pid_, path_.c_str(), &plan.actions, &plan.attributes, words.data(), environ);
  if (problem != 0) {
    pid_ = 0;
    throw Error(sentence("run ", path_), problem);
  }
}

OwnProgram::~OwnProgram() {
  // Not only closed: a process cloned meanwhile may have the descriptor, too.
  ::shutdown(socket_.get(), SHUT_RDWR);
  reap();
}

std::string OwnProgram::ask(const std::vector<std::string>& request) {
  const std::string bytes = on_the_wire(request);
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count =
        ::send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;  // its answer, or that there is none, tells more
    sent += static_cast<std::size_t>(count);
  }
  const std::string answer = read_answer();
  if (answer.starts_with('+')) return answer.substr(1);
  throw Error(answer.substr(1));
}

std::string OwnProgram::read_answer() {
  const Deadline deadline(kPatience);
  std::string answer;
  std::array<char, 1024> buffer;
  while (!answer.ends_with('\0')) {
    pollfd waiting{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, deadline.remaining());
    if (ready < 0 && errno == EINTR) continue;
    if (check(ready, "poll ", path_) == 0) {
      ::kill(pid_, SIGKILL);
      throw Error(sentence(path_, " did not answer within ", kPatience.count(), " s"));
    }
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw Error(sentence(path_, " ended without an answer"));
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  answer.pop_back();
  return answer.empty() ? "-it gave an empty answer" : answer;
}

void OwnProgram::reap() {
  while (pid_ > 0 && ::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
}

}  // namespace kernel
