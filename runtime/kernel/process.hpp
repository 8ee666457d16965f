// SPDX-License-Identifier: Apache-2.0
// Carries out plan/process, one step a function, in the order init and exec call them. Runs in init
// or the joiner; set_limits also on the host for a child. After seccomp is installed only read,
// write, close, execve and exit are used.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/kernel/procfs.hpp"
#include "runtime/plan/process.hpp"

namespace kernel {

/// prlimit(2) for `pid` (0: this process). Throws Error naming limit and values, with a hint at
/// CAP_SYS_RESOURCE.
void set_limits(const std::vector<plan::ResourceLimit>& limits, pid_t pid);
/// Joins the session keyring "_ses.<id>", made if missing; EDQUOT and ENOSYS are warnings, as in
/// runc.
void join_session_keyring(const std::string& id);
/// /proc/self/oom_score_adj through the host's /proc. EACCES is ignored when not privileged.
void set_oom_score_adj(const Procfs& procfs, int value);
/// set_mempolicy(2) of the calling thread. Throws Error, as for a node that is not there.
void set_memory_policy(const plan::MemoryPolicyPlan& policy);
/// AppArmor profile and SELinux label for the coming execve, through the host's /proc.
void set_exec_labels(const Procfs& procfs, const plan::ProcessPlan& process);
/// The SELinux label of keys made from here to execve, as the process will have it.
void set_key_label(const Procfs& procfs, const plan::ProcessPlan& process);
/// Scheduler, I/O priority, personality, memory policy.
void set_scheduling(const plan::ProcessPlan& process);
/// sched_setaffinity(2) of this process, `which` is the field for messages. Throws Error.
void set_cpu_affinity(const plan::CpuList& cpus, std::string_view which);
/// CPU affinity reset to all CPUs (Linux ≥ 6.2 remembers user-set masks; runtime.md 1.5). Mask
/// sized for the machine. Failure is ignored.
void reset_cpu_affinity();
/// Gives stdin, stdout, stderr to the process's uid where they are pipes, sockets or files, never
/// devices (fchown; EPERM, EROFS, EINVAL tolerated).
void own_stdio(const plan::ProcessPlan& process);
/// Bounding set dropped, keep-caps, umask, groups, gid, uid. All permitted capabilities are kept
/// for what follows. Throws Error naming the step.
void become_user(const plan::ProcessPlan& process);
/// Effective, permitted, inheritable, ambient become exactly the plan's; keep-caps off. A refused
/// ambient bit is a warning.
void set_capabilities(const plan::ProcessPlan& process);
/// chdir and proof that the directory lies inside the root (getcwd is absolute: CVE-2024-21626).
/// Throws Error.
void enter_working_directory(const std::string& cwd);
/// HOME for `uid` from the container's /etc/passwd ("/" if none): for an environment without HOME.
/// After pivot.
std::string home_directory(uid_t uid);
/// args[0] as execve wants it: looked up in PATH of `env` if it has no slash, and proved executable
/// by the final user. Throws Error in runc's words: exec: "x": executable file not found in $PATH /
/// stat x: no such file or directory / permission denied.
std::string find_executable(const std::vector<std::string>& args,
                            const std::vector<std::string>& env);

}  // namespace kernel
