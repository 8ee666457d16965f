// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/process.hpp"

#include <linux/keyctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/host_facts.hpp"

namespace kernel {
namespace {

constexpr std::array<std::pair<int, const char*>, 16> kLimitNames{{
    {RLIMIT_AS, "RLIMIT_AS"},
    {RLIMIT_CORE, "RLIMIT_CORE"},
    {RLIMIT_CPU, "RLIMIT_CPU"},
    {RLIMIT_DATA, "RLIMIT_DATA"},
    {RLIMIT_FSIZE, "RLIMIT_FSIZE"},
    {RLIMIT_LOCKS, "RLIMIT_LOCKS"},
    {RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK"},
    {RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE"},
    {RLIMIT_NICE, "RLIMIT_NICE"},
    {RLIMIT_NOFILE, "RLIMIT_NOFILE"},
    {RLIMIT_NPROC, "RLIMIT_NPROC"},
    {RLIMIT_RSS, "RLIMIT_RSS"},
    {RLIMIT_RTPRIO, "RLIMIT_RTPRIO"},
    {RLIMIT_RTTIME, "RLIMIT_RTTIME"},
    {RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING"},
    {RLIMIT_STACK, "RLIMIT_STACK"},
}};

std::string limit_name(int resource) {
  for (const auto& [number, name] : kLimitNames) {
    if (number == resource) return name;
  }
  return sentence("resource limit ", resource);
}

std::string limit_value(std::uint64_t value) {
  return value == RLIM_INFINITY ? "unlimited" : std::to_string(value);
}

/// sched_setattr(2); glibc 2.36 has neither the struct nor the call.
struct SchedulerAttributes {
  std::uint32_t size = sizeof(SchedulerAttributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
  // The config has no field for these; the flags UTIL_CLAMP_MIN and _MAX want them there.
  std::uint32_t least_utilization = 0, most_utilization = 1024;
};
static_assert(sizeof(SchedulerAttributes) == 56);  // SCHED_ATTR_SIZE_VER1

void set_scheduler(const plan::SchedulerPlan& scheduler) {
  SchedulerAttributes attributes;
  attributes.policy = scheduler.policy;
  attributes.flags = scheduler.flags;
  attributes.nice = scheduler.nice;
  attributes.priority = scheduler.priority;
  attributes.runtime = scheduler.runtime;
  attributes.deadline = scheduler.deadline;
  attributes.period = scheduler.period;
  check(::syscall(SYS_sched_setattr, 0, &attributes, 0), "set the scheduler of the process");
}

/// What is the container's by being its stdio. A device is everybody's (and it, too, would be
/// chowned on the host), a directory is no stream.
bool is_stream(mode_t mode) { return S_ISFIFO(mode) || S_ISSOCK(mode) || S_ISREG(mode); }

void own_descriptor(int fd, uid_t uid) {
  struct stat status;
  if (::fstat(fd, &status) < 0) {
    if (errno == EBADF) return;  // started with a closed one: stays closed
    throw Error(sentence("fstat of descriptor ", fd), errno);
  }
  if (status.st_uid == uid || !is_stream(status.st_mode)) return;
  // The group stays: the one who made the file may prefer another, and there is no reason to change
  // it (runc).
  if (::fchown(fd, uid, static_cast<gid_t>(-1)) == 0) return;
  // EINVAL: the id is not mapped here. EPERM: the file's owner is not. EROFS: nobody can reopen it
  // for writing anyway.
  if (errno == EPERM || errno == EINVAL || errno == EROFS) return;
  throw Error(sentence("give descriptor ", fd, " to uid ", uid), errno);
}

}  // namespace

void set_memory_policy(const plan::MemoryPolicyPlan& policy) {
  // set_mempolicy(2): the kernel looks at maxnode - 1 bits.
  const unsigned long bits = policy.nodes.empty() ? 0 : policy.nodes.size() * 64 + 1;
  check(::syscall(SYS_set_mempolicy, policy.mode,
                  policy.nodes.empty() ? nullptr : policy.nodes.data(), bits),
        "set the memory policy of the process");
}

void set_limits(const std::vector<plan::ResourceLimit>& limits, pid_t pid) {
  for (const plan::ResourceLimit& limit : limits) {
    const rlimit values{.rlim_cur = limit.soft, .rlim_max = limit.hard};
    if (::prlimit(pid, static_cast<__rlimit_resource>(limit.resource), &values, nullptr) == 0) {
      trace::call("prlimit ", limit.resource);
      continue;
    }
    const int number = errno;
    std::string text =
        sentence("setting ", limit_name(limit.resource), " to ", limit_value(limit.soft), "/",
                 limit_value(limit.hard), ": ", ::strerrordesc_np(number));
    if (number == EPERM) text += "; raising a hard limit needs CAP_SYS_RESOURCE";
    throw Error(std::move(text));
  }
}

void join_session_keyring(const std::string& id) {
  const std::string name = "_ses." + id;
  const long keyring = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.c_str());
  if (keyring < 0) {
    if (errno != ENOSYS && errno != EDQUOT) throw Error(sentence("join the keyring ", name), errno);
    const char* reason =
        errno == EDQUOT ? "the key quota is used up" : "this kernel has no keyrings";
    return logging::warning(sentence("session keyring ", name, ": ", reason, ", ignoring"));
  }
  // All for the possessor; view, read, link as the kernel gives them, and search, without which an
  // exec could not find the keyring by its name (keyrings(7)).
  constexpr unsigned kPermissions = 0x3f1b0000;
  ::syscall(SYS_keyctl, KEYCTL_SETPERM, keyring, kPermissions);
}

void set_oom_score_adj(const Procfs& procfs, int value) {
  try {
    procfs.write("self/oom_score_adj", std::to_string(value));
  } catch (Error& error) {
    const bool is_refused = error.number() == EACCES || error.number() == EPERM;
    // The spec says "set", but an ordinary user can only raise the value; engines send one anyway.
    if (is_refused && (::geteuid() != 0 || !in_initial_user_namespace())) return;
    error.add_context("set oomScoreAdj to ", value, " (lowering it needs CAP_SYS_RESOURCE)");
    throw;
  }
}

void set_exec_labels(const Procfs& procfs, const plan::ProcessPlan& process) {
  if (!process.selinux_label.empty()) procfs.write("self/attr/exec", process.selinux_label);
  if (process.apparmor_profile.empty()) return;
  const std::string line = "exec " + process.apparmor_profile;
  try {
    // The module's own directory is right even when AppArmor is not the first of several modules.
    procfs.write("self/attr/apparmor/exec", line);
  } catch (const Error& error) {
    if (error.number() != ENOENT) throw;
    procfs.write("self/attr/exec", line);
  }
}

void set_key_label(const Procfs& procfs, const plan::ProcessPlan& process) {
  if (!process.selinux_label.empty()) procfs.write("self/attr/keycreate", process.selinux_label);
}

void set_scheduling(const plan::ProcessPlan& process) {
  if (process.scheduler) set_scheduler(*process.scheduler);
  if (process.io_priority) {
    constexpr int kWhoProcess = 1;  // IOPRIO_WHO_PROCESS
    check(::syscall(SYS_ioprio_set, kWhoProcess, 0, *process.io_priority),
          "set the I/O priority of the process");
  }
  if (process.personality) check(::personality(*process.personality), "personality");
  if (process.memory_policy) set_memory_policy(*process.memory_policy);
}

void set_cpu_affinity(const plan::CpuList& cpus, std::string_view which) {
  check(
      ::syscall(SYS_sched_setaffinity, 0, cpus.mask.size() * sizeof cpus.mask[0], cpus.mask.data()),
      "execCPUAffinity/", which, ": run on the CPUs ", cpus.text);
}

void reset_cpu_affinity() {
  // The kernel cuts a longer mask to its own size: 8,192 CPUs are the most that Linux is built for.
  // It allows what the cpuset allows.
  std::array<unsigned char, 1024> mask;
  mask.fill(0xff);
  ::syscall(SYS_sched_setaffinity, 0, mask.size(), mask.data());
}

void own_stdio(const plan::ProcessPlan& process) {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) own_descriptor(fd, process.uid);
}

}  // namespace kernel
