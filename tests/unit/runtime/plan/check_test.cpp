// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/check.hpp"

#include <gtest/gtest.h>

namespace plan {
namespace {

oci::RuntimeConfig sound() {
  oci::RuntimeConfig config;
  config.root = oci::Root{.path = "rootfs"};
  config.process = oci::Process{};
  config.process->args = {"sh"};
  config.process->cwd = "/";
  for (const std::string type : {"mount", "pid", "network"})
    config.linux_.namespaces.push_back({.type = type, .path = {}});
  return config;
}

struct Outcome {
  Remainder left;
  std::vector<std::string> pointers;
};

Outcome check(const oci::RuntimeConfig& config) {
  std::vector<oci::Problem> problems;
  Outcome outcome{plan_what_is_possible(config, "/bundle", "box", example_host("v2"), {}, problems),
                  {}};
  for (const oci::Problem& one : problems) outcome.pointers.push_back(one.pointer);
  return outcome;
}

using Pointers = std::vector<std::string>;

TEST(CheckPlan, ASoundConfigIsPlannedWhole) {
  const Outcome outcome = check(sound());
  EXPECT_TRUE(outcome.pointers.empty());
  ASSERT_TRUE(outcome.left.launch);
  EXPECT_EQ(*outcome.left.launch, plan_launch(sound(), "/bundle", "box", example_host("v2"), {}));
}

TEST(CheckPlan, AllRefusalsAreFoundAndKeepTheirPlaces) {
  oci::RuntimeConfig config = sound();
  config.mounts = {{.destination = "/"},
                   {.destination = "/tmp", .type = "tmpfs"},
                   {.destination = "/proc", .type = "tmpfs"},
                   {.destination = "/mnt", .type = "bind", .options = {"bind"}}};
  config.linux_.sysctl = {{"kernel.panic", "1"}, {"net.core.somaxconn", "7"}};
  config.linux_.masked_paths = {"/a", "b"};
  config.hostname = "box";
  config.process->selinux_label = "x";
  const Outcome outcome = check(config);
  EXPECT_EQ(
      outcome.pointers,
      (Pointers{"/hostname", "/mounts/0/destination", "/mounts/2/destination", "/mounts/3/source",
                "/linux/maskedPaths/1", "/linux/sysctl/kernel.panic", "/process/selinuxLabel"}));
  ASSERT_TRUE(outcome.left.launch);
  EXPECT_EQ(outcome.left.mounts, (std::vector<std::size_t>{1}));
  ASSERT_EQ(outcome.left.launch->sysctls.size(), 1u);
  EXPECT_EQ(outcome.left.launch->sysctls[0].path, "net/core/somaxconn");
}

TEST(CheckPlan, ResourcesAreTakenOutOneByOne) {
  oci::RuntimeConfig config = sound();
  config.linux_.resources = oci::Resources{};
  config.linux_.resources->memory = oci::Memory{.swappiness = 3};
  config.linux_.resources->cpu = oci::Cpu{.realtime_runtime = 5};
  const Outcome outcome = check(config);
  ASSERT_EQ(outcome.pointers.size(), 2u);
  EXPECT_TRUE(outcome.pointers[0].starts_with("/linux/resources/"));
  EXPECT_TRUE(outcome.left.launch);
}

TEST(CheckPlan, WithoutARootThereIsNoPlan) {
  oci::RuntimeConfig config = sound();
  config.root.reset();
  const Outcome outcome = check(config);
  EXPECT_EQ(outcome.pointers, (Pointers{"/root"}));
  EXPECT_FALSE(outcome.left.launch);
}

}  // namespace
}  // namespace plan
