// SPDX-License-Identifier: Apache-2.0
// Limits, capabilities, scheduling, labels and system call filter of the host check.
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/host_check_parts.hpp"
#include "runtime/kernel/process.hpp"
#include "runtime/kernel/procfs.hpp"
#include "runtime/plan/seccomp_start.hpp"

namespace kernel {
namespace {

void check_limit(const HostCheck& check, const plan::ResourceLimit& limit, std::size_t place) {
  const std::string pointer = sentence("/process/rlimits/", place, "/hard");
  rlimit own{};
  ::check(::prlimit(0, static_cast<__rlimit_resource>(limit.resource), nullptr, &own), "prlimit");
  if (limit.hard > own.rlim_max && !check.may_for_machine(CAP_SYS_RESOURCE))
    return check.error(
        pointer,
        sentence("the hard limit ", limit.hard, " is above toyrun's own, ", own.rlim_max,
                 ", and raising one needs CAP_SYS_RESOURCE"),
        sentence("ask for at most ", own.rlim_max, ", or start toyrun with CAP_SYS_RESOURCE"));
  if (limit.resource != RLIMIT_NOFILE) return;
  constexpr const char* kMost = "/proc/sys/fs/nr_open";
  const std::uint64_t most = number_in(kMost, ~std::uint64_t{0});
  if (limit.hard > most)
    check.error(pointer, sentence("the hard limit ", limit.hard, " is above the kernel's ", most),
                sentence("ask for at most ", most, ", or raise ", kMost));
}

std::string capability_names(std::uint64_t set) {
  const std::vector<std::string> known = plan::known_capabilities();
  std::string names;
  for (std::size_t i = 0; i < known.size(); ++i)
    if ((set >> i & 1) != 0) names += sentence(names.empty() ? "" : ", ", known[i]);
  return names;
}

/// create warns and goes on, as the specification wants it.
void check_capabilities(const HostCheck& check) {
  const plan::ProcessPlan& process = check.launch.process;
  for (const std::string& name : process.unknown_capabilities)
    check.warning("/process/capabilities", sentence("capability ", name, " is unknown: left out"),
                  "correct its name (capabilities(7)), or leave it out");
  // A user namespace has them all.
  if (check.launch.namespaces.has(CLONE_NEWUSER)) return;
  const plan::CapabilitySets& sets = process.capabilities;
  const std::uint64_t missing = (sets.permitted | sets.effective) & ~check.capabilities;
  if (missing != 0)
    check.warning("/process/capabilities",
                  sentence("toyrun itself does not have ", capability_names(missing),
                           ": the process goes without"),
                  "start toyrun with them, or leave them out");
}

void check_scheduling(const HostCheck& check) {
  const plan::ProcessPlan& process = check.launch.process;
  if (!process.scheduler || check.may_for_machine(CAP_SYS_NICE)) return;
  const plan::SchedulerPlan& wanted = *process.scheduler;
  rlimit own{};
  const bool realtime = wanted.policy == SCHED_FIFO || wanted.policy == SCHED_RR;
  ::check(::getrlimit(realtime ? RLIMIT_RTPRIO : RLIMIT_NICE, &own), "getrlimit");
  const bool refused = wanted.policy == SCHED_DEADLINE ||
                       (realtime && wanted.priority > own.rlim_cur) ||
                       (wanted.nice < 0 && static_cast<rlim_t>(20 - wanted.nice) > own.rlim_cur);
  if (refused)
    check.error("/process/scheduler", "this policy or priority needs CAP_SYS_NICE",
                "ask for a lower priority, or start toyrun with CAP_SYS_NICE");
}

/// securityfs is not everywhere, and only root reads the list.
void check_labels(const HostCheck& check) {
  const std::string& profile = check.launch.process.apparmor_profile;
  if (profile.empty() || profile == "unconfined") return;
  const std::string loaded = text_of("/sys/kernel/security/apparmor/profiles");
  if (loaded.empty() || ("\n" + loaded).find(sentence("\n", profile, " (")) != std::string::npos)
    return;
  check.error("/process/apparmorProfile",
              sentence("the AppArmor profile ", profile, " is not loaded"),
              "load it with apparmor_parser(8)");
}

/// The kernel's word for an action of the profile, as in actions_avail.
std::string_view kernel_word(std::string_view action) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"SCMP_ACT_KILL", "kill_thread"},
      {"SCMP_ACT_KILL_THREAD", "kill_thread"},
      {"SCMP_ACT_KILL_PROCESS", "kill_process"},
      {"SCMP_ACT_TRAP", "trap"},
      {"SCMP_ACT_ERRNO", "errno"},
      {"SCMP_ACT_TRACE", "trace"},
      {"SCMP_ACT_ALLOW", "allow"},
      {"SCMP_ACT_LOG", "log"},
      {"SCMP_ACT_NOTIFY", "user_notif"}};
  const auto found = std::ranges::find(kWords, action, [](const auto& one) { return one.first; });
  return found == std::end(kWords) ? std::string_view() : found->second;
}

void require_action(const HostCheck& check, std::string_view available, const std::string& action,
                    const std::string& pointer) {
  const std::string_view word = kernel_word(action);
  if (!word.empty() && !has_word(available, word))
    check.error(pointer, sentence("this kernel does not know the action ", action),
                "choose one of /proc/sys/kernel/seccomp/actions_avail");
}

void check_listener(const HostCheck& check, const std::string& pointer, const std::string& path,
                    const std::string& remedy) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) return;
  check.error(pointer, sentence(path, " is not a socket that is there"), remedy);
}

void check_memory_policy(const HostCheck& check) {
  const std::optional<plan::MemoryPolicyPlan>& policy = check.launch.process.memory_policy;
  if (!policy) return;
  try {
    set_memory_policy(*policy);  // as with oom_score_adj below
  } catch (const Error& error) {
    check.error("/linux/memoryPolicy", error.what(),
                "name nodes that /sys/devices/system/node/has_memory lists");
  }
}

}  // namespace

void check_seccomp(const HostCheck& check) {
  if (!check.launch.seccomp || !check.wanted.config.linux_.seccomp) return;
  const std::string available = text_of("/proc/sys/kernel/seccomp/actions_avail");
  if (available.empty())
    return check.error("/linux/seccomp", "this kernel has no seccomp filters",
                       "leave seccomp out, or use a kernel with CONFIG_SECCOMP_FILTER");
  const oci::Seccomp& seccomp = *check.wanted.config.linux_.seccomp;
  require_action(check, available, seccomp.default_action, "/linux/seccomp/defaultAction");
  for (std::size_t i = 0; i < seccomp.syscalls.size(); ++i)
    require_action(check, available, seccomp.syscalls[i].action,
                   sentence("/linux/seccomp/syscalls/", i, "/action"));
  // Without a program the call ends at EFAULT when it knows the flags (seccomp(2)).
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, check.launch.seccomp->flags, nullptr) < 0 &&
      errno == EINVAL)
    check.error("/linux/seccomp/flags", "this kernel does not know one of the flags",
                "leave it out, or use a newer kernel");
  const std::string barred =
      plan::barred_start(*check.launch.seccomp, check.launch.process.no_new_privileges,
                         plan::Barring::kKillsOrRefuses);
  if (!barred.empty())
    check.error("/linux/seccomp", barred.substr(0, barred.find(": ")),
                "allow it; toyrun makes that call behind the filter");
  if (check.launch.seccomp->notify)
    check_listener(check, "/linux/seccomp/listenerPath", check.launch.seccomp->listener_path,
                   "start the seccomp agent before the container");
}

void check_process(const HostCheck& check) {
  const plan::ProcessPlan& process = check.launch.process;
  for (std::size_t i = 0; i < process.limits.size(); ++i)
    check_limit(check, process.limits[i], check.wanted.limits[i]);
  check_capabilities(check);
  check_scheduling(check);
  check_labels(check);
  if (check.launch.pidfd_socket)
    check_listener(check, "/annotations/run.oci.pidfd_receiver", *check.launch.pidfd_socket,
                   "start whoever receives the pidfd before the container");
  check_memory_policy(check);
  if (!process.oom_score_adj) return;
  try {
    // The kernel tells only whoever tries, and this process is at its end.
    set_oom_score_adj(Procfs::open(), *process.oom_score_adj);
  } catch (const Error& error) {
    check.error("/process/oomScoreAdj", error.what(),
                "ask for a higher value, or start toyrun with CAP_SYS_RESOURCE");
  }
}

}  // namespace kernel
