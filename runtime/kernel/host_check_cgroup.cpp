// SPDX-License-Identifier: Apache-2.0
// Control groups of the host check.
#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/cgroup_files.hpp"
#include "runtime/kernel/host_check_parts.hpp"

namespace kernel {
namespace {

constexpr const char* kPath = "/linux/cgroupsPath";
constexpr const char* kResources = "/linux/resources";

/// The nearest directory that is there, from the container's upwards.
std::string existing_ancestor(const plan::CgroupDirectory& directory) {
  std::string path = directory.mount_point + directory.path;
  while (path.size() > directory.mount_point.size() && ::access(path.c_str(), F_OK) != 0)
    path.resize(path.rfind('/'));
  return path;
}

/// What create refuses in a cgroup that somebody left.
void check_existing(const HostCheck& check, const plan::CgroupDirectory& directory,
                    const std::string& name) {
  const UniqueFd opened = open_cgroup_if_exists(directory);
  if (!opened) return;
  if (!processes_below(opened.get()).empty())
    check.error(kPath, sentence("the cgroup ", name, " is there already and has processes"),
                "choose another path, or end those processes");
  const char* file = directory.is_v2                 ? "cgroup.freeze"
                     : carries(directory, "freezer") ? "freezer.state"
                                                     : nullptr;
  if (file == nullptr) return;
  const std::string state = read_cgroup_file(opened.get(), file).value_or("0\n");
  if (state != "0\n" && state != "THAWED\n")
    check.error(kPath, sentence("the cgroup ", name, " is there already and frozen"),
                "thaw or remove it");
}

bool needs(const plan::CgroupDirectory& directory, std::string_view controller) {
  return std::ranges::any_of(directory.writes, [&](const plan::FileWrite& one) {
    return !one.optional && one.file.starts_with(sentence(controller, "."));
  });
}

/// On v2 a controller reaches the container only if all cgroups above pass it on.
void check_delegation(const HostCheck& check, const plan::CgroupDirectory& directory,
                      const std::string& ancestor) {
  const std::string available = text_of(ancestor + "/cgroup.controllers");
  for (const std::string& one : directory.controllers) {
    if (!needs(directory, one) || has_word(available, one)) continue;
    // Whoever may write above can still enable it on the way down.
    const std::string parent = ancestor.substr(0, ancestor.rfind('/'));
    const bool can_enable =
        ancestor.size() > directory.mount_point.size() &&
        ::faccessat(AT_FDCWD, (parent + "/cgroup.subtree_control").c_str(), W_OK, AT_EACCESS) == 0;
    if (!can_enable)
      check.error(kResources,
                  sentence("the cgroup controller ", one, " is not passed on to ", ancestor),
                  sentence("write +", one, " to ", parent, "/cgroup.subtree_control as root"));
  }
}

/// v1 shows these controllers' files in the root of the hierarchy, too.
void check_v1_files(const HostCheck& check, const plan::CgroupDirectory& directory) {
  for (const plan::FileWrite& one : directory.writes) {
    if (one.may_be_dropped)
      check.warning(
          sentence(kResources, "/memory"),
          sentence("kernels since 5.16 refuse a limit in ", one.file, " or do nothing with it"),
          "leave it out: memory.limit counts the kernel's memory as well");
    const bool in_root = one.file.starts_with("memory.") || one.file.starts_with("cpuset.") ||
                         one.file.starts_with("hugetlb.");
    if (one.optional || !in_root) continue;
    if (::access(sentence(directory.mount_point, "/", one.file).c_str(), F_OK) == 0) continue;
    if (!one.fallback_file.empty()) continue;
    check.error(kResources, sentence("this kernel has no ", directory.mount_point, "/", one.file),
                one.file.starts_with("memory.memsw.")
                    ? "boot with swapaccount=1, or leave memory.swap out"
                    : "leave that limit out");
  }
}

void check_page_sizes(const HostCheck& check) {
  const oci::RuntimeConfig& config = check.wanted.config;
  if (!config.linux_.resources) return;
  const auto& limits = config.linux_.resources->hugepage_limits;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const std::string& size = limits[i].page_size;
    std::uint64_t count = 0;
    std::from_chars(size.data(), size.data() + size.size(), count);
    const std::uint64_t kilobytes = count * (size.ends_with("GB")   ? 1 << 20
                                             : size.ends_with("MB") ? 1 << 10
                                                                    : 1);
    const std::string directory = sentence("/sys/kernel/mm/hugepages/hugepages-", kilobytes, "kB");
    if (::access(directory.c_str(), F_OK) != 0)
      check.error(sentence(kResources, "/hugepageLimits/", i, "/pageSize"),
                  sentence("this host has no pages of ", size),
                  "choose a size of /sys/kernel/mm/hugepages");
  }
}

/// The highest number of a list like "0-3,7".
std::uint64_t last_of(std::string_view list) {
  std::uint64_t highest = 0;
  while (!list.empty()) {
    const std::size_t digits = list.find_first_of("0123456789");
    if (digits == std::string_view::npos) break;
    list.remove_prefix(digits);
    std::uint64_t number = 0;
    const auto result = std::from_chars(list.data(), list.data() + list.size(), number);
    list.remove_prefix(static_cast<std::size_t>(result.ptr - list.data()));
    highest = std::max(highest, number);
  }
  return highest;
}

/// A list of cpus or mems against the list of those that the machine has.
void check_list(const HostCheck& check, const char* key, const std::string& wanted,
                const char* file, const char* what) {
  const std::string there = text_of(file);
  if (wanted.empty() || there.empty() || last_of(wanted) <= last_of(there)) return;
  check.error(sentence(kResources, "/cpu/", key),
              sentence("this machine has no ", what, " ", last_of(wanted)),
              sentence("the highest is ", last_of(there)));
}

void check_lists(const HostCheck& check) {
  const auto& resources = check.wanted.config.linux_.resources;
  if (!resources || !resources->cpu) return;
  check_list(check, "cpus", resources->cpu->cpus.value_or(""), "/sys/devices/system/cpu/possible",
             "CPU");
  check_list(check, "mems", resources->cpu->mems.value_or(""),
             "/sys/devices/system/node/has_memory", "memory node");
}

/// Bounds that are the kernel's own, in both versions: kernel/sched/core.c (tg_set_cfs_bandwidth),
/// and PID_MAX_LIMIT in kernel/cgroup/pids.c.
void check_bounds(const HostCheck& check) {
  const auto& resources = check.wanted.config.linux_.resources;
  if (!resources) return;
  constexpr std::int64_t kLeast = 1000, kMost = 1'000'000, kMostProcesses = 4'194'304;
  const auto refuse = [&](const char* where, std::string_view text) {
    check.error(sentence(kResources, where), std::string(text), "choose another value");
  };
  if (resources->cpu) {
    const oci::Cpu& cpu = *resources->cpu;
    const std::int64_t quota = cpu.quota.value_or(0);
    const std::uint64_t period = cpu.period.value_or(0);
    if (quota > 0 && quota < kLeast)
      refuse("/cpu/quota", sentence("the kernel takes no quota below ", kLeast, " us"));
    if (period != 0 && (period < kLeast || period > kMost))
      refuse("/cpu/period",
             sentence("the kernel takes periods from ", kLeast, " to ", kMost, " us"));
    if (quota > 0 && cpu.burst.value_or(0) > static_cast<std::uint64_t>(quota))
      refuse("/cpu/burst", "the kernel takes no burst above the quota");
  }
  if (resources->pids && resources->pids->limit.value_or(0) > kMostProcesses)
    refuse("/pids/limit", sentence("the kernel has at most ", kMostProcesses, " processes"));
}

void check_directory(const HostCheck& check, const plan::CgroupDirectory& directory) {
  const std::string name = cgroup_name(directory);
  const std::string ancestor = existing_ancestor(directory);
  if (ancestor == name) {
    check_existing(check, directory, name);
  } else if (::faccessat(AT_FDCWD, ancestor.c_str(), W_OK, AT_EACCESS) != 0) {
    if (check.launch.cgroup.ignore_permission) return;
    return check.error(kPath, sentence("this user may not make a cgroup in ", ancestor),
                       "run toyrun as root, or have the cgroup delegated (cgroups(7))");
  }
  if (directory.is_v2)
    check_delegation(check, directory, ancestor);
  else
    check_v1_files(check, directory);
}

}  // namespace

void check_cgroups(const HostCheck& check) {
  for (const plan::CgroupDirectory& one : check.launch.cgroup.directories) {
    // systemd makes those; that there is one was found out with the facts.
    if (check.launch.cgroup.unit) break;
    try {
      check_directory(check, one);
    } catch (const Error& error) {
      check.error(kPath, error.what(), "choose a cgroup that this user may use");
    }
  }
  check_page_sizes(check);
  check_lists(check);
  check_bounds(check);
}

}  // namespace kernel
