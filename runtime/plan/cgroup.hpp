// SPDX-License-Identifier: Apache-2.0
// Where the container's cgroup is and what is written into it, each controller on the hierarchy
// that carries it on this host (v1, v2 or hybrid). Pure. plan/cgroup_v1 and cgroup_v2 turn
// resources into ordered writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/device_filter.hpp"
#include "runtime/plan/host_facts.hpp"
#include "runtime/plan/systemd_unit.hpp"

namespace plan {

/// One write(2) into a cgroup file. `optional` ones may fail because the file does not exist (older
/// kernel). Where `fallback_file` is not empty it is written instead when `file` does not exist
/// (io.bfq.weight → io.weight).
struct FileWrite {
  std::string file;  // "memory.max"
  std::string value;
  bool optional = false;
  std::string fallback_file = {}, fallback_value = {};
  /// `value` follows the first word that the file holds now: a new period after the quota in
  /// cpu.max
  bool keep_first_word = false;
  /// newer kernels take the value and do nothing with it, which is to be told
  bool may_be_dropped = false;
  bool operator==(const FileWrite&) const = default;
};

/// The container's directory in one hierarchy.
struct CgroupDirectory {
  std::string mount_point;  // "/sys/fs/cgroup/memory"
  std::string path;         // "/libpod_parent/libpod-1": below the mount point, no trailing slash
  /// v1: of the hierarchy; v2: to enable in every ancestor's cgroup.subtree_control
  std::vector<std::string> controllers;
  bool is_v2 = false;
  std::vector<FileWrite> writes = {};  // before the process enters; the order is the meaning
  /// v1 devices hierarchy only: devices.deny, devices.allow lines
  std::vector<FileWrite> device_writes = {};
  /// once init is in it and nobody else keeps the place: the limit of processes in a systemd scope
  std::vector<FileWrite> last_writes = {};
  bool operator==(const CgroupDirectory&) const = default;
};

struct CgroupPlan {
  CgroupDriver driver = CgroupDriver::kCgroupfs;
  std::vector<CgroupDirectory> directories;     // hierarchies in mount order
  std::optional<DeviceProgram> device_program;  // v2: BPF_PROG_TYPE_CGROUP_DEVICE
  /// rootless, no path and no limits asked: go without a cgroup if it cannot be made
  bool ignore_permission = false;
  /// memory.checkBeforeUpdate: refuse a limit below usage
  std::optional<std::int64_t> check_memory_limit;
  /// v2: host uid that gets the directory and the files of /sys/kernel/cgroup/delegate, so that the
  /// container's user can divide its cgroup
  std::optional<std::uint32_t> owner = {};
  std::optional<SystemdUnit> unit = {};  // systemd makes the cgroup, if this is there
  bool operator==(const CgroupPlan&) const = default;
};

/// `id` names the cgroup when cgroupsPath is absent. Throws Error with the JSON pointer for a value
/// that the host's hierarchies cannot express ("/linux/resources/memory/swappiness: has no cgroup
/// v2 equivalent"). With kDisabled every limit is an Error; device rules go unheeded, for every
/// engine sends some.
CgroupPlan plan_cgroup(const oci::RuntimeConfig& config, const std::string& id,
                       const HostFacts& facts, CgroupDriver driver = CgroupDriver::kCgroupfs);

/// Only the writes, for `update`: per directory of an existing container (same order as
/// `directories`). `directories` come from the state record; mount_point, path, controllers, is_v2
/// are filled.
void plan_update(const oci::Resources& resources, std::vector<CgroupDirectory>& directories);

/// The program that replaces the container's, where rules are given and no v1 devices controller
/// takes them as lines. Throws Error where nothing can filter devices.
std::optional<DeviceProgram> plan_device_update(const std::vector<oci::DeviceRule>& rules,
                                                const std::vector<CgroupDirectory>& directories);

/// The same for the unit of a container under the systemd driver.
std::vector<UnitProperty> plan_unit_update(const oci::Resources& resources,
                                           const SystemdFacts& systemd);
/// Where exec --cgroup wants its process: in or below the container's `own` cgroups. `asked` is one
/// PATH for all hierarchies or, for single ones, CONTROLLER[,CONTROLLER…]:PATH (runc's form).
/// Throws Error for an unknown controller and for a path that leads out.
std::vector<CgroupDirectory> sub_cgroups(std::vector<CgroupDirectory> own,
                                         const std::vector<std::string>& asked);

std::vector<FileWrite> cgroup_v1_writes(const oci::Resources& resources,
                                        const std::vector<std::string>& controllers);
std::vector<FileWrite> cgroup_v2_writes(const oci::Resources& resources,
                                        const std::vector<std::string>& controllers);
/// cpu.shares → cpu.weight, the quadratic conversion (runtime.md 1.13): 1024 → 100.
std::uint64_t cpu_weight_from_shares(std::uint64_t shares);

std::vector<std::string> describe(const CgroupPlan& cgroup);

}  // namespace plan
