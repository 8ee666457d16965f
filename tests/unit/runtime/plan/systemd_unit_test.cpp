// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/systemd_unit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "runtime/plan/cgroup.hpp"
#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

template <typename Call>
void expect_error(Call call, const std::string& words) {
  EXPECT_TRUE(contains(error_of(call), words));
}

HostFacts host(unsigned version = 252) {
  HostFacts facts = example_host("v2");
  facts.systemd->version = version;
  return facts;
}

HostFacts user_host() {
  HostFacts facts = example_host("v2");
  facts.euid = 1000;
  facts.systemd = SystemdFacts{
      .version = 252, .root = "/user.slice/user-1000.slice/user@1000.service", .of_user = true};
  return facts;
}

oci::RuntimeConfig with_path(const std::string& path) {
  oci::RuntimeConfig config;
  if (!path.empty()) config.linux_.cgroups_path = path;
  return config;
}

/// "unit in slice at cgroup".
std::string place(const std::string& path, const HostFacts& facts = host(),
                  const std::string& id = "box") {
  const SystemdUnit unit = plan_unit(with_path(path), id, facts);
  return unit.id.name + " in " + unit.slice + " at " + unit.cgroup;
}

/// The value of one property as describe() writes it; "none" without it.
std::string property(const std::vector<UnitProperty>& all, const std::string& name) {
  std::string text = "none";
  for (const UnitProperty& one : all)
    if (one.name == name) text = describe(one).substr(name.size() + 1);
  return text;
}

std::string resource(const oci::Resources& resources, const std::string& name,
                     unsigned version = 252) {
  return property(resource_properties(resources, {.version = version, .root = ""}), name);
}

TEST(SystemdUnit, WhereItIs) {
  EXPECT_EQ(place(""), "toyrun-box.scope in system.slice at /system.slice/toyrun-box.scope");
  EXPECT_EQ(place("machine.slice:libpod:1"),
            "libpod-1.scope in machine.slice at /machine.slice/libpod-1.scope");
  EXPECT_EQ(place("::1"), "1.scope in system.slice at /system.slice/1.scope");
  EXPECT_EQ(place("-.slice:x:1"), "x-1.scope in -.slice at /x-1.scope");
  EXPECT_EQ(place("kubepods-besteffort-podab_c.slice:cri-containerd:12"),
            "cri-containerd-12.scope in kubepods-besteffort-podab_c.slice at "
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podab_c.slice/"
            "cri-containerd-12.scope");
  EXPECT_EQ(place("a.slice:ignored:a-b.slice"), "a-b.slice in a.slice at /a.slice/a-b.slice");
  EXPECT_EQ(place("", host(), "a+b"),
            "toyrun-a\\x2bb.scope in system.slice at /system.slice/toyrun-a\\x2bb.scope");
}

TEST(SystemdUnit, OfAUser) {
  const std::string root = "/user.slice/user-1000.slice/user@1000.service";
  EXPECT_EQ(place("", user_host()),
            "toyrun-box.scope in user.slice at " + root + "/user.slice/toyrun-box.scope");
  EXPECT_EQ(place("app.slice:x:1", user_host()),
            "x-1.scope in app.slice at " + root + "/app.slice/x-1.scope");
  const SystemdUnit unit = plan_unit(with_path(""), "box", user_host());
  EXPECT_TRUE(unit.id.of_user);
  EXPECT_EQ(property(unit.properties, "DevicePolicy"), "none");
}

TEST(SystemdUnit, BadNamesAreRefused) {
  for (const char* path : {"/a/b", "a.slice:b", "a.slice:b:c:d", "x"})
    expect_error([&] { place(path); }, "expected cgroupsPath to be of format");
  for (const char* slice : {"a--b.slice", "-a.slice", "a-.slice", "a/b.slice", "a", ".slice"})
    expect_error([&] { place(std::string(slice) + ":x:y"); }, "invalid slice name");
  expect_error([] { place("a.slice:x:"); }, "has no name");
  expect_error([] { place("a.slice:x:y z"); }, "no name of a systemd unit");
  expect_error([] { place("a.slice:x:../y"); }, "no name of a systemd unit");
  expect_error([] { place("a.slice:x:" + std::string(300, 'y')); }, "no name of a systemd unit");
  expect_error([] { place(std::string("a.slice:x:y\0z", 13)); }, "NUL");
}

TEST(SystemdUnit, AScopeHoldsItsPlaceASliceNeedNot) {
  const SystemdUnit scope = plan_unit(with_path("a.slice:x:1"), "box", host());
  EXPECT_EQ(property(scope.properties, "Slice"), "a.slice");
  EXPECT_EQ(property(scope.properties, "Delegate"), "true");
  EXPECT_EQ(property(scope.properties, "PIDs"), "0");
  const SystemdUnit slice = plan_unit(with_path("a.slice:x:a-b.slice"), "box", host());
  EXPECT_EQ(property(slice.properties, "Wants"), "a.slice");
  EXPECT_EQ(property(slice.properties, "Delegate"), "none");
  EXPECT_EQ(property(slice.properties, "PIDs"), "none");
}

TEST(SystemdUnit, OomPolicyOnlyWhereScopesHaveOne) {
  EXPECT_EQ(property(plan_unit(with_path(""), "box", host(252)).properties, "OOMPolicy"), "none");
  EXPECT_EQ(property(plan_unit(with_path(""), "box", host(253)).properties, "OOMPolicy"),
            "continue");
}

TEST(SystemdProperties, Memory) {
  const oci::Resources limits{.memory = oci::Memory{.limit = 100, .reservation = 50, .swap = 300}};
  EXPECT_EQ(resource(limits, "MemoryMax"), "100");
  EXPECT_EQ(resource(limits, "MemoryLow"), "50");
  EXPECT_EQ(resource(limits, "MemorySwapMax"), "200");
  const oci::Resources none{.memory = oci::Memory{.limit = -1}};
  EXPECT_EQ(resource(none, "MemoryMax"), "18446744073709551615");
  EXPECT_EQ(resource(none, "MemorySwapMax"), "18446744073709551615");
  EXPECT_EQ(resource({}, "MemoryMax"), "none");
}

TEST(SystemdProperties, CpuQuotaIsRoundedUpToWholePercents) {
  const auto quota = [](std::int64_t time, std::uint64_t period) {
    const oci::Resources resources{.cpu = oci::Cpu{.quota = time, .period = period}};
    return resource(resources, "CPUQuotaPerSecUSec") + " per " +
           resource(resources, "CPUQuotaPeriodUSec");
  };
  EXPECT_EQ(quota(50000, 100000), "500000 per 100000");
  EXPECT_EQ(quota(33333, 100000), "340000 per 100000");
  EXPECT_EQ(quota(200000, 0), "2000000 per none");
  EXPECT_EQ(quota(-1, 50000), "18446744073709551615 per 50000");
  EXPECT_EQ(quota(0, 0), "none per none");
}

TEST(SystemdProperties, CpuWeightAndIdle) {
  EXPECT_EQ(resource({.cpu = oci::Cpu{.shares = 1024}}, "CPUWeight"), "100");
  EXPECT_EQ(resource({.cpu = oci::Cpu{.shares = 1024, .idle = 1}}, "CPUWeight"), "0");
  EXPECT_EQ(resource({.cpu = oci::Cpu{.shares = 1024, .idle = 1}}, "CPUWeight", 251), "100");
}

TEST(SystemdProperties, CpusAreBits) {
  EXPECT_EQ(resource({.cpu = oci::Cpu{.cpus = "0-2,9"}}, "AllowedCPUs"), "7 2");
  EXPECT_EQ(resource({.cpu = oci::Cpu{.mems = "1"}}, "AllowedMemoryNodes"), "2");
  for (const char* list : {"x", "0-", "1-2-3", "-1", "99999", "0 1"})
    expect_error([&] { resource({.cpu = oci::Cpu{.cpus = list}}, "AllowedCPUs"); },
                 "/linux/resources/cpu/cpus: ");
}

TEST(SystemdProperties, TasksAndIoWeight) {
  EXPECT_EQ(resource({.pids = oci::Pids{.limit = 7}}, "TasksMax"), "7");
  EXPECT_EQ(resource({.pids = oci::Pids{.limit = 0}}, "TasksMax"), "1");
  EXPECT_EQ(resource({.pids = oci::Pids{.limit = -1}}, "TasksMax"), "18446744073709551615");
  EXPECT_EQ(resource({.block_io = oci::BlockIo{.weight = 1000}}, "IOWeight"), "10000");
}

TEST(SystemdProperties, UnifiedValuesComeLast) {
  const oci::Resources resources{.memory = oci::Memory{.limit = 100},
                                 .unified = {{"cpu.max", "20000 50000"},
                                             {"cpuset.cpus", "1"},
                                             {"io.weight", "default 30\n"},
                                             {"memory.high", "90"},
                                             {"memory.max", "max"},
                                             {"memory.min", "nonsense"},
                                             {"misc.max", "1"}}};
  EXPECT_EQ(resource(resources, "MemoryMax"), "18446744073709551615");
  EXPECT_EQ(resource(resources, "MemoryHigh"), "90");
  EXPECT_EQ(resource(resources, "MemoryMin"), "none");  // the kernel refuses it at the write
  EXPECT_EQ(resource(resources, "CPUQuotaPerSecUSec"), "400000");
  EXPECT_EQ(resource(resources, "AllowedCPUs"), "2");
  EXPECT_EQ(resource(resources, "IOWeight"), "30");
}

TEST(SystemdProperties, DevicesAreAllThatAnyRuleAllows) {
  const std::vector<UnitProperty> some =
      device_properties({{.allow = false, .access = "rwm"},
                         {.allow = true, .type = "c", .major = 10, .minor = 229, .access = "rw"},
                         {.allow = true, .type = "b", .major = 8, .access = "r"}});
  EXPECT_EQ(property(some, "DevicePolicy"), "strict");
  const std::string list = property(some, "DeviceAllow");
  EXPECT_NE(list.find("/dev/char/10:229:rw"), std::string::npos) << list;
  EXPECT_NE(list.find("block-8:r"), std::string::npos) << list;
  EXPECT_NE(list.find("/dev/char/1:3:rwm"), std::string::npos) << list;
  EXPECT_NE(list.find("char-*:m"), std::string::npos) << list;
  EXPECT_EQ(some[1].values, std::vector<std::string>{});  // empties the list first
  const std::vector<UnitProperty> all = device_properties({{.allow = true, .access = "rwm"}});
  EXPECT_EQ(property(all, "DevicePolicy"), "auto");
  EXPECT_EQ(property(all, "DeviceAllow"), "");
}

TEST(SystemdAnnotations, AreGVariantText) {
  const auto one = [](const std::string& name, const std::string& text) {
    const auto all = annotated_properties({{"org.systemd.property." + name, text}, {"other", "x"}});
    return all.size() == 1 ? all[0].signature + " " + describe(all[0]) : "none";
  };
  EXPECT_EQ(one("CollectMode", "'inactive-or-failed'"), "s CollectMode=inactive-or-failed");
  EXPECT_EQ(one("TimeoutStopUSec", "uint64 5000"), "t TimeoutStopUSec=5000");
  EXPECT_EQ(one("TimeoutStopSec", "5"), "t TimeoutStopUSec=5000000");
  EXPECT_EQ(one("SendSIGHUP", "true"), "b SendSIGHUP=true");
  EXPECT_EQ(one("KillSignal", "37"), "i KillSignal=37");
  EXPECT_EQ(one("After", "['a.service', \"b.service\"]"), "as After=a.service b.service");
  EXPECT_EQ(one("Before", "@as []"), "as Before=");
}

TEST(SystemdAnnotations, WhatIsNotHarmlessIsRefused) {
  const auto refused = [](const std::string& name, const std::string& text,
                          const std::string& why) {
    expect_error([&] { annotated_properties({{"org.systemd.property." + name, text}}); }, why);
  };
  refused("SuccessAction", "'reboot'", "is not set from an annotation");
  refused("Requires", "['reboot.target']", "is not set from an annotation");
  refused("x", "1", "is not set from an annotation");
  refused("CollectMode", "inactive", "not a string in quotes");
  refused("CollectMode", "'open", "not a string in quotes");
  refused("CollectMode", "'a' 'b'", "not a string in quotes");
  refused("SendSIGHUP", "1", "not true or false");
  refused("KillSignal", "99999999999", "not a number");
  refused("TimeoutStopSec", "18446744073709551615", "too long");
  refused("After", "'a.service'", "not an array of strings");
  refused("After", "['a.service' 'b.service']", "not an array of strings");
}

TEST(SystemdCgroup, LeavesRoomForThePlaceHolderUntilInitIsThere) {
  oci::RuntimeConfig config = with_path("");
  config.linux_.resources = oci::Resources{.pids = oci::Pids{.limit = 7}};
  const CgroupPlan plan = plan_cgroup(config, "box", host(), CgroupDriver::kSystemd);
  ASSERT_EQ(plan.directories.size(), 1u);
  EXPECT_EQ(plan.directories[0].path, "/system.slice/toyrun-box.scope");
  EXPECT_EQ(plan.directories[0].writes, (std::vector<FileWrite>{{"pids.max", "8"}}));
  EXPECT_EQ(plan.directories[0].last_writes, (std::vector<FileWrite>{{"pids.max", "7"}}));
  EXPECT_EQ(property(plan.unit->properties, "TasksMax"), "8");
  EXPECT_EQ(property(plan.unit->last_properties, "TasksMax"), "7");
  config.linux_.resources->pids->limit = -1;
  const CgroupPlan unlimited = plan_cgroup(config, "box", host(), CgroupDriver::kSystemd);
  EXPECT_TRUE(unlimited.directories[0].last_writes.empty());
  EXPECT_TRUE(unlimited.unit->last_properties.empty());
}

TEST(SystemdCgroup, NeedsSystemdAndOnlyIfAskedFor) {
  HostFacts facts = host();
  facts.systemd.reset();
  expect_error([&] { plan_cgroup(with_path(""), "box", facts, CgroupDriver::kSystemd); },
               "needs systemd");
  EXPECT_FALSE(plan_cgroup(with_path(""), "box", facts).unit);
}

TEST(DisabledCgroup, HasNoneAndTakesNoLimit) {
  oci::RuntimeConfig config = with_path("/a/b");
  EXPECT_TRUE(plan_cgroup(config, "box", host(), CgroupDriver::kDisabled).directories.empty());
  config.linux_.resources = oci::Resources{.pids = oci::Pids{.limit = 7}};
  expect_error([&] { plan_cgroup(config, "box", host(), CgroupDriver::kDisabled); },
               "/linux/resources/pids: cgroups are disabled");
}

}  // namespace
}  // namespace plan
