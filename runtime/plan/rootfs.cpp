// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/rootfs.hpp"

#include <linux/mount.h>
#include <linux/sched.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "bundle-spec/error.hpp"
#include "runtime/plan/annotations.hpp"
#include "runtime/plan/cgroup.hpp"
#include "runtime/plan/paths.hpp"
#include "runtime/plan/rootfs_mounts.hpp"

namespace plan {
namespace {

std::string root_path(const oci::RuntimeConfig& config, const std::string& bundle) {
  if (!config.root || config.root->path.empty()) throw Error("/root: root must be specified");
  refuse_nul(config.root->path, "/root/path");
  return clean_path(join_path(bundle, config.root->path));
}

std::uint64_t read_propagation(const std::string& word) {
  const MountOptions options = read_mount_options({word}, "/linux/rootfsPropagation");
  if (options.propagation.size() != 1) {
    throw Error(
        sentence("/linux/rootfsPropagation: unknown value \"", word,
                 "\"; known are shared, slave, private, unbindable and the same with r in front"));
  }
  return options.propagation.front();
}

// Slave by default: mounts of the host show up inside, never the other way (runtime.md 1.2).
// "shared" must keep the host's peer groups, or binds asked for as shared have nothing to share
// with. "unbindable" on the host's "/" would bar the bind of the root filesystem. The word itself
// is for the container's "/", once that is in place.
void plan_propagation(const oci::RuntimeConfig& config, RootfsPlan& plan) {
  plan.host_propagation = MS_SLAVE | MS_REC;
  const std::string word = config.linux_.rootfs_propagation.value_or("");
  if (word.empty()) return;
  const std::uint64_t asked = read_propagation(word);
  if ((asked & MS_PRIVATE) != 0) {
    plan.host_propagation = MS_PRIVATE | MS_REC;
    return;
  }
  if ((asked & MS_SHARED) != 0) plan.host_propagation = asked;
  plan.root_propagation = asked;
}

// Everything below changes the mount table, which would be the host's own.
void refuse_without_mount_namespace(const oci::RuntimeConfig& config) {
  constexpr std::string_view kNeeds =
      ": needs a mount namespace of the container's own in /linux/namespaces";
  if (!config.mounts.empty()) throw Error(sentence("/mounts", kNeeds));
  if (config.root->readonly) throw Error(sentence("/root/readonly", kNeeds));
  const oci::Linux& linux_config = config.linux_;
  if (!linux_config.masked_paths.empty()) throw Error(sentence("/linux/maskedPaths", kNeeds));
  if (!linux_config.readonly_paths.empty()) throw Error(sentence("/linux/readonlyPaths", kNeeds));
  if (!linux_config.rootfs_propagation.value_or("").empty()) {
    throw Error(sentence("/linux/rootfsPropagation", kNeeds));
  }
}

std::vector<MakeDevice> default_devices() {
  struct Node {
    std::string_view path;
    std::uint32_t major, minor;
  };
  constexpr Node kNodes[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
                             {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
  std::vector<MakeDevice> devices;
  for (const Node& node : kNodes) {
    devices.push_back(
        {.path = std::string(node.path), .type = 'c', .major = node.major, .minor = node.minor});
  }
  return devices;
}

std::uint32_t device_number(const std::optional<std::int64_t>& number, const std::string& pointer) {
  if (!number) throw Error(pointer + ": is required for a device node");
  if (*number < 0 || *number > 0xffffffffLL)
    throw Error(sentence(pointer, ": ", *number, " is no device number"));
  return static_cast<std::uint32_t>(*number);
}

char device_type(const std::string& type, const std::string& pointer) {
  if (type == "c" || type == "u") return 'c';
  if (type == "b" || type == "p") return type[0];
  throw Error(
      sentence(pointer, "/type: unknown device type \"", type, "\"; known are c, b, u and p"));
}

MakeDevice plan_device(const oci::Device& asked, std::size_t index) {
  const std::string pointer = sentence("/linux/devices/", index);
  refuse_nul(asked.path, pointer + "/path");
  MakeDevice device{.path = clean_path(asked.path), .type = device_type(asked.type, pointer)};
  if (!asked.path.starts_with('/') || device.path == "/") {
    throw Error(
        sentence(pointer, "/path: must be the absolute path of a file, not \"", asked.path, "\""));
  }
  if (device.type != 'p') {
    device.major = device_number(asked.major, pointer + "/major");
    device.minor = device_number(asked.minor, pointer + "/minor");
  }
  device.mode = asked.file_mode.value_or(0666) & 07777;  // engines send the type bits along
  device.uid = asked.uid.value_or(0);
  device.gid = asked.gid.value_or(0);
  return device;
}

// A config entry replaces the default of the same path; /dev/ptmx is always a link into the
// container's own devpts.
std::vector<MakeDevice> plan_devices(const oci::RuntimeConfig& config) {
  std::vector<MakeDevice> devices = default_devices();
  const std::vector<oci::Device>& asked = config.linux_.devices;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    MakeDevice device = plan_device(asked[i], i);
    if (device.path == "/dev/ptmx") continue;
    const auto same = std::ranges::find(devices, device.path, &MakeDevice::path);
    if (same != devices.end()) {
      *same = device;
    } else {
      devices.push_back(device);
    }
  }
  return devices;
}

bool has_host_dev(const oci::RuntimeConfig& config) {
  return std::ranges::any_of(config.mounts, [](const oci::Mount& mount) {
    return is_bind(mount) && mount_target(mount) == "/dev";
  });
}

void add_devices(const oci::RuntimeConfig& config, bool host_dev, bool mknod_out_of_reach,
                 RootfsPlan& plan) {
  for (MakeDevice& device : plan_devices(config)) {
    // With the host's /dev inside, its nodes are there and are not ours to change.
    if (host_dev && is_at_or_below(device.path, "/dev")) continue;
    device.bind_from_host = mknod_out_of_reach && device.type != 'p';
    if (device.bind_from_host && !plan.has_mount_namespace) {
      throw Error(sentence(
          "/linux/namespaces: ", device.path,
          " can only be bound from the host in a user namespace, which needs a mount namespace"));
    }
    plan.mounts.emplace_back(device);
  }
}

void add_links(RootfsPlan& plan) {
  plan.mounts.emplace_back(MakeLink{.path = "/dev/fd", .target = "/proc/self/fd"});
  plan.mounts.emplace_back(MakeLink{.path = "/dev/stdin", .target = "/proc/self/fd/0"});
  plan.mounts.emplace_back(MakeLink{.path = "/dev/stdout", .target = "/proc/self/fd/1"});
  plan.mounts.emplace_back(MakeLink{.path = "/dev/stderr", .target = "/proc/self/fd/2"});
  plan.mounts.emplace_back(MakeLink{.path = "/dev/core", .target = "/proc/kcore"});
  plan.mounts.emplace_back(MakeLink{.path = "/dev/ptmx", .target = "pts/ptmx", .replace = true});
}

void add_mounts(const oci::RuntimeConfig& config, const MountSurroundings& surroundings,
                RootfsPlan& plan) {
  for (std::size_t i = 0; i < config.mounts.size(); ++i) {
    PlannedMount planned = plan_mount(config.mounts[i], i, surroundings);
    if (planned.late_readonly) {
      plan.protections.emplace_back(MakeReadonly{.target = mount_target(config.mounts[i])});
    }
    plan.mounts.push_back(std::move(planned.step));
  }
}

template <typename Step>
void add_paths(const std::vector<std::string>& paths, std::string_view pointer, RootfsPlan& plan) {
  std::unordered_set<std::string> done;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::string place = sentence(pointer, "/", i);
    refuse_nul(paths[i], place);
    const std::string target = clean_path(paths[i]);
    if (!paths[i].starts_with('/') || target == "/") {
      throw Error(
          sentence(place, ": must be an absolute path below \"/\", not \"", paths[i], "\""));
    }
    if (!done.insert(target).second) continue;
    plan.protections.emplace_back(Step{.target = target});
  }
}

void add_protections(const oci::RuntimeConfig& config, RootfsPlan& plan) {
  // Read-only first: a mask inside a read-only tree must end up on top.
  add_paths<ReadonlyPath>(config.linux_.readonly_paths, "/linux/readonlyPaths", plan);
  add_paths<MaskPath>(config.linux_.masked_paths, "/linux/maskedPaths", plan);
  plan.readonly_root = config.root->readonly;
}

std::string label_option(const oci::RuntimeConfig& config, const HostFacts& facts) {
  const std::string label = config.linux_.mount_label.value_or("");
  refuse_nul(label, "/linux/mountLabel");
  if (label.empty()) return {};
  if (label.find('"') != std::string::npos) {
    throw Error("/linux/mountLabel: must not contain a quotation mark");
  }
  if (!facts.selinux) {
    throw Error("/linux/mountLabel: SELinux is not enabled on this host; leave the label out");
  }
  return sentence(read_annotations(config.annotations, facts).label_option, "=\"", label, "\"");
}

std::optional<OverlayRoot> plan_overlay(const oci::RuntimeConfig& config, const std::string& bundle,
                                        const HostFacts& facts, const NamespacePlan& namespaces) {
  const std::vector<std::string> layers = read_annotations(config.annotations, facts).root_layers;
  if (layers.empty()) return std::nullopt;
  if (!namespaces.has(CLONE_NEWNS))
    throw Error(
        "/annotations/org.toyrun.rootfs.layers: needs a mount namespace of the container's");
  OverlayRoot overlay{.directory = join_path(bundle, "overlay"), .layers = layers};
  overlay.user_xattrs = facts.euid != 0 || facts.in_user_namespace;
  if (!overlay.user_xattrs && namespaces.has(CLONE_NEWUSER))
    overlay.id_map = IdMap{.uids = namespaces.uid_mappings,
                           .gids = namespaces.gid_mappings,
                           .of_joined_namespace = namespaces.joined(CLONE_NEWUSER) != nullptr};
  return overlay;
}

void plan_working_directory(const oci::RuntimeConfig& config, RootfsPlan& plan) {
  if (!config.process) return;
  const std::string cwd = clean_path(config.process->cwd);
  if (cwd != "/") plan.mounts.emplace_back(MakeWorkingDirectory{.path = cwd});
}

}  // namespace

std::string target_of(const RootfsStep& step) {
  return std::visit(
      [](const auto& one) -> std::string {
        if constexpr (requires { one.target; }) return one.target;
        return {};
      },
      step);
}

RootfsPlan plan_rootfs(const oci::RuntimeConfig& config, const std::string& bundle,
                       const HostFacts& facts, const NamespacePlan& namespaces,
                       const CgroupPlan& cgroup, bool no_pivot) {
  RootfsPlan plan;
  plan.root = root_path(config, bundle);
  plan.overlay = plan_overlay(config, bundle, facts, namespaces);
  plan.has_mount_namespace = namespaces.has(CLONE_NEWNS);
  if (plan.has_mount_namespace) {
    plan.enter = no_pivot ? EnterRoot::kMove : EnterRoot::kPivot;
    plan_propagation(config, plan);
  } else {
    plan.enter = EnterRoot::kChroot;
    refuse_without_mount_namespace(config);
  }
  const MountSurroundings surroundings{.bundle = bundle,
                                       .label_option = label_option(config, facts),
                                       .namespaces = namespaces,
                                       .as_root = facts.euid == 0,
                                       .cgroup = cgroup};
  add_mounts(config, surroundings, plan);
  const bool host_dev = has_host_dev(config);
  const bool mknod_out_of_reach = facts.in_user_namespace || namespaces.has(CLONE_NEWUSER);
  add_devices(config, host_dev, mknod_out_of_reach, plan);
  if (!host_dev) add_links(plan);
  plan_working_directory(config, plan);
  add_protections(config, plan);
  plan.console = plan.has_mount_namespace && config.process && config.process->terminal;
  return plan;
}

}  // namespace plan
