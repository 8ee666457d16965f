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

#include "bundle-spec/fs/unique_fd.hpp"

namespace kernel {

/// What /proc/PID/stat says. proc(5).
struct ProcessStat {
  std::string command;
  char state = '?';              // 'R', 'S', 'D', 'Z' …
  std::uint64_t start_time = 0;  // clock ticks since boot
};
/// Reads the text of such a file; nullopt when it is none. The command may contain anything, ")"
/// too.
std::optional<ProcessStat> parse_process_stat(std::string_view text);
/// nullopt when there is no such process.
std::optional<ProcessStat> process_stat(pid_t pid);

/// Field 22 of /proc/PID/stat, clock ticks since boot; 0 when there is no such process or it is a
/// zombie. proc(5).
std::uint64_t start_time(pid_t pid);
/// A pidfd of the process with this pid and start time; nullopt when it is gone, a zombie, or
/// another process has the pid.
std::optional<UniqueFd> open_process(pid_t pid, std::uint64_t start_time);
/// Sends a signal; false when the process is gone already. Throws Error otherwise.
bool send_signal(int pidfd, int signal);
/// poll(2) until the process has ended; false when `timeout` passes first (negative: no limit).
bool wait_for_exit(int pidfd, std::chrono::milliseconds timeout);

}  // namespace kernel
