// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/short_names.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace registry {
namespace {

const std::string kSearch =
    "unqualified-search-registries = [\"a.com\", \"docker.io\", \"a.com\", \"localhost:5000\"]\n";
const std::string kAlias = "[aliases]\n\"team/app\" = \"b.com/x/app\"\n";

/// The names in their order, or the error's sentence.
std::string fetched(const std::string& text, std::string_view name) {
  try {
    RegistriesConf conf;
    conf.add(text, "f");
    std::string all;
    for (const ImageReference& one : images_to_fetch(conf, name).images)
      all += (all.empty() ? "" : " ") + one.canonical();
    return all;
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ShortNames, WithoutConfigurationAreDockerHubs) {
  EXPECT_EQ(fetched("", "app"), "docker.io/library/app:latest");
  EXPECT_EQ(fetched("short-name-mode = \"enforcing\"", "team/app:1"), "docker.io/team/app:1");
}

TEST(ShortNames, AreSearchedInOrder) {
  EXPECT_EQ(fetched(kSearch, "app:1"), "a.com/app:1 docker.io/library/app:1 localhost:5000/app:1");
  EXPECT_EQ(fetched(kSearch, "team/app"),
            "a.com/team/app:latest docker.io/team/app:latest localhost:5000/team/app:latest");
  EXPECT_EQ(fetched("short-name-mode = \"disabled\"\n" + kSearch, "app"),
            "a.com/app:latest docker.io/library/app:latest localhost:5000/app:latest");
}

TEST(ShortNames, NamesWithARegistryAreNone) {
  for (const char* const name :
       {"docker.io/app", "index.docker.io/app", "localhost/app", "Host/app"})
    EXPECT_EQ(fetched(kSearch, name), ImageReference::parse(name).canonical());
}

TEST(ShortNames, BehindDockerTheNameIsWhole) {
  EXPECT_EQ(fetched(kSearch, "docker://app"), "docker.io/library/app:latest");
  EXPECT_EQ(image_to_ask("docker://c.com/app").canonical(), "c.com/app");
}

TEST(ShortNames, AliasesGoBeforeTheSearch) {
  EXPECT_EQ(fetched(kSearch + kAlias, "team/app:2"), "b.com/x/app:2");
  EXPECT_EQ(fetched("short-name-mode = \"enforcing\"\n" + kSearch + kAlias, "team/app"),
            "b.com/x/app:latest");
}

TEST(ShortNames, EnforcingWantsOne) {
  EXPECT_EQ(fetched("short-name-mode = \"enforcing\"\nunqualified-search-registries = [\"a.com\"]",
                    "app"),
            "a.com/app:latest");
  EXPECT_EQ(fetched("short-name-mode = \"enforcing\"\n" + kSearch, "app"),
            "the short name app may mean several images; give the one you want: a.com/app, "
            "docker.io/app, localhost:5000/app");
}

TEST(ShortNames, AreFoundInTheStore) {
  const TemporaryDirectory directory;
  const std::string file = directory / "registries.conf";
  replace_file(file, kSearch + kAlias);
  ASSERT_EQ(::setenv("CONTAINERS_REGISTRIES_CONF", file.c_str(), 1), 0);
  const std::vector<std::string> searched{"docker.io/library/app:latest", "a.com/app:latest",
                                          "docker.io/library/app:latest",
                                          "localhost:5000/app:latest"};
  EXPECT_EQ(names_in_store("app"), searched);
  EXPECT_EQ(names_in_store("team/app"), std::vector<std::string>{"b.com/x/app:latest"});
  EXPECT_EQ(image_to_ask("team/app").canonical(), "b.com/x/app");
  EXPECT_EQ(image_named("app").canonical(), "docker.io/library/app:latest");
  EXPECT_THROW(image_to_ask("app"), Error);
  ::unsetenv("CONTAINERS_REGISTRIES_CONF");
}

}  // namespace
}  // namespace registry
