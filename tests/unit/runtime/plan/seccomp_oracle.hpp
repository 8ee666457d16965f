// SPDX-License-Identifier: Apache-2.0
// Our seccomp filters against libseccomp's: the same profile is given to both, both programs are
// interpreted over system call numbers, architectures and argument values, and must give equal
// verdicts. libseccomp is driven as runc does it.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"

namespace oracle {

using Program = std::vector<sock_filter>;

/// The program of plan::plan_seccomp.
Program ours(const oci::Seccomp& profile);
/// libseccomp's, or nothing if it refused a rule and so left it out: it is no measure then.
std::optional<Program> theirs(const oci::Seccomp& profile);
/// What the kernel would answer to this system call.
std::uint32_t verdict(const Program& program, const seccomp_data& data);

enum class Measure { kLibseccomp, kProfileAlone };

/// Compares verdicts; failures are gtest's.
class Comparer {
 public:
  explicit Comparer(const oci::Seccomp& profile, Measure measure = Measure::kLibseccomp);
  void compare_all_numbers(int arguments_per_number);
  void compare(std::uint32_t arch, std::uint32_t number, int times);
  std::size_t our_size() const { return ours_.size(); }
  bool has_measure() const { return theirs_.has_value(); }

 private:
  void compare_one(const seccomp_data& data) const;

  oci::Seccomp profile_;
  Program ours_;
  std::optional<Program> theirs_;
  std::vector<std::uint64_t> values_;
  std::mt19937 random_{42};
};

}  // namespace oracle
