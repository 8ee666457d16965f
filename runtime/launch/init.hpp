// SPDX-License-Identifier: Apache-2.0
// The init half of a launch: from clone to execve of the container's first process. Runs in the new
// namespaces.
#pragma once

#include <cstdint>
#include <vector>

#include "bundle-spec/oci/state.hpp"
#include "runtime/container/start_gate.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/namespaces.hpp"
#include "runtime/kernel/procfs.hpp"
#include "runtime/kernel/rootfs.hpp"
#include "runtime/launch/handshake.hpp"
#include "runtime/plan/launch_plan.hpp"

namespace launch {

/// All that the parent prepared; memory is simply there after clone.
struct InitContext {
  const plan::LaunchPlan& plan;
  kernel::Cgroup& cgroup;
  const kernel::Procfs& procfs;
  const std::vector<kernel::OpenNamespace>& namespaces;  // to join; pid was joined by the parent
  std::vector<UniqueFd>& prepared_mounts;
  const kernel::PreparedOverlay& overlay;
  StartGate* gate;  // none for run
  Handshake& handshake;
  oci::State hook_state;
  int bundle_directory = -1;  // hooks start there
  int console_socket = -1;
  unsigned kept_fds = 0;
  bool parent_is_root = true;
  bool started = false;                     // past the gate
  bool is_placed_later = false;             // systemd moves it into the cgroup
  std::uint64_t namespaces_to_unshare = 0;  // by init, while the parent makes the v1 cgroups
};

/// True if init must not go on to its createContainer hooks before the host says HooksDone: hooks
/// there come first, and so do the network devices.
bool waits_for_host(const plan::LaunchPlan& plan);

/// First of all, in the child: until systemd has moved it, where that has to be.
void wait_for_place(InitContext& context);

/// Never returns: ends in the container's program, or with the reason sent through the handshake.
[[noreturn]] void run_init(InitContext& context) noexcept;

}  // namespace launch
