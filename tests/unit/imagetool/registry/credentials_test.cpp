// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/credentials.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/registry/base64.hpp"
#include "imagetool/registry/credential_helper.hpp"
#include "tests/support/temporary_directory.hpp"

namespace registry {
namespace {

std::string auth(const std::string& login) {
  return R"({"auth":")" + base64_encode(login) + R"("})";
}

class Credentials : public testing::Test {
 protected:
  /// "user:password" found for the place in a config of this text; "" for none.
  std::string found(const std::string& text, const std::string& host,
                    const std::string& repository = "team/app") {
    const std::string file = directory_ / "config.json";
    replace_file(file, text);
    const std::optional<Login> login =
        find_login({.files = {directory_ / "missing.json", file}}, host, repository);
    return login ? login->username + ":" + login->password + login->identity_token : "";
  }
  void add_program(const std::string& name, const std::string& script) {
    replace_file(directory_ / name, "#!/bin/sh\n" + script, 0755);
    ASSERT_EQ(::chmod((directory_ / name).c_str(), 0755), 0);
  }
  void SetUp() override {
    const char* const before = ::getenv("PATH");
    path_ = before == nullptr ? "" : before;
    ::setenv("PATH", (directory_.path() + ":" + path_).c_str(), 1);
  }
  void TearDown() override { ::setenv("PATH", path_.c_str(), 1); }

  TemporaryDirectory directory_;
  std::string path_;
};

TEST_F(Credentials, MatchesTheMostSpecificKey) {
  const std::string text = R"({"auths":{"a.com":)" + auth("host:1") + R"(,"a.com/team":)" +
                           auth("team:2") + R"(,"a.com/team/app":)" + auth("app:3:4") + "}}";
  EXPECT_EQ(found(text, "a.com", "other"), "host:1");
  EXPECT_EQ(found(text, "a.com", "team/x"), "team:2");
  EXPECT_EQ(found(text, "a.com", "team/app"), "app:3:4");
  EXPECT_EQ(found(text, "a.com", "teams/app"), "host:1");
  EXPECT_EQ(found(text, "a.com:5000"), "");
  EXPECT_EQ(found(text, "b.com"), "");
}

TEST_F(Credentials, KnowsTheHubAndOldKeys) {
  EXPECT_EQ(found(R"({"auths":{"https://index.docker.io/v1/":)" + auth("h:1") + "}}", "docker.io"),
            "h:1");
  EXPECT_EQ(found(R"({"auths":{"index.docker.io":)" + auth("h:1") + "}}", "docker.io"), "h:1");
  EXPECT_EQ(found(R"({"auths":{"docker.io":)" + auth("h:1") + "}}", "docker.io"), "h:1");
  EXPECT_EQ(found(R"({"auths":{"https://a.com/v2/":)" + auth("h:1") + "}}", "a.com"), "h:1");
  EXPECT_EQ(found(R"({"auths":{"a.com.evil.com":)" + auth("h:1") + "}}", "a.com"), "");
}

TEST_F(Credentials, ReadsEveryKindOfEntry) {
  EXPECT_EQ(found(R"({"auths":{"a.com":{"username":"u","password":"p"}}})", "a.com"), "u:p");
  EXPECT_EQ(found(R"({"auths":{"a.com":{"identitytoken":"tok"}}})", "a.com"), ":tok");
  EXPECT_EQ(found(R"({"auths":{"a.com":)" + auth(std::string("u:p\0\0", 5)) + "}}", "a.com"),
            "u:p");
  EXPECT_EQ(found(R"({"auths":{"a.com":{}}})", "a.com"), "");
  EXPECT_EQ(found(R"({"auths":{}})", "a.com"), "");
  EXPECT_EQ(found("{}", "a.com"), "");
  EXPECT_THROW(found(R"({"auths":{"a.com":{"auth":"!!"}}})", "a.com"), Error);
  EXPECT_THROW(found("nonsense", "a.com"), Error);
}

TEST_F(Credentials, PrefersWhatIsGiven) {
  EXPECT_EQ(find_login({.given = parse_creds("u:p:q")}, "a.com", "x")->password, "p:q");
  EXPECT_EQ(
      find_login({.inline_config = R"({"auths":{"a.com":)" + auth("i:1") + "}}"}, "a.com", "x")
          ->username,
      "i");
  EXPECT_THROW(parse_creds("nobody"), UsageError);
  EXPECT_THROW(find_login({.files = {directory_ / "no.json"}, .explicit_file = true}, "a.com", "x"),
               Error);
}

TEST_F(Credentials, AsksHelpersBeforeStoresBeforeEntries) {
  add_program("docker-credential-one",
              R"(read s; echo "{\"ServerURL\":\"$s\",\"Username\":\"$s\",\"Secret\":\"1\"}")");
  add_program("docker-credential-all", R"(echo '{"Username":"<token>","Secret":"refresh"}')");
  const std::string text =
      R"({"credHelpers":{"a.com":"one","docker.io":"one"},"credsStore":"all","auths":{"b.com":)" +
      auth("b:2") + "}}";
  EXPECT_EQ(found(text, "a.com"), "a.com:1");
  EXPECT_EQ(found(text, "docker.io"), "https://index.docker.io/v1/:1");
  EXPECT_EQ(found(text, "b.com"), ":refresh");
}

TEST_F(Credentials, SurvivesAStoreButNotAHelperThatFails) {
  add_program("docker-credential-none", "echo 'credentials not found in native keychain'; exit 1");
  add_program("docker-credential-bad", "echo 'it broke'; exit 3");
  for (const char* name : {"none", "bad", "absent"})
    EXPECT_EQ(found(R"({"credsStore":")" + std::string(name) + R"(","auths":{"a.com":)" +
                        auth("a:1") + "}}",
                    "a.com"),
              "a:1");
  EXPECT_EQ(found(R"({"credHelpers":{"a.com":"none"}})", "a.com"), "");
  for (const char* name : {"bad", "absent", "../x", ""})
    EXPECT_THROW(found(R"({"credHelpers":{"a.com":")" + std::string(name) + "\"}}", "a.com"), Error)
        << name;
}

TEST_F(Credentials, BoundsWhatAHelperMayDo) {
  add_program("docker-credential-slow", "exec sleep 100");
  add_program("docker-credential-loud", "exec head -c 1000000 /dev/zero");
  add_program("docker-credential-garbage", "echo hello");
  EXPECT_THROW(ask_helper("slow", "a.com", std::chrono::seconds(0)), Error);
  EXPECT_THROW(ask_helper("loud", "a.com"), Error);
  EXPECT_THROW(ask_helper("garbage", "a.com"), Error);
}

TEST(Base64, GoesBothWays) {
  for (const char* text : {"", "a", "ab", "abc", "abcd", "user:pass"})
    EXPECT_EQ(base64_decode(base64_encode(text)), text);
  EXPECT_EQ(base64_encode("Man"), "TWFu");
  EXPECT_EQ(base64_encode("Ma"), "TWE=");
  EXPECT_EQ(base64_encode("M"), "TQ==");
  EXPECT_EQ(base64_decode("TQ"), "M");
  EXPECT_EQ(base64_decode("T"), std::nullopt);
  EXPECT_EQ(base64_decode("T*=="), std::nullopt);
}

}  // namespace
}  // namespace registry
