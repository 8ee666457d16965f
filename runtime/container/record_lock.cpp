// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/record_lock.hpp"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/deadline.hpp"
#include "runtime/kernel/pidfd.hpp"

namespace {

constexpr std::chrono::seconds kPatience{10};

/// Makes a blocking call return with EINTR at the end of the time, and again shortly after that, in
/// case the call had not begun.
class Alarm {
 public:
  explicit Alarm(std::chrono::seconds after) {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, &old_action_);
    sigset_t alarm;
    ::sigemptyset(&alarm);
    ::sigaddset(&alarm, SIGALRM);
    ::sigprocmask(SIG_UNBLOCK, &alarm, &old_mask_);
    itimerval timer{};
    timer.it_value.tv_sec = static_cast<time_t>(after.count());
    timer.it_interval.tv_usec = 50'000;
    ::setitimer(ITIMER_REAL, &timer, nullptr);
  }
  ~Alarm() {
    const itimerval none{};
    ::setitimer(ITIMER_REAL, &none, nullptr);
    ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
    ::sigaction(SIGALRM, &old_action_, nullptr);
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

 private:
  struct sigaction old_action_{};
  sigset_t old_mask_{};
};

/// The pid in a line of /proc/locks ("1: FLOCK  ADVISORY  WRITE 4711 00:1d:4242 0 EOF") if it is
/// about this inode; 0 otherwise. proc(5).
pid_t holder_in(std::string_view line, std::string_view inode) {
  constexpr std::string_view kKind = "FLOCK  ADVISORY  WRITE ";
  const std::size_t start = line.find(kKind);
  if (start == std::string_view::npos || line.find("->") != std::string_view::npos) return 0;
  line.remove_prefix(start + kKind.size());
  const std::size_t end = line.find(' ');
  const std::string_view place = line.substr(end + 1, line.find(' ', end + 1) - end - 1);
  if (end == std::string_view::npos || !place.ends_with(inode)) return 0;
  pid_t pid = 0;
  std::from_chars(line.data(), line.data() + end, pid);
  return pid;
}

/// "process 4711 (toyrun)"; one of another pid namespace has no number here.
std::string holder(int file) {
  struct stat status{};
  check(::fstat(file, &status), "fstat of the container's state record");
  const std::string inode = sentence(':', status.st_ino);
  const std::string locks = read_file("/proc/locks");
  for (std::string_view left = locks; !left.empty();) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    if (const pid_t pid = holder_in(left.substr(0, end), inode); pid > 0) {
      const auto stat = kernel::process_stat(pid);
      return sentence("process ", pid, stat ? sentence(" (", stat->command, ")") : "");
    }
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return "a process that cannot be seen from here";
}

}  // namespace

void lock_record(int file) {
  int result;
  do {
    result = ::flock(file, LOCK_EX);
  } while (result != 0 && errno == EINTR);
  check(result, "lock the container's state record");
}

bool lock_record_if_free(int file) {
  const int result = ::flock(file, LOCK_EX | LOCK_NB);
  if (result != 0 && errno == EWOULDBLOCK) return false;
  check(result, "lock the container's state record");
  return true;
}

void lock_record_in_time(int file, const std::string& id) {
  const kernel::Deadline end(kPatience);
  const Alarm alarm(kPatience);
  while (::flock(file, LOCK_EX) != 0) {
    if (errno != EINTR) check(-1, "lock the container's state record");
    if (end.has_passed())
      throw Error(sentence("container ", id, " has been busy for ", kPatience.count(),
                           " s: ", holder(file), " is creating, starting or changing it"));
  }
}
