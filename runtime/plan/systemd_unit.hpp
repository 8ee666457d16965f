// SPDX-License-Identifier: Apache-2.0
// The systemd cgroup driver: which transient unit holds the container, where its cgroup is, and
// which unit properties say what the container's limits are. Pure; kernel/systemd asks for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/host_facts.hpp"

namespace plan {

/// Who makes the container's cgroup.
enum class CgroupDriver { kCgroupfs, kSystemd, kDisabled };

/// A unit, and in whose systemd it is.
struct UnitName {
  std::string name;      // "toyrun-box.scope"
  bool of_user = false;  // the user's manager, not the machine's
  bool operator==(const UnitName&) const = default;
};

/// One property in the D-Bus type that systemd wants for it: "s", "b", "t", "i", "as", "ay" (bytes
/// as numbers), "au", or "a(ss)" (two values each).
struct UnitProperty {
  std::string name;
  std::string signature;
  std::vector<std::string> values;
  bool operator==(const UnitProperty&) const = default;
};

struct SystemdUnit {
  UnitName id;
  std::string slice;   // "system.slice"
  std::string cgroup;  // "/system.slice/toyrun-box.scope": what systemd will make of it
  std::vector<UnitProperty> properties;
  /// set once init is in it and nobody else keeps the place
  std::vector<UnitProperty> last_properties = {};
  bool operator==(const SystemdUnit&) const = default;
};

/// cgroupsPath as "slice:prefix:name" → PREFIX-NAME.scope in that slice; without one
/// toyrun-ID.scope in system.slice (the user's manager: user.slice). A name that ends in ".slice"
/// is that slice. `facts.systemd` must be there. Throws Error with the JSON pointer.
SystemdUnit plan_unit(const oci::RuntimeConfig& config, const std::string& id,
                      const HostFacts& facts);
/// "a-b.slice" → "/a.slice/a-b.slice", "-.slice" → "" (systemd.slice(5)). Throws Error.
std::string slice_path(std::string_view slice);

/// What resources say in properties that systemctl shows; the cgroup's files are written as well,
/// with the exact values.
std::vector<UnitProperty> resource_properties(const oci::Resources& resources,
                                              const SystemdFacts& systemd);
/// DevicePolicy and DeviceAllow: everything that any rule allows. The precise filter is ours.
std::vector<UnitProperty> device_properties(const std::vector<oci::DeviceRule>& rules);
/// org.systemd.property.NAME annotations, their values in GVariant text. Only properties that
/// cannot do more than describe, order and end the unit are taken. Throws Error for others.
std::vector<UnitProperty> annotated_properties(const oci::Annotations& annotations);

/// "MemoryMax=1048576".
std::string describe(const UnitProperty& property);

}  // namespace plan
