// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/pidfd.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/deadline.hpp"
#include "runtime/kernel/syscalls.hpp"

namespace kernel {

namespace {

template <typename Number>
bool read_whole(std::string_view word, Number& number) {
  const auto result = std::from_chars(word.data(), word.data() + word.size(), number);
  return result.ec == std::errc{} && result.ptr == word.data() + word.size();
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

/// PF_EXITING and PF_FORKNOEXEC of linux/sched.h, which is no part of the uapi.
constexpr std::uint64_t kExiting = 0x4, kForkedButDidNotExec = 0x40;

bool is_ending(const ProcessStat& stat) {
  return stat.state == 'Z' || stat.state == 'X' || (stat.flags & kExiting) != 0;
}

/// struct pidfd_info, PIDFD_INFO_EXIT and PIDFD_GET_INFO of linux/pidfd.h, which Debian 12 lacks
/// (Linux 6.13, the exit code since 6.15).
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup;
  std::uint32_t ids[11];
  std::int32_t wait_status;
};
static_assert(sizeof(PidfdInfo) == 64);  // PIDFD_INFO_SIZE_VER0
constexpr std::uint64_t kInfoExit = 1U << 3;

/// Of a process that has been reaped.
std::optional<int> reaped_status(int pidfd) {
  PidfdInfo info{};
  info.mask = kInfoExit;
  if (::ioctl(pidfd, _IOWR(0xff, 11, PidfdInfo), &info) < 0 || (info.mask & kInfoExit) == 0)
    return std::nullopt;
  return info.wait_status;
}

std::optional<int> zombie_status(pid_t pid, std::uint64_t start_time) {
  const std::optional<ProcessStat> stat = process_stat(pid);
  if (!stat || stat->start_time != start_time || stat->state != 'Z') return std::nullopt;
  return stat->wait_status;
}

/// The stat is read after the descriptor was taken: if the time fits now, the descriptor is that
/// process.
std::optional<UniqueFd> open_identified(pid_t pid, std::uint64_t expected_start_time,
                                        ProcessStat& stat) {
  if (pid <= 0 || expected_start_time == 0) return std::nullopt;
  UniqueFd pidfd(pidfd_open(pid, 0));
  if (!pidfd) {
    // EINVAL: the number belongs to a thread now. ENOENT: kernel ≥ 6.15's word for a reaped one.
    if (errno == ESRCH || errno == EINVAL || errno == ENOENT) return std::nullopt;
    throw Error(sentence("pidfd_open of process ", pid), errno);
  }
  const std::optional<ProcessStat> now = process_stat(pid);
  if (!now || now->start_time != expected_start_time) return std::nullopt;
  stat = *now;
  return pidfd;
}

}  // namespace

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
  // Field numbers of proc(5).
  constexpr int kState = 3, kFlags = 9, kStartTime = 22, kExitCode = 52;
  for (int field = kState; field <= kExitCode; ++field) {
    const std::size_t start = rest.find_first_not_of(" \n");
    // What follows the start time is younger than Linux 3.5 only in part.
    if (start == std::string_view::npos)
      return field > kStartTime ? std::optional(stat) : std::nullopt;
    const std::size_t end = std::min(rest.find_first_of(" \n", start), rest.size());
    const std::string_view word = rest.substr(start, end - start);
    if (field == kState) stat.state = word.front();
    if (field == kFlags && !read_whole(word, stat.flags)) return std::nullopt;
    if (field == kStartTime && !read_whole(word, stat.start_time)) return std::nullopt;
    if (field == kExitCode && !read_whole(word, stat.wait_status)) return std::nullopt;
    rest.remove_prefix(end);
  }
  return stat;
}

std::optional<ProcessStat> process_stat(pid_t pid) {
  const std::string path = sentence("/proc/", pid, "/stat");
  const std::optional<UniqueFd> file = open_at_if_exists(AT_FDCWD, path, O_RDONLY);
  if (!file) return std::nullopt;
  char text[1024];  // 52 numbers and a name of at most 64 bytes
  const ssize_t length = ::read(file->get(), text, sizeof text);
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

bool is_ending(pid_t pid, std::uint64_t expected_start_time) {
  const std::optional<ProcessStat> stat = process_stat(pid);
  return !stat || stat->start_time != expected_start_time || is_ending(*stat);
}

std::optional<int> status_without_exec(pid_t pid,
                                       std::optional<std::uint64_t> expected_start_time) {
  // A third of what the whole stat costs, and nearly always the answer: it has its memory still.
  char executable = 0;
  if (::readlink(sentence("/proc/", pid, "/exe").c_str(), &executable, 1) > 0) return std::nullopt;
  const std::optional<ProcessStat> stat = process_stat(pid);
  if (!stat || stat->start_time != expected_start_time.value_or(stat->start_time) ||
      !is_ending(*stat))
    return std::nullopt;
  if ((stat->flags & kForkedButDidNotExec) == 0) return std::nullopt;
  return stat->wait_status;
}

std::vector<pid_t> descendants(pid_t pid) {
  std::vector<pid_t> found;
  const std::string tasks = sentence("/proc/", pid, "/task");
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(tasks.c_str()));
  while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr) {
    if (entry->d_name[0] == '.') continue;
    const auto text = read_file_if_exists(sentence(tasks, '/', entry->d_name, "/children"));
    for (std::string_view rest = text ? *text : std::string_view(); !rest.empty();) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      pid_t child = 0;
      if (!read_whole(word, child)) continue;
      found.push_back(child);
      for (const pid_t below : descendants(child)) found.push_back(below);
    }
  }
  return found;
}

std::optional<UniqueFd> open_process_or_zombie(pid_t pid, std::uint64_t expected_start_time) {
  ProcessStat stat;
  return open_identified(pid, expected_start_time, stat);
}

std::optional<UniqueFd> open_process(pid_t pid, std::uint64_t expected_start_time) {
  ProcessStat stat;
  std::optional<UniqueFd> pidfd = open_identified(pid, expected_start_time, stat);
  if (stat.state == 'Z' || stat.state == 'X') return std::nullopt;
  return pidfd;
}

bool send_signal(int pidfd, int signal) {
  if (pidfd_send_signal(pidfd, signal, nullptr, 0) == 0) return true;
  if (errno == ESRCH) return false;
  throw Error(sentence("send signal ", signal, " to the process"), errno);
}

std::optional<int> wait_for_status(pid_t pid, std::uint64_t start_time) {
  if (pid <= 0 || start_time == 0) return std::nullopt;
  const UniqueFd pidfd(pidfd_open(pid, 0));
  const std::optional<ProcessStat> stat = process_stat(pid);
  if (!pidfd || !stat || stat->start_time != start_time) return std::nullopt;
  constexpr std::chrono::milliseconds kNoLimit{-1};
  wait_for_exit(pidfd.get(), kNoLimit);
  std::optional<int> status = zombie_status(pid, start_time);
  if (!status) status = reaped_status(pidfd.get());
  if (!status) return std::nullopt;
  return WIFSIGNALED(*status) ? 128 + WTERMSIG(*status) : WEXITSTATUS(*status);
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
