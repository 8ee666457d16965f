// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/process.hpp"

#include <linux/capability.h>
#include <linux/sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <set>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "runtime/plan/number_list.hpp"
#include "runtime/plan/paths.hpp"

namespace plan {
namespace {

constexpr std::array<std::string_view, CAP_CHECKPOINT_RESTORE + 1> kCapabilities = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};
static_assert(kCapabilities[CAP_CHECKPOINT_RESTORE] == "CAP_CHECKPOINT_RESTORE");
static_assert(kCapabilities[CAP_MKNOD] == "CAP_MKNOD");

struct Named {
  std::string_view name;
  std::int32_t number;
};
constexpr Named kLimits[] = {
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
};
constexpr Named kPolicies[] = {
    {"SCHED_OTHER", SCHED_NORMAL},      {"SCHED_FIFO", SCHED_FIFO}, {"SCHED_RR", SCHED_RR},
    {"SCHED_BATCH", SCHED_BATCH},       {"SCHED_ISO", 4},           {"SCHED_IDLE", SCHED_IDLE},
    {"SCHED_DEADLINE", SCHED_DEADLINE},
};
constexpr Named kSchedulerFlags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
    {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
    {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
    {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
    {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
    {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
};
constexpr Named kIoClasses[] = {
    {"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}};

template <std::size_t N>
const Named* find_named(const Named (&table)[N], std::string_view name) {
  const auto found = std::ranges::find(table, name, &Named::name);
  return found != std::end(table) ? &*found : nullptr;
}

template <std::size_t N>
std::int32_t number_of(const Named (&table)[N], std::string_view name, std::string_view pointer) {
  if (const Named* found = find_named(table, name)) return found->number;
  throw Error(sentence(pointer, ": unknown value \"", name, "\""));
}

template <std::size_t N>
std::string_view name_of(const Named (&table)[N], std::int32_t number) {
  const auto found = std::ranges::find(table, number, &Named::number);
  return found != std::end(table) ? found->name : std::string_view("unknown");
}

std::uint64_t read_set(const std::vector<std::string>& names, std::vector<std::string>& unknown) {
  std::uint64_t bits = 0;
  for (const std::string& name : names) {
    if (const std::optional<unsigned> number = capability_number(name)) {
      bits |= std::uint64_t{1} << *number;
    } else {
      unknown.push_back(name);
    }
  }
  return bits;
}

void plan_capabilities(const oci::Process& process, ProcessPlan& plan) {
  if (!process.capabilities) return;
  const oci::Capabilities& asked = *process.capabilities;
  std::vector<std::string>& unknown = plan.unknown_capabilities;
  plan.capabilities = {.bounding = read_set(asked.bounding, unknown),
                       .effective = read_set(asked.effective, unknown),
                       .inheritable = read_set(asked.inheritable, unknown),
                       .permitted = read_set(asked.permitted, unknown),
                       .ambient = read_set(asked.ambient, unknown)};
  std::ranges::sort(unknown);
  const auto twice = std::ranges::unique(unknown);
  unknown.erase(twice.begin(), twice.end());
}

ResourceLimit plan_limit(const oci::Rlimit& asked, const std::string& pointer) {
  const Named* found = find_named(kLimits, asked.type);
  if (found == nullptr) throw Error(sentence(pointer, "/type: wrong rlimit value: ", asked.type));
  if (asked.soft > asked.hard) {
    throw Error(sentence(pointer, "/soft: ", asked.soft, " is above the hard limit ", asked.hard));
  }
  return {.resource = found->number, .soft = asked.soft, .hard = asked.hard};
}

void plan_limits(const oci::Process& process, std::string_view pointer, ProcessPlan& plan) {
  for (std::size_t i = 0; i < process.rlimits.size(); ++i) {
    const std::string place = sentence(pointer, "/rlimits/", i);
    const ResourceLimit limit = plan_limit(process.rlimits[i], place);
    if (std::ranges::find(plan.limits, limit.resource, &ResourceLimit::resource) !=
        plan.limits.end()) {
      throw Error(sentence(place, "/type: ", process.rlimits[i].type, " is listed twice"));
    }
    plan.limits.push_back(limit);
  }
}

// sched(7): each policy knows only some of the fields; the kernel would ignore or refuse the
// others.
void check_scheduler(const oci::Scheduler& asked, std::uint32_t policy,
                     const std::string& pointer) {
  const std::int32_t nice = asked.nice.value_or(0);
  if (nice < -20 || nice > 19) throw Error(sentence(pointer, "/nice: must be between -20 and 19"));
  if (nice != 0 && policy != SCHED_NORMAL && policy != SCHED_BATCH) {
    throw Error(sentence(pointer, "/nice: is only for SCHED_OTHER and SCHED_BATCH"));
  }
  const std::int32_t priority = asked.priority.value_or(0);
  if (priority < 0) throw Error(sentence(pointer, "/priority: must not be negative"));
  if (priority != 0 && policy != SCHED_FIFO && policy != SCHED_RR) {
    throw Error(sentence(pointer, "/priority: is only for SCHED_FIFO and SCHED_RR"));
  }
  const bool is_realtime = policy == SCHED_FIFO || policy == SCHED_RR;
  if (is_realtime && (priority < 1 || priority > 99)) {
    throw Error(sentence(pointer, "/priority: must be 1 to 99 for ", asked.policy));
  }
  const bool deadline = asked.runtime.value_or(0) != 0 || asked.deadline.value_or(0) != 0 ||
                        asked.period.value_or(0) != 0;
  if (deadline && policy != SCHED_DEADLINE) {
    throw Error(sentence(pointer, ": runtime, deadline and period are only for SCHED_DEADLINE"));
  }
}

SchedulerPlan plan_scheduler(const oci::Scheduler& asked, const std::string& pointer) {
  SchedulerPlan plan;
  plan.policy = static_cast<std::uint32_t>(number_of(kPolicies, asked.policy, pointer + "/policy"));
  check_scheduler(asked, plan.policy, pointer);
  for (std::size_t i = 0; i < asked.flags.size(); ++i) {
    plan.flags |= static_cast<std::uint64_t>(
        number_of(kSchedulerFlags, asked.flags[i], sentence(pointer, "/flags/", i)));
  }
  plan.nice = asked.nice.value_or(0);
  plan.priority = static_cast<std::uint32_t>(asked.priority.value_or(0));
  plan.runtime = asked.runtime.value_or(0);
  plan.deadline = asked.deadline.value_or(0);
  plan.period = asked.period.value_or(0);
  return plan;
}

int plan_io_priority(const oci::IoPriority& asked, const std::string& pointer) {
  const int io_class = number_of(kIoClasses, asked.klass, pointer + "/class");
  if (asked.priority < 0 || asked.priority > 7) {
    throw Error(sentence(pointer, "/priority: must be between 0 and 7"));
  }
  return (io_class << 13) | asked.priority;  // ioprio_set(2), IOPRIO_PRIO_VALUE
}

std::optional<CpuList> plan_cpus(const std::optional<std::string>& list,
                                 const std::string& pointer) {
  constexpr std::uint32_t kHighestCpu = 65'535;
  if (!list || list->empty()) return std::nullopt;
  return CpuList{.text = *list, .mask = read_number_list(*list, kHighestCpu, pointer)};
}

ExecAffinity plan_affinity(const oci::ExecCpuAffinity& asked, const std::string& pointer) {
  return {.before_cgroup = plan_cpus(asked.initial, pointer + "/initial"),
          .in_cgroup = plan_cpus(asked.final, pointer + "/final")};
}

void plan_identity(const oci::Process& process, bool setgroups_denied, std::string_view pointer,
                   ProcessPlan& plan) {
  plan.uid = process.user.uid;
  plan.gid = process.user.gid;
  plan.additional_gids = process.user.additional_gids;
  plan.umask = process.user.umask.value_or(0022);
  if (plan.umask > 0777) throw Error(sentence(pointer, "/user/umask: must not be above 0777"));
  if (setgroups_denied && !plan.additional_gids.empty()) {
    throw Error(sentence(
        pointer, "/user/additionalGids: cannot be set where an ordinary user maps one group only"));
  }
  plan.set_groups = !setgroups_denied;
}

// getenv(3) finds the first of two, a shell keeps the last: only the last is passed on, as runc
// does.
std::vector<std::string> last_of_each_name(const std::vector<std::string>& entries) {
  std::set<std::string_view> names;
  std::vector<std::string> kept;
  kept.reserve(entries.size() + 1);
  for (const std::string& entry : entries | std::views::reverse) {
    if (names.insert(std::string_view(entry).substr(0, entry.find('='))).second)
      kept.push_back(entry);
  }
  std::ranges::reverse(kept);
  return kept;
}

void plan_program(const oci::Process& process, std::string_view pointer, ProcessPlan& plan) {
  if (process.args.empty()) throw Error(sentence(pointer, "/args: needs at least one entry"));
  for (const std::string& word : process.args) refuse_nul(word, sentence(pointer, "/args"));
  for (const std::string& entry : process.env) refuse_nul(entry, sentence(pointer, "/env"));
  refuse_nul(process.cwd, sentence(pointer, "/cwd"));
  if (!process.cwd.starts_with('/')) {
    throw Error(sentence(pointer, "/cwd: Cwd must be an absolute path, not \"", process.cwd, "\""));
  }
  plan.args = process.args;
  plan.env = last_of_each_name(process.env);
  plan.cwd = process.cwd;
}

void describe_sets(const CapabilitySets& sets, std::vector<std::string>& lines) {
  lines.push_back(
      sentence("capabilities it may ever have (bounding set): ", capability_list(sets.bounding)));
  if (sets.permitted == sets.bounding && sets.effective == sets.bounding) {
    lines.push_back("permitted and effective: the same");
  } else {
    lines.push_back(sentence("permitted: ", capability_list(sets.permitted)));
    lines.push_back(sentence("effective: ", capability_list(sets.effective)));
  }
  lines.push_back(sentence("inheritable: ", capability_list(sets.inheritable),
                           "; ambient: ", capability_list(sets.ambient)));
}

std::string describe_limit(std::uint64_t value) {
  return value == ~std::uint64_t{0} ? "unlimited" : sentence(value);
}

void describe_scheduling(const ProcessPlan& plan, std::vector<std::string>& lines) {
  if (plan.scheduler) {
    lines.push_back(sentence(
        "scheduler ", name_of(kPolicies, static_cast<std::int32_t>(plan.scheduler->policy)),
        ", nice ", plan.scheduler->nice, ", priority ", plan.scheduler->priority));
  }
  if (plan.io_priority) {
    lines.push_back(sentence("I/O priority ", name_of(kIoClasses, *plan.io_priority >> 13), " ",
                             *plan.io_priority & 7));
  }
  if (plan.memory_policy) {
    lines.push_back(describe(*plan.memory_policy));
  }
  if (plan.exec_affinity) {
    const auto& [before, inside] = *plan.exec_affinity;
    if (before) {
      lines.push_back(
          sentence("an exec starts on CPUs ", before->text, " until it is in the cgroup"));
    }
    if (inside) lines.push_back(sentence("an exec then runs on CPUs ", inside->text));
  }
  if (plan.personality) {
    lines.push_back(*plan.personality == 0 ? "personality LINUX"
                                           : "personality LINUX32: uname says i686");
  }
}

std::string describe_mode(std::uint32_t mode) {
  std::string digits;
  for (; digits.size() < 4; mode >>= 3) {
    digits.insert(digits.begin(), static_cast<char>('0' + (mode & 7)));
  }
  return digits;
}

void describe_identity(const ProcessPlan& plan, std::vector<std::string>& lines) {
  std::string groups;
  for (const std::uint32_t gid : plan.additional_gids)
    groups += sentence(groups.empty() ? "" : ", ", gid);
  std::string text = sentence("become user ", plan.uid, ", group ", plan.gid);
  if (!plan.set_groups) {
    text += ", supplementary groups unchanged";
  } else {
    text += groups.empty() ? ", no other groups" : sentence(", other groups ", groups);
  }
  lines.push_back(sentence(text, "; umask ", describe_mode(plan.umask)));
}

}  // namespace

ProcessPlan plan_process(const oci::Process& process, bool setgroups_denied,
                         std::string_view pointer) {
  ProcessPlan plan;
  plan_program(process, pointer, plan);
  plan_identity(process, setgroups_denied, pointer, plan);
  plan_capabilities(process, plan);
  plan_limits(process, pointer, plan);
  plan.no_new_privileges = process.no_new_privileges;
  plan.oom_score_adj = process.oom_score_adj;
  if (plan.oom_score_adj && (*plan.oom_score_adj < -1000 || *plan.oom_score_adj > 1000)) {
    throw Error(sentence(pointer, "/oomScoreAdj: must be between -1000 and 1000"));
  }
  plan.terminal = process.terminal;
  if (process.terminal)
    plan.console_size = process.console_size;  // spec: ignored without a terminal
  plan.apparmor_profile = process.apparmor_profile.value_or("");
  plan.selinux_label = process.selinux_label.value_or("");
  if (process.scheduler)
    plan.scheduler = plan_scheduler(*process.scheduler, sentence(pointer, "/scheduler"));
  if (process.io_priority) {
    plan.io_priority = plan_io_priority(*process.io_priority, sentence(pointer, "/ioPriority"));
  }
  if (process.exec_cpu_affinity) {
    plan.exec_affinity =
        plan_affinity(*process.exec_cpu_affinity, sentence(pointer, "/execCPUAffinity"));
  }
  return plan;
}

void require_security_modules(const ProcessPlan& process, const HostFacts& facts,
                              std::string_view pointer) {
  if (!process.apparmor_profile.empty() && !facts.apparmor) {
    throw Error(sentence(
        pointer, "/apparmorProfile: apparmor not enabled on this host; leave the profile out"));
  }
  if (!process.selinux_label.empty() && !facts.selinux) {
    throw Error(sentence(
        pointer, "/selinuxLabel: SELinux is not enabled on this host; leave the label out"));
  }
}

std::vector<std::string> describe(const ProcessPlan& plan) {
  std::vector<std::string> lines;
  for (const ResourceLimit& limit : plan.limits) {
    lines.push_back(sentence("limit ", name_of(kLimits, limit.resource), " to ",
                             describe_limit(limit.soft), ", at most ", describe_limit(limit.hard)));
  }
  if (plan.oom_score_adj) lines.push_back(sentence("OOM score adjustment ", *plan.oom_score_adj));
  describe_scheduling(plan, lines);
  describe_identity(plan, lines);
  describe_sets(plan.capabilities, lines);
  for (const std::string& name : plan.unknown_capabilities) {
    lines.push_back(sentence("warn: capability ", name, " is unknown and left out"));
  }
  if (!plan.apparmor_profile.empty())
    lines.push_back(sentence("AppArmor profile ", plan.apparmor_profile));
  if (!plan.selinux_label.empty()) lines.push_back(sentence("SELinux label ", plan.selinux_label));
  if (plan.no_new_privileges)
    lines.push_back("no new privileges: set-user-id programs gain nothing");
  return lines;
}

std::string capability_list(std::uint64_t set) {
  std::string text;
  for (std::size_t i = 0; i < kCapabilities.size(); ++i) {
    if ((set >> i & 1) == 0) continue;
    if (!text.empty()) text += ", ";
    text += kCapabilities[i].substr(4);
  }
  return text.empty() ? "none" : text;
}

std::string_view limit_name(int resource) { return name_of(kLimits, resource); }

std::optional<unsigned> capability_number(std::string_view name) {
  const auto found = std::ranges::find(kCapabilities, name);
  if (found == kCapabilities.end()) return std::nullopt;
  return static_cast<unsigned>(found - kCapabilities.begin());
}

std::vector<std::string> known_capabilities() {
  return {kCapabilities.begin(), kCapabilities.end()};
}

}  // namespace plan
