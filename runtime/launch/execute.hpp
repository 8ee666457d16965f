// SPDX-License-Identifier: Apache-2.0
// The last stretch, the same for a container's first process and for exec: from "in the right
// namespaces, with the right root" to execve. Runs in init or the joiner.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/kernel/procfs.hpp"
#include "runtime/launch/handshake.hpp"
#include "runtime/plan/process.hpp"
#include "runtime/plan/seccomp.hpp"

namespace launch {

/// What execute() is told beside the process plan.
struct Execution {
  const plan::ProcessPlan& process;
  const plan::SeccompPlan* seccomp = nullptr;
  Handshake& handshake;
  bool limits_set_by_parent = false;     // a new user namespace: only the parent may raise limits
  bool parent_is_root = true;            // it may fetch the seccomp listener itself
  unsigned kept_fds = 0;                 // 3 … 2+N go to the program
  std::vector<int> open_until_execve;    // besides the handshake: the start gate
  std::function<void()> wait_for_start;  // after Release: gate, startContainer hooks
};

/// Marks all descriptors from 3 + kept on close-on-exec: those that toyrun inherited, too.
void mark_inherited_fds(unsigned kept);

/// Closes everything but stdio, the program's `kept` descriptors and these few, so that no path
/// below /proc/PID/fd leads to the host (CVE-2024-21626).
void close_all_but(unsigned kept, std::vector<int> open);

/// What is written through the host's /proc and stays over clone and execve: oom_score_adj, labels.
void set_own_proc_files(const kernel::Procfs& procfs, const plan::ProcessPlan& process);

/// How many descriptors the program gets beyond stdio: LISTEN_FDS of our own environment plus
/// `preserve_fds`.
unsigned count_kept_fds(unsigned preserve_fds);

/// Becomes the process: limits, identity, working directory, capabilities, seccomp; says
/// Ready, waits for Release, executes. Only returns by exception.
[[noreturn]] void execute(const Execution& execution);

/// Runs `body` as the whole of a cloned child: sends its failure through the handshake, never
/// returns, never unwinds past here.
[[noreturn]] void run_child(Handshake& handshake, const std::function<void()>& body) noexcept;

}  // namespace launch
