// SPDX-License-Identifier: Apache-2.0
// The isolation in effect beside the one that was asked for. kernel/isolation reads the former; the
// comparison is pure. What a process may give up by itself (capabilities, limits, root) is tighter,
// not drift.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/launch_plan.hpp"

namespace plan {

/// A line of the process's mountinfo.
struct SeenMount {
  std::string root, target, type;
  std::vector<std::string> options;           // of the mount, not of its file system
  std::string device = {};                    // "8:1"
  std::vector<std::string> propagation = {};  // "shared:1", "master:2", "unbindable"
};

/// Where a bind's source lies: its file system and the path in that.
struct SeenSource {
  std::string device, root;
};

/// The sysctls of its namespaces by their path; or why they cannot be read.
struct SeenSysctls {
  std::map<std::string, std::string> values;
  std::string obstacle = "not read";
};

/// A control file of the container's cgroup.
struct SeenValue {
  std::string hierarchy, file;  // mount point of the hierarchy
  std::string text;
};

/// The seccomp filters of the process, the oldest first; or why they cannot be read.
struct SeenFilters {
  std::vector<std::vector<FilterInstruction>> programs;
  std::string obstacle;
};

/// What its cgroup lets it do with devices, in the form of the host's hierarchy.
struct SeenDevices {
  std::vector<std::string> lines;     // v1: of devices.list
  bool has_program = false;           // v2: the plan's is attached
  std::string obstacle = "not read";  // why nothing can be compared; empty if it can
};

/// What the host's kernel says of a container's first process.
struct Isolation {
  // By the spec's word: "pid:[4026532177]".
  std::map<std::string, std::string> namespaces, own_namespaces, joined_namespaces;
  CapabilitySets capabilities;
  std::uint32_t uid = 0, gid = 0;  // effective, as the host counts
  std::vector<std::uint32_t> groups;
  std::uint32_t pid_inside = 0;  // its number in its own pid namespace
  bool no_new_privileges = false;
  int seccomp_mode = 0;  // 2: filter
  SeenFilters seccomp_filters;
  std::vector<ResourceLimit> limits;
  std::int32_t oom_score_adj = 0;
  std::vector<oci::IdMapping> uid_mappings, gid_mappings;
  std::string label;  // of the security module
  std::vector<SeenMount> mounts;
  /// Targets of the plan that are something else once symlinks are followed.
  std::map<std::string, std::string> resolved;
  std::map<std::string, SeenSource> sources;  // of the bind on that target, where it can be told
  SeenSysctls sysctls;
  std::vector<std::string> absent;            // masked and read-only paths with nothing there
  std::vector<std::string> hierarchies_left;  // where the process is not in its cgroup
  std::vector<SeenValue> values;
  SeenDevices devices;
};

struct Finding {
  /// kUnknown: this kernel, or this user, does not let one compare it; no drift.
  enum class Verdict { kAsAsked, kTighter, kExtra, kUnknown, kDrift };
  Verdict verdict = Verdict::kAsAsked;
  std::string aspect, asked, in_effect;
  bool operator==(const Finding&) const = default;
};

/// The aspect of that finding.
inline constexpr const char* kRootPropagation = "propagation of /";

/// In the order of --explain: namespaces, cgroup, mounts, process.
std::vector<Finding> audit(const LaunchPlan& launch, const Isolation& isolation);
bool has_drift(const std::vector<Finding>& findings);
/// "as asked", "tighter", "extra", "unknown", "drift".
std::string_view name(Finding::Verdict verdict);

/// Whether a control file says what was written into it, in the kernel's spelling: pages are
/// rounded, lists are sorted, lines have keys.
bool is_value_in_effect(std::string_view written, std::string_view text);

}  // namespace plan
