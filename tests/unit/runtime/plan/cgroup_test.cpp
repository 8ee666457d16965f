// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/cgroup.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs pairs(const std::vector<FileWrite>& writes) {
  Pairs pairs;
  for (const FileWrite& write : writes) pairs.emplace_back(write.file, write.value);
  return pairs;
}

oci::RuntimeConfig with_path(const std::string& path) {
  oci::RuntimeConfig config;
  if (!path.empty()) config.linux_.cgroups_path = path;
  return config;
}

const CgroupDirectory& directory_of(const CgroupPlan& plan, const std::string& controller) {
  const auto found = std::ranges::find_if(plan.directories, [&](const CgroupDirectory& one) {
    return std::ranges::find(one.controllers, controller) != one.controllers.end();
  });
  if (found == plan.directories.end()) throw Error("no hierarchy with " + controller);
  return *found;
}

HostFacts host(const std::string& layout, const std::string& own_path) {
  HostFacts facts = example_host(layout);
  for (CgroupHierarchy& hierarchy : facts.hierarchies) hierarchy.own_path = own_path;
  return facts;
}

std::string path_of(const std::string& asked, const std::string& layout,
                    const std::string& own_path) {
  const CgroupPlan plan = plan_cgroup(with_path(asked), "box", host(layout, own_path));
  return directory_of(plan, "memory").path;
}

TEST(Cgroup, WhereItIs) {
  EXPECT_EQ(path_of("", "v1", "/a/b"), "/a/b/box");
  EXPECT_EQ(path_of("", "v2", "/a/b"), "/a/box");
  EXPECT_EQ(path_of("", "v2", "/"), "/box");
  EXPECT_EQ(path_of("/docker/1", "v1", "/a/b"), "/docker/1");
  EXPECT_EQ(path_of("/docker//1/", "v2", "/a/b"), "/docker/1");
  EXPECT_EQ(path_of("docker/1", "v1", "/a/b"), "/a/b/docker/1");
  EXPECT_EQ(path_of("docker/1", "v2", "/a/b"), "/a/docker/1");
  EXPECT_EQ(path_of("system.slice:runc:1", "v1", "/"), "/system.slice:runc:1");
}

TEST(Cgroup, PathsThatLeadOutAreRefused) {
  for (const std::string path : {"/..", "../x", "/a/../../b", "a/.."}) {
    EXPECT_TRUE(contains(error_of([&] { path_of(path, "v1", "/"); }), "/linux/cgroupsPath"))
        << path;
  }
  EXPECT_TRUE(contains(error_of([&] { path_of("/", "v2", "/"); }), "root cgroup"));
}

TEST(Cgroup, EveryHierarchyIsJoinedInHybridLayout) {
  const CgroupPlan plan = plan_cgroup(with_path("/c"), "box", example_host("hybrid"));
  EXPECT_EQ(plan.directories.size(), 13U);
  EXPECT_TRUE(plan.directories[0].is_v2);
  EXPECT_EQ(plan.directories[1].controllers, std::vector<std::string>{"name=systemd"});
  EXPECT_FALSE(plan.device_program);
  EXPECT_EQ(directory_of(plan, "devices").device_writes.front().value, "a");
}

// The machine on which controllers are left to v2 in hybrid layout (runtime.md 3.1).
TEST(Cgroup, EachControllerOnTheHierarchyThatHasIt) {
  HostFacts facts = example_host("hybrid");
  std::erase_if(facts.hierarchies, [](const CgroupHierarchy& one) {
    return one.controllers == std::vector<std::string>{"hugetlb"};
  });
  facts.hierarchies[0].controllers = {"hugetlb"};
  oci::RuntimeConfig config = with_path("/c");
  config.linux_.resources = oci::Resources{};
  config.linux_.resources->hugepage_limits = {{.page_size = "2MB", .limit = 4}};
  config.linux_.resources->pids = oci::Pids{.limit = 7};
  const CgroupPlan plan = plan_cgroup(config, "box", facts);
  EXPECT_EQ(pairs(plan.directories[0].writes),
            (Pairs{{"hugetlb.2MB.max", "4"}, {"hugetlb.2MB.rsvd.max", "4"}}));
  EXPECT_EQ(pairs(directory_of(plan, "pids").writes), (Pairs{{"pids.max", "7"}}));
}

TEST(Cgroup, ALimitWithoutItsControllerIsAnError) {
  HostFacts facts = example_host("v1");
  std::erase_if(facts.hierarchies, [](const CgroupHierarchy& one) {
    return one.controllers == std::vector<std::string>{"memory"};
  });
  oci::RuntimeConfig config;
  config.linux_.resources = oci::Resources{};
  config.linux_.resources->memory = oci::Memory{};
  EXPECT_NO_THROW(plan_cgroup(config, "box", facts));
  config.linux_.resources->memory->limit = 1 << 20;
  EXPECT_EQ(error_of([&] { plan_cgroup(config, "box", facts); }),
            "/linux/resources/memory: the cgroup controller memory is not available on this host");
  config.linux_.resources = oci::Resources{};
  config.linux_.resources->unified["memory.high"] = "1";
  EXPECT_TRUE(
      contains(error_of([&] { plan_cgroup(config, "box", facts); }), "/linux/resources/unified"));
}

TEST(Cgroup, RootlessWithoutLimitsMayGoWithout) {
  HostFacts facts = example_host("v2");
  facts.euid = 1000;
  EXPECT_TRUE(plan_cgroup(with_path(""), "box", facts).ignore_permission);
  EXPECT_FALSE(plan_cgroup(with_path("/c"), "box", facts).ignore_permission);
  EXPECT_FALSE(plan_cgroup(with_path(""), "box", facts).device_program);
  oci::RuntimeConfig limited;
  limited.linux_.resources = oci::Resources{};
  limited.linux_.resources->pids = oci::Pids{.limit = 7};
  EXPECT_FALSE(plan_cgroup(limited, "box", facts).ignore_permission);
  EXPECT_FALSE(plan_cgroup(with_path(""), "box", example_host("v2")).ignore_permission);
}

TEST(Cgroup, DisabledMakesNoneAndRefusesEveryLimit) {
  oci::RuntimeConfig config = with_path("/c");
  config.linux_.resources = oci::Resources{};
  config.linux_.resources->devices = {{.allow = false, .access = "rwm"}};
  const HostFacts facts = example_host("hybrid");
  const CgroupPlan plan = plan_cgroup(config, "box", facts, CgroupDriver::kDisabled);
  EXPECT_EQ(plan.driver, CgroupDriver::kDisabled);
  EXPECT_TRUE(plan.directories.empty());
  EXPECT_FALSE(plan.device_program);
  EXPECT_EQ(describe(plan).size(), 1U);
  config.linux_.resources->pids = oci::Pids{.limit = 7};
  EXPECT_EQ(error_of([&] { plan_cgroup(config, "box", facts, CgroupDriver::kDisabled); }),
            "/linux/resources/pids: cgroups are disabled on the command line");
  config.linux_.resources->pids.reset();
  config.linux_.resources->unified["memory.high"] = "1";
  EXPECT_TRUE(
      contains(error_of([&] { plan_cgroup(config, "box", facts, CgroupDriver::kDisabled); }),
               "/linux/resources/unified"));
}

std::vector<std::string> paths(const std::vector<CgroupDirectory>& directories) {
  std::vector<std::string> paths;
  for (const CgroupDirectory& one : directories) paths.push_back(one.path);
  return paths;
}

std::vector<CgroupDirectory> own_cgroups() {
  return {{.mount_point = "/u", .path = "/box", .controllers = {"hugetlb"}, .is_v2 = true},
          {.mount_point = "/c", .path = "/box", .controllers = {"cpu", "cpuacct"}},
          {.mount_point = "/m", .path = "/own/box", .controllers = {"memory"}}};
}

TEST(SubCgroups, OnePathIsForAllHierarchies) {
  using Paths = std::vector<std::string>;
  EXPECT_EQ(paths(sub_cgroups(own_cgroups(), {"a/b"})),
            (Paths{"/box/a/b", "/box/a/b", "/own/box/a/b"}));
  EXPECT_EQ(paths(sub_cgroups(own_cgroups(), {"/"})), paths(own_cgroups()));
  EXPECT_EQ(paths(sub_cgroups(own_cgroups(), {"a/../b/"})),
            (Paths{"/box/b", "/box/b", "/own/box/b"}));
}

TEST(SubCgroups, ControllersNameTheirHierarchies) {
  using Paths = std::vector<std::string>;
  EXPECT_EQ(paths(sub_cgroups(own_cgroups(), {"cpu,cpuacct:a", "memory:/b"})),
            (Paths{"/box", "/box/a", "/own/box/b"}));
  EXPECT_EQ(paths(sub_cgroups(own_cgroups(), {"hugetlb:a"})),
            (Paths{"/box/a", "/box", "/own/box"}));
}

TEST(SubCgroups, NothingLeadsOut) {
  for (const std::string path : {"..", "../box2", "../box/../..", "a/../../x", "memory:../x"})
    EXPECT_TRUE(
        contains(error_of([&] { sub_cgroups(own_cgroups(), {path}); }), "is not a sub cgroup path"))
        << path;
  for (const std::string path : {"blkio:a", ":a", "cpu,:a", ",cpu:a"})
    EXPECT_TRUE(
        contains(error_of([&] { sub_cgroups(own_cgroups(), {path}); }), "unknown controller"))
        << path;
  EXPECT_TRUE(contains(error_of([&] { sub_cgroups(own_cgroups(), {"a:b:c"}); }), "invalid"));
  EXPECT_TRUE(contains(error_of([&] { sub_cgroups(own_cgroups(), {"a", "b"}); }), "invalid"));
  EXPECT_TRUE(
      contains(error_of([&] { sub_cgroups(own_cgroups(), {std::string("a\0b", 3)}); }), "NUL"));
}

oci::RuntimeConfig with_writable_cgroup(std::uint32_t uid) {
  oci::RuntimeConfig config = with_path("/c");
  config.process = oci::Process{};
  config.process->user.uid = uid;
  config.linux_.namespaces = {{.type = "cgroup", .path = {}}};
  config.mounts = {{.destination = "/sys/fs/cgroup/",
                    .type = "cgroup",
                    .source = "cgroup",
                    .options = {"nosuid", "rw"},
                    .uid_mappings = {},
                    .gid_mappings = {}}};
  return config;
}

std::optional<std::uint32_t> owner_of(const oci::RuntimeConfig& config,
                                      const std::string& layout = "v2") {
  return plan_cgroup(config, "box", example_host(layout)).owner;
}

// runtime-spec, config-linux "Cgroup ownership".
TEST(Cgroup, AWritableCgroupBelongsToTheContainersUser) {
  EXPECT_EQ(owner_of(with_writable_cgroup(1000)), 1000U);
  EXPECT_EQ(owner_of(with_writable_cgroup(0)), std::nullopt) << "root has it already";
  EXPECT_EQ(owner_of(with_writable_cgroup(1000), "v1"), std::nullopt);
  EXPECT_EQ(owner_of(with_writable_cgroup(1000), "hybrid"), std::nullopt);
  HostFacts ordinary = example_host("v2");
  ordinary.euid = 1000;
  EXPECT_EQ(plan_cgroup(with_writable_cgroup(7), "box", ordinary).owner, std::nullopt);
}

TEST(Cgroup, OwnershipNeedsAWritableMountAndANewNamespace) {
  oci::RuntimeConfig config = with_writable_cgroup(1000);
  config.mounts[0].options.emplace_back("ro");
  EXPECT_EQ(owner_of(config), std::nullopt);
  config = with_writable_cgroup(1000);
  config.mounts[0].destination = "/cgroup";
  EXPECT_EQ(owner_of(config), std::nullopt);
  config = with_writable_cgroup(1000);
  config.mounts[0].source = "other";
  EXPECT_EQ(owner_of(config), std::nullopt);
  config = with_writable_cgroup(1000);
  config.linux_.namespaces[0].path = "/proc/1/ns/cgroup";
  EXPECT_EQ(owner_of(config), std::nullopt);
  config.linux_.namespaces.clear();
  EXPECT_EQ(owner_of(config), std::nullopt);
}

TEST(Cgroup, OwnershipCountsInHostIds) {
  oci::RuntimeConfig config = with_writable_cgroup(7);
  config.linux_.namespaces.push_back({.type = "user", .path = {}});
  config.linux_.uid_mappings = {{.container_id = 0, .host_id = 100000, .size = 5},
                                {.container_id = 5, .host_id = 200000, .size = 10}};
  EXPECT_EQ(owner_of(config), 200002U);
  config.process->user.uid = 15;
  EXPECT_EQ(owner_of(config), std::nullopt) << "no such user on the host";
  config.process->user.uid = 0;
  EXPECT_EQ(owner_of(config), 100000U);
  const std::vector<std::string> lines = describe(plan_cgroup(config, "box", example_host("v2")));
  EXPECT_TRUE(std::ranges::any_of(lines, [](const std::string& line) {
    return line.starts_with("give the cgroup to user 100000");
  }));
  config.linux_.namespaces.back().path = "/proc/1/ns/user";
  EXPECT_EQ(owner_of(config), std::nullopt) << "its maps are not ours to read";
}

TEST(Cgroup, SharesBecomeWeight) {
  EXPECT_EQ(cpu_weight_from_shares(0), 0U);
  EXPECT_EQ(cpu_weight_from_shares(1), 1U);
  EXPECT_EQ(cpu_weight_from_shares(2), 1U);
  EXPECT_EQ(cpu_weight_from_shares(512), 59U);
  EXPECT_EQ(cpu_weight_from_shares(1024), 100U);
  EXPECT_EQ(cpu_weight_from_shares(262144), 10000U);
  EXPECT_EQ(cpu_weight_from_shares(~std::uint64_t{0}), 10000U);
}

oci::Resources with_memory(std::optional<std::int64_t> limit, std::optional<std::int64_t> swap) {
  oci::Resources resources;
  resources.memory = oci::Memory{.limit = limit, .swap = swap};
  return resources;
}

Pairs memory_v1(std::optional<std::int64_t> limit, std::optional<std::int64_t> swap) {
  return pairs(cgroup_v1_writes(with_memory(limit, swap), {"memory"}));
}
Pairs memory_v2(std::optional<std::int64_t> limit, std::optional<std::int64_t> swap) {
  return pairs(cgroup_v2_writes(with_memory(limit, swap), {"memory"}));
}

TEST(Cgroup, MemoryAndSwapV1) {
  const std::string memory = "memory.limit_in_bytes";
  const std::string swap = "memory.memsw.limit_in_bytes";
  EXPECT_EQ(memory_v1(0, 0), Pairs{});
  EXPECT_EQ(memory_v1(100, {}), (Pairs{{memory, "100"}}));
  EXPECT_EQ(memory_v1(100, 200), (Pairs{{memory, "100"}, {swap, "200"}}));
  EXPECT_EQ(memory_v1(100, -1), (Pairs{{memory, "100"}, {swap, "-1"}}));
  EXPECT_EQ(memory_v1(-1, {}), (Pairs{{swap, "-1"}, {memory, "-1"}}));
  EXPECT_TRUE(contains(error_of([] { memory_v1({}, 200); }),
                       "unable to set swap limit without memory limit"));
  EXPECT_TRUE(contains(error_of([] { memory_v1(200, 100); }), "must not be below"));
  EXPECT_TRUE(contains(error_of([] { memory_v1(-5, {}); }), "/linux/resources/memory/limit"));
}

TEST(Cgroup, MemoryAndSwapV2) {
  EXPECT_EQ(memory_v2(0, 0), Pairs{});
  EXPECT_EQ(memory_v2(100, {}), (Pairs{{"memory.max", "100"}}));
  EXPECT_EQ(memory_v2(100, 300), (Pairs{{"memory.max", "100"}, {"memory.swap.max", "200"}}));
  EXPECT_EQ(memory_v2(100, 100), (Pairs{{"memory.max", "100"}, {"memory.swap.max", "0"}}));
  EXPECT_EQ(memory_v2(100, -1), (Pairs{{"memory.max", "100"}, {"memory.swap.max", "max"}}));
  EXPECT_EQ(memory_v2(-1, {}), (Pairs{{"memory.max", "max"}, {"memory.swap.max", "max"}}));
  EXPECT_TRUE(contains(error_of([] { memory_v2({}, 200); }), "without memory limit"));
  EXPECT_TRUE(contains(error_of([] { memory_v2(-1, 200); }), "must not be below"));
}

TEST(Cgroup, WhatHasNoEquivalentOnV2) {
  const auto memory = [](const oci::Memory& asked) {
    oci::Resources resources;
    resources.memory = asked;
    return cgroup_v2_writes(resources, {"memory"});
  };
  // What dockerd sends without being asked.
  EXPECT_TRUE(memory({.kernel = 0,
                      .kernel_tcp = -1,
                      .swappiness = 60,
                      .disable_oom_killer = false,
                      .use_hierarchy = true})
                  .empty());
  EXPECT_TRUE(memory({.swappiness = ~std::uint64_t{0}}).empty());
  EXPECT_EQ(error_of([&] { memory({.swappiness = 10}); }),
            "/linux/resources/memory/swappiness: has no cgroup v2 equivalent");
  EXPECT_TRUE(contains(error_of([&] { memory({.kernel = 1}); }), "memory/kernel:"));
  EXPECT_TRUE(
      contains(error_of([&] { memory({.disable_oom_killer = true}); }), "disableOOMKiller"));
  oci::Resources realtime;
  realtime.cpu = oci::Cpu{.realtime_runtime = 5};
  EXPECT_TRUE(
      contains(error_of([&] { cgroup_v2_writes(realtime, {"cpu"}); }), "cpu/realtimeRuntime"));
  oci::RuntimeConfig network;
  network.linux_.resources = oci::Resources{};
  network.linux_.resources->network = oci::Network{.class_id = 0, .priorities = {}};
  EXPECT_NO_THROW(plan_cgroup(network, "box", example_host("v2")));
  network.linux_.resources->network->class_id = 5;
  EXPECT_EQ(error_of([&] { plan_cgroup(network, "box", example_host("v2")); }),
            "/linux/resources/network/classID: has no cgroup v2 equivalent");
}

TEST(Cgroup, Cpu) {
  oci::Resources resources;
  resources.cpu = oci::Cpu{.shares = 1024,
                           .quota = 50000,
                           .burst = 1000,
                           .period = 100000,
                           .cpus = "0-1",
                           .mems = "0",
                           .idle = 0};
  EXPECT_EQ(pairs(cgroup_v1_writes(resources, {"cpu", "cpuacct"})),
            (Pairs{{"cpu.idle", "0"},
                   {"cpu.shares", "1024"},
                   {"cpu.cfs_period_us", "100000"},
                   {"cpu.cfs_quota_us", "50000"},
                   {"cpu.cfs_burst_us", "1000"}}));
  EXPECT_EQ(pairs(cgroup_v1_writes(resources, {"cpuset"})),
            (Pairs{{"cpuset.cpus", "0-1"}, {"cpuset.mems", "0"}}));
  EXPECT_EQ(pairs(cgroup_v2_writes(resources, {"cpu", "cpuset"})),
            (Pairs{{"cpu.idle", "0"},
                   {"cpu.weight", "100"},
                   {"cpu.max", "50000 100000"},
                   {"cpu.max.burst", "1000"},
                   {"cpuset.cpus", "0-1"},
                   {"cpuset.mems", "0"}}));
  resources.cpu = oci::Cpu{.shares = 512, .quota = -1, .idle = 1};
  EXPECT_EQ(pairs(cgroup_v2_writes(resources, {"cpu"})),
            (Pairs{{"cpu.weight", "59"}, {"cpu.idle", "1"}, {"cpu.max", "max 100000"}}));
  resources.cpu = oci::Cpu{.cpus = "0\n1"};
  EXPECT_TRUE(contains(error_of([&] { cgroup_v1_writes(resources, {"cpuset"}); }),
                       "/linux/resources/cpu/cpus"));
}

TEST(Cgroup, AnUpdateStepsOverTheOldLimits) {
  oci::Resources resources = with_memory(100, 200);
  resources.cpu = oci::Cpu{.quota = 50000, .burst = 10, .period = 100000};
  std::vector<CgroupDirectory> directories(2);
  directories[0].controllers = {"memory"};
  directories[1].controllers = {"cpu"};
  plan_update(resources, directories);
  EXPECT_EQ(pairs(directories[0].writes), (Pairs{{"memory.memsw.limit_in_bytes", "-1"},
                                                 {"memory.limit_in_bytes", "100"},
                                                 {"memory.memsw.limit_in_bytes", "200"}}));
  EXPECT_EQ(pairs(directories[1].writes), (Pairs{{"cpu.cfs_quota_us", "-1"},
                                                 {"cpu.cfs_period_us", "100000"},
                                                 {"cpu.cfs_burst_us", "0"},
                                                 {"cpu.cfs_quota_us", "50000"},
                                                 {"cpu.cfs_burst_us", "10"}}));
  directories.resize(1);
  directories[0] = {
      .mount_point = "/sys/fs/cgroup", .path = "/c", .controllers = {"cpu"}, .is_v2 = true};
  resources = {};
  resources.cpu = oci::Cpu{.quota = 70000};
  plan_update(resources, directories);
  EXPECT_EQ(pairs(directories[0].writes), (Pairs{{"cpu.max", "70000"}}));
  resources.cpu = oci::Cpu{.period = 50000};
  plan_update(resources, directories);
  EXPECT_EQ(
      directories[0].writes,
      (std::vector<FileWrite>{{.file = "cpu.max", .value = "50000", .keep_first_word = true}}));
}

TEST(Cgroup, DevicesOfAnUpdate) {
  const std::vector<oci::DeviceRule> rules = {
      {.allow = false, .access = "rwm"},
      {.allow = true, .type = "c", .major = 10, .minor = 229, .access = "rw"}};
  const CgroupDirectory v2{
      .mount_point = "/u", .path = "/c", .controllers = {"cpu"}, .is_v2 = true};
  const CgroupDirectory v1{.mount_point = "/d", .path = "/c", .controllers = {"devices"}};
  EXPECT_EQ(plan_device_update(rules, {v2}), device_program(rules));
  EXPECT_EQ(plan_device_update(rules, {v2, v1}), std::nullopt) << "written as lines";
  EXPECT_EQ(plan_device_update({}, {v2}), std::nullopt);
  EXPECT_TRUE(contains(error_of([&] { plan_device_update(rules, {}); }), "filters devices"));
}

TEST(Cgroup, BlockIo) {
  oci::Resources resources;
  resources.block_io = oci::BlockIo{};
  resources.block_io->weight = 500;
  resources.block_io->weight_device = {{.major = 8, .minor = 0, .weight = 10, .leaf_weight = {}}};
  resources.block_io->throttle_read_bps_device = {{.major = 8, .minor = 0, .rate = 1000}};
  resources.block_io->throttle_write_iops_device = {{.major = 8, .minor = 16, .rate = 0}};
  const std::vector<FileWrite> v1 = cgroup_v1_writes(resources, {"blkio"});
  EXPECT_EQ(pairs(v1), (Pairs{{"blkio.bfq.weight", "500"},
                              {"blkio.bfq.weight_device", "8:0 10"},
                              {"blkio.throttle.read_bps_device", "8:0 1000"},
                              {"blkio.throttle.write_iops_device", "8:16 0"}}));
  EXPECT_EQ(v1[0].fallback_file, "blkio.weight");
  const std::vector<FileWrite> v2 = cgroup_v2_writes(resources, {"io"});
  EXPECT_EQ(pairs(v2), (Pairs{{"io.bfq.weight", "500"},
                              {"io.bfq.weight", "8:0 10"},
                              {"io.max", "8:0 rbps=1000"},
                              {"io.max", "8:16 wiops=max"}}));
  EXPECT_EQ(v2[0].fallback_file, "io.weight");
  EXPECT_EQ(v2[0].fallback_value, "4950");
  EXPECT_EQ(v2[1].fallback_value, "8:0 1");
  resources.block_io->leaf_weight = 20;
  EXPECT_TRUE(
      contains(error_of([&] { cgroup_v2_writes(resources, {"io"}); }), "blockIO/leafWeight"));
  resources.block_io->weight = 5;
  EXPECT_TRUE(
      contains(error_of([&] { cgroup_v1_writes(resources, {"blkio"}); }), "between 10 and 1000"));
  resources.block_io = oci::BlockIo{};
  resources.block_io->weight_device = {{.major = 8, .minor = 0, .weight = {}, .leaf_weight = {}}};
  EXPECT_TRUE(contains(error_of([&] { cgroup_v1_writes(resources, {"blkio"}); }),
                       "needs weight or leafWeight"));
}

TEST(Cgroup, TheRest) {
  oci::Resources resources;
  resources.pids = oci::Pids{.limit = 0};
  resources.rdma["mlx5_0"] = {.hca_handles = 2, .hca_objects = 2000};
  resources.network =
      oci::Network{.class_id = 1048577, .priorities = {{.name = "eth0", .priority = 500}}};
  EXPECT_EQ(pairs(cgroup_v1_writes(resources, {"pids", "rdma", "net_cls", "net_prio"})),
            (Pairs{{"pids.max", "0"},
                   {"rdma.max", "mlx5_0 hca_handle=2 hca_object=2000"},
                   {"net_cls.classid", "1048577"},
                   {"net_prio.ifpriomap", "eth0 500"}}));
  resources.pids->limit = -1;
  EXPECT_EQ(pairs(cgroup_v2_writes(resources, {"pids"})), (Pairs{{"pids.max", "max"}}));
  resources.rdma["mlx5_0"] = {};
  EXPECT_TRUE(
      contains(error_of([&] { cgroup_v2_writes(resources, {"rdma"}); }), "needs hcaHandles"));
  oci::Resources pages;
  for (const std::string size : {"../2MB", "2MB/..", "MB", "02MB", "2", "2MB "}) {
    pages.hugepage_limits = {{.page_size = size, .limit = 1}};
    EXPECT_TRUE(
        contains(error_of([&] { cgroup_v1_writes(pages, {"hugetlb"}); }), "hugepageLimits/0"))
        << size;
  }
}

TEST(Cgroup, UnifiedComesLastLineByLine) {
  oci::Resources resources;
  resources.pids = oci::Pids{.limit = 5};
  resources.unified["io.max"] = "8:0 rbps=1\n8:16 wbps=2\n";
  resources.unified["cgroup.max.depth"] = "0";
  EXPECT_EQ(pairs(cgroup_v2_writes(resources, {"pids", "io"})), (Pairs{{"pids.max", "5"},
                                                                       {"cgroup.max.depth", "0"},
                                                                       {"io.max", "8:0 rbps=1"},
                                                                       {"io.max", "8:16 wbps=2"}}));
  EXPECT_TRUE(contains(error_of([&] { cgroup_v2_writes(resources, {"pids"}); }),
                       "/linux/resources/unified/io.max"));
  for (const std::string key : {"a/b", "memory", ".x", ""}) {
    oci::Resources bad;
    bad.unified[key] = "1";
    EXPECT_TRUE(
        contains(error_of([&] { cgroup_v2_writes(bad, {"memory"}); }), "no name of a cgroup file"))
        << key;
  }
  for (const std::string key : {"cgroup.freeze", "cgroup.procs", "cgroup.kill", "cgroup.type"}) {
    oci::Resources bad;
    bad.unified[key] = "1";
    EXPECT_TRUE(contains(error_of([&] { cgroup_v2_writes(bad, {}); }), key + ": is no limit"));
  }
}

TEST(Cgroup, CheckBeforeUpdate) {
  oci::RuntimeConfig config;
  config.linux_.resources = with_memory(4096, {});
  EXPECT_FALSE(plan_cgroup(config, "box", example_host("v2")).check_memory_limit);
  config.linux_.resources->memory->check_before_update = true;
  EXPECT_EQ(plan_cgroup(config, "box", example_host("v2")).check_memory_limit, 4096);
}

TEST(Cgroup, ExampleHosts) {
  EXPECT_EQ(example_host("v2").hierarchies.size(), 1U);
  EXPECT_EQ(example_host("v1").hierarchies.size() + 1, example_host("hybrid").hierarchies.size());
  EXPECT_TRUE(contains(error_of([] { example_host("v3"); }), "v3"));
}

}  // namespace
}  // namespace plan
