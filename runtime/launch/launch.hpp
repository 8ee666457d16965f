// SPDX-License-Identifier: Apache-2.0
// The parent half of a launch: from a plan to a process that waits in its container. Host side. The
// other half is launch/init (a new container) or launch/join (exec); what they say to each other is
// launch/handshake.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/container/container.hpp"
#include "runtime/launch/handshake.hpp"
#include "runtime/plan/launch_plan.hpp"

namespace launch {

/// What the command line says about stdio and start.
struct ProcessOptions {
  std::optional<std::string> console_socket;  // the terminal's master goes there
  bool keep_master = false;  // foreground: the terminal's master comes back in Launched
  unsigned preserve_fds =
      0;  // descriptors 3 … 2+N (after LISTEN_FDS) stay open; proved open before
  std::optional<std::string> pidfd_socket;     // init's pidfd goes there
  std::vector<plan::CgroupDirectory> cgroups;  // exec: where to, if not into the container's own
  std::optional<std::string> pid_file;         // create: written before init may go on
};

/// The filter that the process gets, and whether it comes last (plan::barred_start).
struct Filter {
  const std::optional<plan::SeccompPlan>& seccomp;
  bool no_new_privileges;
};

/// "… ended before its program could run: killed by SIGSYS: starting needs execve, which …": the
/// signal of such a wait status, and what the filter has to do with it.
std::string describe_early_end(int wait_status, const Filter& filter);

/// A process that is set up and waits for the last word.
struct Launched {
  pid_t pid = 0;
  UniqueFd pidfd;
  std::uint64_t start_time = 0;
  UniqueFd master;  // with keep_master
  Handshake handshake;

  /// Lets the process go on to execve and waits until the program runs. Throws Error with the
  /// process's own sentence. What ended without one is told when nobody waits for the process.
  void release(const Filter& filter, bool is_detached);
};

/// Throws Error unless the descriptors that the program is to get are open: so many as LISTEN_FDS
/// says and `preserve_fds` more (runc #5474). A number that is not true would leave descriptors of
/// ours open until execve (CVE-2024-21626). As in sd_listen_fds(3), LISTEN_FDS is meant for the
/// process LISTEN_PID; for another it is dropped from the environment. Call before anything is
/// opened.
void check_inherited_fds(unsigned preserve_fds);

/// create: the process waits at the container's start gate; Launched::release need not be called
/// (and must not). The record is updated with the pid. On failure everything made is undone. Hooks
/// prestart … createContainer have run.
Launched create_init(const plan::LaunchPlan& plan, Container& container,
                     const ProcessOptions& options);
/// run: the same without a gate; the program starts at release().
Launched create_init_for_run(const plan::LaunchPlan& plan, Container& container,
                             const ProcessOptions& options);
/// exec: a process in all namespaces and cgroups of a running container. `seccomp` is the
/// container's.
Launched join_container(const Container& container, const plan::ProcessPlan& process,
                        const ProcessOptions& options);

/// Mounts in the namespaces of a running container, all or none.
void add_mounts(const Container& container, const plan::RootfsPlan& plan);
/// Unmounts there.
void remove_mounts(const Container& container, const std::vector<std::string>& targets);

}  // namespace launch
