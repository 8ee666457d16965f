// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/process.hpp"

#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/resource.h>

#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

oci::Process minimal() {
  oci::Process process;
  process.args = {"sh"};
  process.cwd = "/";
  return process;
}

std::string error_for(const oci::Process& process, bool setgroups_denied = false) {
  return error_of([&] { plan_process(process, setgroups_denied, "/process"); });
}

TEST(Process, Defaults) {
  const ProcessPlan plan = plan_process(minimal(), false, "/process");
  EXPECT_EQ(plan.umask, 022U);
  EXPECT_TRUE(plan.set_groups);
  EXPECT_EQ(plan.capabilities, CapabilitySets{});
  EXPECT_FALSE(plan.oom_score_adj);
  EXPECT_FALSE(plan.io_priority);
}

TEST(Process, Program) {
  oci::Process process = minimal();
  process.cwd = "srv";
  EXPECT_TRUE(contains(error_for(process), "/process/cwd: Cwd must be an absolute path"));
  process = minimal();
  process.args.clear();
  EXPECT_TRUE(contains(error_for(process), "/process/args"));
  process.args = {std::string("a\0b", 3)};
  EXPECT_TRUE(contains(error_for(process), "NUL"));
}

TEST(Process, Capabilities) {
  oci::Process process = minimal();
  process.capabilities = oci::Capabilities{};
  process.capabilities->bounding = {"CAP_CHOWN", "CAP_CHECKPOINT_RESTORE", "CAP_FLY"};
  process.capabilities->ambient = {"CAP_FLY", "CAP_NET_RAW", "chown"};
  const ProcessPlan plan = plan_process(process, false, "/process");
  EXPECT_EQ(plan.capabilities.bounding, std::uint64_t{1} | std::uint64_t{1} << 40);
  EXPECT_EQ(plan.capabilities.ambient, std::uint64_t{1} << 13);
  EXPECT_EQ(plan.capabilities.inheritable, 0U);
  EXPECT_EQ(plan.unknown_capabilities, (std::vector<std::string>{"CAP_FLY", "chown"}));
  EXPECT_EQ(known_capabilities().size(), 41U);
  EXPECT_EQ(capability_number("CAP_SYS_ADMIN"), 21U);
  EXPECT_EQ(capability_number("CAP_"), std::nullopt);
}

TEST(Process, Limits) {
  oci::Process process = minimal();
  process.rlimits = {{.type = "RLIMIT_NOFILE", .hard = 20, .soft = 10}};
  EXPECT_EQ(plan_process(process, false, "/process").limits,
            (std::vector<ResourceLimit>{{.resource = RLIMIT_NOFILE, .soft = 10, .hard = 20}}));
  process.rlimits.push_back(process.rlimits[0]);
  EXPECT_TRUE(
      contains(error_for(process), "/process/rlimits/1/type: RLIMIT_NOFILE is listed twice"));
  process.rlimits = {{.type = "RLIMIT_FOO", .hard = 1, .soft = 1}};
  EXPECT_TRUE(contains(error_for(process), "wrong rlimit value: RLIMIT_FOO"));
  process.rlimits = {{.type = "RLIMIT_CORE", .hard = 1, .soft = 2}};
  EXPECT_TRUE(contains(error_for(process), "/process/rlimits/0/soft"));
}

TEST(Process, GroupsWhereSetgroupsIsDenied) {
  oci::Process process = minimal();
  EXPECT_FALSE(plan_process(process, true, "/process").set_groups);
  process.user.additional_gids = {5};
  EXPECT_TRUE(contains(error_for(process, true), "/process/user/additionalGids"));
  EXPECT_EQ(plan_process(process, false, "/process").additional_gids,
            (std::vector<std::uint32_t>{5}));
}

TEST(Process, Scheduler) {
  oci::Process process = minimal();
  process.scheduler =
      oci::Scheduler{.policy = "SCHED_FIFO", .priority = 5, .flags = {"SCHED_FLAG_RESET_ON_FORK"}};
  const SchedulerPlan fifo = *plan_process(process, false, "/process").scheduler;
  EXPECT_EQ(fifo.policy, std::uint32_t{SCHED_FIFO});
  EXPECT_EQ(fifo.priority, 5U);
  EXPECT_EQ(fifo.flags, 1U);
  process.scheduler = oci::Scheduler{.policy = "SCHED_OTHER", .priority = 5};
  EXPECT_TRUE(contains(error_for(process), "/process/scheduler/priority"));
  process.scheduler = oci::Scheduler{.policy = "SCHED_RR", .priority = 0};
  EXPECT_TRUE(contains(error_for(process), "/process/scheduler/priority: must be 1 to 99"));
  process.scheduler = oci::Scheduler{.policy = "SCHED_FIFO", .nice = 5};
  EXPECT_TRUE(contains(error_for(process), "/process/scheduler/nice"));
  process.scheduler = oci::Scheduler{.policy = "SCHED_BATCH", .runtime = 5};
  EXPECT_TRUE(contains(error_for(process), "SCHED_DEADLINE"));
  process.scheduler = oci::Scheduler{.policy = "SCHED_FAST"};
  EXPECT_TRUE(
      contains(error_for(process), "/process/scheduler/policy: unknown value \"SCHED_FAST\""));
  process.scheduler = oci::Scheduler{.policy = "SCHED_OTHER", .flags = {"X"}};
  EXPECT_TRUE(contains(error_for(process), "/process/scheduler/flags/0"));
}

TEST(Process, OfTwoVariablesTheLastIsKept) {
  oci::Process process = minimal();
  process.env = {"A=1", "B=2", "A=3=4", "C=", "B=2"};
  EXPECT_EQ(plan_process(process, false, "/process").env,
            (std::vector<std::string>{"A=3=4", "C=", "B=2"}));
}

TEST(Process, ExecAffinity) {
  oci::Process process = minimal();
  EXPECT_FALSE(plan_process(process, false, "/process").exec_affinity);
  process.exec_cpu_affinity = oci::ExecCpuAffinity{.initial = "", .final = "0-1,65"};
  const ExecAffinity affinity = *plan_process(process, false, "/process").exec_affinity;
  EXPECT_FALSE(affinity.before_cgroup);
  EXPECT_EQ(affinity.in_cgroup->mask, (std::vector<std::uint64_t>{3, 2}));
  process.exec_cpu_affinity->initial = "3-1";
  EXPECT_TRUE(contains(error_for(process), "/process/execCPUAffinity/initial: \"3-1\" runs back"));
  process.exec_cpu_affinity->initial = "65536";
  EXPECT_TRUE(contains(error_for(process), "\"65536\" is no number up to 65535"));
}

TEST(Process, IoPriority) {
  oci::Process process = minimal();
  process.io_priority = oci::IoPriority{.klass = "IOPRIO_CLASS_BE", .priority = 4};
  EXPECT_EQ(plan_process(process, false, "/process").io_priority, 2 << 13 | 4);
  process.io_priority->priority = 8;
  EXPECT_TRUE(contains(error_for(process), "/process/ioPriority/priority"));
  process.io_priority->klass = "RT";
  EXPECT_TRUE(contains(error_for(process), "/process/ioPriority/class"));
}

TEST(Process, OtherRanges) {
  oci::Process process = minimal();
  process.oom_score_adj = 1001;
  EXPECT_TRUE(contains(error_for(process), "/process/oomScoreAdj"));
  process = minimal();
  process.user.umask = 01000;
  EXPECT_TRUE(contains(error_for(process), "/process/user/umask"));
  process = minimal();
  process.console_size = oci::ConsoleSize{.height = 1, .width = 2};
  EXPECT_FALSE(plan_process(process, false, "/process").console_size);
  process.terminal = true;
  EXPECT_TRUE(plan_process(process, false, "/process").console_size);
}

TEST(Process, Labels) {
  oci::Process process = minimal();
  process.apparmor_profile = "docker-default";
  const ProcessPlan plan = plan_process(process, false, "/process");
  EXPECT_TRUE(contains(error_of([&] { require_security_modules(plan, HostFacts{}, "/process"); }),
                       "/process/apparmorProfile"));
  HostFacts facts;
  facts.apparmor = true;
  EXPECT_NO_THROW(require_security_modules(plan, facts, "/process"));
}

TEST(Process, Personality) {
  EXPECT_EQ(plan_personality({.domain = "LINUX"}), 0U);
  EXPECT_EQ(plan_personality({.domain = "LINUX32"}), 8U);
  EXPECT_TRUE(
      contains(error_of([] { plan_personality({.domain = "BSD"}); }), "/linux/personality/domain"));
  EXPECT_TRUE(contains(error_of([] { plan_personality({.domain = "LINUX", .flags = {"X"}}); }),
                       "/linux/personality/flags"));
}

TEST(Process, MemoryPolicy) {
  const MemoryPolicyPlan plan = plan_memory_policy(
      {.mode = "MPOL_BIND", .nodes = "0-2,65", .flags = {"MPOL_F_STATIC_NODES"}});
  EXPECT_EQ(plan.mode, 2 | 1 << 15);
  EXPECT_EQ(plan.nodes, (std::vector<std::uint64_t>{7, 2}));
  for (const std::string nodes : {"", "a", "3-1", "1,,2", "9999999"}) {
    EXPECT_TRUE(
        contains(error_of([&] { plan_memory_policy({.mode = "MPOL_BIND", .nodes = nodes}); }),
                 "/linux/memoryPolicy/nodes"))
        << nodes;
  }
  EXPECT_TRUE(contains(error_of([] { plan_memory_policy({.mode = "MPOL_DEFAULT", .nodes = "0"}); }),
                       "must be empty"));
  EXPECT_TRUE(contains(error_of([] { plan_memory_policy({.mode = "BIND", .nodes = "0"}); }),
                       "/linux/memoryPolicy/mode"));
}

TEST(Process, Describe) {
  oci::Process process = minimal();
  process.user = {.uid = 1000, .gid = 100, .umask = 077, .additional_gids = {5, 6}};
  EXPECT_EQ(describe(plan_process(process, false, "/process"))[0],
            "become user 1000, group 100, other groups 5, 6; umask 0077");
}

}  // namespace
}  // namespace plan
