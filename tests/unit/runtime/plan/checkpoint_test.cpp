// SPDX-License-Identifier: Apache-2.0
// What CRIU is told of mounts, and what an image may not smuggle in.
#include "runtime/plan/checkpoint.hpp"

#include <gtest/gtest.h>
#include <linux/mount.h>
#include <linux/sched.h>

#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

TEST(Checkpoint, NamesKeepTheirMeaning) {
  EXPECT_EQ(external_name("/etc/hosts"), "/etc/hosts");
  EXPECT_EQ(external_name("/a]:/b\n%"), "/a%5D%3A/b%0A%25");
  EXPECT_EQ(external_name("/\xc3\xa4"), "/%C3%A4");
}

TEST(Checkpoint, MountsFromOutside) {
  LaunchPlan launch;
  launch.cgroup.directories = {{.mount_point = "/sys/fs/cgroup/cpu", .path = "/box"}};
  launch.rootfs.mounts = {
      MountFilesystem{.type = "proc", .target = "/proc"},
      BindMount{.source = "/srv/a", .target = "/data", .recursive = true},
      MakeDevice{.path = "/dev/fuse", .bind_from_host = true}, MakeDevice{.path = "/dev/null"},
      MountCgroups{.target = "/sys/fs/cgroup",
                   .hierarchies = {{.name = "cpu", .directory = 0, .aliases = {}}}}};
  launch.rootfs.protections = {MaskPath{.target = "/proc/kcore"},
                               ReadonlyPath{.target = "/proc/sys"}};
  const std::vector<ExternalMount> wanted = {
      {.target = "/data", .name = "/data", .source = "/srv/a"},
      {.target = "/data/b", .name = "/data/b", .source = "/srv/a/b"},
      {.target = "/dev/fuse", .name = "/dev/fuse", .source = "/dev/fuse"},
      {.target = "/sys/fs/cgroup/cpu",
       .name = "/sys/fs/cgroup/cpu",
       .source = "/sys/fs/cgroup/cpu/box"},
      {.target = "/proc/kcore",
       .name = "/proc/kcore",
       .source = "/dev/null",
       .is_file_mask = true}};
  EXPECT_EQ(external_mounts(launch, {"/", "/srv/a", "/srv/a/b", "/srv/ab"}), wanted);
}

TEST(Checkpoint, WhatCriuCannotBringBack) {
  LaunchPlan launch;
  EXPECT_NO_THROW(require_restorable(launch));
  LaunchPlan notify = launch;
  notify.seccomp = SeccompPlan{.notify = true};
  EXPECT_TRUE(contains(error_of([&] { require_restorable(notify); }), "its listener is lost"));
  LaunchPlan joined = launch;
  joined.namespaces.join = {{.type = "ipc", .flag = CLONE_NEWIPC, .path = "/i"}};
  EXPECT_NO_THROW(require_restorable(joined));
  joined.namespaces.join = {{.type = "user", .flag = CLONE_NEWUSER, .path = "/u"}};
  EXPECT_TRUE(contains(error_of([&] { require_restorable(joined); }), "no joined user namespace"));
  LaunchPlan mapped = launch;
  mapped.rootfs.mounts = {BindMount{.source = "/a", .target = "/b", .id_map = IdMap{}}};
  EXPECT_TRUE(contains(error_of([&] { require_restorable(mapped); }), "no idmapped mount"));
  LaunchPlan bare = launch;
  bare.rootfs.has_mount_namespace = false;
  EXPECT_TRUE(contains(error_of([&] { require_restorable(bare); }), "without a mount namespace"));
}

constexpr std::string_view kOurFilter(
    "\x20\0\0\0\4\0\0\0\x15\0\1\2\x3e\0\0\xc0\6\0\0\0\0\0\xff\x7f", 24);
constexpr std::string_view kAllowAll("\6\0\0\0\0\0\xff\x7f", 8);

SeccompPlan ours() {
  return {.program = {{.code = 0x20, .k = 4},
                      {.code = 0x15, .jump_true = 1, .jump_false = 2, .k = 0xc000003e},
                      {.code = 6, .k = 0x7fff0000}}};
}
std::string filter(std::string_view program, int below = -1) {
  std::string entry = {'\x0a', static_cast<char>(program.size())};
  entry += program;
  if (below >= 0) entry += {'\x10', static_cast<char>(below)};
  entry += {'\x18', '\0'};
  return std::string{'\x0a', static_cast<char>(entry.size())} + entry;
}
std::string image(const std::string& entry) {
  return std::string(8, '\x54') + static_cast<char>(entry.size()) + std::string(3, '\0') + entry;
}

TEST(Checkpoint, EveryFilterStandsOnOurs) {
  EXPECT_TRUE(all_filters_hold(ours(), image(filter(kOurFilter))));
  EXPECT_TRUE(all_filters_hold(ours(), image(filter(kOurFilter) + filter(kAllowAll, 0))));
  EXPECT_FALSE(all_filters_hold(ours(), image(filter(kAllowAll))));
  // One chain of its own, one that goes in circles, one that leads nowhere.
  EXPECT_FALSE(all_filters_hold(ours(), image(filter(kOurFilter) + filter(kAllowAll))));
  EXPECT_FALSE(all_filters_hold(ours(), image(filter(kAllowAll, 1) + filter(kAllowAll, 0))));
  EXPECT_FALSE(all_filters_hold(ours(), image(filter(kAllowAll, 9))));
  EXPECT_FALSE(all_filters_hold(ours(), image("")));
  EXPECT_TRUE(contains(error_of([&] { (void)all_filters_hold(ours(), "short"); }), "damaged"));
  EXPECT_TRUE(contains(
      error_of([&] { (void)all_filters_hold(ours(), image(filter(kOurFilter)).substr(0, 30)); }),
      "damaged"));
}

TEST(Checkpoint, AChildMayBeAnotherUserButNotHaveMore) {
  LaunchPlan launch;
  launch.process.uid = 5;
  launch.process.no_new_privileges = true;
  launch.process.capabilities = {.bounding = 1};
  Isolation child{.capabilities = {.bounding = 1}, .uid = 7, .no_new_privileges = true};
  EXPECT_TRUE(drift_of_descendant(launch, child).empty());
  child.capabilities.effective = 2;
  child.no_new_privileges = false;
  EXPECT_EQ(drift_of_descendant(launch, child).size(), 2U);
}

TEST(Checkpoint, LimitsOfTheImageOnlyWhereTheyWereAskedFor) {
  LaunchPlan launch;
  launch.cgroup.directories = {{.mount_point = "/sys/fs/cgroup",
                                .path = "/box",
                                .is_v2 = true,
                                .writes = {{.file = "pids.max", .value = "7"}}}};
  Isolation other;
  for (const char* type : {"user", "pid", "network", "mount", "ipc", "uts", "cgroup", "time"})
    other.namespaces[type] = other.own_namespaces[type] = "x:[1]";
  other.values = {{.hierarchy = "/sys/fs/cgroup", .file = "pids.max", .text = "8"}};
  EXPECT_EQ(drift_of_restored(launch, other, false).size(), 1U);
  EXPECT_TRUE(drift_of_restored(launch, other, true).empty());
  other.hierarchies_left = {"/sys/fs/cgroup"};
  EXPECT_EQ(drift_of_restored(launch, other, true).size(), 1U);
}

TEST(Checkpoint, PeersOfTheRestoredRootAreCriusOwn) {
  LaunchPlan launch;
  launch.namespaces.create_flags = CLONE_NEWNS;
  launch.rootfs.root_propagation = MS_SLAVE;
  Isolation other;
  for (const char* type : {"user", "pid", "network", "mount", "ipc", "uts", "cgroup", "time"})
    other.namespaces[type] = other.own_namespaces[type] = "x:[1]";
  other.namespaces["mount"] = "x:[2]";
  other.mounts = {{"/", "/", "ext4", {"rw"}, "8:1", {"shared:1", "master:2"}}};
  EXPECT_TRUE(has_drift(audit(launch, other)));
  EXPECT_TRUE(drift_of_restored(launch, other, false).empty());
}

}  // namespace
}  // namespace plan
