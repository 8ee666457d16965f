// SPDX-License-Identifier: Apache-2.0
// The whole launch as one value: everything decided before anything is done. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/cgroup.hpp"
#include "runtime/plan/host_facts.hpp"
#include "runtime/plan/intel_rdt.hpp"
#include "runtime/plan/namespaces.hpp"
#include "runtime/plan/network.hpp"
#include "runtime/plan/process.hpp"
#include "runtime/plan/rootfs.hpp"
#include "runtime/plan/seccomp.hpp"

namespace plan {

/// A file below /proc/sys and what is written to it.
struct Sysctl {
  std::string path;  // "net/ipv4/ip_forward"
  std::string value;
  std::uint64_t namespace_flag = 0;  // CLONE_NEW* of what it belongs to
  bool operator==(const Sysctl&) const = default;
};

struct LaunchPlan {
  std::string id;
  NamespacePlan namespaces;
  CgroupPlan cgroup;
  RootfsPlan rootfs;
  std::vector<Sysctl> sysctls;
  std::optional<RdtPlan> rdt;
  ProcessPlan process;
  std::optional<SeccompPlan> seccomp;
  oci::Hooks hooks;
  std::optional<NetworkPlan> network;
  bool new_keyring = true;                  // session keyring _ses.<id>
  std::optional<std::string> pidfd_socket;  // unless the command line names another
  bool operator==(const LaunchPlan&) const = default;
};

/// What the command line adds to the config.
struct LaunchChoices {
  bool no_pivot = false;
  bool no_new_keyring = false;
  CgroupDriver cgroup_driver = CgroupDriver::kCgroupfs;
};

/// Turns a config into what will be done on a host with these facts. Throws Error with the JSON
/// pointer for what cannot be done ("/process/cwd: …"); nothing in the config is silently left
/// out.
LaunchPlan plan_launch(const oci::RuntimeConfig& config, const std::string& bundle,
                       const std::string& id, const HostFacts& facts, const LaunchChoices& choices);

/// Lets the container notify by a socket: `directory` is what it sees as /run/notify (runc's
/// place). Nothing without a mount namespace.
void add_notify_socket(LaunchPlan& launch, const std::string& directory);

/// linux.sysctl → files, with runc's rule which key needs which namespace of its own
/// (runtime.md 1.16). Throws Error.
std::vector<Sysctl> plan_sysctls(const oci::RuntimeConfig& config, const NamespacePlan& namespaces);

/// The plan as numbered sentences, grouped by phase, below this title, ending in a newline
/// (`explain`).
std::string explain(const LaunchPlan& launch, std::string title);
/// The same before anything is done (`create --explain`).
std::string explain(const LaunchPlan& launch);

}  // namespace plan
