// SPDX-License-Identifier: Apache-2.0
// Who the process is and what it may do: identity, capabilities, limits, environment, working
// directory. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/host_facts.hpp"
#include "runtime/plan/memory_policy.hpp"

namespace plan {

struct CapabilitySets {
  std::uint64_t bounding = 0, effective = 0, inheritable = 0, permitted = 0,
                ambient = 0;  // bit N = capability N
  bool operator==(const CapabilitySets&) const = default;
};

struct ResourceLimit {
  int resource = 0;  // RLIMIT_*
  std::uint64_t soft = 0, hard = 0;
  bool operator==(const ResourceLimit&) const = default;
};

struct SchedulerPlan {  // sched_setattr(2)
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
  bool operator==(const SchedulerPlan&) const = default;
};

/// process.execCPUAffinity, for processes of exec only. An absent list leaves the kernel's choice.
struct CpuList {
  std::string text;                 // "0-3,7"
  std::vector<std::uint64_t> mask;  // sched_setaffinity(2)
  bool operator==(const CpuList&) const = default;
};
struct ExecAffinity {
  std::optional<CpuList> before_cgroup, in_cgroup;
  bool operator==(const ExecAffinity&) const = default;
};

struct ProcessPlan {
  std::vector<std::string> args, env;
  std::string cwd;
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> additional_gids;
  std::uint32_t umask = 0022;
  /// false where setgroups is denied (single-id user namespace) and none were asked for
  bool set_groups = true;
  CapabilitySets capabilities;
  std::vector<std::string> unknown_capabilities;  // warned about, spec: SHOULD NOT fail
  std::vector<ResourceLimit> limits;
  bool no_new_privileges = false;
  std::optional<std::int32_t> oom_score_adj;
  bool terminal = false;
  std::optional<oci::ConsoleSize> console_size;
  std::string apparmor_profile, selinux_label;  // empty: none
  std::optional<SchedulerPlan> scheduler;
  std::optional<int> io_priority;  // ioprio_set(2) value
  std::optional<std::uint32_t> personality;
  std::optional<MemoryPolicyPlan> memory_policy;
  std::optional<ExecAffinity> exec_affinity;
  bool operator==(const ProcessPlan&) const = default;
};

/// `pointer` is the JSON pointer of the process object for messages ("/process"). HOME is not set
/// here: it comes from the container's passwd (kernel/process). PATH lookup likewise.
ProcessPlan plan_process(const oci::Process& process, bool setgroups_denied,
                         std::string_view pointer);
std::vector<std::string> describe(const ProcessPlan& process);

/// Throws Error if the process asks for a label that this host's kernel cannot give.
void require_security_modules(const ProcessPlan& process, const HostFacts& facts,
                              std::string_view pointer);

/// Bit number of "CAP_NET_ADMIN", or nullopt.
std::optional<unsigned> capability_number(std::string_view name);
/// Names of the capabilities in a set, without CAP_: "CHOWN, KILL", or "none".
std::string capability_list(std::uint64_t set);
/// "RLIMIT_NOFILE", or "unknown".
std::string_view limit_name(int resource);
/// All names known, in number order: for `features`.
std::vector<std::string> known_capabilities();

}  // namespace plan
