// SPDX-License-Identifier: Apache-2.0
// Ranges of system call numbers with a verdict each → one classic BPF program. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/plan/seccomp.hpp"

namespace plan {

/// How one argument is compared. "Masked" is (argument & mask) == value.
enum class Comparison : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kMasked
};

struct ArgumentTest {
  std::uint32_t index = 0;  // 0 … 5
  Comparison comparison = Comparison::kEqual;
  std::uint64_t value = 0;
  std::uint64_t mask = ~std::uint64_t{0};
  bool operator==(const ArgumentTest&) const = default;
};

/// The verdict (SECCOMP_RET_* with its data) if all tests hold; without tests: always.
struct FilterRule {
  std::vector<ArgumentTest> tests;
  std::uint32_t verdict = 0;
  bool operator==(const FilterRule&) const = default;
};

/// What happens to the system calls of a range: the first rule that holds, else `verdict`.
struct FilterLeaf {
  std::uint32_t verdict = 0;
  std::vector<FilterRule> rules = {};
  bool is_64_bit = false;
  bool operator==(const FilterLeaf&) const = default;
};

/// From `first` to the next range's first.
struct FilterRange {
  std::uint32_t first = 0;
  FilterLeaf leaf = {};
  bool operator==(const FilterRange&) const = default;
};

/// One value of seccomp_data.arch. The first range starts at 0.
struct FilterSection {
  std::uint32_t audit_architecture = 0;
  std::vector<FilterRange> ranges = {};
};

/// The program: sections in the given order, other architectures get `foreign_verdict`.
std::vector<FilterInstruction> filter_program(const std::vector<FilterSection>& sections,
                                              std::uint32_t foreign_verdict);

}  // namespace plan
