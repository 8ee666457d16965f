// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/registries_conf.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace registry {
namespace {

RegistriesConf conf_of(const std::string& text) {
  RegistriesConf conf;
  conf.add(text, "f");
  return conf;
}

/// "host repository" of each source, with "!" for insecure.
std::string sources(const std::string& text, const std::string& host,
                    const std::string& repository) {
  std::string result;
  for (const Source& source : sources_of(conf_of(text), host, repository))
    result += (result.empty() ? "" : "; ") + source.host + " " + source.repository +
              (source.insecure ? "!" : "");
  return result;
}

TEST(RegistriesConf, RewritesAndMirrors) {
  EXPECT_EQ(sources("", "docker.io", "library/alpine"), "docker.io library/alpine");
  EXPECT_EQ(sources("[[registry]]\nprefix=\"docker.io\"\n[[registry.mirror]]\nlocation=\"localhost:"
                    "5000\"\ninsecure=true\n"
                    "[[registry.mirror]]\nlocation=\"mirror.example/hub/\"\n",
                    "docker.io", "library/alpine"),
            "localhost:5000 library/alpine!; mirror.example hub/library/alpine; docker.io "
            "library/alpine");
  EXPECT_EQ(sources("[[registry]]\nprefix=\"a.com/x\"\nlocation=\"b.com/y/z\"\ninsecure=true",
                    "a.com", "x/app"),
            "b.com y/z/app!");
  EXPECT_EQ(sources("[[registry]]\nprefix=\"a.com/x\"\nlocation=\"b.com\"", "a.com", "xx/app"),
            "a.com xx/app");
  EXPECT_EQ(
      sources("[[registry]]\nprefix=\"a.com/x/app\"\nlocation=\"b.com/other\"", "a.com", "x/app"),
      "b.com other");
}

TEST(RegistriesConf, TakesTheLongestPrefix) {
  const std::string text =
      "[[registry]]\nprefix=\"a.com\"\nlocation=\"one.com\"\n"
      "[[registry]]\nprefix=\"a.com/x\"\nlocation=\"two.com\"\n"
      "[[registry]]\nprefix=\"*.example.com\"\nlocation=\"three.com\"\n"
      "[[registry]]\nprefix=\"*.b.example.com\"\ninsecure=true\n";
  EXPECT_EQ(sources(text, "a.com", "y"), "one.com y");
  EXPECT_EQ(sources(text, "a.com", "x/y"), "two.com y");
  EXPECT_EQ(sources(text, "q.example.com", "y"), "three.com y");
  EXPECT_EQ(sources(text, "q.b.example.com", "y"), "q.b.example.com y!");
  EXPECT_EQ(sources(text, "example.com", "y"), "example.com y");
  EXPECT_EQ(sources(text, "badexample.com", "y"), "badexample.com y");
}

TEST(RegistriesConf, KnowsWhatMirrorsAreFor) {
  const auto uses = [](const std::string& text) {
    return sources_of(conf_of("[[registry]]\nlocation=\"a.com\"\n" + text), "a.com", "x")
        .front()
        .use;
  };
  const std::string mirror = "[[registry.mirror]]\nlocation=\"m.com\"\n";
  EXPECT_EQ(uses(mirror), MirrorUse::kAll);
  EXPECT_EQ(uses(mirror + "pull-from-mirror=\"tag-only\""), MirrorUse::kTagOnly);
  EXPECT_EQ(uses(mirror + "pull-from-mirror=\"digest-only\""), MirrorUse::kDigestOnly);
  EXPECT_EQ(uses("mirror-by-digest-only=true\n" + mirror), MirrorUse::kDigestOnly);
}

TEST(RegistriesConf, Aliases) {
  const std::string text =
      "[aliases]\n\"ubi9\" = \"registry.example/ubi9\"\n\"team/app\" = \"a.com/b/app\"\n";
  RegistriesConf conf = conf_of(text);
  EXPECT_EQ(conf.without_alias("ubi9"), "registry.example/ubi9");
  EXPECT_EQ(conf.without_alias("ubi9:1.2"), "registry.example/ubi9:1.2");
  EXPECT_EQ(conf.without_alias("team/app:x@sha256:00"), "a.com/b/app:x@sha256:00");
  EXPECT_EQ(conf.without_alias("app"), "app");
  EXPECT_EQ(conf.without_alias("localhost:5000/ubi9"), "localhost:5000/ubi9");
  conf.add("[aliases]\nubi9 = \"\"", "g");
  EXPECT_EQ(conf.without_alias("ubi9"), "ubi9");
  EXPECT_EQ(conf_of("short-name-mode = \"disabled\"\n" + text).without_alias("ubi9"),
            "registry.example/ubi9");
}

TEST(RegistriesConf, RefusesNonsenseWithItsLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"[[registry]]\ninsecure = true", "f:1: a [[registry]] needs"},
      {"\n[[registry]]\nlocation = \"https://a.com\"",
       "f:3: location must not begin with a scheme"},
      {"[[registry]]\nlocation = \"a.com/x y\"", "f:2: location \"a.com/x y\""},
      {"[[registry]]\nlocation = true", "f:2: location is not a string"},
      {"[[registry]]\nlocation = \"a.com\"\ninsecure = \"yes\"",
       "f:3: insecure is not true or false"},
      {"[[registry]]\nlocation = \"a.com\"\n[[registry]]\nlocation = \"a.com\"",
       "f:3: the prefix a.com occurs twice"},
      {"[[registry]]\nlocation = \"a.com\"\n[[registry.mirror]]\ninsecure = true",
       "f:3: a mirror needs"},
      {"[[registry]]\nlocation = "
       "\"a.com\"\n[[registry.mirror]]\nlocation=\"b\"\npull-from-mirror=\"never\"",
       "f:3:"},
      {"[[registry]]\nprefix = \"a.*.com\"\nlocation=\"b\"", "f:1: a wildcard"},
      {"[registries.search]\nregistries = [\"a\"]", "version 1"},
      {"unqualified-search-registries = \"docker.io\"", "is not an array of strings"},
      {"\nunqualified-search-registries = [\"a.com/b\"]", "f:2: unqualified-search-registries: "},
      {"unqualified-search-registries = [\"nohost\"]", "\"nohost\" is no host"},
      {"[aliases]\n\na = \"b\"", "f:3: the alias a must be for a registry"},
      {"[aliases]\na = \"b.com/c:1\"", "without tag"},
      {"[aliases]\na = \"b.com/C\"", "f:2: the alias a: "},
      {"short-name-mode = \"maybe\"", "f:1: short-name-mode is none of"},
      {"credential-helpers = \"x\"", "f:1: credential-helpers is not an array of strings"},
  };
  for (const auto& [text, message] : cases) {
    try {
      conf_of(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << text << "\n"
                                                                            << error.what();
    }
  }
}

TEST(RegistriesConf, ReadsTheNamedFileAndItsDropIns) {
  const TemporaryDirectory directory;
  const std::string file = directory / "registries.conf";
  std::filesystem::create_directory(file + ".d");
  replace_file(
      file,
      "unqualified-search-registries = [\"docker.io\"]\n[[registry]]\nlocation = \"a.com\"\n");
  replace_file(file + ".d/10-a.conf", "[[registry]]\nprefix = \"a.com\"\nlocation = \"b.com\"\n");
  replace_file(file + ".d/20-b.txt", "nonsense");
  ASSERT_EQ(::setenv("CONTAINERS_REGISTRIES_CONF", file.c_str(), 1), 0);
  const RegistriesConf conf = RegistriesConf::from_environment();
  ::unsetenv("CONTAINERS_REGISTRIES_CONF");
  EXPECT_EQ(conf.unqualified_search_registries, std::vector<std::string>{"docker.io"});
  ASSERT_EQ(conf.rules.size(), 1U);
  EXPECT_EQ(conf.rules[0].location, "b.com");
}

}  // namespace
}  // namespace registry
