// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/challenge.hpp"

#include <gtest/gtest.h>

namespace registry {
namespace {

/// "scheme name=value name=value; scheme …".
std::string parsed(const std::vector<std::string>& headers) {
  std::string text;
  for (const Challenge& challenge : parse_challenges(headers)) {
    text += (text.empty() ? "" : "; ") + challenge.scheme;
    for (const auto& [name, value] : challenge.parameters) text += " " + name + "=" + value;
  }
  return text;
}

TEST(Challenge, ReadsWhatRegistriesSend) {
  EXPECT_EQ(parsed({R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",)"
                    R"(scope="repository:library/alpine:pull,push")"}),
            "bearer realm=https://auth.docker.io/token scope=repository:library/alpine:pull,push "
            "service=registry.docker.io");
  EXPECT_EQ(parsed({"Basic realm=\"a\""}), "basic realm=a");
  EXPECT_EQ(parsed({"Basic realm=a, Bearer realm = \"b\" , service=c"}),
            "basic realm=a; bearer realm=b service=c");
  EXPECT_EQ(parsed({"BEARER REALM=\"x\\\"y\""}), "bearer realm=x\"y");
  EXPECT_EQ(parsed({"Negotiate", "Bearer realm=\"b\""}), "negotiate; bearer realm=b");
  EXPECT_EQ(parsed({"Negotiate, Basic realm=\"b\""}), "negotiate; basic realm=b");
  EXPECT_EQ(parsed({"Bearer realm=https://a/b,service=s"}), "bearer realm=https://a/b service=s");
}

TEST(Challenge, PassesOverWhatItCannotRead) {
  EXPECT_EQ(parsed({}), "");
  EXPECT_EQ(parsed({""}), "");
  EXPECT_EQ(parsed({",,,", "\"", "=", "@@"}), "");
  EXPECT_EQ(parsed({"Negotiate abc==, Basic realm=\"b\""}), "negotiate; basic realm=b");
  EXPECT_EQ(parsed({"Bearer realm=\"never closed"}), "bearer");
  EXPECT_EQ(parsed({"@@ \"a, b\", Basic realm=c"}), "basic realm=c");
  EXPECT_EQ(parsed({"Bearer realm=\"a\" garbage, service=\"b\""}), "bearer realm=a service=b");
}

}  // namespace
}  // namespace registry
