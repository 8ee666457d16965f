// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/systemd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/kernel/deadline.hpp"
#include "runtime/kernel/host_facts.hpp"

namespace kernel {
namespace {

constexpr const char* kProgram = "toyrun-systemd";
/// The program itself gives systemd 30 s.
constexpr std::chrono::seconds kPatience{40};

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

/// Beside toyrun, as in a build directory, else where it was installed. Our own path is that of the
/// command line: the executable may be a copy by now (kernel/own_binary).
std::string program_path() {
  const std::string command_line = read_file("/proc/self/cmdline");
  const std::string own = command_line.c_str();
  const std::size_t slash = own.rfind('/');
  if (slash != std::string::npos) {
    for (const char* way : {"/", "/../libexec/toyrun/"}) {
      std::string path = sentence(own.substr(0, slash), way, kProgram);
      if (is_program(path)) return path;
    }
  }
  std::string installed = sentence(TOYRUN_LIBEXEC, "/", kProgram);
  if (is_program(installed)) return installed;
  throw Error(sentence("the systemd cgroup driver needs the program ", kProgram,
                       ", which is neither beside toyrun nor in ", TOYRUN_LIBEXEC));
}

/// Strings on the wire: each ends in a NUL byte, their number comes first.
class Request {
 public:
  explicit Request(std::string_view verb) { add(verb); }
  Request& add(std::string_view word) {
    words_ += word;
    words_ += '\0';
    ++count_;
    return *this;
  }
  Request& add(const std::vector<plan::UnitProperty>& properties) {
    for (const plan::UnitProperty& one : properties) {
      add(one.name).add(one.signature).add(std::to_string(one.values.size()));
      for (const std::string& value : one.values) add(value);
    }
    return *this;
  }
  std::string take() const { return std::to_string(count_) + '\0' + words_; }

 private:
  std::string words_;
  std::size_t count_ = 0;
};

/// Attributes and file actions of posix_spawn(3): stdin is the conversation, stderr ours.
class SpawnPlan {
 public:
  explicit SpawnPlan(int conversation) {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, conversation, STDIN_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

bool has_variable(const char* name) {
  const char* value = ::getenv(name);
  return value != nullptr && *value != '\0';
}

/// Root of a user namespace is an ordinary user with a systemd of its own, if that can be found.
bool asks_user_manager() {
  if (::geteuid() != 0) return true;
  if (in_initial_user_namespace()) return false;
  return has_variable("DBUS_SESSION_BUS_ADDRESS") || has_variable("XDG_RUNTIME_DIR");
}

}  // namespace

/// toyrun-systemd while it runs: requests and answers, one at a time. It ends when it is let go.
class BusProgram {
 public:
  explicit BusProgram(bool of_user) {
    std::array<int, 2> ends{};
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "make a socket to ",
          kProgram);
    socket_.reset(ends[0]);
    const UniqueFd theirs(ends[1]);
    path_ = program_path();
    std::string manager = of_user ? "user" : "system";
    std::string name = kProgram;
    const std::array<char*, 3> words{name.data(), manager.data(), nullptr};
    const SpawnPlan plan(theirs.get());
    const int problem =
        ::posix_spawn(&pid_, path_.c_str(), &plan.actions, &plan.attributes, words.data(), environ);
    if (problem != 0) {
      pid_ = 0;
      throw Error(sentence("run ", path_), problem);
    }
  }
  BusProgram(const BusProgram&) = delete;
  BusProgram& operator=(const BusProgram&) = delete;
  ~BusProgram() {
    // Not only closed: a process cloned meanwhile may have the descriptor, too.
    ::shutdown(socket_.get(), SHUT_RDWR);
    reap();
  }

  std::string ask(const Request& request) {
    const std::string bytes = request.take();
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

 private:
  std::string read_answer() {
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
  void reap() {
    while (pid_ > 0 && ::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
  }

  std::string path_;
  UniqueFd socket_;
  pid_t pid_ = 0;
};

plan::SystemdFacts systemd_facts() {
  plan::SystemdFacts facts;
  facts.of_user = asks_user_manager();
  const std::string answer = BusProgram(facts.of_user).ask(Request("manager"));
  const std::size_t end = answer.find('\n');
  std::from_chars(answer.data(), answer.data() + answer.size(), facts.version);
  if (end == std::string::npos || facts.version == 0)
    throw Error(sentence("systemd did not tell its version and its cgroup: \"", answer, "\""));
  facts.root = answer.substr(end + 1);
  if (facts.root == "/") facts.root.clear();
  return facts;
}

TransientUnit::TransientUnit() = default;
TransientUnit::TransientUnit(TransientUnit&& other) noexcept
    : id_(std::move(other.id_)),
      program_(std::move(other.program_)),
      keep_(std::exchange(other.keep_, true)) {}

TransientUnit TransientUnit::start(const plan::SystemdUnit& unit) {
  TransientUnit started;
  started.keep_ = true;  // until there is something to stop
  started.id_ = unit.id;
  started.program_ = std::make_unique<BusProgram>(unit.id.of_user);
  const std::string cgroup =
      started.program_->ask(Request("start").add(unit.id.name).add(unit.properties));
  started.keep_ = false;
  if (cgroup != unit.cgroup)
    throw Error(sentence("systemd put the unit ", unit.id.name, " into the cgroup ", cgroup,
                         ", not into ", unit.cgroup));
  return started;
}

TransientUnit::~TransientUnit() {
  program_.reset();
  if (keep_) return;
  try {
    stop_unit(id_);
  } catch (const Error& error) {
    logging::warning(sentence(error.what(), ", ignoring"));  // the first failure is the one to tell
  }
}

void TransientUnit::attach(pid_t pid) {
  program_->ask(Request("attach").add(id_.name).add(std::to_string(pid)));
}

void TransientUnit::leave(const std::vector<plan::UnitProperty>& last_properties) {
  if (!last_properties.empty()) program_->ask(Request("set").add(id_.name).add(last_properties));
  program_.reset();
}

void set_unit_properties(const plan::UnitName& unit,
                         const std::vector<plan::UnitProperty>& properties) {
  if (properties.empty()) return;
  BusProgram(unit.of_user).ask(Request("set").add(unit.name).add(properties));
}

void attach_to_unit(const plan::UnitName& unit, pid_t pid) {
  BusProgram(unit.of_user).ask(Request("attach").add(unit.name).add(std::to_string(pid)));
}

void stop_unit(const plan::UnitName& unit) {
  BusProgram(unit.of_user).ask(Request("stop").add(unit.name));
}

}  // namespace kernel
