// SPDX-License-Identifier: Apache-2.0
// The example bundles are documentation, golden input and, here, proof that what is written is what
// was read.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>

#include "bundle-spec/bundle.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/oci/runtime_config.hpp"

namespace {

namespace fs = std::filesystem;

std::vector<std::string> example_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(EXAMPLES))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

class Example : public testing::TestWithParam<std::string> {
 protected:
  std::string directory() const { return std::string(EXAMPLES "/") + GetParam(); }
};

TEST_P(Example, WritesWhatItReads) {
  const oci::RuntimeConfig config = Bundle::open(directory()).runtime_config();
  const std::string text = oci::write_runtime_config(config);
  EXPECT_TRUE(oci::read_runtime_config(text, "written") == config);
}

TEST_P(Example, LosesNothing) {
  const Bundle bundle = Bundle::open(directory());
  const std::string text = read_file(bundle.directory() + "/config.json");
  EXPECT_EQ(nlohmann::json::parse(oci::write_runtime_config(bundle.runtime_config())).dump(1),
            nlohmann::json::parse(text).dump(1));
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
