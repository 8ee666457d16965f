// SPDX-License-Identifier: Apache-2.0
#include "imagetool/oci/image_config.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"

namespace oci {
namespace {

using Strings = std::vector<std::string>;
const std::string kDiffId = "sha256:" + std::string(64, '1');

TEST(ImageConfig, ReadsWhatDockerWrites) {
  const ImageConfig config = read_image_config(R"({
    "architecture":"arm64","variant":"v8","os":"linux","created":"2026-01-01T00:00:00Z","author":"A",
    "container":"ignored","docker_version":"20.10",
    "config":{"Hostname":"","User":"app:app","Env":["PATH=/bin"],"Cmd":["sh"],"Entrypoint":["/e","-x"],
      "ExposedPorts":{"80/tcp":{},"53/udp":{}},"Volumes":{"/data":{}},"WorkingDir":"/w","Labels":{"a":"b","n":null},
      "StopSignal":"SIGQUIT","Shell":["/bin/bash","-c"],"Healthcheck":{"Test":["CMD","true"]},"ArgsEscaped":true},
    "rootfs":{"type":"layers","diff_ids":[")" + kDiffId +
                                               R"("]},
    "history":[{"created_by":"ADD x","empty_layer":true},{"comment":"c"}]})");
  EXPECT_EQ(config.platform().str(), "linux/arm64");
  EXPECT_EQ(config.config.user, "app:app");
  EXPECT_EQ(config.config.exposed_ports, (Strings{"53/udp", "80/tcp"}));
  EXPECT_EQ(config.config.entrypoint, (Strings{"/e", "-x"}));
  EXPECT_EQ(config.config.cmd, Strings{"sh"});
  EXPECT_EQ(config.config.volumes, Strings{"/data"});
  EXPECT_EQ(config.config.labels.at("n"), "");
  EXPECT_EQ(config.config.healthcheck, R"({"Test":["CMD","true"]})");
  EXPECT_EQ(config.diff_ids, Strings{kDiffId});
  ASSERT_EQ(config.history.size(), 2U);
  EXPECT_TRUE(config.history[0].empty_layer);
}

TEST(ImageConfig, ToleratesNullsAndLoneStrings) {
  const ImageConfig config = read_image_config(
      R"({"architecture":"amd64","os":"linux","created":null,"history":null,"rootfs":{"type":"layers","diff_ids":null},
          "config":{"Env":null,"Cmd":"sh","Entrypoint":null,"Volumes":null,"ExposedPorts":null,"Labels":null,
                    "Healthcheck":null,"OnBuild":null}})");
  EXPECT_EQ(config.config.cmd, Strings{"sh"});
  EXPECT_TRUE(config.config.entrypoint.empty());
  EXPECT_FALSE(config.config.healthcheck.has_value());
  EXPECT_TRUE(read_image_config("{}").diff_ids.empty());
  EXPECT_TRUE(read_image_config(R"({"config":null})").config.env.empty());
}

TEST(ImageConfig, KeepsOfAHealthcheckWhatDockerKnows) {
  const ImageConfig config = read_image_config(
      R"({"config":{"Healthcheck":{"Other":{"a":[1]},"Retries":3,"Interval":5000000000,"Timeout":0,
          "Test":["CMD-SHELL",null]}}})");
  EXPECT_EQ(config.config.healthcheck,
            R"({"Test":["CMD-SHELL",""],"Interval":5000000000,"Retries":3})");
}

TEST(ImageConfig, RefusesOtherTypesNamingThePlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"config":{"User":7}})", "image config /config/User: is not a string"},
      {R"({"config":{"Env":"A=b"}})", "image config /config/Env: is not an array"},
      {R"({"config":{"Env":[1]}})",
       "image config /config/Env: holds something that is not a string"},
      {R"({"config":{"Volumes":["/a"]}})", "image config /config/Volumes: is not an object"},
      {R"({"config":{"Healthcheck":["CMD"]}})",
       "image config /config/Healthcheck: is not an object"},
      {R"({"config":{"Healthcheck":{"Test":"true"}}})",
       "image config /config/Healthcheck/Test: is not an array"},
      {R"({"config":{"Healthcheck":{"Retries":"x"}}})",
       "image config /config/Healthcheck/Retries: is not a whole number in range"},
      {R"({"config":{"Healthcheck":{"Interval":-1}}})",
       "image config /config/Healthcheck/Interval: is negative"},
      {R"({"config":[]})", "image config /config: is not an object"},
      {R"({"rootfs":{"type":"tree"}})", "image config /rootfs/type: is not \"layers\""},
      {R"({"os":"linux","os":"windows"})", "image config has the key \"os\" twice"},
  };
  for (const auto& [text, message] : cases) {
    try {
      read_image_config(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), message);
    }
  }
  EXPECT_THROW(read_image_config(R"({"rootfs":{"diff_ids":["sha256:../x"]}})"), Error);
}

}  // namespace
}  // namespace oci
