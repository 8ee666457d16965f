// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/oci/runtime_config.hpp"

namespace {

/// The message without the document's name, or "no error".
std::string failure(const std::string& json) {
  try {
    oci::read_runtime_config(json, "config.json");
  } catch (const Error& error) {
    return std::string(error.what()).substr(std::string("config.json: ").size());
  }
  return "no error";
}

/// A document with one more property.
std::string with(const std::string& property) {
  return R"({"ociVersion":"1.0.2",)" + property + "}";
}

oci::RuntimeConfig read(const std::string& property) {
  return oci::read_runtime_config(with(property), "config.json");
}

TEST(ConfigFields, TheSmallestDocument) {
  const oci::RuntimeConfig config = oci::read_runtime_config(R"({"ociVersion":"1.0.2-dev"})", "x");
  EXPECT_EQ(config.oci_version, "1.0.2-dev");
  EXPECT_FALSE(config.process || config.root || config.hooks);
  EXPECT_EQ(oci::write_runtime_config(config), "{\n\t\"ociVersion\": \"1.0.2-dev\"\n}\n");
}

TEST(ConfigFields, UnknownPropertiesAreIgnored) {
  const oci::RuntimeConfig config = read(
      R"("windows":{"a":[1,{"b":null}],"ociVersion":3},"linux":{"new":"\u0000","rootfsPropagation":"slave"})");
  EXPECT_EQ(config.oci_version, "1.0.2");
  EXPECT_EQ(config.linux_.rootfs_propagation, "slave");
}

TEST(ConfigFields, NullIsAbsent) {
  const oci::RuntimeConfig config = read(
      R"("process":null,"mounts":null,"linux":{"resources":null,"sysctl":null},"hostname":null)");
  oci::RuntimeConfig empty;
  empty.oci_version = "1.0.2";
  EXPECT_TRUE(config == empty);
  EXPECT_EQ(failure(R"({"ociVersion":null})"), "/ociVersion: is required");
}

TEST(ConfigFields, WrongTypesNameTheirPlace) {
  EXPECT_EQ(failure(with(R"("linux":{"resources":{"memory":{"limit":"1"}}})")),
            "/linux/resources/memory/limit: must be an integer, is a string");
  EXPECT_EQ(failure(with(R"("mounts":[{"destination":"/a"},{"destination":true}])")),
            "/mounts/1/destination: must be a string, is true or false");
  EXPECT_EQ(failure(with(R"("mounts":[{"destination":"/a","options":["a",null]}])")),
            "/mounts/0/options/1: must be a string, is null");
  EXPECT_EQ(failure(with(R"("annotations":{"a/b~c":{}})")),
            "/annotations/a~1b~0c: must be a string, is an object");
  EXPECT_EQ(failure(with(R"("hooks":[])")), "/hooks: must be an object, is an array");
  EXPECT_EQ(failure(with(R"("root":{"path":"/","readonly":"yes"})")),
            "/root/readonly: must be true or false, is a string");
  EXPECT_EQ(failure("[]"), "must be an object, is an array");
  EXPECT_EQ(failure("null"), "must be an object, is null");
  EXPECT_EQ(failure("3"), "must be an object, is a number");
}

TEST(ConfigFields, RequiredPropertiesAreMissed) {
  EXPECT_EQ(failure("{}"), "/ociVersion: is required");
  EXPECT_EQ(failure(with(R"("mounts":[{}])")), "/mounts/0/destination: is required");
  EXPECT_EQ(failure(with(R"("process":{"args":["a"]})")), "/process/cwd: is required");
  EXPECT_EQ(failure(with(R"("process":{"cwd":"/","args":["a"],"user":{"uid":1}})")),
            "/process/user/gid: is required");
  EXPECT_EQ(
      failure(with(
          R"("linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"action":"SCMP_ACT_LOG"}]}})")),
      "/linux/seccomp/syscalls/0/names: is required");
}

TEST(ConfigFields, IntegersAreRangeChecked) {
  const auto user = [](const std::string& uid) {
    return with(R"("process":{"cwd":"/","args":["a"],"user":{"gid":0,"uid":)" + uid + "}}");
  };
  EXPECT_EQ(failure(user("4294967294")), "no error");
  EXPECT_EQ(failure(user("4294967296")),
            "/process/user/uid: must be from 0 to 4294967295, is 4294967296");
  EXPECT_EQ(failure(user("-1")), "/process/user/uid: must be from 0 to 4294967295, is -1");
  EXPECT_EQ(failure(user("1.5")), "/process/user/uid: must be a 64-bit integer, is 1.5");
  EXPECT_EQ(failure(user("1e3")), "/process/user/uid: must be a 64-bit integer, is 1e3");
  const auto limit = [](const std::string& value) {
    return with(R"("linux":{"resources":{"memory":{"limit":)" + value + "}}}");
  };
  EXPECT_EQ(failure(limit("9223372036854775807")), "no error");
  EXPECT_EQ(failure(limit("-1")), "no error");
  EXPECT_EQ(failure(limit("9223372036854775808")),
            "/linux/resources/memory/limit: must be from -9223372036854775808 to "
            "9223372036854775807, is 9223372036854775808");
  EXPECT_EQ(failure(limit("99999999999999999999")),
            "/linux/resources/memory/limit: must be a 64-bit integer, is 99999999999999999999");
  EXPECT_EQ(failure(with(R"("linux":{"resources":{"blockIO":{"weight":65536}}})")),
            "/linux/resources/blockIO/weight: must be from 0 to 65535, is 65536");
}

TEST(ConfigFields, MalformedTextHasALineAndAColumn) {
  EXPECT_EQ(failure("{\n  \"ociVersion\": \"1.0.2\",\n  oops\n}").substr(0, 31),
            "is not JSON: line 3, column 3: ");
  EXPECT_NE(failure(""), "no error");
  EXPECT_NE(failure(R"({"ociVersion":"1.0.2"} {})"), "no error");
  EXPECT_NE(failure(R"({"ociVersion":"1.0.2",})"), "no error");
  EXPECT_NE(failure(R"({"ociVersion":"1.0.2","a":NaN})"), "no error");
  EXPECT_NE(failure("{\"ociVersion\":\"1.0.2\",\"a\":\"\xff\"}"), "no error");
  EXPECT_LT(failure("{\"" + std::string(1'000'000, 'x')).size(), 500u);
}

TEST(ConfigFields, DeepDocumentsAreRefused) {
  EXPECT_EQ(failure(with(R"("a":)" + std::string(1'000'000, '['))),
            "is nested deeper than 64 levels");
  EXPECT_EQ(failure(with(R"("a":)" + std::string(62, '[') + std::string(62, ']'))), "no error");
}

TEST(ConfigFields, NulBytesAreRefused) {
  EXPECT_EQ(failure(with(R"("hostname":"a\u0000b")")), "/hostname: must not contain a NUL byte");
  EXPECT_NE(failure(with(R"("annotations":{"a\u0000b":""})")), "no error");
}

TEST(ConfigFields, RepeatedPropertiesAreRefused) {
  EXPECT_EQ(failure(with(R"("hostname":"a","hostname":"a")")), "/hostname: is given twice");
  EXPECT_EQ(failure(with(R"("annotations":{"a":"1","a":"2"})")), "/annotations/a: is given twice");
}

TEST(ConfigFields, AbsentAndEmptyFilterFlagsDiffer) {
  const oci::RuntimeConfig absent =
      read(R"("linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}})");
  const oci::RuntimeConfig empty =
      read(R"("linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","flags":[]}})");
  EXPECT_FALSE(absent.linux_.seccomp->flags.has_value());
  ASSERT_TRUE(empty.linux_.seccomp->flags.has_value());
  for (const oci::RuntimeConfig& config : {absent, empty})
    EXPECT_TRUE(oci::read_runtime_config(oci::write_runtime_config(config), "x") == config);
}

TEST(ConfigFields, EmptyPartsSurvive) {
  const oci::RuntimeConfig config = read(
      R"("process":{"cwd":"/","args":["a"],"capabilities":{}},"hooks":{},"linux":{"resources":{"cpu":{}},"netDevices":{"e":{}},)"
      R"("namespaces":[{"type":"network"}]})");
  const std::string text = oci::write_runtime_config(config);
  EXPECT_TRUE(oci::read_runtime_config(text, "x") == config);
  EXPECT_NE(text.find("\"capabilities\": {}"), std::string::npos);
}

TEST(ConfigFields, PartsAreCompact) {
  oci::Process process;
  process.cwd = "/";
  process.args = {"sh", "a\nb"};
  process.no_new_privileges = true;
  const std::string text = oci::write_process(process);
  EXPECT_EQ(text,
            R"({"user":{"uid":0,"gid":0},"cwd":"/","args":["sh","a\nb"],"noNewPrivileges":true})");
  EXPECT_TRUE(oci::read_process(text, "x") == process);
  oci::Hooks hooks;
  hooks.poststop.push_back({.path = "/h", .args = {"h"}, .env = {}, .timeout = 3});
  EXPECT_EQ(oci::write_hooks(hooks), R"({"poststop":[{"path":"/h","args":["h"],"timeout":3}]})");
  EXPECT_TRUE(oci::read_hooks(oci::write_hooks(hooks), "x") == hooks);
}

TEST(ConfigFields, PartsAreCheckedAsWell) {
  EXPECT_THROW(oci::read_process(R"({"cwd":"x","args":["a"]})", "process.json"), Error);
  EXPECT_THROW(oci::read_hooks(R"({"poststop":[{"path":"x"}]})", "hooks"), Error);
  try {
    oci::read_resources(R"({"unified":{"a/b":"1"}})", "stdin");
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "stdin: /unified/a~1b: unified resource \"a/b\" must be a file name (no slashes)");
  }
}

}  // namespace
