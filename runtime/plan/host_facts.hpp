// SPDX-License-Identifier: Apache-2.0
// The few facts about a host that planning may depend on. Pure data; kernel/host_facts reads the
// real ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plan {

/// One mounted cgroup hierarchy: a v1 one with its controllers, or the v2 ("unified") one.
struct CgroupHierarchy {
  std::string mount_point;  // "/sys/fs/cgroup/memory"
  /// v1: "cpu","cpuacct" or "name=systemd"; v2: cgroup.controllers of the root
  std::vector<std::string> controllers;
  bool is_v2 = false;
  /// this process's cgroup in it, from /proc/self/cgroup: "/" or "/user.slice/…"
  std::string own_path;
  bool operator==(const CgroupHierarchy&) const = default;
};

/// The systemd that makes the container's cgroup, when it is asked to.
struct SystemdFacts {
  unsigned version = 0;
  std::string root;      // the manager's own cgroup: "", or "/user.slice/…/user@1000.service"
  bool of_user = false;  // the user's manager, not the machine's
  bool operator==(const SystemdFacts&) const = default;
};

struct HostFacts {
  std::uint32_t euid = 0;
  std::uint32_t egid = 0;
  bool in_user_namespace = false;            // not the initial one: mknod is out of reach
  std::vector<CgroupHierarchy> hierarchies;  // in mount order
  bool apparmor = false;
  bool selinux = false;
  std::optional<SystemdFacts> systemd = {};  // only with the systemd cgroup driver
  bool operator==(const HostFacts&) const = default;
};

/// Well-known hosts for `create --explain=v1|hybrid|v2` and the golden tests: root, a cgroup layout
/// as systemd mounts it, no security module. Throws Error for another name.
HostFacts example_host(std::string_view layout);

}  // namespace plan
