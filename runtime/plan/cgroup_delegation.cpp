// SPDX-License-Identifier: Apache-2.0
// runtime-spec, config-linux "Cgroup ownership": when the container's user may manage its own
// cgroup. Pure.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/plan/cgroup_files.hpp"
#include "runtime/plan/paths.hpp"

namespace plan {
namespace {

bool has_namespace(const oci::Linux& config, std::string_view type) {
  return std::ranges::find(config.namespaces, type, &oci::Namespace::type) !=
         config.namespaces.end();
}

bool has_new_namespace(const oci::Linux& config, std::string_view type) {
  return std::ranges::any_of(config.namespaces, [&](const oci::Namespace& one) {
    return one.type == type && one.path.value_or("").empty();
  });
}

bool is_writable_cgroup_mount(const oci::Mount& mount) {
  const auto read_only = [](const std::string& word) { return word == "ro" || word == "rro"; };
  return mount.source.value_or("") == "cgroup" &&
         clean_path(mount.destination) == "/sys/fs/cgroup" &&
         std::ranges::none_of(mount.options, read_only);
}

/// Nothing for an id without a mapping, and for a joined user namespace, whose maps are the
/// kernel's.
std::optional<std::uint32_t> host_uid(const oci::Linux& config, std::uint32_t uid) {
  if (!has_namespace(config, "user")) return uid;
  if (!has_new_namespace(config, "user")) return std::nullopt;
  for (const oci::IdMapping& one : config.uid_mappings) {
    if (uid >= one.container_id && uid - one.container_id < one.size)
      return one.host_id + (uid - one.container_id);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> cgroup_owner(const oci::RuntimeConfig& config, const HostFacts& facts,
                                          const std::vector<CgroupDirectory>& directories) {
  // Delegating a v1 cgroup is not secure (cgroups(7)), so a hybrid host does not do it either.
  const bool only_v2 =
      !directories.empty() && std::ranges::all_of(directories, &CgroupDirectory::is_v2);
  // Whoever is not root owns what he makes already, and may give nothing away.
  if (!only_v2 || facts.euid != 0 || !config.process) return std::nullopt;
  if (!has_new_namespace(config.linux_, "cgroup")) return std::nullopt;
  if (std::ranges::none_of(config.mounts, is_writable_cgroup_mount)) return std::nullopt;
  const std::optional<std::uint32_t> owner = host_uid(config.linux_, config.process->user.uid);
  return owner == facts.euid ? std::nullopt : owner;
}

}  // namespace plan
