// SPDX-License-Identifier: Apache-2.0
// Which namespaces are made and which are joined, in what order, with which id maps. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/host_facts.hpp"

namespace plan {

/// A namespace entered by path. `flag` is its CLONE_NEW* bit, which setns(2) checks against the
/// file's real type.
struct JoinNamespace {
  std::string type;  // the spec's word: "network"
  std::uint64_t flag = 0;
  std::string path;
  bool operator==(const JoinNamespace&) const = default;
};

/// A host device that goes into the container's network namespace.
struct NetDevice {
  std::string host_name, name;  // a name may be a template: "eth%d"
  bool operator==(const NetDevice&) const = default;
};

struct NamespacePlan {
  /// CLONE_NEW* for clone3, without CLONE_NEWCGROUP and CLONE_NEWTIME
  std::uint64_t create_flags = 0;
  bool create_cgroup = false;  // unshared by init once it sits in its cgroup (cgroup_namespaces(7))
  bool create_time = false;    // unshared by the parent just before clone (time_namespaces(7))
  /// user first, then the rest in the config's order; pid is entered by birth
  std::vector<JoinNamespace> join;
  /// A joined pid namespace whose processes may have our privileges: the process is born there only
  /// when the host is out of its sight. With a user namespace the kernel keeps them out.
  bool enter_pid_last = false;
  std::vector<oci::IdMapping> uid_mappings, gid_mappings;  // for a new user namespace
  /// newuidmap/newgidmap: an ordinary user with more than their own id
  bool map_with_helpers = false;
  /// single-id mapping without privilege: "deny" first (user_namespaces(7))
  bool deny_setgroups = false;
  std::map<std::string, oci::TimeOffset> time_offsets;
  bool bring_up_loopback = false;  // a new network namespace: runc and crun set lo up
  std::optional<std::string> hostname, domainname;
  std::vector<NetDevice> net_devices;

  /// True if init has a new or joined one of this CLONE_NEW* kind.
  bool has(std::uint64_t flag) const;
  /// Path of the joined namespace of this kind, or nullptr.
  const JoinNamespace* joined(std::uint64_t flag) const;
  bool operator==(const NamespacePlan&) const = default;
};

NamespacePlan plan_namespaces(const oci::RuntimeConfig& config, const HostFacts& facts);
/// One sentence a line for --explain.
std::vector<std::string> describe(const NamespacePlan& namespaces);

/// "map user ids 0-9 to 1000-1009, 10 to 5" without the "map".
std::string describe_mappings(std::string_view which, const std::vector<oci::IdMapping>& mappings);

/// CLONE_NEW* bit of the spec's word ("network" → CLONE_NEWNET), 0 if unknown; and the name under
/// /proc/PID/ns ("net").
std::uint64_t namespace_flag(std::string_view type);
std::string_view namespace_file(std::string_view type);
/// The spec's word of a CLONE_NEW* bit, "" if unknown.
std::string_view namespace_type(std::uint64_t flag);

}  // namespace plan
