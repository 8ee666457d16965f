// SPDX-License-Identifier: Apache-2.0
// linux.intelRdt: the container's class of service and monitoring group in the resctrl file system
// (Documentation/arch/x86/resctrl.rst). Pure; kernel/resctrl carries it out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"

namespace plan {

struct RdtPlan {
  std::string group;        // directory of the class below the mount point; "" is the default class
  bool must_exist = false;  // named, but nothing is said of what it allows
  bool is_own = false;      // named by the container's id, and removed with it
  std::vector<std::string> lines;  // of its schemata; an existing class must have them already
  std::string monitoring;          // directory below mon_groups, or empty
  bool operator==(const RdtPlan&) const = default;
};

/// Where a container is, as the record remembers it: absolute paths, empty for what is not removed
/// with it.
struct RdtPlace {
  std::string group;
  std::string monitoring;
  bool is_own = false;
  bool operator==(const RdtPlace&) const = default;
};

RdtPlan plan_intel_rdt(const oci::IntelRdt& rdt, const std::string& id);
/// l3CacheSchema without what it says of MB, memBwSchema, then the schemata as they are
/// (config-linux.md, "IntelRdt").
std::vector<std::string> rdt_lines(const oci::IntelRdt& rdt);
/// Whether the text of a schemata file has all that these lines say: "L3:0=00f" is "L3:0=f;1=ff".
bool schemata_have(std::string_view text, const std::vector<std::string>& lines);
std::vector<std::string> describe(const RdtPlan& rdt);

}  // namespace plan
