// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/recorded_plan.hpp"

#include <linux/sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>

#include "bundle-spec/bundle.hpp"
#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/commands/new_container.hpp"
#include "runtime/kernel/host_facts.hpp"
#include "runtime/kernel/systemd.hpp"

namespace commands {
namespace {

/// What the record has of the process replaces what config.json says now.
void take_process(const ContainerDetails& details, const oci::RuntimeConfig& config,
                  RecordedPlan& plan) {
  if (!details.process || config.process == details.process) return;
  plan.differences.push_back("the process is told as the container has it; " + plan.config_file +
                             " has another one now");
  plan::ProcessPlan recorded =
      plan::plan_process(*details.process, details.setgroups_denied, "/process");
  recorded.personality = details.personality;
  recorded.memory_policy = details.memory_policy;
  plan.launch.process = std::move(recorded);
}

void take_seccomp(const ContainerDetails& details, RecordedPlan& plan) {
  std::optional<plan::SeccompPlan>& planned = plan.launch.seccomp;
  const bool same = details.seccomp.has_value() == planned.has_value() &&
                    (!planned || planned->program == details.seccomp->program);
  if (same) return;
  plan.differences.push_back("the seccomp filter is told as the container has it; " +
                             plan.config_file + " asks for another one now");
  planned = details.seccomp;
  if (planned) planned->summary = sentence(planned->program.size(), " instructions, as recorded");
}

bool is_same_place(const plan::CgroupDirectory& one, const plan::CgroupDirectory& other) {
  return one.mount_point == other.mount_point && one.path == other.path;
}

void take_cgroups(const ContainerCgroups& recorded, RecordedPlan& plan) {
  std::vector<plan::CgroupDirectory>& planned = plan.launch.cgroup.directories;
  if (std::ranges::equal(recorded.directories, planned, is_same_place)) return;
  plan.differences.push_back("the cgroups are told as the container has them; " + plan.config_file +
                             " names others now");
  for (plan::CgroupDirectory& one : planned) {
    const auto same = std::ranges::find(recorded.directories, one.mount_point,
                                        &plan::CgroupDirectory::mount_point);
    if (same != recorded.directories.end()) one.path = same->path;
  }
}

void compare_namespaces(const ContainerDetails& details, RecordedPlan& plan) {
  if (namespace_flags(plan.launch.namespaces) == details.namespace_flags) return;
  plan.differences.push_back("the container has other kinds of namespaces than " +
                             plan.config_file + " asks for now");
}

/// The change time cannot be set back: nobody edits the file without moving it.
bool changed_since(const std::string& file, const std::string& moment) {
  struct stat status{};
  check(::stat(file.c_str(), &status), "stat ", file);
  return logging::timestamp(status.st_ctim) > moment;
}

}  // namespace

RecordedPlan recorded_plan(const Container& container) {
  const ContainerRecord& record = container.record();
  const ContainerDetails& details = container.details();
  RecordedPlan plan;
  const std::string& other = details.config_file;
  plan.config_file = other.empty() ? record.bundle + "/config.json" : other;
  try {
    const Bundle bundle = other.empty() ? Bundle::open(record.bundle)
                                        : Bundle::open_with_config(record.bundle, other);
    plan.config_changed = changed_since(plan.config_file, record.created);
    const oci::RuntimeConfig config = bundle.runtime_config();
    plan::HostFacts facts = kernel::host_facts();
    plan::LaunchChoices choices{.no_pivot = details.no_pivot};
    if (container.cgroups().unit) {
      facts.systemd = kernel::systemd_facts();
      choices.cgroup_driver = plan::CgroupDriver::kSystemd;
    }
    plan.launch = plan::plan_launch(config, bundle.directory(), record.id, facts, choices);
    take_process(details, config, plan);
  } catch (Error& error) {
    error.add_context("what the container ", record.id,
                      " was made of is worked out from its bundle");
    throw;
  }
  plan.launch.new_keyring = details.session_keyring;
  if (record.has_notify_socket)
    plan::add_notify_socket(
        plan.launch, sentence(container.root(), '/', NotifySocket::directory_name(record.id)));
  take_seccomp(details, plan);
  take_cgroups(container.cgroups(), plan);
  compare_namespaces(details, plan);
  return plan;
}

}  // namespace commands
