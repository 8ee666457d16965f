// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/check.hpp"

#include <charconv>
#include <numeric>
#include <string_view>
#include <utility>

#include "bundle-spec/error.hpp"

namespace plan {
namespace {

constexpr std::size_t kMostRounds = 1000;

/// The steps of a JSON pointer as the plan writes them: names are not escaped, so the rest of one
/// is kept as well ("net/core/somaxconn").
class Steps {
 public:
  explicit Steps(std::string_view pointer) : left_(pointer) {}
  bool take(std::string_view name) {
    if (!left_.starts_with('/') || !left_.substr(1).starts_with(name)) return false;
    const std::string_view after = left_.substr(1 + name.size());
    if (!after.empty() && after.front() != '/') return false;
    left_ = after;
    return true;
  }
  std::optional<std::size_t> take_index() {
    if (!left_.starts_with('/')) return std::nullopt;
    std::size_t index = 0;
    const auto [stop, problem] =
        std::from_chars(left_.data() + 1, left_.data() + left_.size(), index);
    if (problem != std::errc()) return std::nullopt;
    left_.remove_prefix(static_cast<std::size_t>(stop - left_.data()));
    return index;
  }
  /// "" when there is nothing left.
  std::string_view rest() const { return left_.empty() ? left_ : left_.substr(1); }

 private:
  std::string_view left_;
};

/// A list out of which entries are taken; `places` remembers where the others were.
template <typename Entry>
struct Thinned {
  std::string_view pointer;
  std::vector<Entry>& list;
  std::vector<std::size_t> places = std::vector<std::size_t>(list.size());

  Thinned(std::string_view where, std::vector<Entry>& entries) : pointer(where), list(entries) {
    std::iota(places.begin(), places.end(), std::size_t{0});
  }

  /// Takes the entry out that the pointer names, or all if it names the list; the pointer becomes
  /// the one of the document.
  bool leave_out(std::string& refused) {
    if (refused == pointer && !list.empty()) {
      list.clear();
      places.clear();
      return true;
    }
    if (!refused.starts_with(sentence(pointer, "/"))) return false;
    Steps steps(std::string_view(refused).substr(pointer.size()));
    const std::optional<std::size_t> index = steps.take_index();
    if (!index || *index >= list.size()) return false;
    const auto at = static_cast<std::ptrdiff_t>(*index);
    const std::string rest(steps.rest());
    refused = sentence(pointer, "/", places[*index], rest.empty() ? "" : "/", rest);
    list.erase(list.begin() + at);
    places.erase(places.begin() + at);
    return true;
  }
};

/// True if there was something to take out.
template <typename Value>
bool clear(Value& value) {
  if (value == Value{}) return false;
  value = Value{};
  return true;
}

bool leave_out_resource(Steps steps, oci::Resources& resources) {
  if (steps.take("memory")) return clear(resources.memory);
  if (steps.take("cpu")) return clear(resources.cpu);
  if (steps.take("blockIO")) return clear(resources.block_io);
  if (steps.take("pids")) return clear(resources.pids);
  if (steps.take("network")) return clear(resources.network);
  if (steps.take("hugepageLimits")) return clear(resources.hugepage_limits);
  if (steps.take("rdma")) return clear(resources.rdma);
  if (steps.take("devices")) return clear(resources.devices);
  if (steps.take("unified")) {
    if (resources.unified.erase(std::string(steps.rest())) > 0) return true;
    return clear(resources.unified);
  }
  return clear(resources);
}

/// Without the user namespace and its maps the rest can be planned.
bool leave_out_user_namespace(oci::Linux& config) {
  const bool maps = clear(config.uid_mappings) | clear(config.gid_mappings);
  const auto is_user = [](const oci::Namespace& one) { return one.type == "user"; };
  return std::erase_if(config.namespaces, is_user) > 0 || maps;
}

bool leave_out_of_linux(Steps steps, oci::Linux& config) {
  if (steps.take("resources"))
    return config.resources && leave_out_resource(steps, *config.resources);
  if (steps.take("sysctl"))
    return config.sysctl.erase(std::string(steps.rest())) > 0 || clear(config.sysctl);
  if (steps.take("seccomp")) return clear(config.seccomp);
  if (steps.take("intelRdt")) return clear(config.intel_rdt);
  if (steps.take("netDevices")) return clear(config.net_devices);
  if (steps.take("memoryPolicy")) return clear(config.memory_policy);
  if (steps.take("personality")) return clear(config.personality);
  if (steps.take("rootfsPropagation")) return clear(config.rootfs_propagation);
  if (steps.take("mountLabel")) return clear(config.mount_label);
  if (steps.take("cgroupsPath")) return clear(config.cgroups_path);
  if (steps.take("timeOffsets")) return clear(config.time_offsets);
  if (steps.take("uidMappings") || steps.take("gidMappings"))
    return leave_out_user_namespace(config);
  return false;
}

bool leave_out_of_process(Steps steps, oci::Process& process) {
  if (steps.take("apparmorProfile")) return clear(process.apparmor_profile);
  if (steps.take("selinuxLabel")) return clear(process.selinux_label);
  if (steps.take("scheduler")) return clear(process.scheduler);
  if (steps.take("ioPriority")) return clear(process.io_priority);
  if (steps.take("capabilities")) return clear(process.capabilities);
  if (steps.take("oomScoreAdj")) return clear(process.oom_score_adj);
  if (steps.take("execCPUAffinity")) return clear(process.exec_cpu_affinity);
  if (steps.take("user")) return clear(process.user);
  if (steps.take("env")) return clear(process.env);
  return false;
}

bool leave_out_value(const std::string& pointer, oci::RuntimeConfig& config) {
  Steps steps(pointer);
  if (steps.take("linux")) return leave_out_of_linux(steps, config.linux_);
  if (steps.take("process")) {
    if (!config.process) return false;
    return leave_out_of_process(steps, *config.process) || clear(config.process);
  }
  if (steps.take("hostname")) return clear(config.hostname);
  if (steps.take("domainname")) return clear(config.domainname);
  if (steps.take("hooks")) return clear(config.hooks);
  if (steps.take("mounts")) return clear(config.mounts);
  return false;
}

}  // namespace

Remainder plan_what_is_possible(const oci::RuntimeConfig& config, const std::string& bundle,
                                const std::string& id, const HostFacts& facts,
                                const LaunchChoices& choices, std::vector<oci::Problem>& problems) {
  Remainder left{.config = config, .launch = {}, .mounts = {}, .limits = {}};
  std::vector<oci::Rlimit> no_limits;
  Thinned mounts("/mounts", left.config.mounts);
  Thinned limits("/process/rlimits",
                 left.config.process ? left.config.process->rlimits : no_limits);
  Thinned devices("/linux/devices", left.config.linux_.devices);
  Thinned namespaces("/linux/namespaces", left.config.linux_.namespaces);
  Thinned masked("/linux/maskedPaths", left.config.linux_.masked_paths);
  Thinned readonly("/linux/readonlyPaths", left.config.linux_.readonly_paths);
  for (std::size_t round = 0; round < kMostRounds && !left.launch; ++round) {
    try {
      left.launch = plan_launch(left.config, bundle, id, facts, choices);
    } catch (const Error& error) {
      oci::Problem problem = oci::problem_from(error.what());
      const bool goes_on =
          mounts.leave_out(problem.pointer) ||
          (left.config.process && limits.leave_out(problem.pointer)) ||
          devices.leave_out(problem.pointer) || namespaces.leave_out(problem.pointer) ||
          masked.leave_out(problem.pointer) || readonly.leave_out(problem.pointer) ||
          leave_out_value(problem.pointer, left.config);
      oci::add_problem(problems, std::move(problem));
      if (!goes_on) break;
    }
  }
  left.mounts = std::move(mounts.places);
  left.limits = std::move(limits.places);
  return left;
}

}  // namespace plan
