// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/hosts_toml.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/registry/registries_conf.hpp"
#include "tests/support/temporary_directory.hpp"

namespace registry {
namespace {

/// "host root ns capabilities" of each.
std::string hosts(const std::string& text, const std::string& name = "docker.io") {
  std::string result;
  for (const HostAccess& one : parse_hosts(text, "d", name))
    result += (result.empty() ? "" : "; ") + one.host + ' ' + one.root + ' ' + one.name_space +
              ' ' + (one.may_pull ? "p" : "") + (one.may_resolve ? "r" : "") +
              (one.may_push ? "P" : "");
  return result;
}

TEST(HostsToml, HostsInTheirOrderThenTheServer) {
  EXPECT_EQ(hosts(""), "docker.io   prP");
  EXPECT_EQ(hosts("server = \"https://registry-1.docker.io\"\n"
                  "[host.\"https://z.example\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
                  "[host.\"http://a.example:5000/\"]\n  capabilities = [\"pull\"]\n"
                  "[host.\"m.example/proxy\"]\n"),
            "z.example https://z.example/v2 docker.io pr; "
            "a.example:5000 http://a.example:5000/v2 docker.io p; "
            "m.example https://m.example/proxy/v2 docker.io prP; "
            "docker.io https://registry-1.docker.io/v2  prP");
  EXPECT_EQ(hosts("server = \"https://a.com/v2/\"\ncapabilities = []\n"
                  "[host.\"https://b.com/v2/hub\"]\noverride_path = true",
                  "a.com"),
            "b.com https://b.com/v2/hub a.com prP; a.com https://a.com/v2  ");
}

TEST(HostsToml, CertificatesHeadersAndTimes) {
  const TemporaryDirectory directory;
  replace_file(directory / "ca.pem", "authority\n");
  const std::string text =
      "[host.\"https://a.com\"]\nca = \"ca.pem\"\nclient = [[\"c.pem\", \"/k.pem\"]]\n"
      "skip_verify = true\ndial_timeout = \"1m1.5s\"\n"
      "[host.\"https://a.com\".header]\nx-one = \"1\"\nx-two = [\"2\", \"3\"]\n"
      "[host.\"https://b.com\"]\nclient = \"both.pem\"\n";
  const std::vector<HostAccess> found = parse_hosts(text, directory.path(), "x.com");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_TRUE(found[0].tls.authorities.starts_with("authority\n"));
  EXPECT_EQ(found[0].tls.certificate, directory / "c.pem");
  EXPECT_EQ(found[0].tls.key, "/k.pem");
  EXPECT_TRUE(found[0].has_own_tls && found[0].skip_verify);
  EXPECT_EQ(found[0].connect_timeout.count(), 61'500);
  EXPECT_EQ(found[0].headers, (std::vector<std::string>{"x-one: 1", "x-two: 2", "x-two: 3"}));
  EXPECT_EQ(found[1].tls.key, directory / "both.pem");
  EXPECT_FALSE(found[2].has_own_tls);
}

TEST(HostsToml, RefusesNonsenseWithItsLine) {
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"[host.\"ftp://a.com\"]", "d/hosts.toml:1: \"ftp://a.com\" is not the address"},
           {"[host.\"https://u:p@a.com\"]", "d/hosts.toml:1: "},
           {"server = \"https://a.com?x\"", "d/hosts.toml:1: "},
           {"\ncapabilities = [\"write\"]", "d/hosts.toml:2: the capability write"},
           {"skip_verify = \"yes\"", "d/hosts.toml:1: skip_verify is not true or false"},
           {"client = [[\"a\"]]", "d/hosts.toml:1: client is not"},
           {"dial_timeout = \"soon\"", "d/hosts.toml:1: dial_timeout \"soon\""},
           {"[header]\nx = \"1\\r\\ny: 2\"", "d/hosts.toml:2: x is not a header"}})
    try {
      parse_hosts(text, "d", "a.com");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << text << "\n"
                                                                            << error.what();
    }
}

TEST(HostsToml, IsLookedForByTheRegistrysNameThenAsDefault) {
  const TemporaryDirectory home;
  ASSERT_EQ(::setenv("HOME", home.path().c_str(), 1), 0);
  const std::string certs = home / ".config/containerd/certs.d";
  EXPECT_TRUE(hosts_of("a.com:5000").empty());
  EXPECT_EQ(hosts_for({.host = "a.com:5000", .repository = "x"}).size(), 1U);
  const auto write = [&](const std::string& name, const std::string& host) {
    std::filesystem::create_directories(certs + "/" + name);
    replace_file(certs + "/" + name + "/hosts.toml", "[host.\"https://" + host + "\"]\n");
  };
  write("_default", "default.example");
  EXPECT_EQ(hosts_of("a.com:5000").front().host, "default.example");
  write("a.com_5000_", "under.example");
  EXPECT_EQ(hosts_of("a.com:5000").front().host, "under.example");
  write("a.com:5000", "colon.example");
  EXPECT_EQ(hosts_of("a.com:5000").front().host, "colon.example");
  const auto sources = hosts_for({.host = "a.com:5000", .repository = "x"});
  ASSERT_EQ(sources.size(), 2U);
  EXPECT_EQ(sources[0].access->name_space, "a.com:5000");
  EXPECT_EQ(sources[1].host, "a.com:5000");
  EXPECT_EQ(sources[1].access->name_space, "");
}

}  // namespace
}  // namespace registry
