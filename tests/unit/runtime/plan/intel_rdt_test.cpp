// SPDX-License-Identifier: Apache-2.0
// linux.intelRdt as config-linux.md has it, rule by rule.
#include "runtime/plan/intel_rdt.hpp"

#include <gtest/gtest.h>

#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

using Lines = std::vector<std::string>;

TEST(IntelRdt, TheClass) {
  // Without closID it is the container's own, and goes with it.
  const RdtPlan own = plan_intel_rdt({.l3_cache_schema = "L3:0=f"}, "box");
  EXPECT_EQ(own.group, "box");
  EXPECT_TRUE(own.is_own);
  EXPECT_FALSE(own.must_exist);
  EXPECT_FALSE(plan_intel_rdt({}, "box").must_exist);
  // A named one without a schema has to be there.
  const RdtPlan named = plan_intel_rdt({.clos_id = "gold"}, "box");
  EXPECT_EQ(named.group, "gold");
  EXPECT_TRUE(named.must_exist);
  EXPECT_FALSE(named.is_own);
  EXPECT_FALSE(plan_intel_rdt({.clos_id = "gold", .schemata = {"MB:0=5"}}, "box").must_exist);
  EXPECT_EQ(plan_intel_rdt({.clos_id = "/"}, "box").group, "");
  EXPECT_EQ(plan_intel_rdt({.clos_id = "/", .enable_monitoring = true}, "box").monitoring, "box");
  for (const char* taken : {"info", "mon_groups", "mon_data"}) {
    EXPECT_TRUE(contains(error_of([&] { plan_intel_rdt({.clos_id = taken}, "box"); }), "no class"));
    EXPECT_TRUE(contains(error_of([&] { plan_intel_rdt({}, taken); }), "no class"));
  }
}

TEST(IntelRdt, TheSchemata) {
  EXPECT_EQ(rdt_lines({.l3_cache_schema = "L3:0=f\nMB:0=10\n", .mem_bw_schema = "MB:0=20"}),
            (Lines{"L3:0=f", "MB:0=20"}));
  // What l3CacheSchema says of MB counts without memBwSchema; schemata come last, as they are.
  EXPECT_EQ(rdt_lines({.schemata = {"L2:0=3", "MB:0=1"}, .l3_cache_schema = "MB:0=10"}),
            (Lines{"MB:0=10", "L2:0=3", "MB:0=1"}));
  EXPECT_EQ(rdt_lines({}), Lines{});
  EXPECT_TRUE(contains(error_of([] { (void)rdt_lines({.mem_bw_schema = std::string("M\0B", 3)}); }),
                       "/linux/intelRdt/memBwSchema"));
}

TEST(IntelRdt, AnExistingClassHasWhatWasAskedFor) {
  constexpr std::string_view kFile = "    L3:0=00ff;1=00F0\n    MB:0=100;1=100\n";
  EXPECT_TRUE(schemata_have(kFile, {"L3:0=ff"}));
  EXPECT_TRUE(schemata_have(kFile, {"L3: 1=f0; 0=0ff", "MB:1=100"}));
  EXPECT_TRUE(schemata_have(kFile, {}));
  EXPECT_FALSE(schemata_have(kFile, {"L3:0=fe"}));
  EXPECT_FALSE(schemata_have(kFile, {"L3:2=ff"}));
  EXPECT_FALSE(schemata_have(kFile, {"L2:0=ff"}));
  EXPECT_FALSE(schemata_have(kFile, {"nonsense"}));
  EXPECT_FALSE(schemata_have("", {"L3:0=f"}));
}

TEST(IntelRdt, InWords) {
  EXPECT_EQ(describe(plan_intel_rdt({.clos_id = "gold", .enable_monitoring = true}, "box")),
            (Lines{"put init into the resctrl class gold, which must be there",
                   "count its use in the monitoring group box"}));
  EXPECT_EQ(
      describe(plan_intel_rdt({.clos_id = "/", .l3_cache_schema = "L3:0=f"}, "box")),
      (Lines{"resctrl's default class allows L3:0=f", "put init into resctrl's default class"}));
}

}  // namespace
}  // namespace plan
