// SPDX-License-Identifier: Apache-2.0
// Reading profiles: words, refusals, flags. What the programs do is compared in
// seccomp_oracle_test.
#include "runtime/plan/seccomp.hpp"

#include <gtest/gtest.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <string>

#include "bundle-spec/error.hpp"
#include "runtime/plan/seccomp_start.hpp"
#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

oci::Seccomp profile(oci::SeccompSyscall entry = {.names = {"read"}, .action = "SCMP_ACT_ALLOW"}) {
  oci::Seccomp seccomp;
  seccomp.default_action = "SCMP_ACT_ERRNO";
  seccomp.syscalls = {std::move(entry)};
  return seccomp;
}

std::string error_for(const oci::Seccomp& seccomp) {
  return error_of([&] { plan_seccomp(seccomp); });
}

TEST(Seccomp, BadWordsNameTheirPlace) {
  oci::Seccomp seccomp = profile();
  seccomp.default_action = "ALLOW";
  EXPECT_TRUE(contains(error_for(seccomp), "/linux/seccomp/defaultAction"));
  EXPECT_TRUE(contains(error_for(profile({.names = {"read"}, .action = "X"})),
                       "/linux/seccomp/syscalls/0/action"));
  EXPECT_TRUE(contains(error_for(profile({.names = {}, .action = "SCMP_ACT_ALLOW"})),
                       "/linux/seccomp/syscalls/0/names"));
  EXPECT_TRUE(contains(
      error_for(profile(
          {.names = {"read"}, .action = "SCMP_ACT_ALLOW", .args = {{.index = 0, .op = "EQ"}}})),
      "/linux/seccomp/syscalls/0/args/0/op"));
  EXPECT_TRUE(contains(error_for(profile({.names = {"read"},
                                          .action = "SCMP_ACT_ALLOW",
                                          .args = {{.index = 6, .op = "SCMP_CMP_EQ"}}})),
                       "/linux/seccomp/syscalls/0/args/0/index"));
  seccomp = profile();
  seccomp.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_VAX"};
  EXPECT_TRUE(contains(error_for(seccomp), "/linux/seccomp/architectures/1"));
  seccomp = profile();
  seccomp.flags = {"SECCOMP_FILTER_FLAG_X"};
  EXPECT_TRUE(contains(error_for(seccomp), "/linux/seccomp/flags/0"));
}

TEST(Seccomp, ErrnoOnlyWhereItCanBeCarried) {
  EXPECT_TRUE(
      contains(error_for(profile({.names = {"read"}, .action = "SCMP_ACT_ALLOW", .errno_ret = 1})),
               "/linux/seccomp/syscalls/0/errnoRet"));
  EXPECT_TRUE(contains(
      error_for(profile({.names = {"read"}, .action = "SCMP_ACT_ERRNO", .errno_ret = 4096})),
      "above 4095"));
  oci::Seccomp seccomp = profile();
  seccomp.default_action = "SCMP_ACT_KILL";
  seccomp.default_errno_ret = 1;
  EXPECT_TRUE(contains(error_for(seccomp), "/linux/seccomp/defaultErrnoRet"));
}

TEST(Seccomp, Flags) {
  oci::Seccomp seccomp = profile();
  EXPECT_EQ(plan_seccomp(seccomp).flags, std::uint32_t{SECCOMP_FILTER_FLAG_SPEC_ALLOW});
  seccomp.flags = std::vector<std::string>{};
  EXPECT_EQ(plan_seccomp(seccomp).flags, 0U);
  seccomp.flags = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC",
                   "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
  EXPECT_EQ(plan_seccomp(seccomp).flags, std::uint32_t{SECCOMP_FILTER_FLAG_LOG});
}

TEST(Seccomp, Notify) {
  oci::Seccomp seccomp = profile({.names = {"mkdir"}, .action = "SCMP_ACT_NOTIFY"});
  EXPECT_TRUE(contains(error_for(seccomp), "/linux/seccomp/listenerPath"));
  seccomp.listener_path = "/run/agent.sock";
  seccomp.listener_metadata = "m";
  seccomp.flags = {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
  const SeccompPlan plan = plan_seccomp(seccomp);
  EXPECT_TRUE(plan.notify);
  EXPECT_EQ(plan.listener_path, "/run/agent.sock");
  EXPECT_EQ(plan.flags, std::uint32_t{SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV});
  seccomp.syscalls[0].names = {"mkdir", "write"};
  EXPECT_TRUE(contains(error_for(seccomp), "write"));
  seccomp = profile();
  seccomp.default_action = "SCMP_ACT_NOTIFY";
  EXPECT_TRUE(contains(error_for(seccomp), "default action"));
  seccomp = profile();
  seccomp.listener_metadata = "m";
  EXPECT_TRUE(contains(error_for(seccomp), "/linux/seccomp/listenerMetadata"));
  seccomp.listener_path = "/run/agent.sock";
  EXPECT_TRUE(plan_seccomp(seccomp).listener_path.empty());
}

TEST(Seccomp, UnknownNamesAreSkipped) {
  EXPECT_EQ(plan_seccomp(profile({.names = {"read", "warp"}, .action = "SCMP_ACT_ALLOW"})).program,
            plan_seccomp(profile()).program);
}

TEST(Seccomp, ForeignArchitecturesAreAccepted) {
  oci::Seccomp seccomp = profile();
  for (const std::string& word : known_seccomp_architectures())
    seccomp.architectures.push_back(word);
  EXPECT_NO_THROW(plan_seccomp(seccomp));
  EXPECT_TRUE(std::ranges::is_sorted(known_seccomp_architectures()));
}

TEST(Seccomp, TooManyRulesAreRefused) {
  oci::Seccomp seccomp = profile();
  for (std::uint64_t value = 0; value < 3000; ++value) {
    seccomp.syscalls.push_back(
        {.names = {"openat"},
         .action = "SCMP_ACT_ALLOW",
         .args = {{.index = 0, .value = value, .value_two = {}, .op = "SCMP_CMP_EQ"}}});
  }
  EXPECT_TRUE(contains(error_for(seccomp), "at most 4096"));
}

std::string barred(const std::string& name, const std::string& action, bool no_new_privileges,
                   Barring barring) {
  oci::Seccomp seccomp = profile({.names = {name}, .action = action});
  seccomp.default_action = "SCMP_ACT_ALLOW";
  return barred_start(plan_seccomp(seccomp), no_new_privileges, barring);
}

TEST(Seccomp, AFilterThatBarsTheStartIsKnown) {
  for (const char* action : {"SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"})
    for (const char* name : {"write", "read", "execve"})
      EXPECT_EQ(barred(name, action, true, Barring::kKills),
                sentence("starting needs ", name,
                         ", which the seccomp filter kills: allow it in /linux/seccomp"));
  EXPECT_EQ(barred("write", "SCMP_ACT_ERRNO", true, Barring::kKills), "");
  EXPECT_TRUE(contains(barred("write", "SCMP_ACT_ERRNO", true, Barring::kKillsOrRefuses),
                       "needs write, which the seccomp filter refuses"));
  EXPECT_EQ(barred("write", "SCMP_ACT_LOG", true, Barring::kKillsOrRefuses), "");
  EXPECT_EQ(barred("mkdir", "SCMP_ACT_KILL", false, Barring::kKillsOrRefuses), "");
  // Behind the filter only when that comes before the identity.
  EXPECT_EQ(barred("capset", "SCMP_ACT_KILL", true, Barring::kKills), "");
  EXPECT_TRUE(contains(barred("capset", "SCMP_ACT_KILL", false, Barring::kKills), "needs capset"));
}

TEST(Seccomp, WhatArgumentsDecideBarsNoStart) {
  oci::Seccomp seccomp =
      profile({.names = {"write"},
               .action = "SCMP_ACT_KILL",
               .args = {{.index = 0, .value = 77, .value_two = {}, .op = "SCMP_CMP_EQ"}}});
  seccomp.default_action = "SCMP_ACT_ALLOW";
  EXPECT_EQ(barred_start(plan_seccomp(seccomp), true, Barring::kKillsOrRefuses), "");
  // An allow list that forgets it.
  EXPECT_TRUE(contains(barred_start(plan_seccomp(profile()), true, Barring::kKillsOrRefuses),
                       "needs write, which the seccomp filter refuses"));
}

TEST(Seccomp, Words) {
  EXPECT_EQ(known_seccomp_actions().size(), 9U);
  EXPECT_EQ(known_seccomp_operators().size(), 7U);
  EXPECT_EQ(known_seccomp_flags().size(), 4U);
}

}  // namespace
}  // namespace plan
