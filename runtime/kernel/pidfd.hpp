// SPDX-License-Identifier: Apache-2.0
// A process that cannot be mistaken for another: pid and start time in the record, a pidfd to act
// on it. Host side.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"

namespace kernel {

/// What /proc/PID/stat says. proc(5).
struct ProcessStat {
  std::string command;
  char state = '?';              // 'R', 'S', 'D', 'Z' …
  std::uint64_t start_time = 0;  // clock ticks since boot
  std::uint64_t flags = 0;       // the kernel's PF_* bits
  /// of a zombie, as wait(2) has it; 0 as well for who may not trace it
  int wait_status = 0;
};
/// Reads the text of such a file; nullopt when it is none. The command may contain anything, ")"
/// too.
std::optional<ProcessStat> parse_process_stat(std::string_view text);
/// nullopt when there is no such process.
std::optional<ProcessStat> process_stat(pid_t pid);

/// Field 22 of /proc/PID/stat, clock ticks since boot; 0 when there is no such process or it is a
/// zombie. proc(5).
std::uint64_t start_time(pid_t pid);
/// Whether the process with this pid and start time is gone, a zombie, or on its way to that: it
/// has let go of its namespaces and takes no signal any more.
bool is_ending(pid_t pid, std::uint64_t start_time);
/// The wait status of one that is on its way to that without ever having executed a program (clone
/// without execve); 0 where that may not be read. nullopt: it lives, it has executed something, or
/// it was waited for. A child of our own needs no start time.
std::optional<int> status_without_exec(pid_t pid, std::optional<std::uint64_t> start_time);
/// Children, their children and so on of a process, in this pid namespace (proc(5), "children").
std::vector<pid_t> descendants(pid_t pid);
/// A pidfd of the process with this pid and start time; nullopt when it is gone, a zombie, or
/// another process has the pid.
std::optional<UniqueFd> open_process(pid_t pid, std::uint64_t start_time);
/// The same, and a zombie as well: threads may live on when the first of them has ended.
std::optional<UniqueFd> open_process_or_zombie(pid_t pid, std::uint64_t start_time);
/// Sends a signal; false when the process is gone already. Throws Error otherwise.
bool send_signal(int pidfd, int signal);
/// Waits until the process with this pid and start time has ended, and gives its exit status, 128 +
/// signal when killed. It need not be our child. nullopt where nobody can tell: it was reaped
/// before we came, or by a kernel before 6.15.
std::optional<int> wait_for_status(pid_t pid, std::uint64_t start_time);
/// poll(2) until the process has ended; false when `timeout` passes first (negative: no limit).
bool wait_for_exit(int pidfd, std::chrono::milliseconds timeout);

}  // namespace kernel
