// SPDX-License-Identifier: Apache-2.0
// The part of kernel/cgroup that makes a container's cgroups go away. Host side.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/cgroup_files.hpp"
#include "runtime/kernel/cgroup_stuck.hpp"
#include "runtime/kernel/pidfd.hpp"
#include "runtime/kernel/syscalls.hpp"

namespace kernel {
namespace {

/// Tries every directory once; keeps those that are busy.
void remove_free_ones(CgroupDirectories& left) {
  std::erase_if(left, [](const plan::CgroupDirectory& one) { return remove_cgroup_tree(one); });
}

std::vector<pid_t> all_processes(const CgroupDirectories& directories) {
  std::vector<pid_t> pids;
  for (const plan::CgroupDirectory& one : directories) {
    const UniqueFd dir = open_cgroup_if_exists(one);
    if (!dir) continue;
    const std::vector<pid_t> here = processes_below(dir.get());
    pids.insert(pids.end(), here.begin(), here.end());
  }
  std::ranges::sort(pids);
  pids.erase(std::ranges::unique(pids).begin(), pids.end());
  return pids;
}

/// Waits on pidfds until all of these have ended or the deadline passes. Few at a time: descriptors
/// are limited.
void wait_for_all(const std::vector<pid_t>& pids, const Deadline& deadline) {
  constexpr std::size_t kAtATime = 128;
  if (pids.empty()) return;
  std::vector<UniqueFd> pidfds;
  for (const pid_t pid : pids) {
    if (pidfds.size() == kAtATime) break;
    UniqueFd pidfd(pidfd_open(pid, 0));
    if (pidfd) pidfds.push_back(std::move(pidfd));
  }
  for (const UniqueFd& pidfd : pidfds) {
    const std::chrono::milliseconds left{deadline.remaining()};
    if (!wait_for_exit(pidfd.get(), left)) return;
  }
}

/// One round of waiting until the processes in `left` are gone. By pidfds first: cgroup.events is
/// told at most every 10 ms (CGROUP_FILE_NOTIFY_MIN_INTV), which a container that has just started
/// would have to sit out.
void wait_until_empty(const CgroupDirectories& left, const std::vector<pid_t>& pids, unsigned round,
                      const Deadline& deadline) {
  if (!pids.empty()) return wait_for_all(pids, deadline);
  // Nobody is listed, and still busy: the last task is past its exit but has not let go yet. It
  // leaves its cgroups of all hierarchies at once, so the v2 event is good for the v1 ones too.
  for (const plan::CgroupDirectory& one : left) {
    if (!one.is_v2) continue;
    const UniqueFd dir = open_cgroup_if_exists(one);
    if (dir && !wait_for_event(dir.get(), {"populated 0\n"}, deadline)) return;
  }
  if (round > 0) pause_without_event(round, deadline);
}

[[noreturn]] void refuse(const CgroupDirectories& left, std::chrono::milliseconds deadline) {
  const std::vector<pid_t> pids = all_processes(left);
  const std::string why = pids.empty() ? "no process is listed in it" : describe_stuck(pids);
  throw Error(sentence("the cgroup ", cgroup_name(left.front()), " is still busy after ",
                       deadline.count(), " ms: ", why),
              EBUSY);
}

}  // namespace

std::string describe_stuck(const std::vector<pid_t>& pids) {
  struct Stuck {
    pid_t pid;
    ProcessStat stat;
  };
  std::optional<Stuck> named;
  for (const pid_t pid : pids) {
    std::optional<ProcessStat> stat = process_stat(pid);
    if (!stat || (named && stat->state != 'D')) continue;
    const bool is_worst = stat->state == 'D';
    named = Stuck{pid, std::move(*stat)};
    if (is_worst) break;
  }
  if (!named) return "its processes are ending";
  std::string text = sentence("process ", named->pid, " (", named->stat.command, ") is in state ",
                              named->stat.state);
  const std::string path = sentence("/proc/", named->pid, "/wchan");
  if (const auto place = read_file_if_exists(path); place && !place->empty() && *place != "0") {
    text += " in " + *place;
  }
  if (pids.size() > 1) text += sentence(", and ", pids.size() - 1, " more");
  return text;
}

void remove(const CgroupDirectories& directories, bool kill_remaining,
            std::chrono::milliseconds deadline) {
  CgroupDirectories left = directories;
  remove_free_ones(left);
  if (left.empty()) return;
  const Deadline end(deadline);
  for (unsigned round = 0; !left.empty(); ++round) {
    if (round > 0 && end.has_passed()) refuse(left, deadline);
    if (kill_remaining) signal_all(left, SIGKILL);
    const std::vector<pid_t> pids = all_processes(left);
    for (const pid_t pid : pids) {
      // A process that left the v2 cgroup for another, but not the rest of its cgroups.
      if (kill_remaining && pid != ::getpid()) ::kill(pid, SIGKILL);
    }
    wait_until_empty(left, pids, round, end);
    remove_free_ones(left);
  }
}

}  // namespace kernel
