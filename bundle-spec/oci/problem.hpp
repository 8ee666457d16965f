// SPDX-License-Identifier: Apache-2.0
// What is wrong with a bundle, as a list: `toyrun check` tells all of it at once, where every other
// verb stops at the first. Plain data.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oci {

struct Problem {
  enum class Severity { kError, kWarning };
  Severity severity = Severity::kError;  // a warning does not keep the container from running
  std::string pointer = {};              // JSON pointer into config.json; empty: of the whole
  std::string text = {};
  std::string remedy = {};  // what to do about it
  bool operator==(const Problem&) const = default;
};

/// Adds a problem unless it is only an echo: an error at the same place, or at one around it, is
/// listed already.
void add_problem(std::vector<Problem>& problems, Problem problem);
/// An error message as a problem: "config.json: /process/cwd: is required" and "/process/cwd: is
/// required" are the same; a text without a pointer is of the whole.
Problem problem_from(std::string_view message);
/// Where the specification says what is right: fills in the remedies that are missing.
void add_remedies(std::vector<Problem>& problems);
/// Whether the container would not run.
bool has_errors(const std::vector<Problem>& problems);

}  // namespace oci
