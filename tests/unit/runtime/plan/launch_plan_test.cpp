// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/launch_plan.hpp"

#include <gtest/gtest.h>

#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

oci::RuntimeConfig minimal() {
  oci::RuntimeConfig config;
  config.root = oci::Root{.path = "rootfs"};
  config.process = oci::Process{};
  config.process->args = {"sh", "-c", "echo $HOME"};
  config.process->cwd = "/";
  for (const std::string type : {"mount", "pid", "network", "ipc", "uts"}) {
    config.linux_.namespaces.push_back({.type = type, .path = {}});
  }
  return config;
}

LaunchPlan plan_for(const oci::RuntimeConfig& config) {
  return plan_launch(config, "/bundle", "box", example_host("hybrid"), {});
}

TEST(LaunchPlan, WhatThisHostCannotDoIsRefused) {
  oci::RuntimeConfig config = minimal();
  config.process->selinux_label = "x";
  EXPECT_TRUE(contains(error_of([&] { plan_for(config); }), "/process/selinuxLabel"));
}

TEST(LaunchPlan, AProcessIsOptional) {
  oci::RuntimeConfig config = minimal();
  config.process.reset();
  const LaunchPlan plan = plan_for(config);
  EXPECT_TRUE(plan.process.args.empty());
  EXPECT_TRUE(contains(explain(plan), "no process to start"));
}

TEST(LaunchPlan, Choices) {
  const LaunchPlan plan = plan_launch(minimal(), "/bundle", "box", example_host("v2"),
                                      {.no_pivot = true, .no_new_keyring = true});
  EXPECT_EQ(plan.rootfs.enter, EnterRoot::kMove);
  EXPECT_FALSE(plan.new_keyring);
  EXPECT_EQ(plan, plan_launch(minimal(), "/bundle", "box", example_host("v2"),
                              {.no_pivot = true, .no_new_keyring = true}));
}

std::vector<Sysctl> sysctls(const std::map<std::string, std::string>& wanted,
                            const std::vector<std::string>& types) {
  oci::RuntimeConfig config;
  for (const std::string& type : types)
    config.linux_.namespaces.push_back({.type = type, .path = {}});
  config.linux_.sysctl = wanted;
  return plan_sysctls(config, plan_namespaces(config, HostFacts{}));
}

TEST(Sysctls, BothSpellings) {
  const std::vector<Sysctl> found = sysctls({{"net.ipv4.conf.eth0/100.forwarding", "1"},
                                             {"net/ipv4/ip_forward", "1"},
                                             {"fs.mqueue.msg_max", "20"},
                                             {"kernel.shmmax", "5"}},
                                            {"network", "ipc"});
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0].path, "fs/mqueue/msg_max");
  EXPECT_EQ(found[1].path, "kernel/shmmax");
  EXPECT_EQ(found[2].path, "net/ipv4/conf/eth0.100/forwarding");
  EXPECT_EQ(found[3].path, "net/ipv4/ip_forward");
}

TEST(Sysctls, EachNeedsItsNamespace) {
  const auto refused = [](const std::string& key, const std::vector<std::string>& types) {
    return contains(error_of([&] { sysctls({{key, "1"}}, types); }), "/linux/sysctl/" + key);
  };
  EXPECT_TRUE(refused("net.ipv4.ip_forward", {"ipc", "mount"}));
  EXPECT_TRUE(refused("kernel.shmmax", {"network"}));
  EXPECT_TRUE(refused("kernel.domainname", {"network"}));
  EXPECT_TRUE(refused("kernel.hostname", {"uts"}));
  EXPECT_TRUE(refused("user.max_user_namespaces", {"uts"}));
  EXPECT_TRUE(refused("kernel.core_pattern", {"uts", "ipc", "network"}));
  EXPECT_TRUE(refused("vm.swappiness", {"uts", "ipc", "network"}));
  EXPECT_NO_THROW(sysctls({{"kernel.domainname", "x"}}, {"uts"}));
}

TEST(Sysctls, HostileWords) {
  for (const std::string key : {"net/../kernel/core_pattern", "net.ipv4.", "net//x",
                                "net/ipv4/a+kernel", "net/.", "", "net.a=b"}) {
    EXPECT_TRUE(contains(error_of([&] { sysctls({{key, "1"}}, {"network"}); }), "no sysctl name"))
        << key;
  }
  EXPECT_TRUE(contains(error_of([] { sysctls({{"net.a", "1\n2"}}, {"network"}); }), "line break"));
}

TEST(Explain, NumbersRunThroughAndTheOrderIsTheLaunchs) {
  oci::RuntimeConfig config = minimal();
  config.hostname = "box";
  config.mounts = {{.destination = "/proc", .type = "proc", .source = "proc", .options = {}}};
  config.linux_.masked_paths = {"/proc/kcore"};
  config.hooks = oci::Hooks{};
  config.hooks->create_runtime = {{.path = "/bin/net", .args = {}, .env = {}, .timeout = 5}};
  const std::string text = explain(plan_for(config));
  const std::string order[] = {"  1. make the cgroup",
                               "new mount namespace",
                               "set the host name to box",
                               "mount a new proc on /proc",
                               "createRuntime hook /bin/net on the host, for at most 5 s",
                               "hide /proc/kcore",
                               "pivot_root",
                               "become user 0",
                               "execute sh -c 'echo $HOME'"};
  std::size_t at = 0;
  for (const std::string& words : order) {
    at = text.find(words, at);
    ASSERT_NE(at, std::string::npos) << words << " in\n" << text;
  }
  EXPECT_TRUE(text.ends_with("\n"));
  EXPECT_EQ(text, explain(plan_for(config)));
}

TEST(LaunchPlan, ANotifySocketOfItsOwn) {
  LaunchPlan launch;
  launch.process.env = {"NOTIFY_SOCKET=/host", "A=b"};
  add_notify_socket(launch, "/run/toyrun/box.notify");
  EXPECT_EQ(launch.process.env,
            (std::vector<std::string>{"A=b", "NOTIFY_SOCKET=/run/notify/notify.sock"}));
  ASSERT_EQ(launch.rootfs.mounts.size(), 1U);
  EXPECT_EQ(describe(launch.rootfs.mounts[0]),
            "bind /run/toyrun/box.notify on /run/notify (ro,nosuid,nodev,noexec)");
}

}  // namespace
}  // namespace plan
