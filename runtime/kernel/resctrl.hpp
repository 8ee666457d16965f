// SPDX-License-Identifier: Apache-2.0
// Carries out plan/intel_rdt in the mounted resctrl file system. Host side.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "runtime/plan/intel_rdt.hpp"

namespace kernel {

/// Throws Error where no resctrl file system is mounted.
plan::RdtPlace find_resctrl(const plan::RdtPlan& plan);

/// The class and the monitoring group while a container is made: what this object made goes with
/// it, unless keep() was called.
class RdtGroup {
 public:
  /// Throws Error with the kernel's own words of what it refused.
  static RdtGroup create(const plan::RdtPlan& plan, const plan::RdtPlace& place);
  RdtGroup(RdtGroup&& other) noexcept;
  RdtGroup& operator=(RdtGroup&&) = delete;
  ~RdtGroup();
  void keep() { made_.clear(); }

 private:
  RdtGroup() = default;
  std::vector<std::string> made_;
};

/// Puts a process into both.
void add_to_resctrl(const plan::RdtPlace& place, pid_t pid);
/// Writes into the schemata of the class, then does `rest`; when either fails, they become again
/// what they were.
void write_schemata(const plan::RdtPlace& place, const std::vector<std::string>& lines,
                    const std::function<void()>& rest);
/// Removes what is the container's. Missing is fine.
void remove_from_resctrl(const plan::RdtPlace& place);

}  // namespace kernel
