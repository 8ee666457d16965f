// SPDX-License-Identifier: Apache-2.0
#include "imagetool/oci/platform.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"

namespace oci {
namespace {

std::string parsed(const char* text) { return Platform::parse(text).str(); }

std::vector<std::string> fitting(const char* text, Wish wish) {
  std::vector<std::string> names;
  for (const Platform& one : fitting_platforms(Platform::parse(text), wish))
    names.push_back(one.str());
  return names;
}

TEST(Platform, KnowsTheAliases) {
  EXPECT_EQ(parsed("linux/x86_64"), "linux/amd64");
  EXPECT_EQ(parsed("linux/amd64/v1"), "linux/amd64");
  EXPECT_EQ(parsed("linux/aarch64"), "linux/arm64");
  EXPECT_EQ(parsed("linux/arm64/v8"), "linux/arm64");
  EXPECT_EQ(parsed("linux/arm"), "linux/arm/v7");
  EXPECT_EQ(parsed("linux/arm/6"), "linux/arm/v6");
  EXPECT_EQ(parsed("linux/armhf"), "linux/arm/v7");
  EXPECT_EQ(parsed("linux/armel"), "linux/arm/v6");
  EXPECT_EQ(parsed("i386"), "linux/386");
  EXPECT_EQ(parsed("arm64"), "linux/arm64");
  EXPECT_EQ(parsed("Linux/AMD64"), "linux/amd64");
  EXPECT_EQ(parsed("macos/arm64"), "darwin/arm64");
  EXPECT_EQ(Platform::parse("linux").architecture, host_platform().architecture);
}

TEST(Platform, ReadsVersionsAndFeatures) {
  EXPECT_EQ(Platform::parse("windows(10.0.17763)/amd64").os_version, "10.0.17763");
  EXPECT_EQ(Platform::parse("linux(+erofs)/amd64").os_features, std::vector<std::string>{"erofs"});
}

TEST(Platform, RefusesWhatIsNone) {
  for (const char* text :
       {"", "/", "linux/", "linux//v7", "a/b/c/d", "beos/..x y", "nonsense", "linux(1/amd64"})
    EXPECT_THROW(Platform::parse(text), Error) << text;
}

TEST(Platform, FallsBackAsContainerdDoes) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(fitting("linux/amd64/v3", Wish::kHost),
            (Names{"linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386"}));
  EXPECT_EQ(fitting("linux/amd64", Wish::kExplicit), (Names{"linux/amd64"}));
  EXPECT_EQ(fitting("linux/arm/v7", Wish::kExplicit),
            (Names{"linux/arm/v7", "linux/arm/v6", "linux/arm/v5"}));
  EXPECT_EQ(fitting("linux/arm64", Wish::kHost),
            (Names{"linux/arm64", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"}));
  EXPECT_EQ(fitting("linux/arm64/v9", Wish::kExplicit),
            (Names{"linux/arm64/v9", "linux/arm64/v8.5", "linux/arm64/v8.4", "linux/arm64/v8.3",
                   "linux/arm64/v8.2", "linux/arm64/v8.1", "linux/arm64"}));
  EXPECT_EQ(fitting("linux/s390x", Wish::kHost), (Names{"linux/s390x"}));
}

TEST(Platform, FitsNeedsEveryFeature) {
  const Platform plain = Platform::parse("linux/amd64");
  const Platform erofs = Platform::parse("linux(+erofs)/amd64");
  EXPECT_FALSE(fits(erofs, plain));
  EXPECT_TRUE(fits(erofs, erofs));
  EXPECT_TRUE(fits(plain, erofs));
  EXPECT_FALSE(fits(Platform::parse("linux/amd64/v3"), plain));
  EXPECT_TRUE(fits(plain, Platform::parse("linux/amd64/v3")));
}

}  // namespace
}  // namespace oci
