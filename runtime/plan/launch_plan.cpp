// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/launch_plan.hpp"

#include <linux/mount.h>

#include <algorithm>

#include "bundle-spec/error.hpp"
#include "runtime/plan/annotations.hpp"
#include "runtime/plan/paths.hpp"

namespace plan {
namespace {

// The parent of an ordinary user may not fetch the listener from init, which then has to send it.
void check_who_sends_listener(const oci::Seccomp& seccomp, const HostFacts& facts) {
  if (facts.euid == 0) return;
  for (std::size_t i = 0; i < seccomp.syscalls.size(); ++i) {
    const oci::SeccompSyscall& one = seccomp.syscalls[i];
    if (one.action == "SCMP_ACT_NOTIFY" &&
        std::ranges::find(one.names, "sendmsg") != one.names.end()) {
      throw Error(sentence("/linux/seccomp/syscalls/", i,
                           ": an ordinary user cannot have SCMP_ACT_NOTIFY for sendmsg"));
    }
  }
}

// A container without a process is legal until it is started (runtime-spec, config "process").
ProcessPlan plan_first_process(const oci::RuntimeConfig& config, const HostFacts& facts,
                               const NamespacePlan& namespaces, bool keep_groups) {
  if (!config.process) {
    ProcessPlan waits_only;
    waits_only.cwd = "/";
    return waits_only;
  }
  ProcessPlan plan =
      plan_process(*config.process, namespaces.deny_setgroups || keep_groups, "/process");
  require_security_modules(plan, facts, "/process");
  const oci::Linux& linux_config = config.linux_;
  if (linux_config.personality) plan.personality = plan_personality(*linux_config.personality);
  if (linux_config.memory_policy)
    plan.memory_policy = plan_memory_policy(*linux_config.memory_policy);
  return plan;
}

}  // namespace

LaunchPlan plan_launch(const oci::RuntimeConfig& config, const std::string& bundle,
                       const std::string& id, const HostFacts& facts,
                       const LaunchChoices& choices) {
  const oci::Linux& linux_config = config.linux_;
  LaunchPlan plan;
  plan.id = id;
  plan.namespaces = plan_namespaces(config, facts);
  plan.network = plan_network(config, plan.namespaces, facts);
  plan.cgroup = plan_cgroup(config, id, facts, choices.cgroup_driver);
  plan.rootfs = plan_rootfs(config, bundle, facts, plan.namespaces, plan.cgroup, choices.no_pivot);
  if (linux_config.intel_rdt) plan.rdt = plan_intel_rdt(*linux_config.intel_rdt, id);
  plan.sysctls = plan_sysctls(config, plan.namespaces);
  const AnnotationChoices annotations = read_annotations(config.annotations, facts);
  plan.process = plan_first_process(config, facts, plan.namespaces, annotations.keep_groups);
  plan.pidfd_socket = annotations.pidfd_socket;
  if (linux_config.seccomp) {
    if (annotations.refuse_unknown_syscalls) refuse_unknown_syscalls(*linux_config.seccomp);
    check_who_sends_listener(*linux_config.seccomp, facts);
    plan.seccomp = plan_seccomp(*linux_config.seccomp);
  }
  if (config.hooks) plan.hooks = *config.hooks;
  plan.new_keyring = !choices.no_new_keyring;
  return plan;
}

void add_notify_socket(LaunchPlan& launch, const std::string& directory) {
  std::vector<std::string>& env = launch.process.env;
  std::erase_if(env, [](const std::string& one) { return one.starts_with("NOTIFY_SOCKET="); });
  if (!launch.rootfs.has_mount_namespace) return;
  constexpr std::uint64_t kAttributes =
      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  launch.rootfs.mounts.emplace_back(BindMount{.source = directory,
                                              .target = "/run/notify",
                                              .attributes = {.set = kAttributes, .clear = 0}});
  env.emplace_back("NOTIFY_SOCKET=/run/notify/notify.sock");
}

}  // namespace plan
