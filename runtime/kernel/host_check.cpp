// SPDX-License-Identifier: Apache-2.0
// Namespaces, ids and sysctls of the host check; the other parts have files of their own.
#include "runtime/kernel/host_check.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/host_check_parts.hpp"
#include "runtime/kernel/namespaces.hpp"
#include "runtime/kernel/resctrl.hpp"
#include "runtime/plan/network.hpp"

namespace kernel {
namespace {

constexpr std::array<std::string_view, 8> kTypes = {"user", "pid", "network", "mount",
                                                    "ipc",  "uts", "cgroup",  "time"};

std::uint64_t effective_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> words{};
  ::check(::syscall(SYS_capget, &header, words.data()), "capget");
  return words[0].effective | std::uint64_t{words[1].effective} << 32;
}

bool is_made(const plan::NamespacePlan& namespaces, std::string_view type, std::uint64_t flag) {
  if (type == "cgroup") return namespaces.create_cgroup;
  if (type == "time") return namespaces.create_time;
  return (namespaces.create_flags & flag) != 0;
}

void check_new_namespace(const HostCheck& check, std::string_view type) {
  const std::string_view file = plan::namespace_file(type);
  if (::access(sentence("/proc/self/ns/", file).c_str(), F_OK) != 0)
    return check.error("/linux/namespaces", sentence("this kernel has no ", type, " namespaces"),
                       sentence("leave the ", type, " namespace out, or use a kernel with it"));
  const std::string limit = sentence("/proc/sys/user/max_", file, "_namespaces");
  if (number_in(limit, 1) == 0)
    check.error("/linux/namespaces",
                sentence("no new ", type, " namespace is allowed: ", limit, " is 0"),
                sentence("write a higher number to ", limit));
}

void check_unprivileged_user_namespace(const HostCheck& check) {
  constexpr const char* kClone = "/proc/sys/kernel/unprivileged_userns_clone";
  if (number_in(kClone, 1) == 0)
    check.error("/linux/namespaces",
                sentence("ordinary users may make no user namespace: ", kClone, " is 0"),
                sentence("write 1 to ", kClone, ", or run toyrun as root"));
  constexpr const char* kAppArmor = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
  if (number_in(kAppArmor, 0) == 1)
    check.warning("/linux/namespaces",
                  sentence("AppArmor keeps programs without a profile of their own from using user "
                           "namespaces: ",
                           kAppArmor, " is 1"),
                  "give toyrun an AppArmor profile that allows userns, or run it as root");
}

/// Which own ids there are to give away: the extents of /proc/self/uid_map, as seen inside.
std::vector<oci::IdMapping> own_ids(const char* file) {
  std::vector<oci::IdMapping> extents;
  const std::string text = text_of(file);
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](std::uint32_t& value) {
    while (at != end && (*at == ' ' || *at == '\n')) ++at;
    const auto [stop, problem] = std::from_chars(at, end, value);
    at = stop;
    return problem == std::errc();
  };
  oci::IdMapping one;
  while (number(one.container_id) && number(one.host_id) && number(one.size))
    extents.push_back(one);
  return extents;
}

bool contains(const std::vector<oci::IdMapping>& extents, std::uint32_t first, std::uint32_t size) {
  return std::ranges::any_of(extents, [&](const oci::IdMapping& one) {
    return first >= one.container_id &&
           std::uint64_t{first} + size <= std::uint64_t{one.container_id} + one.size;
  });
}

bool is_in_path(const std::string& program) {
  const char* path = ::getenv("PATH");
  std::string_view left = path == nullptr ? "/usr/bin:/bin" : path;
  while (!left.empty()) {
    const std::size_t end = std::min(left.find(':'), left.size());
    if (::access(sentence(left.substr(0, end), "/", program).c_str(), X_OK) == 0) return true;
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return false;
}

void check_mapped_ids(const HostCheck& check, const std::vector<oci::IdMapping>& mappings,
                      const std::string& pointer, const char* own_map, const char* program) {
  if (check.launch.namespaces.map_with_helpers) {
    if (!is_in_path(program))
      check.error(pointer,
                  sentence(program,
                           ", which writes the map for ordinary users, is not in "
                           "PATH"),
                  "install the uidmap package");
    return;
  }
  const std::vector<oci::IdMapping> own = own_ids(own_map);
  if (check.facts.euid != 0 || own.empty()) return;
  for (const oci::IdMapping& one : mappings)
    if (!contains(own, one.host_id, one.size))
      check.error(pointer,
                  sentence("host ids ", one.host_id, " and ", one.size - 1,
                           " after it are not all in ", own_map,
                           ": toyrun itself is in a user "
                           "namespace that does not have them"),
                  "map ids that toyrun has");
}

void require_id(const HostCheck& check, const std::vector<oci::IdMapping>& mappings,
                std::uint32_t id, const std::string& pointer, std::string_view what) {
  if (mappings.empty() || contains(mappings, id, 1)) return;
  check.error(pointer, sentence(what, " ", id, " is not mapped in the user namespace"),
              sentence("map it, or choose one that is mapped"));
}

/// net/ipv4/conf/DEVICE/…, net/ipv6/neigh/DEVICE/…
bool is_of_device(std::string_view path) {
  return path.find("/conf/") != std::string_view::npos ||
         path.find("/neigh/") != std::string_view::npos;
}

/// A file below /proc/sys is the kernel's or the namespace's; of the network's some appear only
/// with a device, or with a module that a hook or the network may load.
void check_sysctl(const HostCheck& check, const plan::Sysctl& sysctl) {
  const std::string path = "/proc/sys/" + sysctl.path;
  if (::access(path.c_str(), F_OK) == 0) return;
  const std::string pointer = "/linux/sysctl";
  const std::string text = sentence("there is no ", path, " on this host");
  const bool may_come = is_of_device(sysctl.path) || check.wanted.config.hooks.has_value() ||
                        plan::asks_for_network(check.wanted.config.annotations);
  if (sysctl.path.starts_with("net/") && may_come)
    return check.warning(pointer, text,
                         "load the module it belongs to; those of a device come with the device");
  check.error(pointer, text, "leave it out, or use a kernel that has it");
}

void check_net_devices(const HostCheck& check) {
  const bool is_new = (check.launch.namespaces.create_flags & CLONE_NEWNET) != 0;
  for (const plan::NetDevice& one : check.launch.namespaces.net_devices)
    if (is_new && one.name == "lo")
      check.error("/linux/netDevices/" + one.host_name,
                  "a new network namespace has a device lo already", "give it another name");
    else if (::if_nametoindex(one.host_name.c_str()) == 0)
      check.error("/linux/netDevices/" + one.host_name,
                  sentence("there is no network device ", one.host_name, " on this host"),
                  "name one that `ip link` lists");
}

void check_resctrl(const HostCheck& check) {
  if (!check.launch.rdt) return;
  try {
    const plan::RdtPlace place = find_resctrl(*check.launch.rdt);
    if (check.launch.rdt->must_exist && ::access(place.group.c_str(), F_OK) != 0)
      check.error("/linux/intelRdt/closID", sentence("there is no class ", place.group),
                  "name one that is there, or give it a schema");
  } catch (const Error& error) {
    oci::Problem problem = oci::problem_from(error.what());
    check.error(std::move(problem.pointer), std::move(problem.text),
                "mount resctrl, or leave intelRdt out");
  }
}

}  // namespace

void check_namespaces(const HostCheck& check) {
  const plan::NamespacePlan& namespaces = check.launch.namespaces;
  bool any = false;
  for (const std::string_view type : kTypes) {
    const std::uint64_t flag = plan::namespace_flag(type);
    any = any || namespaces.has(flag);
    if (is_made(namespaces, type, flag)) check_new_namespace(check, type);
  }
  for (const plan::JoinNamespace& one : namespaces.join) {
    try {
      plan::NamespacePlan alone;
      alone.join = {one};
      open_namespaces(alone);
    } catch (const Error& error) {
      check.error("/linux/namespaces", error.what(),
                  sentence("name a ", one.type, " namespace that is there"));
    }
  }
  const bool makes_user = (namespaces.create_flags & CLONE_NEWUSER) != 0;
  if (makes_user && check.facts.euid != 0) check_unprivileged_user_namespace(check);
  if (any && !namespaces.has(CLONE_NEWUSER) && !check.may(CAP_SYS_ADMIN))
    check.error("/linux/namespaces",
                "namespaces without a user namespace need CAP_SYS_ADMIN, which this user has not",
                "run toyrun as root, or add a user namespace (toyrun spec --rootless shows how)");
}

void check_ids(const HostCheck& check) {
  const plan::NamespacePlan& namespaces = check.launch.namespaces;
  if (namespaces.joined(CLONE_NEWUSER) != nullptr) return;
  const bool is_new = (namespaces.create_flags & CLONE_NEWUSER) != 0;
  if (is_new) {
    check_mapped_ids(check, namespaces.uid_mappings, "/linux/uidMappings", "/proc/self/uid_map",
                     "newuidmap");
    check_mapped_ids(check, namespaces.gid_mappings, "/linux/gidMappings", "/proc/self/gid_map",
                     "newgidmap");
  }
  if (!check.wanted.config.process) return;
  const auto uids = is_new ? namespaces.uid_mappings : own_ids("/proc/self/uid_map");
  const auto gids = is_new ? namespaces.gid_mappings : own_ids("/proc/self/gid_map");
  const plan::ProcessPlan& process = check.launch.process;
  require_id(check, uids, process.uid, "/process/user/uid", "user");
  require_id(check, gids, process.gid, "/process/user/gid", "group");
  constexpr std::size_t kMostGroups = 65536;  // NGROUPS_MAX, setgroups(2)
  if (process.additional_gids.size() > kMostGroups)
    check.error("/process/user/additionalGids",
                sentence("a process has at most ", kMostGroups, " supplementary groups, not ",
                         process.additional_gids.size()),
                "leave some out");
  for (const std::uint32_t gid : process.additional_gids)
    require_id(check, gids, gid, "/process/user/additionalGids", "group");
}

void check_sysctls(const HostCheck& check) {
  for (const plan::Sysctl& one : check.launch.sysctls) check_sysctl(check, one);
}

std::string text_of(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) return {};
  std::array<char, 4096> part;
  std::string text;
  ssize_t got = 0;
  while ((got = ::read(file.get(), part.data(), part.size())) > 0)
    text.append(part.data(), static_cast<std::size_t>(got));
  return text;
}

std::uint64_t number_in(const std::string& path, std::uint64_t otherwise) {
  const std::string text = text_of(path);
  std::uint64_t number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool has_word(std::string_view text, std::string_view word) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t\n"), text.size());
    if (text.substr(0, end) == word) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

void check_host(const plan::Remainder& wanted, const plan::HostFacts& facts,
                std::vector<oci::Problem>& problems) {
  const HostCheck check{.wanted = wanted,
                        .launch = *wanted.launch,
                        .facts = facts,
                        .capabilities = effective_capabilities(),
                        .problems = problems};
  check_namespaces(check);
  check_ids(check);
  check_cgroups(check);
  check_files(check);
  check_sysctls(check);
  check_net_devices(check);
  check_resctrl(check);
  check_hooks(check);
  if (!wanted.config.process) return;
  check_program(check);
  check_seccomp(check);
  check_process(check);
}

}  // namespace kernel
