// SPDX-License-Identifier: Apache-2.0
// The general part: config.md. The texts after the pointer are runc's where it has one, engines
// show them to people.
#include "bundle-spec/oci/rules.hpp"

namespace oci {

namespace {

constexpr std::string_view kRlimits[] = {
    "RLIMIT_AS",     "RLIMIT_CORE",   "RLIMIT_CPU",        "RLIMIT_DATA",
    "RLIMIT_FSIZE",  "RLIMIT_LOCKS",  "RLIMIT_MEMLOCK",    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",   "RLIMIT_NOFILE", "RLIMIT_NPROC",      "RLIMIT_RSS",
    "RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK",
};
constexpr std::string_view kPolicies[] = {"SCHED_OTHER",   "SCHED_FIFO", "SCHED_RR",
                                          "SCHED_BATCH",   "SCHED_ISO",  "SCHED_IDLE",
                                          "SCHED_DEADLINE"};
constexpr std::string_view kNicePolicies[] = {"SCHED_OTHER", "SCHED_BATCH"};
constexpr std::string_view kPriorityPolicies[] = {"SCHED_FIFO", "SCHED_RR"};
constexpr std::string_view kSchedulerFlags[] = {
    "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM",     "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",   "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX"};
constexpr std::string_view kIoClasses[] = {"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE",
                                           "IOPRIO_CLASS_IDLE"};
constexpr std::string_view kIdmapWords[] = {"idmap", "ridmap"};

/// One numeric part of a SemVer version: no leading zeros. Cuts it off the text.
bool take_number(std::string_view& text, std::uint64_t& number) {
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto length = static_cast<std::size_t>(stop - text.data());
  if (problem != std::errc() || (length > 1 && text[0] == '0')) return false;
  text.remove_prefix(length);
  return true;
}

bool take_dot(std::string_view& text) {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

bool is_version_suffix(std::string_view text) {
  if (text.empty()) return true;
  const bool marked = text.size() > 1 && (text[0] == '-' || text[0] == '+');
  return marked && std::ranges::all_of(text.substr(1), [](char letter) {
           return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
                  (letter >= 'A' && letter <= 'Z') || letter == '-' || letter == '.' ||
                  letter == '+';
         });
}

void check_version(std::string_view version, const Place& at) {
  std::string_view rest = version;
  std::uint64_t major = 0, minor = 0, patch = 0;
  const bool numbers = take_number(rest, major) && take_dot(rest) && take_number(rest, minor) &&
                       take_dot(rest) && take_number(rest, patch);
  if (!numbers || !is_version_suffix(rest))
    at.refuse("\"", version, "\" is not a version like ", kRuntimeSpecVersion, " (SemVer)");
  // runtime-spec, config.md "Specification version": a newer minor version stays compatible.
  if (major != 1) at.refuse("version ", version, " is not supported, only 1.x is");
}

void check_environment(const std::vector<std::string>& env, const Place& at) {
  for (std::size_t i = 0; i < env.size(); ++i) {
    const std::size_t equals = env[i].find('=');
    if (equals == std::string::npos)
      at[i].refuse("invalid environment variable: missing '=' in \"", env[i], "\"");
    if (equals == 0) at[i].refuse("invalid environment variable: name cannot be empty");
  }
}

void check_user(const User& user, const Place& at) {
  require_id(user.uid, at / "uid");
  require_id(user.gid, at / "gid");
  const Place gids = at / "additionalGids";
  for (std::size_t i = 0; i < user.additional_gids.size(); ++i)
    require_id(user.additional_gids[i], gids[i]);
  if (user.umask.value_or(0) > 07777) (at / "umask").refuse(*user.umask, " is no file mode mask");
}

void check_rlimits(const std::vector<Rlimit>& limits, const Place& at) {
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const Rlimit& limit = limits[i];
    const Place here = at[i];
    require_word(limit.type, kRlimits, here / "type");
    const auto before = limits.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find_if(limits.begin(), before,
                     [&](const Rlimit& one) { return one.type == limit.type; }) != before)
      (here / "type").refuse("duplicated rlimit ", limit.type);
    if (limit.soft > limit.hard)
      (here / "soft").refuse(limit.soft, " is above the hard limit ", limit.hard);
  }
}

void check_scheduler(const Scheduler& scheduler, const Place& at) {
  require_word(scheduler.policy, kPolicies, at / "policy");
  require_words(scheduler.flags, kSchedulerFlags, at / "flags");
  const std::int32_t nice = scheduler.nice.value_or(0);
  if (nice < -20 || nice > 19) (at / "nice").refuse("must be from -20 to 19, is ", nice);
  if (nice != 0 && !is_one_of(scheduler.policy, kNicePolicies))
    (at / "nice").refuse("is for SCHED_OTHER and SCHED_BATCH only");
  const std::int32_t priority = scheduler.priority.value_or(0);
  if (priority < 0 || priority > 99)
    (at / "priority").refuse("must be from 0 to 99, is ", priority);
  if (priority != 0 && !is_one_of(scheduler.policy, kPriorityPolicies))
    (at / "priority")
        .refuse("scheduler.priority can only be specified for SchedFIFO or SchedRR policy");
  const bool times = scheduler.runtime.value_or(0) != 0 || scheduler.deadline.value_or(0) != 0 ||
                     scheduler.period.value_or(0) != 0;
  if (times && scheduler.policy != "SCHED_DEADLINE")
    at.refuse("scheduler runtime/deadline/period can only be specified for SchedDeadline policy");
}

void check_affinity(const ExecCpuAffinity& affinity, const Place& at) {
  if (affinity.initial) require_number_list(*affinity.initial, at / "initial");
  if (affinity.final) require_number_list(*affinity.final, at / "final");
}

void check_hook_list(const std::vector<Hook>& hooks, const Place& at) {
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    require_absolute(hooks[i].path, at[i] / "path");
    if (hooks[i].timeout && *hooks[i].timeout <= 0)
      (at[i] / "timeout").refuse("must be greater than zero, is ", *hooks[i].timeout);
  }
}

/// config.md "mounts": without mappings of its own an idmapped mount takes the container's, and
/// some must be there.
bool can_map_ids(const Mount& mount, const Linux& config) {
  const Namespace* const user = find_namespace(config, "user");
  return !mount.uid_mappings.empty() || (user != nullptr && !config.uid_mappings.empty()) ||
         (user != nullptr && user->path.has_value());
}

void check_mounts(const RuntimeConfig& config, const Place& at) {
  for (std::size_t i = 0; i < config.mounts.size(); ++i) {
    const Mount& mount = config.mounts[i];
    const Place here = at[i];
    if (mount.destination.empty()) (here / "destination").refuse("must not be empty");
    if (mount.uid_mappings.empty() != mount.gid_mappings.empty())
      here.refuse("uidMappings and gidMappings must be given together");
    require_mappings(mount.uid_mappings, here / "uidMappings");
    require_mappings(mount.gid_mappings, here / "gidMappings");
    const Place options = here / "options";
    for (std::size_t option = 0; option < mount.options.size(); ++option)
      if (is_one_of(mount.options[option], kIdmapWords) && !can_map_ids(mount, config.linux_))
        options[option].refuse("needs uidMappings and gidMappings, or a user namespace");
  }
}

void check_host_name(const std::optional<std::string>& text, const Linux& config, const Place& at,
                     std::string_view what) {
  if (!text || text->empty()) return;
  if (find_namespace(config, "uts") == nullptr)
    at.refuse("unable to set ", what, " without a private UTS namespace");
  // sethostname(2): __NEW_UTS_LEN
  if (text->size() > 64) at.refuse("is longer than 64 bytes");
}

}  // namespace

void check_process(const Process& process, const Place& at) {
  if (process.cwd.empty()) (at / "cwd").refuse("Cwd property must not be empty");
  if (!process.cwd.starts_with('/'))
    (at / "cwd").refuse("Cwd must be an absolute path, is \"", process.cwd, "\"");
  if (process.args.empty()) (at / "args").refuse("args must not be empty");
  check_environment(process.env, at / "env");
  check_user(process.user, at / "user");
  check_rlimits(process.rlimits, at / "rlimits");
  const std::int32_t score = process.oom_score_adj.value_or(0);
  if (score < -1000 || score > 1000)
    (at / "oomScoreAdj").refuse("must be from -1000 to 1000, is ", score);
  if (process.scheduler) check_scheduler(*process.scheduler, at / "scheduler");
  if (process.io_priority) {
    const auto& [klass, priority] = *process.io_priority;
    const Place here = at / "ioPriority";
    require_word(klass, kIoClasses, here / "class");
    if (priority < 0 || priority > 7)
      (here / "priority").refuse("must be from 0 to 7, is ", priority);
  }
  if (process.exec_cpu_affinity) check_affinity(*process.exec_cpu_affinity, at / "execCPUAffinity");
}

void check_hooks_rules(const Hooks& hooks, const Place& at) {
  check_hook_list(hooks.prestart, at / "prestart");
  check_hook_list(hooks.create_runtime, at / "createRuntime");
  check_hook_list(hooks.create_container, at / "createContainer");
  check_hook_list(hooks.start_container, at / "startContainer");
  check_hook_list(hooks.poststart, at / "poststart");
  check_hook_list(hooks.poststop, at / "poststop");
}

void check_config(const RuntimeConfig& config, const Place& at) {
  check_version(config.oci_version, at / "ociVersion");
  const Place root = at / "root";
  if (config.root && config.root->path.empty()) (root / "path").refuse("must not be empty");
  check_mounts(config, at / "mounts");
  if (config.process) check_process(*config.process, at / "process");
  check_host_name(config.hostname, config.linux_, at / "hostname", "hostname");
  check_host_name(config.domainname, config.linux_, at / "domainname", "domainname");
  if (config.hooks) check_hooks_rules(*config.hooks, at / "hooks");
  if (config.annotations.contains(""))
    (at / "annotations").refuse("the name of an annotation must not be empty");
  check_linux_rules(config.linux_, at / "linux");
}

void check_rules(const RuntimeConfig& config, const std::string& name) {
  check_config(config, Place(name));
}

void check_process_rules(const Process& process, const std::string& name) {
  check_process(process, Place(name));
}

}  // namespace oci
