// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/namespaces.hpp"

#include <linux/sched.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "runtime/plan/paths.hpp"

namespace plan {
namespace {

struct Kind {
  std::string_view type;  // the spec's word
  std::string_view file;  // below /proc/PID/ns
  std::uint64_t flag;
  std::string_view gives;  // for --explain
};
constexpr Kind kKinds[] = {
    {"user", "user", CLONE_NEWUSER, "ids of its own, root inside is nobody special outside"},
    {"pid", "pid", CLONE_NEWPID, "it is process 1 and sees only its own processes"},
    {"network", "net", CLONE_NEWNET, "network devices, addresses and ports of its own"},
    {"mount", "mnt", CLONE_NEWNS, "a mount table of its own"},
    {"ipc", "ipc", CLONE_NEWIPC, "System V and POSIX message queues of its own"},
    {"uts", "uts", CLONE_NEWUTS, "a host name of its own"},
    {"cgroup", "cgroup", CLONE_NEWCGROUP, "its cgroup looks like the root of the tree"},
    {"time", "time", CLONE_NEWTIME, "monotonic and boot clocks of its own"},
};

const Kind* find_kind(std::string_view type) {
  for (const Kind& kind : kKinds) {
    if (kind.type == type) return &kind;
  }
  return nullptr;
}

void add_namespace(NamespacePlan& plan, const oci::Namespace& asked, std::size_t index) {
  const Kind* kind = find_kind(asked.type);
  if (kind == nullptr) {
    throw Error(sentence("/linux/namespaces/", index, "/type: unknown namespace \"", asked.type,
                         "\"; known are pid, network, mount, ipc, uts, user, cgroup, time"));
  }
  if (plan.has(kind->flag)) {
    throw Error(
        sentence("/linux/namespaces/", index, "/type: \"", asked.type, "\" is listed twice"));
  }
  if (!asked.path || asked.path->empty()) {
    if (kind->flag == CLONE_NEWCGROUP) {
      plan.create_cgroup = true;
    } else if (kind->flag == CLONE_NEWTIME) {
      plan.create_time = true;
    } else {
      plan.create_flags |= kind->flag;
    }
    return;
  }
  refuse_nul(*asked.path, sentence("/linux/namespaces/", index, "/path"));
  if (!asked.path->starts_with('/')) {
    throw Error(sentence("/linux/namespaces/", index, "/path: must be absolute, not \"",
                         *asked.path, "\""));
  }
  // user_namespaces(7): capabilities over the other namespaces come with the user namespace that
  // owns them.
  const auto place = kind->flag == CLONE_NEWUSER ? plan.join.begin() : plan.join.end();
  plan.join.insert(place, {.type = asked.type, .flag = kind->flag, .path = *asked.path});
}

bool maps_only(const std::vector<oci::IdMapping>& mappings, std::uint32_t own_id) {
  return mappings.size() == 1 && mappings[0].size == 1 && mappings[0].host_id == own_id;
}

void require_root_mapping(const std::vector<oci::IdMapping>& mappings, std::string_view pointer) {
  if (mappings.empty()) {
    throw Error(sentence(pointer, ": a new user namespace needs at least one mapping"));
  }
  const bool has_root = std::ranges::any_of(mappings, [](const oci::IdMapping& mapping) {
    return mapping.container_id == 0 && mapping.size > 0;
  });
  // init becomes uid 0 of the namespace to mount and to set up.
  if (!has_root) throw Error(sentence(pointer, ": id 0 of the container must be mapped"));
}

void plan_id_maps(NamespacePlan& plan, const oci::Linux& config, const HostFacts& facts) {
  if (!plan.has(CLONE_NEWUSER)) {
    if (!config.uid_mappings.empty() || !config.gid_mappings.empty()) {
      throw Error(
          sentence(config.uid_mappings.empty() ? "/linux/gidMappings" : "/linux/uidMappings",
                   ": needs a user namespace in /linux/namespaces"));
    }
    return;
  }
  // A joined user namespace has its maps already. podman sends a dummy mapping beside a path, so it
  // is no error.
  if (plan.joined(CLONE_NEWUSER) != nullptr) return;
  require_root_mapping(config.uid_mappings, "/linux/uidMappings");
  require_root_mapping(config.gid_mappings, "/linux/gidMappings");
  plan.uid_mappings = config.uid_mappings;
  plan.gid_mappings = config.gid_mappings;
  if (facts.euid == 0) return;
  const bool own_ids_only =
      maps_only(plan.uid_mappings, facts.euid) && maps_only(plan.gid_mappings, facts.egid);
  plan.map_with_helpers = !own_ids_only;
  plan.deny_setgroups = own_ids_only;
}

void plan_time_offsets(NamespacePlan& plan, const oci::Linux& config) {
  if (config.time_offsets.empty()) return;
  if (!plan.create_time) {
    throw Error("/linux/timeOffsets: needs a new time namespace in /linux/namespaces");
  }
  for (const auto& [clock, offset] : config.time_offsets) {
    if (clock != "monotonic" && clock != "boottime") {
      throw Error(sentence("/linux/timeOffsets/", clock,
                           ": unknown clock; known are monotonic and boottime"));
    }
    if (offset.nanosecs >= 1'000'000'000) {
      throw Error(sentence("/linux/timeOffsets/", clock, "/nanosecs: must be below 1000000000"));
    }
  }
  plan.time_offsets = config.time_offsets;
}

void plan_names(NamespacePlan& plan, const oci::RuntimeConfig& config) {
  const bool hostname = config.hostname && !config.hostname->empty();
  const bool domainname = config.domainname && !config.domainname->empty();
  if ((hostname || domainname) && !plan.has(CLONE_NEWUTS)) {
    throw Error(sentence(
        hostname ? "/hostname: unable to set hostname" : "/domainname: unable to set domainname",
        " without a private UTS namespace"));
  }
  if (hostname) {
    refuse_nul(*config.hostname, "/hostname");
    plan.hostname = config.hostname;
  }
  if (domainname) {
    refuse_nul(*config.domainname, "/domainname");
    plan.domainname = config.domainname;
  }
}

void plan_net_devices(NamespacePlan& plan, const oci::Linux& config, const HostFacts& facts) {
  if (config.net_devices.empty()) return;
  if (!plan.has(CLONE_NEWNET)) {
    throw Error(
        "/linux/netDevices: unable to move network devices without a private NET namespace");
  }
  if (facts.euid != 0) throw Error("/linux/netDevices: network devices can be moved by root only");
  std::set<std::string_view> names;
  for (const auto& [host_name, device] : config.net_devices) {
    const std::string& asked = device.name ? *device.name : host_name;
    const bool is_template = asked.find('%') != std::string::npos;
    if (!is_template && !names.insert(asked).second) {
      throw Error(sentence("/linux/netDevices/", host_name, ": another device is called ", asked,
                           " already"));
    }
    plan.net_devices.push_back({.host_name = host_name, .name = asked});
  }
}

std::string describe_nanoseconds(const oci::TimeOffset& offset) {
  if (offset.nanosecs == 0) return sentence(offset.secs, " s");
  return sentence(offset.secs, " s and ", offset.nanosecs, " ns");
}

void describe_created(const NamespacePlan& plan, std::vector<std::string>& lines) {
  for (const Kind& kind : kKinds) {
    const bool created = (plan.create_flags & kind.flag) != 0 ||
                         (kind.flag == CLONE_NEWCGROUP && plan.create_cgroup) ||
                         (kind.flag == CLONE_NEWTIME && plan.create_time);
    if (created) lines.push_back(sentence("new ", kind.type, " namespace: ", kind.gives));
  }
}

}  // namespace

bool NamespacePlan::has(std::uint64_t flag) const {
  if ((create_flags & flag) != 0 || joined(flag) != nullptr) return true;
  return (flag == CLONE_NEWCGROUP && create_cgroup) || (flag == CLONE_NEWTIME && create_time);
}

const JoinNamespace* NamespacePlan::joined(std::uint64_t flag) const {
  for (const JoinNamespace& one : join) {
    if (one.flag == flag) return &one;
  }
  return nullptr;
}

NamespacePlan plan_namespaces(const oci::RuntimeConfig& config, const HostFacts& facts) {
  NamespacePlan plan;
  const oci::Linux& linux_config = config.linux_;
  for (std::size_t i = 0; i < linux_config.namespaces.size(); ++i) {
    add_namespace(plan, linux_config.namespaces[i], i);
  }
  plan.enter_pid_last = plan.joined(CLONE_NEWPID) != nullptr && !plan.has(CLONE_NEWUSER);
  plan_id_maps(plan, linux_config, facts);
  plan_time_offsets(plan, linux_config);
  plan_names(plan, config);
  plan_net_devices(plan, linux_config, facts);
  plan.bring_up_loopback = (plan.create_flags & CLONE_NEWNET) != 0;
  return plan;
}

std::vector<std::string> describe(const NamespacePlan& plan) {
  std::vector<std::string> lines;
  describe_created(plan, lines);
  for (const JoinNamespace& one : plan.join) {
    const bool last = one.flag == CLONE_NEWPID && plan.enter_pid_last;
    lines.push_back(
        sentence("join the ", one.type, " namespace ", one.path,
                 last ? ", last of all: its processes must not find the host through init" : ""));
  }
  for (const NetDevice& device : plan.net_devices) {
    lines.push_back(sentence("move the network device ", device.host_name, " inside as ",
                             device.name, ", with its addresses, and set it up"));
  }
  if (!plan.uid_mappings.empty()) {
    const std::string_view with = plan.map_with_helpers ? " with newuidmap and newgidmap" : "";
    lines.push_back(sentence("map ", describe_mappings("user ids", plan.uid_mappings), with));
    lines.push_back(sentence("map ", describe_mappings("group ids", plan.gid_mappings), with));
  }
  if (plan.deny_setgroups)
    lines.push_back("deny setgroups: an ordinary user may map one group only so");
  for (const auto& [clock, offset] : plan.time_offsets) {
    lines.push_back(sentence("shift the ", clock, " clock by ", describe_nanoseconds(offset)));
  }
  return lines;
}

std::string describe_mappings(std::string_view which, const std::vector<oci::IdMapping>& mappings) {
  std::string text = sentence(which, " ");
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    const oci::IdMapping& mapping = mappings[i];
    if (i > 0) text += ", ";
    text += sentence(mapping.container_id);
    if (mapping.size > 1)
      text += sentence("-", std::uint64_t{mapping.container_id} + mapping.size - 1);
    text += sentence(" to ", mapping.host_id);
    if (mapping.size > 1) text += sentence("-", std::uint64_t{mapping.host_id} + mapping.size - 1);
  }
  return text;
}

std::uint64_t namespace_flag(std::string_view type) {
  const Kind* kind = find_kind(type);
  return kind != nullptr ? kind->flag : 0;
}

std::string_view namespace_type(std::uint64_t flag) {
  for (const Kind& kind : kKinds) {
    if (kind.flag == flag) return kind.type;
  }
  return {};
}

std::string_view namespace_file(std::string_view type) {
  const Kind* kind = find_kind(type);
  return kind != nullptr ? kind->file : std::string_view();
}

}  // namespace plan
