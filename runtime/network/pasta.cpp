// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/pasta.hpp"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/pidfd.hpp"

namespace network {
namespace {

constexpr std::chrono::seconds kPatience{5};

std::string pid_file(const std::string& record) {
  constexpr std::string_view kSuffix = ".json";
  return record.substr(0, record.size() - kSuffix.size()) + ".pasta";
}

/// passt(1), "-t": "127.0.0.1/8080-8081:80-81,…".
std::string port_list(const plan::NetworkPlan& wish, bool udp) {
  std::string list;
  for (const plan::PublishedPort& port : wish.ports) {
    if (port.is_udp != udp) continue;
    if (port.host_port == 0)
      throw Error(
          sentence("port ", to_text(port), ": pasta cannot choose a port of the host; name one"));
    const auto range = [&](unsigned first) {
      return port.count == 1 ? sentence(first) : sentence(first, "-", first + port.count - 1);
    };
    list += sentence(list.empty() ? "" : ",",
                     port.host_address ? to_text(*port.host_address) + "/" : "",
                     range(port.host_port), ":", range(port.container_port));
  }
  return list.empty() ? "none" : list;
}

/// File actions of posix_spawn(3): the descriptors stay open under their numbers.
class InheritedFds {
 public:
  explicit InheritedFds(std::initializer_list<int> fds) {
    ::posix_spawn_file_actions_init(&actions);
    for (const int fd : fds) ::posix_spawn_file_actions_adddup2(&actions, fd, fd);
  }
  InheritedFds(const InheritedFds&) = delete;
  InheritedFds& operator=(const InheritedFds&) = delete;
  ~InheritedFds() { ::posix_spawn_file_actions_destroy(&actions); }
  posix_spawn_file_actions_t actions;
};

/// Runs it until it is in the background.
void run(std::vector<std::string> words, const InheritedFds& fds) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int problem =
      ::posix_spawnp(&pid, arguments[0], &fds.actions, nullptr, arguments.data(), environ);
  if (problem == ENOENT)
    throw Error(
        "an ordinary user's network needs pasta, of the package passt; install it, or use the mode "
        "\"none\" or \"host\"");
  if (problem != 0) throw Error("run pasta", problem);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Error("pasta could not connect the container; what it said stands above");
}

/// What the pid file holds: pasta writes its pid, and we the start time after it.
struct Noted {
  pid_t pid = 0;
  std::uint64_t start_time = 0;
};

Noted read_note(std::string_view text) {
  Noted noted;
  const char* const end = text.data() + text.size();
  const char* const after = std::from_chars(text.data(), end, noted.pid).ptr;
  if (after != end && *after == ' ') std::from_chars(after + 1, end, noted.start_time);
  // Whoever started it was killed before the start time was noted: the name must do. The program is
  // pasta, or passt.avx2.
  if (noted.start_time != 0 || noted.pid <= 0) return noted;
  const std::optional<kernel::ProcessStat> stat = kernel::process_stat(noted.pid);
  if (stat && stat->command.starts_with("pas")) noted.start_time = stat->start_time;
  return noted;
}

void note_start_time(const std::string& file) {
  const Noted noted = read_note(read_file(file));
  replace_file(file, sentence(noted.pid, ' ', noted.start_time, '\n'), 0600);
}

}  // namespace

void start_pasta(const plan::NetworkPlan& wish, const std::string& record, int network_namespace,
                 int user_namespace) {
  const auto path = [](int fd) { return sentence("/proc/self/fd/", fd); };
  // --no-map-gw: the host's loopback services are not for the container.
  run({"pasta", "--no-map-gw", "--config-net", "--quiet", "--no-netns-quit", "--pid",
       pid_file(record), "--tcp-ports", port_list(wish, false), "--udp-ports",
       port_list(wish, true), "--tcp-ns", "none", "--udp-ns", "none", "--netns",
       path(network_namespace), "--userns", path(user_namespace)},
      InheritedFds({network_namespace, user_namespace}));
  note_start_time(pid_file(record));
}

bool stop_pasta(const std::string& record) {
  const std::string file = pid_file(record);
  const std::optional<std::string> text = read_file_if_exists(file);
  if (!text) return false;
  // Another process may have its number by now.
  const Noted noted = read_note(*text);
  const auto process =
      noted.start_time != 0 ? kernel::open_process(noted.pid, noted.start_time) : std::nullopt;
  if (process) {
    kernel::send_signal(process->get(), SIGKILL);
    kernel::wait_for_exit(process->get(), kPatience);
  }
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) check(-1, "remove ", file);
  return true;
}

}  // namespace network
