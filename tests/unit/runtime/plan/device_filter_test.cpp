// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/device_filter.hpp"

#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <array>
#include <optional>

#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

oci::DeviceRule rule(bool allow, std::string type, std::optional<std::int64_t> major,
                     std::optional<std::int64_t> minor, std::string access) {
  return {.allow = allow,
          .type = std::move(type),
          .major = major,
          .minor = minor,
          .access = std::move(access)};
}

struct Request {
  std::uint32_t type, access, major, minor;
};

/// The few instructions the programs consist of, as the kernel runs them.
class Machine {
 public:
  explicit Machine(const Request& request)
      : context_{request.access << 16 | request.type, request.major, request.minor} {}

  bool run(const std::vector<BpfInstruction>& program) {
    for (std::size_t at = 0; at < program.size(); ++at) {
      const BpfInstruction& one = program[at];
      if (one.code == (BPF_JMP | BPF_EXIT)) return registers_[0] != 0;
      at += step(one);
    }
    throw Error("the program ends without a verdict");
  }

 private:
  std::size_t step(const BpfInstruction& one) {
    std::uint64_t& destination = registers_[one.registers & 0xf];
    const std::uint64_t source = registers_[one.registers >> 4];
    const auto constant = static_cast<std::uint32_t>(one.immediate);
    switch (one.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        destination = context_[static_cast<std::size_t>(one.offset) / 4];
        return 0;
      case BPF_ALU | BPF_MOV | BPF_X:
        destination = static_cast<std::uint32_t>(source);
        return 0;
      case BPF_ALU | BPF_AND | BPF_K:
        destination = static_cast<std::uint32_t>(destination) & constant;
        return 0;
      case BPF_ALU | BPF_RSH | BPF_K:
        destination = static_cast<std::uint32_t>(destination) >> constant;
        return 0;
      case BPF_ALU64 | BPF_MOV | BPF_K:
        destination = constant;
        return 0;
      case BPF_JMP | BPF_JNE | BPF_K:
        return destination != constant ? static_cast<std::size_t>(one.offset) : 0;
      case BPF_JMP | BPF_JEQ | BPF_K:
        return destination == constant ? static_cast<std::size_t>(one.offset) : 0;
      case BPF_JMP | BPF_JNE | BPF_X:
        return destination != source ? static_cast<std::size_t>(one.offset) : 0;
      default:
        throw Error(sentence("instruction ", one.code));
    }
  }

  std::array<std::uint32_t, 3> context_;
  std::array<std::uint64_t, 11> registers_{};
};

constexpr std::uint32_t kRead = BPF_DEVCG_ACC_READ, kWrite = BPF_DEVCG_ACC_WRITE,
                        kMknod = BPF_DEVCG_ACC_MKNOD;
constexpr std::uint32_t kChar = BPF_DEVCG_DEV_CHAR, kBlock = BPF_DEVCG_DEV_BLOCK;

bool allows(const std::vector<oci::DeviceRule>& rules, const Request& request) {
  return Machine(request).run(device_program(rules).instructions);
}

TEST(DeviceFilter, DeniesByDefault) {
  for (const std::vector<oci::DeviceRule>& rules :
       {std::vector<oci::DeviceRule>{}, {rule(false, "a", {}, {}, "rwm")}}) {
    EXPECT_FALSE(allows(rules, {kBlock, kRead, 8, 0}));
    EXPECT_FALSE(allows(rules, {kChar, kRead, 1, 1}));
    EXPECT_TRUE(allows(rules, {kChar, kRead | kWrite, 1, 3}));
    EXPECT_TRUE(allows(rules, {kChar, kRead | kWrite, 136, 17}));
    EXPECT_TRUE(allows(rules, {kChar, kRead | kWrite, 10, 200}));
    EXPECT_TRUE(allows(rules, {kBlock, kMknod, 8, 0}));
    EXPECT_FALSE(allows(rules, {kBlock, kMknod | kRead, 8, 0}));
    EXPECT_FALSE(allows(rules, {kBlock, kRead, 1, 3}));
  }
}

TEST(DeviceFilter, AllowedDevices) {
  const std::vector<oci::DeviceRule> rules = {
      rule(false, "a", {}, {}, "rwm"), rule(true, "b", 8, -1, "r"), rule(true, "b", 8, 1, "w"),
      rule(true, "c", 10, 229, "rw")};
  EXPECT_TRUE(allows(rules, {kBlock, kRead, 8, 5}));
  EXPECT_FALSE(allows(rules, {kBlock, kWrite, 8, 5}));
  EXPECT_TRUE(allows(rules, {kBlock, kWrite, 8, 1}));
  EXPECT_TRUE(allows(rules, {kChar, kRead | kWrite, 10, 229}));
  EXPECT_FALSE(allows(rules, {kChar, kRead, 10, 228}));
}

TEST(DeviceFilter, AllowAllResetsAndExceptionsDeny) {
  const std::vector<oci::DeviceRule> rules = {
      rule(true, "b", 8, 0, "r"), rule(true, "a", -1, -1, "rwm"), rule(false, "b", 8, 0, "w")};
  EXPECT_TRUE(allows(rules, {kBlock, kRead, 8, 0}));
  EXPECT_FALSE(allows(rules, {kBlock, kWrite, 8, 0}));
  EXPECT_FALSE(allows(rules, {kBlock, kRead | kWrite, 8, 0}));
  EXPECT_TRUE(allows(rules, {kChar, kRead, 1, 1}));
}

TEST(DeviceFilter, RulesOfOneDeviceAreMerged) {
  const std::vector<oci::DeviceRule> rules = {
      rule(true, "c", 4, 64, "r"), rule(true, "c", 4, 64, "w"), rule(true, "c", 4, 65, "rwm"),
      rule(false, "c", 4, 65, "rwm")};
  EXPECT_TRUE(allows(rules, {kChar, kRead | kWrite, 4, 64}));
  EXPECT_FALSE(allows(rules, {kChar, kRead, 4, 65}));
}

TEST(DeviceFilter, AHoleInAWildcardIsRefused) {
  const std::vector<oci::DeviceRule> rules = {rule(true, "c", 10, -1, "rwm"),
                                              rule(false, "c", 10, 5, "w")};
  const std::string error = error_of([&] { device_program(rules); });
  EXPECT_TRUE(contains(error, "/linux/resources/devices/1"));
  EXPECT_TRUE(contains(error, "allow c 10:* rwm"));
}

TEST(DeviceFilter, BadRules) {
  const auto plan = [](const oci::DeviceRule& rule) { effective_device_rules({rule}); };
  EXPECT_TRUE(contains(error_of([&] { plan(rule(true, "c", 1, 3, "")); }), "cannot be empty"));
  EXPECT_TRUE(contains(error_of([&] { plan(rule(true, "c", 1, 3, "rx")); }),
                       "/linux/resources/devices/0/access"));
  EXPECT_TRUE(contains(error_of([&] { plan(rule(true, "p", 1, 3, "r")); }),
                       "/linux/resources/devices/0/type"));
  EXPECT_TRUE(contains(error_of([&] { plan(rule(true, "c", -2, 3, "r")); }),
                       "/linux/resources/devices/0/major"));
  EXPECT_TRUE(contains(error_of([&] { plan(rule(true, "c", 1, 1LL << 33, "r")); }), "/minor"));
}

TEST(DeviceFilter, LinesForTheV1Controller) {
  const std::vector<DeviceLine> lines =
      device_lines({rule(false, "a", {}, {}, "rwm"), rule(true, "b", 8, {}, "rw")});
  ASSERT_EQ(lines.size(), 13U);
  EXPECT_EQ(lines[0], (DeviceLine{.allow = false, .line = "a"}));
  EXPECT_EQ(lines[1], (DeviceLine{.allow = true, .line = "b 8:* rw"}));
  EXPECT_EQ(lines[2], (DeviceLine{.allow = true, .line = "c *:* m"}));
  EXPECT_EQ(lines[4], (DeviceLine{.allow = true, .line = "c 1:3 rwm"}));
}

TEST(DeviceFilter, ProgramsStaySmall) {
  std::vector<oci::DeviceRule> rules;
  for (int minor = 0; minor < 20; ++minor) rules.push_back(rule(true, "c", 195, minor, "rw"));
  EXPECT_LT(device_program(rules).instructions.size(), 300U);
  EXPECT_EQ(describe(device_program({}).rules[0]), "deny all devices");
}

}  // namespace
}  // namespace plan
