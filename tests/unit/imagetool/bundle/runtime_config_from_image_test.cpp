// SPDX-License-Identifier: Apache-2.0
#include "imagetool/bundle/runtime_config_from_image.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "bundle-spec/error.hpp"

namespace {

oci::ImageConfig image() {
  oci::ImageConfig config;
  config.architecture = "amd64";
  config.os = "linux";
  config.config.cmd = {"sh", "-c", "true"};
  return config;
}

oci::RuntimeConfig convert(const oci::ImageConfig& config, const ImageUser& user = {}) {
  return runtime_config_from_image(config, user, "host").config;
}

TEST(RuntimeConfigFromImage, WritesWhatItsOwnReaderAccepts) {
  const oci::RuntimeConfig config = convert(image());
  EXPECT_EQ(oci::read_runtime_config(oci::write_runtime_config(config), "config.json"), config);
}

TEST(RuntimeConfigFromImage, JoinsEntrypointAndCmd) {
  oci::ImageConfig config = image();
  config.config.entrypoint = {"/entry", "-x"};
  EXPECT_EQ(convert(config).process->args,
            (std::vector<std::string>{"/entry", "-x", "sh", "-c", "true"}));
}

TEST(RuntimeConfigFromImage, SaysThatNoCommandBecomesAShell) {
  oci::ImageConfig config = image();
  config.config.cmd.clear();
  const ConvertedConfig converted = runtime_config_from_image(config, {}, "host");
  EXPECT_EQ(converted.config.process->args, std::vector<std::string>{"sh"});
  ASSERT_EQ(converted.warnings.size(), 1U);
}

TEST(RuntimeConfigFromImage, KeepsEnvInOrderAndTheLastOfAName) {
  oci::ImageConfig config = image();
  config.config.env = {"A=1", "PATH=/bin", "B=2", "A=3", "HOSTNAME", "=x"};
  const std::vector<std::string> expected = {"A=3", "PATH=/bin", "B=2", "HOME=/home/me"};
  EXPECT_EQ(
      convert(config, {.uid = 5, .gid = 5, .additional_gids = {}, .home = "/home/me"}).process->env,
      expected);
}

TEST(RuntimeConfigFromImage, AddsPathWhenTheImageHasNone) {
  EXPECT_TRUE(convert(image()).process->env.front().starts_with("PATH=/usr/local/sbin:"));
}

TEST(RuntimeConfigFromImage, CleansTheWorkingDirectory) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", "/"}, {"srv/app", "/srv/app"}, {"/a//b/./../c/", "/a/c"}, {"/../../etc", "/etc"}};
  for (const auto& [written, expected] : table) {
    oci::ImageConfig config = image();
    config.config.working_dir = written;
    EXPECT_EQ(convert(config).process->cwd, expected);
  }
}

TEST(RuntimeConfigFromImage, RefusesAWorkingDirectoryInProc) {
  for (const char* path : {"/proc/self/fd/7", "/a/../proc", "proc"}) {
    oci::ImageConfig config = image();
    config.config.working_dir = path;
    EXPECT_THROW(convert(config), Error) << path;
  }
}

TEST(RuntimeConfigFromImage, DropsLabelsThatSteerRuntimes) {
  oci::ImageConfig config = image();
  config.config.labels = {{"run.oci.handler", "krun"},
                          {"org.systemd.property.ExecStart", "x"},
                          {"maintainer", "me"},
                          {"org.opencontainers.image.author", "label wins"}};
  config.author = "somebody";
  const ConvertedConfig converted = runtime_config_from_image(config, {}, "host");
  const oci::Annotations expected = {{"maintainer", "me"},
                                     {"org.opencontainers.image.author", "label wins"},
                                     {"org.opencontainers.image.os", "linux"},
                                     {"org.opencontainers.image.architecture", "amd64"}};
  EXPECT_EQ(converted.config.annotations, expected);
  EXPECT_EQ(converted.warnings.size(), 1U);
}

TEST(RuntimeConfigFromImage, SaysInOneLineThatThereAreTooManyLabels) {
  oci::ImageConfig config = image();
  for (int number = 0; number < 3000; ++number)
    config.config.labels.emplace(std::to_string(number), "v");
  const ConvertedConfig converted = runtime_config_from_image(config, {}, "host");
  EXPECT_EQ(converted.warnings.size(), 1U);
}

TEST(RuntimeConfigFromImage, RefusesNulBytes) {
  const std::string nul("a=b\0c", 5);
  const auto refused = [](const std::function<void(oci::ContainerDefaults&)>& change) {
    oci::ImageConfig config = image();
    change(config.config);
    EXPECT_THROW(convert(config), Error);
  };
  refused([&](oci::ContainerDefaults& config) { config.env = {nul}; });
  refused([&](oci::ContainerDefaults& config) { config.cmd = {"sh", nul}; });
  refused([&](oci::ContainerDefaults& config) { config.entrypoint = {nul}; });
  refused([&](oci::ContainerDefaults& config) { config.working_dir = nul; });
}

TEST(RuntimeConfigFromImage, GivesDockersCapabilitiesToRootAndOnlyTheBoundTheirsToOthers) {
  const oci::Capabilities root = *convert(image()).process->capabilities;
  EXPECT_EQ(root.bounding.size(), 14U);
  EXPECT_EQ(root.effective, root.bounding);
  EXPECT_TRUE(root.inheritable.empty());
  EXPECT_TRUE(root.ambient.empty());
  const oci::Capabilities user =
      *convert(image(), {.uid = 7, .gid = 7, .additional_gids = {}, .home = "/"})
           .process->capabilities;
  EXPECT_EQ(user.bounding, root.bounding);
  EXPECT_TRUE(user.effective.empty());
  EXPECT_TRUE(user.permitted.empty());
}

TEST(RuntimeConfigFromImage, SeccompKnowsTheArchitecture) {
  const auto architectures = [](const char* name) {
    oci::ImageConfig config = image();
    config.architecture = name;
    return convert(config).linux_.seccomp->architectures;
  };
  EXPECT_EQ(architectures("amd64").size(), 3U);
  EXPECT_EQ(architectures("arm64").front(), "SCMP_ARCH_AARCH64");
}

}  // namespace
