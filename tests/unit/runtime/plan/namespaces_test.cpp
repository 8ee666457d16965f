// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/namespaces.hpp"

#include <gtest/gtest.h>
#include <linux/sched.h>

#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

oci::RuntimeConfig with_namespaces(const std::vector<std::string>& types) {
  oci::RuntimeConfig config;
  for (const std::string& type : types)
    config.linux_.namespaces.push_back({.type = type, .path = {}});
  return config;
}

oci::RuntimeConfig with_user_namespace(std::uint32_t host_id, std::uint32_t size) {
  oci::RuntimeConfig config = with_namespaces({"user", "mount"});
  config.linux_.uid_mappings = {{.container_id = 0, .host_id = host_id, .size = size}};
  config.linux_.gid_mappings = config.linux_.uid_mappings;
  return config;
}

TEST(Namespaces, CgroupAndTimeAreNotCloned) {
  const NamespacePlan plan = plan_namespaces(
      with_namespaces({"pid", "network", "mount", "ipc", "uts", "cgroup", "time"}), HostFacts{});
  EXPECT_EQ(plan.create_flags,
            std::uint64_t{CLONE_NEWPID} | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS);
  EXPECT_TRUE(plan.create_cgroup);
  EXPECT_TRUE(plan.create_time);
  EXPECT_TRUE(plan.has(CLONE_NEWCGROUP));
  EXPECT_TRUE(plan.has(CLONE_NEWTIME));
  EXPECT_FALSE(plan.has(CLONE_NEWUSER));
  EXPECT_TRUE(plan.bring_up_loopback);
}

TEST(Namespaces, TheUserNamespaceIsJoinedFirst) {
  oci::RuntimeConfig config;
  config.linux_.namespaces = {{.type = "network", .path = "/run/netns/a"},
                              {.type = "user", .path = "/proc/7/ns/user"}};
  const NamespacePlan plan = plan_namespaces(config, HostFacts{});
  ASSERT_EQ(plan.join.size(), 2U);
  EXPECT_EQ(plan.join[0].type, "user");
  EXPECT_EQ(plan.join[1].flag, std::uint64_t{CLONE_NEWNET});
  EXPECT_EQ(plan.joined(CLONE_NEWNET)->path, "/run/netns/a");
  EXPECT_EQ(plan.create_flags, 0U);
  EXPECT_FALSE(plan.bring_up_loopback);
}

TEST(Namespaces, BadEntriesNameTheirPlace) {
  const auto plan = [](const oci::RuntimeConfig& config) {
    return plan_namespaces(config, HostFacts{});
  };
  EXPECT_TRUE(contains(error_of([&] { plan(with_namespaces({"pid", "net"})); }),
                       "/linux/namespaces/1/type"));
  EXPECT_TRUE(contains(error_of([&] { plan(with_namespaces({"pid", "pid"})); }), "listed twice"));
  oci::RuntimeConfig relative = with_namespaces({"pid"});
  relative.linux_.namespaces[0].path = "proc/1/ns/pid";
  EXPECT_TRUE(contains(error_of([&] { plan(relative); }), "/linux/namespaces/0/path"));
}

TEST(Namespaces, RootWritesItsMapsItself) {
  const NamespacePlan plan = plan_namespaces(with_user_namespace(100000, 65536), HostFacts{});
  EXPECT_FALSE(plan.map_with_helpers);
  EXPECT_FALSE(plan.deny_setgroups);
  EXPECT_EQ(plan.uid_mappings.size(), 1U);
}

TEST(Namespaces, AnOrdinaryUserNeedsHelpersForMoreThanTheirOwnId) {
  const HostFacts user{.euid = 1000, .egid = 1000};
  const NamespacePlan own = plan_namespaces(with_user_namespace(1000, 1), user);
  EXPECT_FALSE(own.map_with_helpers);
  EXPECT_TRUE(own.deny_setgroups);
  const NamespacePlan many = plan_namespaces(with_user_namespace(100000, 65536), user);
  EXPECT_TRUE(many.map_with_helpers);
  EXPECT_FALSE(many.deny_setgroups);
}

TEST(Namespaces, MappingsMustFitTheNamespace) {
  oci::RuntimeConfig no_map = with_namespaces({"user"});
  EXPECT_TRUE(
      contains(error_of([&] { plan_namespaces(no_map, HostFacts{}); }), "/linux/uidMappings"));
  oci::RuntimeConfig no_root = with_user_namespace(1000, 10);
  no_root.linux_.gid_mappings[0].container_id = 5;
  EXPECT_TRUE(contains(error_of([&] { plan_namespaces(no_root, HostFacts{}); }),
                       "/linux/gidMappings: id 0"));
  oci::RuntimeConfig no_namespace = with_user_namespace(1000, 10);
  no_namespace.linux_.namespaces.clear();
  EXPECT_TRUE(contains(error_of([&] { plan_namespaces(no_namespace, HostFacts{}); }),
                       "needs a user namespace"));
  oci::RuntimeConfig joined = with_user_namespace(1000, 1);
  joined.linux_.namespaces[0].path = "/proc/7/ns/user";
  EXPECT_TRUE(plan_namespaces(joined, HostFacts{}).uid_mappings.empty());
}

TEST(Namespaces, HostnameNeedsItsNamespace) {
  oci::RuntimeConfig config = with_namespaces({"pid"});
  config.hostname = "box";
  EXPECT_TRUE(contains(error_of([&] { plan_namespaces(config, HostFacts{}); }),
                       "unable to set hostname without a private UTS namespace"));
  config.linux_.namespaces.push_back({.type = "uts", .path = {}});
  EXPECT_EQ(plan_namespaces(config, HostFacts{}).hostname, "box");
}

TEST(Namespaces, NetDevices) {
  oci::RuntimeConfig config = with_namespaces({"network"});
  config.linux_.net_devices["eth1"] = {};
  config.linux_.net_devices["eth2"] = {.name = "in%d"};
  const NamespacePlan plan = plan_namespaces(config, HostFacts{});
  EXPECT_EQ(plan.net_devices, (std::vector<NetDevice>{{.host_name = "eth1", .name = "eth1"},
                                                      {.host_name = "eth2", .name = "in%d"}}));
  config.linux_.net_devices["eth3"] = {.name = "eth1"};
  EXPECT_TRUE(contains(error_of([&] { plan_namespaces(config, HostFacts{}); }),
                       "/linux/netDevices/eth3: another device is called eth1 already"));
  config.linux_.net_devices.erase("eth3");
  EXPECT_TRUE(
      contains(error_of([&] { plan_namespaces(config, HostFacts{.euid = 7}); }), "by root only"));
  config.linux_.namespaces.clear();
  EXPECT_TRUE(contains(error_of([&] { plan_namespaces(config, HostFacts{}); }),
                       "without a private NET namespace"));
}

TEST(Namespaces, AJoinedPidNamespaceIsEnteredLast) {
  oci::RuntimeConfig config = with_namespaces({"mount", "pid"});
  EXPECT_FALSE(plan_namespaces(config, HostFacts{}).enter_pid_last);
  config.linux_.namespaces[1].path = "/proc/7/ns/pid";
  EXPECT_TRUE(plan_namespaces(config, HostFacts{}).enter_pid_last);
  config.linux_.namespaces.push_back({.type = "user", .path = "/proc/7/ns/user"});
  EXPECT_FALSE(plan_namespaces(config, HostFacts{}).enter_pid_last);
}

TEST(Namespaces, TimeOffsets) {
  oci::RuntimeConfig config = with_namespaces({"time"});
  config.linux_.time_offsets["boottime"] = {.secs = -3, .nanosecs = 5};
  EXPECT_EQ(plan_namespaces(config, HostFacts{}).time_offsets.size(), 1U);
  config.linux_.time_offsets["realtime"] = {};
  EXPECT_TRUE(contains(error_of([&] { plan_namespaces(config, HostFacts{}); }),
                       "/linux/timeOffsets/realtime"));
  config.linux_.time_offsets.erase("realtime");
  config.linux_.namespaces[0].path = "/proc/7/ns/time";
  EXPECT_TRUE(contains(error_of([&] { plan_namespaces(config, HostFacts{}); }),
                       "needs a new time namespace"));
}

TEST(Namespaces, Words) {
  EXPECT_EQ(namespace_flag("mount"), std::uint64_t{CLONE_NEWNS});
  EXPECT_EQ(namespace_flag("mnt"), 0U);
  EXPECT_EQ(namespace_file("mount"), "mnt");
  EXPECT_EQ(namespace_file("network"), "net");
}

TEST(Namespaces, Describe) {
  const std::vector<std::string> lines =
      describe(plan_namespaces(with_user_namespace(100000, 65536), HostFacts{}));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[2], "map user ids 0-65535 to 100000-165535");
}

}  // namespace
}  // namespace plan
