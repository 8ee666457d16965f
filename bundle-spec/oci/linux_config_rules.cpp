// SPDX-License-Identifier: Apache-2.0
// The "linux" part but for resources and seccomp: config-linux.md.
#include "bundle-spec/oci/rules.hpp"

namespace oci {

namespace {

constexpr std::string_view kNamespaces[] = {"pid", "network", "mount",  "ipc",
                                            "uts", "user",    "cgroup", "time"};
constexpr std::string_view kClocks[] = {"monotonic", "boottime"};
constexpr std::string_view kDeviceTypes[] = {"c", "b", "u", "p"};
constexpr std::string_view kPropagations[] = {
    "", "private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"};
constexpr std::string_view kDomains[] = {"LINUX", "LINUX32"};
constexpr std::string_view kMemoryModes[] = {
    "MPOL_DEFAULT",        "MPOL_PREFERRED",          "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL",
    "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"};
constexpr std::string_view kModesWithoutNodes[] = {"MPOL_DEFAULT", "MPOL_LOCAL"};
constexpr std::string_view kMemoryFlags[] = {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES",
                                             "MPOL_F_STATIC_NODES"};

void check_namespaces(const Linux& config, const Place& at) {
  for (std::size_t i = 0; i < config.namespaces.size(); ++i) {
    const Namespace& one = config.namespaces[i];
    const Place here = at[i];
    require_word(one.type, kNamespaces, here / "type");
    if (find_namespace(config, one.type) != &one)
      here.refuse("malformed spec file: duplicated ns \"", one.type, "\"");
    if (one.path && !one.path->empty()) require_absolute(*one.path, here / "path");
  }
}

void check_mappings(const Linux& config, const Place& at) {
  require_mappings(config.uid_mappings, at / "uidMappings");
  require_mappings(config.gid_mappings, at / "gidMappings");
  const bool none = config.uid_mappings.empty() && config.gid_mappings.empty();
  if (!none && find_namespace(config, "user") == nullptr)
    (at / (config.uid_mappings.empty() ? "gidMappings" : "uidMappings"))
        .refuse(
            "User namespace mappings specified, but user namespace isn't enabled in the config");
  // A joined namespace is mapped already. containerd and podman send the mappings beside the path.
  if (!has_new_namespace(config, "user")) return;
  if (config.uid_mappings.empty())
    (at / "uidMappings").refuse("User namespaces enabled, but no uid mappings found");
  if (config.gid_mappings.empty())
    (at / "gidMappings").refuse("User namespaces enabled, but no gid mappings found");
}

void check_time_offsets(const Linux& config, const Place& at) {
  for (const auto& [clock, offset] : config.time_offsets) {
    require_word(clock, kClocks, at / clock);
    if (offset.nanosecs >= 1'000'000'000)
      (at / clock / "nanosecs").refuse("must be below 1000000000, is ", offset.nanosecs);
  }
  if (!config.time_offsets.empty() && !has_new_namespace(config, "time"))
    at.refuse("time offsets specified, but a new time namespace isn't enabled in the config");
}

void require_device_number(const std::optional<std::int64_t>& number, std::int64_t most,
                           const Place& at) {
  if (!number) return at.refuse("is required");
  if (*number < 0 || *number > most) at.refuse("must be from 0 to ", most, ", is ", *number);
}

void check_device(const Device& device, const Place& at) {
  require_word(device.type, kDeviceTypes, at / "type");
  require_absolute(device.path, at / "path");
  if (device.uid) require_id(*device.uid, at / "uid");
  if (device.gid) require_id(*device.gid, at / "gid");
  if (device.type == "p") return;
  // makedev(3) would take more, the kernel's dev_t has 12 and 20 bits.
  require_device_number(device.major, (1 << 12) - 1, at / "major");
  require_device_number(device.minor, (1 << 20) - 1, at / "minor");
}

bool is_interface_name(std::string_view name) {
  // The kernel's dev_valid_name(): shorter than IFNAMSIZ.
  return !name.empty() && name.size() < 16 && name != "." && name != ".." &&
         std::ranges::none_of(
             name,
             [](char letter) {
               return letter == '/' || letter == ':' || letter == ' ' ||
                      (letter >= 9 && letter <= 13);
             });
}

void check_net_devices(const Linux& config, const Place& at) {
  for (const auto& [host_name, device] : config.net_devices) {
    if (!is_interface_name(host_name)) (at / host_name).refuse("is not the name of a device");
    if (device.name && !is_interface_name(*device.name))
      (at / host_name / "name").refuse("\"", *device.name, "\" is not the name of a device");
  }
  if (!config.net_devices.empty() && find_namespace(config, "network") == nullptr)
    at.refuse("unable to move network devices without a private NET namespace");
}

/// sysctl.d(5) names: words joined by dots or slashes. An empty word would make ".." possible.
bool is_sysctl_name(std::string_view name) {
  bool in_word = false;
  for (const char letter : name) {
    const bool separator = letter == '.' || letter == '/';
    const bool allowed = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                         (letter >= '0' && letter <= '9') || letter == '_' || letter == '-' ||
                         letter == ':' || letter == '@';
    if (!allowed && !(separator && in_word)) return false;
    in_word = !separator;
  }
  return in_word;
}

void check_sysctl(const Linux& config, const Place& at) {
  for (const auto& [name, value] : config.sysctl) {
    if (!is_sysctl_name(name)) (at / name).refuse("is not the name of a sysctl");
    if (value.find('\n') != std::string::npos) (at / name).refuse("must not contain a line break");
  }
}

void check_cgroups_path(std::string_view path, const Place& at) {
  if (path.find('\n') != std::string_view::npos) at.refuse("must not contain a line break");
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    if (rest.substr(0, slash) == "..") at.refuse("\"", path, "\" must not contain \"..\"");
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
}

void check_paths(const std::vector<std::string>& paths, const Linux& config, const Place& at) {
  if (!paths.empty() && find_namespace(config, "mount") == nullptr)
    at.refuse("unable to restrict sys entries without a private MNT namespace");
  for (std::size_t i = 0; i < paths.size(); ++i) require_absolute(paths[i], at[i]);
}

void check_memory_policy(const MemoryPolicy& policy, const Place& at) {
  require_word(policy.mode, kMemoryModes, at / "mode");
  require_words(policy.flags, kMemoryFlags, at / "flags");
  require_number_list(policy.nodes, at / "nodes");
  const bool without = is_one_of(policy.mode, kModesWithoutNodes);
  if (without && !policy.nodes.empty()) (at / "nodes").refuse("must be empty for ", policy.mode);
  // set_mempolicy(2): MPOL_PREFERRED without nodes means the node of the CPU.
  if (!without && policy.mode != "MPOL_PREFERRED" && policy.nodes.empty())
    (at / "nodes").refuse("must not be empty for ", policy.mode);
}

void check_intel_rdt(const IntelRdt& rdt, const Place& at) {
  const std::string_view id = rdt.clos_id ? std::string_view(*rdt.clos_id) : "/";
  const bool is_name = !id.empty() && id != "." && id != ".." &&
                       std::ranges::none_of(id, [](char one) { return one == '/' || one == '\n'; });
  // "/" is resctrl's default class.
  if (id != "/" && !is_name)
    (at / "closID").refuse("\"", id, "\" is not a directory name or \"/\"");
}

void check_personality(const Personality& personality, const Place& at) {
  require_word(personality.domain, kDomains, at / "domain");
  // config-linux.md "Personality": "currently no flag values are supported".
  if (!personality.flags.empty())
    (at / "flags").refuse("no personality flag is supported, is \"", personality.flags[0], "\"");
}

}  // namespace

void check_linux_rules(const Linux& config, const Place& at) {
  check_namespaces(config, at / "namespaces");
  check_mappings(config, at);
  check_time_offsets(config, at / "timeOffsets");
  const Place devices = at / "devices";
  for (std::size_t i = 0; i < config.devices.size(); ++i)
    check_device(config.devices[i], devices[i]);
  check_net_devices(config, at / "netDevices");
  if (config.cgroups_path) check_cgroups_path(*config.cgroups_path, at / "cgroupsPath");
  if (config.resources) check_resources_rules(*config.resources, at / "resources");
  if (config.intel_rdt) check_intel_rdt(*config.intel_rdt, at / "intelRdt");
  if (config.memory_policy) check_memory_policy(*config.memory_policy, at / "memoryPolicy");
  check_sysctl(config, at / "sysctl");
  if (config.seccomp) check_seccomp_rules(*config.seccomp, at / "seccomp");
  if (config.rootfs_propagation)
    require_word(*config.rootfs_propagation, kPropagations, at / "rootfsPropagation");
  check_paths(config.masked_paths, config, at / "maskedPaths");
  check_paths(config.readonly_paths, config, at / "readonlyPaths");
  if (config.personality) check_personality(*config.personality, at / "personality");
}

}  // namespace oci
