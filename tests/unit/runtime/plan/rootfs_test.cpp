// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/rootfs.hpp"

#include <gtest/gtest.h>
#include <linux/mount.h>
#include <linux/sched.h>

#include <algorithm>
#include <optional>
#include <variant>

#include "runtime/plan/cgroup.hpp"
#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

oci::RuntimeConfig minimal() {
  oci::RuntimeConfig config;
  config.root = oci::Root{.path = "rootfs"};
  config.linux_.namespaces = {{.type = "mount", .path = {}}};
  return config;
}

oci::Mount mount(std::string type, std::string target, std::vector<std::string> options = {},
                 std::optional<std::string> source = {}) {
  return {.destination = std::move(target),
          .type = std::move(type),
          .source = std::move(source),
          .options = std::move(options)};
}

oci::RuntimeConfig with_mount(const oci::Mount& one) {
  oci::RuntimeConfig config = minimal();
  config.mounts = {one};
  return config;
}

RootfsPlan plan_for(const oci::RuntimeConfig& config, const HostFacts& facts = example_host("v1")) {
  return plan_rootfs(config, "/bundle", facts, plan_namespaces(config, facts),
                     plan_cgroup(config, "box", facts), false);
}

template <typename Step>
std::vector<Step> steps(const std::vector<RootfsStep>& all) {
  std::vector<Step> found;
  for (const RootfsStep& step : all) {
    if (const Step* one = std::get_if<Step>(&step)) found.push_back(*one);
  }
  return found;
}

std::string error_for(const oci::Mount& one) {
  return error_of([&] { plan_for(with_mount(one)); });
}

TEST(Rootfs, RootIsTakenFromTheBundle) {
  oci::RuntimeConfig config = minimal();
  EXPECT_EQ(plan_for(config).root, "/bundle/rootfs");
  config.root->path = "./a//b/";
  EXPECT_EQ(plan_for(config).root, "/bundle/a/b");
  config.root->path = "/srv/tree";
  EXPECT_EQ(plan_for(config).root, "/srv/tree");
  config.root.reset();
  EXPECT_EQ(error_of([&] { plan_for(config); }), "/root: root must be specified");
}

TEST(Rootfs, HowTheRootIsEntered) {
  const oci::RuntimeConfig config = minimal();
  const HostFacts facts;
  const NamespacePlan namespaces = plan_namespaces(config, facts);
  EXPECT_EQ(plan_rootfs(config, "/b", facts, namespaces, {}, false).enter, EnterRoot::kPivot);
  EXPECT_EQ(plan_rootfs(config, "/b", facts, namespaces, {}, true).enter, EnterRoot::kMove);
  EXPECT_EQ(plan_rootfs(config, "/b", facts, NamespacePlan{}, {}, true).enter, EnterRoot::kChroot);
}

TEST(Rootfs, Propagation) {
  struct Case {
    std::string word;
    std::uint64_t host, root;
  };
  const Case cases[] = {{"", MS_SLAVE | MS_REC, 0},
                        {"private", MS_PRIVATE | MS_REC, 0},
                        {"rslave", MS_SLAVE | MS_REC, MS_SLAVE | MS_REC},
                        {"shared", MS_SHARED, MS_SHARED},
                        {"rshared", MS_SHARED | MS_REC, MS_SHARED | MS_REC},
                        {"unbindable", MS_SLAVE | MS_REC, MS_UNBINDABLE}};
  for (const Case& one : cases) {
    oci::RuntimeConfig config = minimal();
    if (!one.word.empty()) config.linux_.rootfs_propagation = one.word;
    const RootfsPlan plan = plan_for(config);
    EXPECT_EQ(plan.host_propagation, one.host) << one.word;
    EXPECT_EQ(plan.root_propagation, one.root) << one.word;
  }
  oci::RuntimeConfig config = minimal();
  config.linux_.rootfs_propagation = "ro";
  EXPECT_TRUE(contains(error_of([&] { plan_for(config); }), "/linux/rootfsPropagation"));
}

TEST(Rootfs, BindMounts) {
  const RootfsPlan plan =
      plan_for(with_mount(mount("none", "data/", {"rbind", "ro", "rprivate", "nosuid"}, "src")));
  const std::vector<BindMount> binds = steps<BindMount>(plan.mounts);
  ASSERT_EQ(binds.size(), 1U);
  EXPECT_EQ(binds[0].source, "/bundle/src");
  EXPECT_EQ(binds[0].target, "/data");
  EXPECT_TRUE(binds[0].recursive);
  EXPECT_EQ(binds[0].attributes.set, std::uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID});
  EXPECT_EQ(binds[0].propagation, (std::vector<std::uint64_t>{MS_PRIVATE | MS_REC}));
  EXPECT_EQ(describe(RootfsStep(binds[0])),
            "bind /bundle/src and all below it on /data (ro,nosuid,rprivate)");
  EXPECT_EQ(steps<BindMount>(plan_for(with_mount(mount("bind", "/x", {}, "/y"))).mounts).size(),
            1U);
}

TEST(Rootfs, BadMountsNameTheirPlace) {
  EXPECT_EQ(
      error_for(mount("bind", "/x", {"foo=1"}, "/y")),
      "/mounts/0/options: bind mounts cannot have any filesystem-specific options: \"foo=1\"");
  EXPECT_TRUE(contains(error_for(mount("bind", "/x")), "/mounts/0/source"));
  EXPECT_TRUE(contains(error_for(mount("tmpfs", "/a/..")), "/mounts/0/destination"));
  EXPECT_TRUE(contains(error_for(mount("", "/a")), "/mounts/0/type"));
  EXPECT_TRUE(contains(error_for(mount("proc", "/a", {"tmpcopyup"})), "tmpcopyup"));
  EXPECT_TRUE(contains(error_for(mount("tmpfs", "/a", {"remount", "size=1"})), "remount"));
  EXPECT_TRUE(contains(error_for(mount("tmpfs", std::string("/a\0b", 4))), "NUL"));
  EXPECT_TRUE(contains(error_for(mount("tmpfs", "/a", {"src-nofollow"})), "for bind mounts"));
}

TEST(Rootfs, NothingCoversProc) {
  EXPECT_NO_THROW(plan_for(with_mount(mount("proc", "/proc"))));
  EXPECT_NO_THROW(plan_for(with_mount(mount("none", "/proc", {"rbind"}, "/proc"))));
  EXPECT_NO_THROW(
      plan_for(with_mount(mount("bind", "/proc/uptime", {}, "/var/lib/lxcfs/proc/uptime"))));
  EXPECT_NO_THROW(plan_for(with_mount(mount("tmpfs", "/processes"))));
  EXPECT_TRUE(contains(error_for(mount("tmpfs", "/proc")), "not of type proc"));
  EXPECT_TRUE(contains(error_for(mount("tmpfs", "/x/../proc/")), "not of type proc"));
  EXPECT_TRUE(contains(error_for(mount("tmpfs", "/proc/self")), "inside /proc"));
  EXPECT_TRUE(contains(error_for(mount("tmpfs", "/proc/uptime")), "inside /proc"));
  EXPECT_TRUE(contains(error_for(mount("bind", "/proc/sys", {}, "/y")), "inside /proc"));
  EXPECT_NO_THROW(plan_for(with_mount(mount("tmpfs", "/sys"))));
}

TEST(Rootfs, FilesystemMounts) {
  const RootfsPlan plan = plan_for(with_mount(mount("proc", "proc", {"nosuid", "ro"})));
  const MountFilesystem proc = steps<MountFilesystem>(plan.mounts).at(0);
  EXPECT_EQ(proc.target, "/proc");
  EXPECT_EQ(proc.source, "proc");
  EXPECT_TRUE(proc.real_directory_only);
  EXPECT_FALSE(proc.mode_from_target);
  EXPECT_EQ(proc.superblock_flags, std::uint64_t{MS_RDONLY});
  EXPECT_TRUE(steps<MakeReadonly>(plan.protections).empty());
}

TEST(Rootfs, ReadonlyTmpfsComesLate) {
  const RootfsPlan plan =
      plan_for(with_mount(mount("tmpfs", "/run", {"ro", "rro", "mode=700", "tmpcopyup"}, "run")));
  const MountFilesystem tmpfs = steps<MountFilesystem>(plan.mounts).at(0);
  EXPECT_EQ(tmpfs.attributes.set | tmpfs.recursive_attributes.set, 0U);
  EXPECT_EQ(tmpfs.superblock_flags, 0U);
  EXPECT_TRUE(tmpfs.copy_up);
  EXPECT_FALSE(tmpfs.mode_from_target);
  EXPECT_EQ(steps<MakeReadonly>(plan.protections), (std::vector<MakeReadonly>{{.target = "/run"}}));
  EXPECT_TRUE(steps<MountFilesystem>(plan_for(with_mount(mount("tmpfs", "/run"))).mounts)
                  .at(0)
                  .mode_from_target);
  EXPECT_EQ(steps<MakeReadonly>(plan_for(with_mount(mount("devtmpfs", "/dev", {"ro"}))).protections)
                .size(),
            1U);
}

TEST(Rootfs, Remount) {
  const RootfsPlan plan = plan_for(with_mount(mount("", "/x", {"remount", "bind", "ro"})));
  EXPECT_EQ(steps<ChangeMount>(plan.mounts).at(0).attributes.set, std::uint64_t{MOUNT_ATTR_RDONLY});
  EXPECT_EQ(
      steps<ChangeMount>(plan_for(with_mount(mount("none", "/x", {"rshared"}))).mounts).size(), 1U);
}

TEST(Rootfs, CgroupMounts) {
  const oci::RuntimeConfig config =
      with_mount(mount("cgroup", "/sys/fs/cgroup", {"ro", "nosuid", "rprivate"}));
  const MountCgroups v1 =
      steps<MountCgroups>(plan_for(config, example_host("hybrid")).mounts).at(0);
  EXPECT_FALSE(v1.is_v2);
  EXPECT_FALSE(v1.own_namespace);
  ASSERT_EQ(v1.hierarchies.size(), 13U);
  EXPECT_EQ(v1.hierarchies[0].name, "unified");
  EXPECT_EQ(v1.hierarchies[1].name, "systemd");
  EXPECT_TRUE(v1.hierarchies[1].aliases.empty());
  EXPECT_EQ(v1.hierarchies[3].aliases, (std::vector<std::string>{"cpu", "cpuacct"}));
  EXPECT_EQ(v1.propagation.size(), 1U);
  const MountCgroups v2 = steps<MountCgroups>(plan_for(config, example_host("v2")).mounts).at(0);
  EXPECT_TRUE(v2.is_v2);
  const oci::RuntimeConfig cgroup2 = with_mount(mount("cgroup2", "/sys/fs/cgroup"));
  EXPECT_EQ(steps<MountCgroups>(plan_for(cgroup2, example_host("v2")).mounts).size(), 1U);
  EXPECT_EQ(steps<MountFilesystem>(plan_for(cgroup2, example_host("v1")).mounts).size(), 1U);
  EXPECT_TRUE(contains(error_for(mount("cgroup", "/c", {"memory"})), "/mounts/0/options"));
}

TEST(Rootfs, DefaultDevicesAndLinks) {
  const RootfsPlan plan = plan_for(minimal());
  const std::vector<MakeDevice> devices = steps<MakeDevice>(plan.mounts);
  ASSERT_EQ(devices.size(), 6U);
  EXPECT_EQ(describe(RootfsStep(devices[0])), "make the device /dev/null, c 1:3, mode 0666");
  const std::vector<MakeLink> links = steps<MakeLink>(plan.mounts);
  ASSERT_EQ(links.size(), 6U);
  EXPECT_EQ(links.back(), (MakeLink{.path = "/dev/ptmx", .target = "pts/ptmx", .replace = true}));
}

TEST(Rootfs, TheHostsDevIsLeftAlone) {
  oci::RuntimeConfig config = with_mount(mount("bind", "/dev/", {"rbind"}, "/dev"));
  config.linux_.devices = {{.type = "c", .path = "/dev/kvm", .major = 10, .minor = 232},
                           {.type = "c", .path = "/opt/kvm", .major = 10, .minor = 232}};
  const RootfsPlan plan = plan_for(config);
  ASSERT_EQ(steps<MakeDevice>(plan.mounts).size(), 1U);
  EXPECT_EQ(steps<MakeDevice>(plan.mounts)[0].path, "/opt/kvm");
  EXPECT_TRUE(steps<MakeLink>(plan.mounts).empty());
}

TEST(Rootfs, ConfiguredDevices) {
  oci::RuntimeConfig config = minimal();
  config.linux_.devices = {{.type = "c",
                            .path = "/dev/null",
                            .major = 1,
                            .minor = 3,
                            .file_mode = 0100600,
                            .uid = 5,
                            .gid = 6},
                           {.type = "u", .path = "/dev/fuse", .major = 10, .minor = 229},
                           {.type = "p", .path = "/run/pipe"},
                           {.type = "c", .path = "/dev/ptmx", .major = 5, .minor = 2}};
  const std::vector<MakeDevice> devices = steps<MakeDevice>(plan_for(config).mounts);
  ASSERT_EQ(devices.size(), 8U);
  EXPECT_EQ(devices[0], (MakeDevice{.path = "/dev/null",
                                    .type = 'c',
                                    .major = 1,
                                    .minor = 3,
                                    .mode = 0600,
                                    .uid = 5,
                                    .gid = 6}));
  EXPECT_EQ(devices[6].type, 'c');
  EXPECT_EQ(devices[7].type, 'p');
  config.linux_.devices = {{.type = "c", .path = "/dev/x", .major = 1}};
  EXPECT_TRUE(contains(error_of([&] { plan_for(config); }), "/linux/devices/0/minor"));
  config.linux_.devices = {{.type = "x", .path = "/dev/x"}};
  EXPECT_TRUE(contains(error_of([&] { plan_for(config); }), "/linux/devices/0/type"));
  config.linux_.devices = {{.type = "p", .path = "dev/x"}};
  EXPECT_TRUE(contains(error_of([&] { plan_for(config); }), "/linux/devices/0/path"));
}

TEST(Rootfs, InAUserNamespaceDevicesAreBound) {
  oci::RuntimeConfig config = minimal();
  config.linux_.devices = {{.type = "p", .path = "/run/pipe"}};
  HostFacts facts = example_host("v1");
  facts.in_user_namespace = true;
  const std::vector<MakeDevice> devices = steps<MakeDevice>(plan_for(config, facts).mounts);
  EXPECT_TRUE(devices[0].bind_from_host);
  EXPECT_FALSE(devices.back().bind_from_host);
}

TEST(Rootfs, ProtectionsInOrderAndOnce) {
  oci::RuntimeConfig config = with_mount(mount("tmpfs", "/run", {"ro"}));
  config.root->readonly = true;
  config.linux_.masked_paths = {"/proc/kcore", "/proc/keys", "/proc/kcore/"};
  config.linux_.readonly_paths = {"/proc/sys", "/proc/sys"};
  const RootfsPlan plan = plan_for(config);
  ASSERT_EQ(plan.protections.size(), 4U);
  EXPECT_TRUE(std::holds_alternative<MakeReadonly>(plan.protections[0]));
  EXPECT_TRUE(std::holds_alternative<ReadonlyPath>(plan.protections[1]));
  EXPECT_EQ(std::get<MaskPath>(plan.protections[2]).target, "/proc/kcore");
  EXPECT_TRUE(plan.readonly_root);
  config.linux_.masked_paths = {"proc/kcore"};
  EXPECT_TRUE(contains(error_of([&] { plan_for(config); }), "/linux/maskedPaths/0"));
}

TEST(Rootfs, WithoutAMountNamespaceNothingIsMounted) {
  const auto without = [](oci::RuntimeConfig config) {
    config.linux_.namespaces.clear();
    return plan_for(config);
  };
  const RootfsPlan plan = without(minimal());
  EXPECT_FALSE(plan.has_mount_namespace);
  EXPECT_EQ(plan.host_propagation, 0U);
  EXPECT_TRUE(contains(error_of([&] { without(with_mount(mount("tmpfs", "/run"))); }), "/mounts"));
  oci::RuntimeConfig masked = minimal();
  masked.linux_.masked_paths = {"/x"};
  EXPECT_TRUE(
      contains(error_of([&] { without(masked); }), "/linux/maskedPaths: needs a mount namespace"));
  oci::RuntimeConfig readonly = minimal();
  readonly.root->readonly = true;
  EXPECT_TRUE(contains(error_of([&] { without(readonly); }), "/root/readonly"));
}

TEST(Rootfs, WorkingDirectoryAndConsole) {
  oci::RuntimeConfig config = minimal();
  config.process = oci::Process{};
  config.process->cwd = "/srv/app/";
  config.process->terminal = true;
  const RootfsPlan plan = plan_for(config);
  EXPECT_EQ(steps<MakeWorkingDirectory>(plan.mounts),
            (std::vector<MakeWorkingDirectory>{{.path = "/srv/app"}}));
  EXPECT_TRUE(plan.console);
  config.process->cwd = "/";
  EXPECT_TRUE(steps<MakeWorkingDirectory>(plan_for(config).mounts).empty());
}

TEST(Rootfs, MountLabel) {
  oci::RuntimeConfig config = minimal();
  config.mounts = {mount("tmpfs", "/run"), mount("proc", "/proc"), mount("bind", "/x", {}, "/y")};
  config.linux_.mount_label = "system_u:object_r:container_file_t:s0:c1,c2";
  EXPECT_TRUE(contains(error_of([&] { plan_for(config); }), "/linux/mountLabel"));
  HostFacts facts = example_host("v1");
  facts.selinux = true;
  const std::vector<MountFilesystem> mounts =
      steps<MountFilesystem>(plan_for(config, facts).mounts);
  EXPECT_EQ(mounts[0].data,
            (std::vector<std::string>{"context=\"system_u:object_r:container_file_t:s0:c1,c2\""}));
  EXPECT_TRUE(mounts[1].data.empty());
}

}  // namespace
}  // namespace plan
