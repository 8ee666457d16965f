// SPDX-License-Identifier: Apache-2.0
// All problems of a document at once: which ones, where, and that echoes are left out.
#include "bundle-spec/oci/problem.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/oci/runtime_config.hpp"

namespace {

using oci::Problem;

std::vector<Problem> inspect(const std::string& json) {
  std::vector<Problem> problems;
  oci::inspect_runtime_config(json, "config.json", problems);
  return problems;
}

std::vector<std::string> pointers(const std::vector<Problem>& problems) {
  std::vector<std::string> all;
  for (const Problem& one : problems) all.push_back(one.pointer);
  return all;
}

using Pointers = std::vector<std::string>;

TEST(Problem, AGoodDocumentHasNone) {
  EXPECT_TRUE(
      inspect(R"({"ociVersion":"1.0.2","root":{"path":"r"},"process":{"cwd":"/","args":["a"]}})")
          .empty());
}

TEST(Problem, WrongTypesDoNotStopTheReading) {
  const auto found = inspect(R"({"ociVersion":1,"root":{"path":[]},"mounts":[{"options":[1,"ro"]}],
    "process":{"cwd":"/","args":"sh","user":{"uid":-1,"gid":0}},"hostname":null})");
  EXPECT_EQ(pointers(found),
            (Pointers{"/ociVersion", "/root/path", "/mounts/0/options/0", "/mounts/0/destination",
                      "/process/args", "/process/user/uid"}));
  EXPECT_EQ(found[4].text, "must be an array, is a string");
}

TEST(Problem, AllRulesAreLookedAt) {
  const auto found = inspect(R"({"ociVersion":"3.0.0","process":{"cwd":"x","args":["a"],
    "env":["A","=b"],"rlimits":[{"type":"RLIMIT_A","soft":1,"hard":0}],"oomScoreAdj":5000},
    "linux":{"namespaces":[{"type":"cat"},{"type":"pid"},{"type":"pid"}],
      "devices":[{"type":"c","path":"/dev/x"}],"resources":{"cpu":{"cpus":"0-,1"}}}})");
  EXPECT_EQ(pointers(found),
            (Pointers{"/ociVersion", "/process/cwd", "/process/env/0", "/process/env/1",
                      "/process/rlimits/0/type", "/process/rlimits/0/soft", "/process/oomScoreAdj",
                      "/linux/namespaces/0/type", "/linux/namespaces/2", "/linux/devices/0/major",
                      "/linux/devices/0/minor", "/linux/resources/cpu/cpus"}));
}

TEST(Problem, UnknownPropertiesAreWarnings) {
  const auto found = inspect(
      R"({"ociVersion":"1.0.2","windows":{"x":1},"linux":{"resources":{"memroy":{"limit":1}}}})");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pointer, "/linux/resources/memroy");
  EXPECT_EQ(found[0].severity, Problem::Severity::kWarning);
  EXPECT_FALSE(oci::has_errors(found));
}

TEST(Problem, WhatIsNoJsonIsAnError) { EXPECT_THROW(inspect(R"({"ociVersion":)"), Error); }

TEST(Problem, EchoesAreLeftOut) {
  std::vector<Problem> problems;
  oci::add_problem(problems, {.pointer = "/a", .text = "first"});
  oci::add_problem(problems, {.pointer = "/a", .text = "second"});
  oci::add_problem(problems, {.pointer = "/a/b", .text = "inside"});
  oci::add_problem(problems, {.pointer = "/ab", .text = "beside"});
  oci::add_problem(problems, {.pointer = "", .text = "whole"});
  oci::add_problem(problems, {.pointer = "/c", .text = "after"});
  EXPECT_EQ(pointers(problems), (Pointers{"/a", "/ab", "", "/c"}));
}

TEST(Problem, MessagesAreTakenApart) {
  const Problem of_document = oci::problem_from("config.json: /process/cwd: is required");
  EXPECT_EQ(of_document.pointer, "/process/cwd");
  EXPECT_EQ(of_document.text, "is required");
  EXPECT_EQ(oci::problem_from("/linux/sysctl/net/a: no").pointer, "/linux/sysctl/net/a");
  EXPECT_EQ(oci::problem_from("config.json: is not JSON: line 1").pointer, "");
}

TEST(Problem, EachGetsARemedy) {
  std::vector<Problem> problems = {{.pointer = "/process/cwd", .text = "is required"},
                                   {.pointer = "/linux/seccomp/flags/0", .text = "is unknown"},
                                   {.pointer = "/x", .text = "y", .remedy = "own"}};
  oci::add_remedies(problems);
  EXPECT_EQ(problems[0].remedy, "add it; runtime-spec: config.md, \"Process\"");
  EXPECT_EQ(problems[1].remedy, "correct it; runtime-spec: config-linux.md, \"Seccomp\"");
  EXPECT_EQ(problems[2].remedy, "own");
}

}  // namespace
