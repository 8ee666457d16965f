// SPDX-License-Identifier: Apache-2.0
// What is drift and what is not: less than was asked for is fine, more is not.
#include "runtime/plan/audit.hpp"

#include <gtest/gtest.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sys/resource.h>

namespace plan {
namespace {

using Verdict = Finding::Verdict;

LaunchPlan asked() {
  LaunchPlan launch;
  launch.namespaces.create_flags = CLONE_NEWNS | CLONE_NEWPID;
  launch.process.no_new_privileges = true;
  launch.process.capabilities = {.bounding = 0b111, .effective = 0b11, .permitted = 0b11};
  launch.process.limits = {{.resource = RLIMIT_NOFILE, .soft = 10, .hard = 20}};
  launch.process.oom_score_adj = 100;
  launch.seccomp = SeccompPlan{};
  launch.rootfs.readonly_root = true;
  launch.rootfs.mounts = {
      MountFilesystem{.type = "proc", .target = "/proc"},
      MountFilesystem{.type = "tmpfs",
                      .target = "/run",
                      .attributes = {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV}},
      BindMount{.source = "/a", .target = "/data", .recursive = true}};
  launch.rootfs.protections = {ReadonlyPath{.target = "/proc/sys"},
                               MaskPath{.target = "/proc/kcore"}, MaskPath{.target = "/proc/none"}};
  launch.cgroup.directories = {{.mount_point = "/sys/fs/cgroup",
                                .path = "/box",
                                .is_v2 = true,
                                .writes = {{.file = "memory.max", .value = "10000"}}}};
  return launch;
}

Isolation in_effect() {
  Isolation isolation;
  for (const char* type : {"user", "network", "ipc", "uts", "cgroup", "time"})
    isolation.namespaces[type] = isolation.own_namespaces[type] = "x:[1]";
  for (const char* type : {"pid", "mount"}) {
    isolation.namespaces[type] = "x:[2]";
    isolation.own_namespaces[type] = "x:[1]";
  }
  isolation.no_new_privileges = true;
  isolation.seccomp_mode = 2;
  isolation.seccomp_filters.programs = {{}};
  isolation.capabilities = asked().process.capabilities;
  isolation.limits = {{.resource = RLIMIT_NOFILE, .soft = 10, .hard = 20}};
  isolation.oom_score_adj = 100;
  isolation.mounts = {{"/", "/", "ext4", {"ro"}},
                      {"/", "/proc", "proc", {"rw"}},
                      {"/", "/run", "tmpfs", {"rw", "nosuid", "nodev", "noexec"}},
                      {"/a", "/data", "ext4", {"rw"}},
                      {"/", "/data/below", "ext4", {"rw"}},
                      {"/sys", "/proc/sys", "proc", {"ro"}},
                      {"/null", "/proc/kcore", "tmpfs", {"rw"}}};
  isolation.absent = {"/proc/none"};
  isolation.values = {{"/sys/fs/cgroup", "memory.max", "8192\n"}};
  return isolation;
}

/// Aspects with this verdict.
std::vector<std::string> aspects(const Isolation& isolation, Verdict verdict) {
  std::vector<std::string> all;
  for (const Finding& one : audit(asked(), isolation))
    if (one.verdict == verdict) all.push_back(one.aspect);
  return all;
}
using Aspects = std::vector<std::string>;

TEST(Audit, WhatWasAskedForIsNoDrift) {
  EXPECT_EQ(aspects(in_effect(), Verdict::kDrift), Aspects{});
  EXPECT_EQ(aspects(in_effect(), Verdict::kTighter), Aspects{});
  EXPECT_EQ(aspects(in_effect(), Verdict::kExtra), Aspects{});
}

TEST(Audit, LessIsTighter) {
  Isolation isolation = in_effect();
  isolation.capabilities.effective = 0;
  isolation.limits[0].hard = 15;
  isolation.oom_score_adj = 200;
  isolation.uid = 7;
  EXPECT_EQ(aspects(isolation, Verdict::kDrift), Aspects{});
  EXPECT_EQ(aspects(isolation, Verdict::kTighter),
            (Aspects{"user", "capabilities, effective", "RLIMIT_NOFILE", "oom_score_adj"}));
}

TEST(Audit, MoreIsDrift) {
  Isolation isolation = in_effect();
  isolation.namespaces["pid"] = "x:[1]";
  isolation.capabilities.bounding |= 0b1000;
  isolation.no_new_privileges = false;
  isolation.seccomp_mode = 0;
  isolation.limits[0].hard = 30;
  isolation.oom_score_adj = 0;
  isolation.hierarchies_left = {"/sys/fs/cgroup"};
  isolation.values[0].text = "max\n";
  EXPECT_EQ(aspects(isolation, Verdict::kDrift),
            (Aspects{"namespace pid", "cgroup v2", "cgroup memory.max", "capabilities, bounding",
                     "no_new_privs", "seccomp filter", "RLIMIT_NOFILE", "oom_score_adj"}));
}

TEST(Audit, MountsThatChangedAreDrift) {
  Isolation isolation = in_effect();
  isolation.mounts[0].options = {"rw"};
  isolation.mounts[2].options = {"rw", "nodev"};
  isolation.mounts[5].options = {"rw"};
  isolation.mounts.pop_back();
  isolation.mounts.push_back({"/", "/mnt", "ext4", {"rw"}});
  EXPECT_EQ(
      aspects(isolation, Verdict::kDrift),
      (Aspects{"mount /run", "root file system", "read-only /proc/sys", "masked /proc/kcore"}));
  EXPECT_EQ(aspects(isolation, Verdict::kExtra), (Aspects{"mount /mnt"}));
}

/// The verdict of the one aspect that begins like this, and what is in effect.
std::pair<Verdict, std::string> verdict_of(const LaunchPlan& launch, const Isolation& isolation,
                                           const std::string& aspect) {
  for (const Finding& one : audit(launch, isolation))
    if (one.aspect == aspect) return {one.verdict, one.in_effect};
  return {Verdict::kExtra, "not told"};
}

TEST(Audit, TheLastWriteCounts) {  // a systemd scope has room for its place holder at first
  LaunchPlan launch = asked();
  launch.cgroup.directories[0].writes = {{.file = "pids.max", .value = "8"}};
  launch.cgroup.directories[0].last_writes = {{.file = "pids.max", .value = "7"}};
  Isolation isolation = in_effect();
  isolation.values = {{"/sys/fs/cgroup", "pids.max", "7\n"}};
  EXPECT_EQ(verdict_of(launch, isolation, "cgroup pids.max").first, Verdict::kAsAsked);
  isolation.values[0].text = "8\n";
  EXPECT_EQ(verdict_of(launch, isolation, "cgroup pids.max").first, Verdict::kDrift);
}

TEST(Audit, DevicesOfAList) {
  LaunchPlan launch = asked();
  std::vector<FileWrite>& writes = launch.cgroup.directories[0].device_writes;
  writes = {{.file = "devices.deny", .value = "a"},
            {.file = "devices.allow", .value = "c *:* m"},
            {.file = "devices.allow", .value = "c 1:3 rwm"}};
  const auto verdict = [&](std::vector<std::string> lines) {
    Isolation isolation = in_effect();
    isolation.devices = {.lines = std::move(lines), .obstacle = ""};
    return verdict_of(launch, isolation, "device rules").first;
  };
  EXPECT_EQ(verdict({"c 1:3 rwm", "c *:* m"}), Verdict::kAsAsked);
  EXPECT_EQ(verdict({"c 1:3 rw", "c *:* m"}), Verdict::kTighter);
  EXPECT_EQ(verdict({"c 1:3 rwm", "c *:* rm"}), Verdict::kDrift);
  EXPECT_EQ(verdict({"c 1:3 rwm", "c *:* m", "b 8:0 r"}), Verdict::kDrift);
  EXPECT_EQ(verdict({"a *:* rwm"}), Verdict::kDrift);
  EXPECT_EQ(verdict({}), Verdict::kTighter);
  writes = {{.file = "devices.allow", .value = "a"}};
  EXPECT_EQ(verdict({"a *:* rwm"}), Verdict::kAsAsked);
  EXPECT_EQ(verdict({"c 1:3 rwm"}), Verdict::kTighter);
  writes.push_back({.file = "devices.deny", .value = "b 8:0 w"});
  EXPECT_EQ(verdict({"a *:* rwm"}), Verdict::kUnknown);
}

TEST(Audit, DevicesOfAProgram) {
  LaunchPlan launch = asked();
  launch.cgroup.device_program = DeviceProgram{};
  Isolation isolation = in_effect();
  isolation.devices = {.has_program = true, .obstacle = ""};
  EXPECT_EQ(verdict_of(launch, isolation, "device rules").first, Verdict::kAsAsked);
  isolation.devices.has_program = false;
  EXPECT_EQ(verdict_of(launch, isolation, "device rules").first, Verdict::kDrift);
  isolation.devices.obstacle = "bpf(2) is not for you";
  const auto [verdict, text] = verdict_of(launch, isolation, "device rules");
  EXPECT_EQ(verdict, Verdict::kUnknown);
  EXPECT_EQ(text, "not comparable: bpf(2) is not for you");
}

TEST(Audit, TheSeccompProgram) {
  LaunchPlan launch = asked();
  launch.seccomp->program = {{.code = 6, .k = 1}};
  const std::vector<FilterInstruction> other = {{.code = 6, .k = 2}};
  Isolation isolation = in_effect();
  const auto verdict = [&] { return verdict_of(launch, isolation, "seccomp program").first; };
  isolation.seccomp_filters.programs = {launch.seccomp->program};
  EXPECT_EQ(verdict(), Verdict::kAsAsked);
  isolation.seccomp_filters.programs = {other, launch.seccomp->program};
  EXPECT_EQ(verdict(), Verdict::kAsAsked) << "one that the process has added";
  isolation.seccomp_filters.programs = {other};
  EXPECT_EQ(verdict(), Verdict::kDrift);
  isolation.seccomp_filters.obstacle = "ptrace(2): Operation not permitted";
  EXPECT_EQ(verdict(), Verdict::kUnknown);
  isolation.seccomp_mode = 0;
  EXPECT_EQ(verdict_of(launch, isolation, "seccomp program").second, "not told");
}

TEST(Audit, SymlinkedTargetsAreFoundWhereTheyLead) {
  Isolation isolation = in_effect();
  isolation.mounts[2].target = "/var/run";
  isolation.resolved["/run"] = "/var/run";
  EXPECT_EQ(aspects(isolation, Verdict::kDrift), Aspects{});
}

TEST(Audit, AnotherFileSystemIsDrift) {
  Isolation isolation = in_effect();
  isolation.sources["/data"] = {.device = "8:1", .root = "/a"};
  isolation.mounts[1].device = isolation.mounts[5].device = "0:7";
  isolation.mounts[3].device = "8:1";
  EXPECT_EQ(aspects(isolation, Verdict::kDrift), Aspects{});
  isolation.mounts[3].root = "/a//deleted";
  EXPECT_EQ(aspects(isolation, Verdict::kDrift), Aspects{}) << "the source was replaced";
  isolation.mounts[3].device = "8:2";
  isolation.mounts[2].type = "proc";
  isolation.mounts[5].device = "0:8";
  EXPECT_EQ(aspects(isolation, Verdict::kDrift),
            (Aspects{"mount /data", "mount /run", "read-only /proc/sys"}));
  isolation.mounts[5] = {"/kernel", "/proc/sys", "proc", {"ro"}, "0:7"};
  EXPECT_EQ(verdict_of(asked(), isolation, "read-only /proc/sys").second, "/kernel of 0:7, ro");
}

TEST(Audit, PropagationOfTheRoot) {
  LaunchPlan launch = asked();
  Isolation isolation = in_effect();
  const auto verdict = [&](std::uint64_t flags, std::vector<std::string> words) {
    launch.rootfs.root_propagation = flags;
    isolation.mounts[0].propagation = std::move(words);
    return verdict_of(launch, isolation, "propagation of /").first;
  };
  EXPECT_EQ(verdict(MS_SHARED, {"shared:1", "master:2"}), Verdict::kAsAsked);
  EXPECT_EQ(verdict(MS_SHARED, {}), Verdict::kTighter);
  EXPECT_EQ(verdict(MS_SLAVE, {"master:2"}), Verdict::kAsAsked);
  EXPECT_EQ(verdict(MS_SLAVE, {"shared:1", "master:2"}), Verdict::kDrift);
  EXPECT_EQ(verdict(MS_PRIVATE, {}), Verdict::kAsAsked);
  EXPECT_EQ(verdict(MS_PRIVATE, {"master:2"}), Verdict::kDrift);
  EXPECT_EQ(verdict(MS_UNBINDABLE, {"unbindable"}), Verdict::kAsAsked);
}

TEST(Audit, SysctlsAndGroups) {
  LaunchPlan launch = asked();
  launch.sysctls = {{.path = "net/ipv4/conf/eth0.1/ip", .value = "1  2"}};
  launch.process.uid = 7;
  launch.process.additional_gids = {9, 8, 9};
  Isolation isolation = in_effect();
  isolation.uid = 7;
  const auto verdict = [&](const char* aspect) {
    return verdict_of(launch, isolation, aspect).first;
  };
  EXPECT_EQ(verdict("sysctl net.ipv4.conf.eth0/1.ip"), Verdict::kUnknown);
  isolation.sysctls.values["net/ipv4/conf/eth0.1/ip"] = "1\t2\n";
  EXPECT_EQ(verdict("sysctl net.ipv4.conf.eth0/1.ip"), Verdict::kAsAsked);
  isolation.sysctls.values["net/ipv4/conf/eth0.1/ip"] = "1\t3\n";
  EXPECT_EQ(verdict("sysctl net.ipv4.conf.eth0/1.ip"), Verdict::kDrift);
  EXPECT_EQ(verdict("supplementary groups"), Verdict::kTighter);
  isolation.groups = {8, 9};
  EXPECT_EQ(verdict("supplementary groups"), Verdict::kAsAsked);
  isolation.groups = {8, 9, 10};
  EXPECT_EQ(verdict("supplementary groups"), Verdict::kDrift);
}

TEST(Audit, ValuesThatTheKernelKeepsOtherwise) {
  LaunchPlan launch = asked();
  Isolation isolation = in_effect();
  const auto verdict = [&](const char* file, const char* asked, const char* text) {
    launch.cgroup.directories[0].writes = {{.file = file, .value = asked}};
    isolation.values = {{"/sys/fs/cgroup", file, text}};
    return verdict_of(launch, isolation, std::string("cgroup ") + file).first;
  };
  EXPECT_EQ(verdict("hugetlb.2MB.max", "18446744073709551615", "max\n"), Verdict::kAsAsked);
  EXPECT_EQ(verdict("blkio.throttle.read_bps_device", "254:0 0", "\n"), Verdict::kAsAsked);
  EXPECT_EQ(verdict("blkio.throttle.read_bps_device", "254:0 0", "254:0 7\n"), Verdict::kDrift);
}

TEST(Audit, ValuesInTheKernelsSpelling) {
  EXPECT_TRUE(is_value_in_effect("10000", "8192\n"));
  EXPECT_TRUE(is_value_in_effect("-1", "9223372036854771712\n"));
  EXPECT_TRUE(is_value_in_effect("-1", "max\n"));
  EXPECT_TRUE(is_value_in_effect("50000 100000", "50000 100000\n"));
  EXPECT_TRUE(is_value_in_effect("8:0 rbps=1024", "8:0 rbps=1024 wbps=max\n9:0 rbps=1\n"));
  EXPECT_TRUE(is_value_in_effect("0,1", "0-1\n"));
  EXPECT_TRUE(is_value_in_effect("", "\n"));
  EXPECT_FALSE(is_value_in_effect("10000", "12288\n"));
  EXPECT_FALSE(is_value_in_effect("50", "max\n"));
  EXPECT_FALSE(is_value_in_effect("8:0 rbps=1024", "8:0 rbps=2048\n9:0 rbps=1024\n"));
  EXPECT_FALSE(is_value_in_effect("0-1", "0\n"));
}

}  // namespace
}  // namespace plan
