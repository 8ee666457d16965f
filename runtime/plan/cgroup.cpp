// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/cgroup.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "runtime/plan/cgroup_files.hpp"
#include "runtime/plan/paths.hpp"

namespace plan {
namespace {

// Named v1 hierarchies other than systemd's are other programs' private trees.
bool is_joined(const CgroupHierarchy& hierarchy) {
  if (hierarchy.is_v2) return true;
  return std::ranges::any_of(hierarchy.controllers, [](const std::string& name) {
    return name == "name=systemd" || !name.starts_with("name=");
  });
}

void check_path(std::string_view path) {
  refuse_nul(path, "/linux/cgroupsPath");
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t slash = rest.find('/');
    if (rest.substr(0, slash) == "..") throw Error("/linux/cgroupsPath: must not contain \"..\"");
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
  if (clean_path(path) == "/") {
    throw Error("/linux/cgroupsPath: names the root cgroup, which cannot be a container's");
  }
}

// runtime.md 3.2. On v2 a cgroup with processes, like our own, cannot hand controllers to children,
// so a relative path starts at its parent; v1 has no such rule and runc starts at our own.
std::string cgroup_path(const CgroupHierarchy& hierarchy, const std::string& asked) {
  if (asked.starts_with('/')) return clean_path(asked);
  const std::string own = clean_path(hierarchy.own_path);
  return clean_path(sentence(own, hierarchy.is_v2 ? "/../" : "/", asked));
}

constexpr std::string_view kNoLimit = "18446744073709551615";  // a property's infinity

/// A limit somebody asked for, and the controllers that can carry it on each version ("" for none).
struct Demand {
  bool asked;
  std::string_view pointer, v1, v2;
};

bool asks(const oci::BlockIo& io) {
  return io.weight.value_or(0) != 0 || io.leaf_weight.value_or(0) != 0 ||
         !io.weight_device.empty() || !io.throttle_read_bps_device.empty() ||
         !io.throttle_write_bps_device.empty() || !io.throttle_read_iops_device.empty() ||
         !io.throttle_write_iops_device.empty();
}

bool asks(const oci::Memory& memory) {
  const bool swappiness = is_set(memory.swappiness) && *memory.swappiness != ~std::uint64_t{0};
  return is_set(memory.limit) || is_set(memory.reservation) || is_set(memory.swap) ||
         memory.kernel.value_or(0) > 0 || memory.kernel_tcp.value_or(0) > 0 ||
         memory.disable_oom_killer.value_or(false) || swappiness;
}

bool asks_cpu(const oci::Cpu& cpu) {
  return is_set(cpu.shares) || is_set(cpu.quota) || is_set(cpu.period) || is_set(cpu.burst) ||
         is_set(cpu.realtime_runtime) || is_set(cpu.realtime_period) || is_set(cpu.idle);
}

bool asks_cpuset(const oci::Cpu& cpu) {
  return !cpu.cpus.value_or("").empty() || !cpu.mems.value_or("").empty();
}

std::vector<Demand> demands(const oci::Resources& resources) {
  const oci::Memory memory = resources.memory.value_or(oci::Memory{});
  const oci::Cpu cpu = resources.cpu.value_or(oci::Cpu{});
  const oci::Network network = resources.network.value_or(oci::Network{});
  const bool pids = resources.pids && resources.pids->limit;
  return {
      {asks(memory), "memory", "memory", "memory"},
      {asks_cpu(cpu), "cpu", "cpu", "cpu"},
      {asks_cpuset(cpu), "cpu", "cpuset", "cpuset"},
      {pids && *resources.pids->limit >= 0, "pids", "pids", "pids"},
      {asks(resources.block_io.value_or(oci::BlockIo{})), "blockIO", "blkio", "io"},
      {!resources.hugepage_limits.empty(), "hugepageLimits", "hugetlb", "hugetlb"},
      {!resources.rdma.empty(), "rdma", "rdma", "rdma"},
      {network.class_id.value_or(0) != 0, "network/classID", "net_cls", ""},
      {!network.priorities.empty(), "network/priorities", "net_prio", ""},
  };
}

bool is_met(const Demand& demand, const std::vector<CgroupDirectory>& directories) {
  return std::ranges::any_of(directories, [&](const CgroupDirectory& directory) {
    const std::string_view controller = directory.is_v2 ? demand.v2 : demand.v1;
    return !controller.empty() && has_controller(directory.controllers, controller);
  });
}

bool has_v2(const std::vector<CgroupDirectory>& directories) {
  return std::ranges::any_of(directories, &CgroupDirectory::is_v2);
}

bool has_only_v2(const std::vector<CgroupDirectory>& directories) {
  return std::ranges::all_of(directories, &CgroupDirectory::is_v2) && !directories.empty();
}

// A limit that no mounted hierarchy carries MUST be an error, never a limit less.
void require_controllers(const oci::Resources& resources,
                         const std::vector<CgroupDirectory>& directories) {
  for (const Demand& demand : demands(resources)) {
    if (!demand.asked || is_met(demand, directories)) continue;
    const std::string pointer = sentence("/linux/resources/", demand.pointer);
    if (demand.v2.empty() && has_only_v2(directories)) {
      throw Error(pointer + ": has no cgroup v2 equivalent");
    }
    throw Error(
        sentence(pointer, ": the cgroup controller ", demand.v1, " is not available on this host"));
  }
  if (!resources.unified.empty() && !has_v2(directories)) {
    throw Error(
        "/linux/resources/unified: needs a cgroup v2 hierarchy, which this host does not have");
  }
}

bool asks_any(const oci::Resources& resources) {
  const std::vector<Demand> all = demands(resources);
  return !resources.unified.empty() || std::ranges::any_of(all, &Demand::asked);
}

void refuse_limits(const oci::Resources& resources) {
  if (!resources.unified.empty())
    throw Error("/linux/resources/unified: cgroups are disabled on the command line");
  for (const Demand& demand : demands(resources)) {
    if (demand.asked)
      throw Error(sentence("/linux/resources/", demand.pointer,
                           ": cgroups are disabled on the command line"));
  }
}

void add_writes(const oci::Resources& resources, Moment moment, CgroupDirectory& directory) {
  directory.writes = directory.is_v2 ? v2_writes(resources, directory.controllers, moment)
                                     : v1_writes(resources, directory.controllers, moment);
}

/// One process more than asked for: what keeps the scope in being until init is born there counts.
std::optional<std::string> one_more(const std::string& limit) {
  std::uint64_t number = 0;
  const auto result = std::from_chars(limit.data(), limit.data() + limit.size(), number);
  if (result.ec != std::errc{}) return std::nullopt;  // "max"
  return sentence(number + 1);
}

void leave_room(CgroupPlan& plan) {
  for (CgroupDirectory& directory : plan.directories) {
    const auto last = std::ranges::find(directory.writes.rbegin(), directory.writes.rend(),
                                        "pids.max", &FileWrite::file);
    if (last == directory.writes.rend()) continue;
    const std::optional<std::string> more = one_more(last->value);
    if (!more) continue;
    directory.last_writes.push_back(*last);
    last->value = *more;
  }
  const auto limit = std::ranges::find(plan.unit->properties, "TasksMax", &UnitProperty::name);
  if (limit == plan.unit->properties.end() || limit->values[0] == kNoLimit) return;
  plan.unit->last_properties.push_back(*limit);
  limit->values[0] = *one_more(limit->values[0]);
}

void add_device_writes(const std::vector<oci::DeviceRule>& rules, CgroupDirectory& directory) {
  for (const DeviceLine& line : device_lines(rules)) {
    directory.device_writes.push_back(
        {.file = line.allow ? "devices.allow" : "devices.deny", .value = line.line});
  }
}

// The v1 devices controller where there is one; else a program on the v2 cgroup.
void plan_devices(const std::vector<oci::DeviceRule>& rules, const HostFacts& facts,
                  CgroupPlan& plan) {
  effective_device_rules(rules);  // bad rules are refused on every host
  // Outside the initial user namespace no device can be made and no filter installed.
  if (facts.in_user_namespace || facts.euid != 0) return;
  for (CgroupDirectory& directory : plan.directories) {
    if (!directory.is_v2 && has_controller(directory.controllers, "devices")) {
      add_device_writes(rules, directory);
      return;
    }
  }
  if (has_v2(plan.directories)) plan.device_program = device_program(rules);
}

std::string names(const std::vector<const CgroupDirectory*>& directories) {
  std::string list;
  for (const CgroupDirectory* directory : directories) {
    if (!list.empty()) list += ", ";
    list += directory->is_v2 && directories.size() == 1 ? std::string_view(directory->mount_point)
                                                        : last_component(directory->mount_point);
  }
  return list;
}

// Hierarchies that use the same path share a line.
void describe_directories(const CgroupPlan& plan, std::vector<std::string>& lines) {
  std::vector<std::string_view> done;
  for (const CgroupDirectory& directory : plan.directories) {
    if (std::ranges::find(done, directory.path) != done.end()) continue;
    done.push_back(directory.path);
    std::vector<const CgroupDirectory*> same;
    for (const CgroupDirectory& other : plan.directories) {
      if (other.path == directory.path) same.push_back(&other);
    }
    const char* verb = plan.unit ? "use the cgroup " : "make the cgroup ";
    lines.push_back(sentence(verb, directory.path, " in ", names(same)));
  }
}

void describe_unit(const SystemdUnit& unit, std::vector<std::string>& lines) {
  lines.push_back(sentence("ask ", unit.id.of_user ? "the user's " : "", "systemd for the unit ",
                           unit.id.name, " in ", unit.slice,
                           ": it makes the cgroup and knows its limits"));
  for (const UnitProperty& one : unit.properties)
    lines.push_back(sentence("with the property ", describe(one)));
}

std::string describe_write(const CgroupDirectory& directory, const FileWrite& write) {
  std::string line = sentence("write \"", write.value, "\" to ");
  if (!directory.is_v2) line += sentence(last_component(directory.mount_point), "/");
  line += write.file;
  if (!write.fallback_file.empty()) {
    line += sentence(", or \"", write.fallback_value, "\" to ", write.fallback_file,
                     " where that file is missing");
  }
  if (write.optional) line += ", if the kernel has that file";
  if (write.may_be_dropped) line += ", which newer kernels do nothing with";
  return line;
}

std::string describe_devices(const std::vector<std::string>& rules, std::string_view how) {
  std::string line = sentence("devices it may use, ", how, ": ");
  for (std::size_t i = 0; i < rules.size(); ++i) line += sentence(i > 0 ? "; " : "", rules[i]);
  return line;
}

std::vector<std::string> device_texts(const CgroupDirectory& directory) {
  std::vector<std::string> texts;
  for (const FileWrite& write : directory.device_writes) {
    texts.push_back(sentence(write.file == "devices.allow" ? "allow " : "deny ",
                             write.value == "a" ? "all devices" : write.value));
  }
  return texts;
}

}  // namespace

CgroupPlan plan_cgroup(const oci::RuntimeConfig& config, const std::string& id,
                       const HostFacts& facts, CgroupDriver driver) {
  CgroupPlan plan;
  const oci::Resources resources = config.linux_.resources.value_or(oci::Resources{});
  plan.driver = driver;
  if (driver == CgroupDriver::kDisabled) {
    refuse_limits(resources);
    effective_device_rules(resources.devices);  // bad rules are refused on every host
    return plan;
  }
  if (driver == CgroupDriver::kSystemd) plan.unit = plan_unit(config, id, facts);
  const std::string given = config.linux_.cgroups_path.value_or("");
  if (!plan.unit && !given.empty()) check_path(given);
  for (const CgroupHierarchy& hierarchy : facts.hierarchies) {
    if (!is_joined(hierarchy)) continue;
    plan.directories.push_back(
        {.mount_point = hierarchy.mount_point,
         .path = plan.unit ? plan.unit->cgroup : cgroup_path(hierarchy, given.empty() ? id : given),
         .controllers = hierarchy.controllers,
         .is_v2 = hierarchy.is_v2});
  }
  require_controllers(resources, plan.directories);
  for (CgroupDirectory& directory : plan.directories)
    add_writes(resources, Moment::kCreate, directory);
  if (plan.unit) leave_room(plan);
  plan_devices(resources.devices, facts, plan);
  const bool privileged = facts.euid == 0 && !facts.in_user_namespace;
  plan.ignore_permission = !privileged && given.empty() && !asks_any(resources);
  if (resources.memory && resources.memory->check_before_update.value_or(false) &&
      resources.memory->limit.value_or(0) > 0) {
    plan.check_memory_limit = resources.memory->limit;
  }
  plan.owner = cgroup_owner(config, facts, plan.directories);
  return plan;
}

void plan_update(const oci::Resources& resources, std::vector<CgroupDirectory>& directories) {
  require_controllers(resources, directories);
  for (CgroupDirectory& directory : directories) {
    add_writes(resources, Moment::kUpdate, directory);
    directory.device_writes.clear();
    const bool devices = !directory.is_v2 && has_controller(directory.controllers, "devices");
    if (devices && !resources.devices.empty()) add_device_writes(resources.devices, directory);
  }
}

std::optional<DeviceProgram> plan_device_update(const std::vector<oci::DeviceRule>& rules,
                                                const std::vector<CgroupDirectory>& directories) {
  if (rules.empty()) return std::nullopt;
  const bool has_v1 = std::ranges::any_of(directories, [](const CgroupDirectory& one) {
    return !one.is_v2 && has_controller(one.controllers, "devices");
  });
  if (has_v1) return std::nullopt;
  if (!has_v2(directories))
    throw Error("/linux/resources/devices: the container has no cgroup that filters devices");
  return device_program(rules);
}

std::vector<UnitProperty> plan_unit_update(const oci::Resources& resources,
                                           const SystemdFacts& systemd) {
  std::vector<UnitProperty> properties = resource_properties(resources, systemd);
  if (resources.devices.empty() || systemd.of_user) return properties;
  for (UnitProperty& one : device_properties(resources.devices))
    properties.push_back(std::move(one));
  return properties;
}

std::vector<std::string> describe(const CgroupPlan& plan) {
  std::vector<std::string> lines;
  if (plan.unit) describe_unit(*plan.unit, lines);
  if (plan.driver == CgroupDriver::kDisabled)
    lines.push_back("make no cgroup: the container stays in that of its caller, without limits");
  describe_directories(plan, lines);
  for (const CgroupDirectory& directory : plan.directories) {
    for (const FileWrite& write : directory.writes)
      lines.push_back(describe_write(directory, write));
    if (!directory.device_writes.empty()) {
      lines.push_back(describe_devices(device_texts(directory), "by the devices controller"));
    }
  }
  if (plan.unit) {
    for (const UnitProperty& one : plan.unit->last_properties)
      lines.push_back(sentence("once init is in it: ", describe(one)));
    for (const CgroupDirectory& directory : plan.directories)
      for (const FileWrite& write : directory.last_writes)
        lines.push_back(sentence("once init is in it: ", describe_write(directory, write)));
  }
  if (plan.device_program) {
    std::vector<std::string> rules;
    for (const DeviceAccess& rule : plan.device_program->rules) rules.push_back(describe(rule));
    lines.push_back(describe_devices(rules, "by a BPF program on the cgroup"));
  }
  if (plan.owner) {
    lines.push_back(sentence("give the cgroup to user ", *plan.owner,
                             ": the container may divide it, but not raise its own limits"));
  }
  if (plan.check_memory_limit) {
    lines.push_back("refuse the memory limit if more than that is in use already");
  }
  if (plan.ignore_permission && !plan.directories.empty()) {
    lines.push_back("go on without a cgroup if this user may not make one: no limit was asked for");
  }
  return lines;
}

}  // namespace plan
