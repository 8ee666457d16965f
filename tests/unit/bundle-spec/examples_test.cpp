// SPDX-License-Identifier: Apache-2.0
// The example bundles are documentation, golden input and, here, proof that what is written is what
// was read.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>

#include "bundle-spec/bundle.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/oci/runtime_config.hpp"

namespace {

namespace fs = std::filesystem;

std::vector<std::string> example_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(BUNDLE_SPEC "/examples"))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

class Example : public testing::TestWithParam<std::string> {
 protected:
  std::string directory() const { return std::string(BUNDLE_SPEC "/examples/") + GetParam(); }
};

TEST_P(Example, WritesWhatItReads) {
  const oci::RuntimeConfig config = Bundle::open(directory()).runtime_config();
  const std::string text = oci::write_runtime_config(config);
  EXPECT_TRUE(oci::read_runtime_config(text, "written") == config);
}

void expect_nothing_lost(const std::string& text) {
  const oci::RuntimeConfig config = oci::read_runtime_config(text, "config.json");
  EXPECT_EQ(nlohmann::json::parse(oci::write_runtime_config(config)).dump(1),
            nlohmann::json::parse(text).dump(1));
}

TEST_P(Example, LosesNothing) { expect_nothing_lost(read_file(directory() + "/config.json")); }

TEST(EveryField, IsReadAndWritten) {
  const std::string text = read_file(EVERY_FIELD);
  expect_nothing_lost(text);
  // The writer's own layout: fields in the spec's order, tabs.
  EXPECT_EQ(oci::write_runtime_config(oci::read_runtime_config(text, "config.json")), text);
}

TEST_P(Example, PartsSurviveTheStateRecord) {
  const oci::RuntimeConfig config = Bundle::open(directory()).runtime_config();
  if (config.process) {
    EXPECT_TRUE(oci::read_process(oci::write_process(*config.process), "record") ==
                *config.process);
  }
  if (config.hooks) {
    EXPECT_TRUE(oci::read_hooks(oci::write_hooks(*config.hooks), "record") == *config.hooks);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Example, testing::ValuesIn(example_names()), [](const auto& one) {
  std::string name = one.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
