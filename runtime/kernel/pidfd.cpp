// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/pidfd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/deadline.hpp"
#include "runtime/kernel/syscalls.hpp"

namespace kernel {

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  // The command name may hold blanks and parentheses of its own: only the last ')' ends it.
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  ProcessStat stat;
  stat.command = text.substr(open + 1, close - open - 1);
  std::string_view rest = text.substr(close + 1);
  constexpr int kState = 3, kStartTime = 22;  // field numbers of proc(5)
  for (int field = kState;; ++field) {
    const std::size_t start = rest.find_first_not_of(' ');
    if (start == std::string_view::npos) return std::nullopt;
    const std::size_t end = std::min(rest.find_first_of(" \n", start), rest.size());
    const std::string_view word = rest.substr(start, end - start);
    if (word.empty()) return std::nullopt;
    if (field == kState) stat.state = word.front();
    if (field == kStartTime) {
      const auto result = std::from_chars(word.data(), word.data() + word.size(), stat.start_time);
      if (result.ec != std::errc{} || result.ptr != word.data() + word.size()) return std::nullopt;
      return stat;
    }
    rest.remove_prefix(end);
  }
}

std::optional<ProcessStat> process_stat(pid_t pid) {
  const std::string path = sentence("/proc/", pid, "/stat");
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    if (errno == ENOENT) return std::nullopt;
    throw Error(sentence("open ", path), errno);
  }
  char text[1024];  // 52 numbers and a name of at most 64 bytes
  const ssize_t length = ::read(file.get(), text, sizeof text);
  if (length < 0 && errno == ESRCH) return std::nullopt;
  check(length, "read ", path);
  return parse_process_stat(std::string_view(text, static_cast<std::size_t>(length)));
}

std::uint64_t start_time(pid_t pid) {
  if (pid <= 0) return 0;
  const std::optional<ProcessStat> stat = process_stat(pid);
  if (!stat || stat->state == 'Z' || stat->state == 'X') return 0;
  return stat->start_time;
}

std::optional<UniqueFd> open_process(pid_t pid, std::uint64_t expected_start_time) {
  if (pid <= 0 || expected_start_time == 0) return std::nullopt;
  UniqueFd pidfd(pidfd_open(pid, 0));
  if (!pidfd) {
    // EINVAL: the number belongs to a thread now. ENOENT: kernel ≥ 6.15's word for a reaped one.
    if (errno == ESRCH || errno == EINVAL || errno == ENOENT) return std::nullopt;
    throw Error(sentence("pidfd_open of process ", pid), errno);
  }
  // Read after the descriptor was taken: if the time fits now, the descriptor is that process.
  if (start_time(pid) != expected_start_time) return std::nullopt;
  return pidfd;
}

bool send_signal(int pidfd, int signal) {
  if (pidfd_send_signal(pidfd, signal, nullptr, 0) == 0) return true;
  if (errno == ESRCH) return false;
  throw Error(sentence("send signal ", signal, " to the process"), errno);
}

bool wait_for_exit(int pidfd, std::chrono::milliseconds timeout) {
  const Deadline deadline(timeout);
  for (;;) {
    pollfd waiting{.fd = pidfd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, deadline.remaining());
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) throw Error("poll of a process", errno);
  }
}

}  // namespace kernel
