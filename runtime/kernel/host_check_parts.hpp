// SPDX-License-Identifier: Apache-2.0
// What the files of the host check share. Private to kernel/host_check*.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bundle-spec/oci/problem.hpp"
#include "runtime/plan/check.hpp"
#include "runtime/plan/host_facts.hpp"

namespace kernel {

/// One check under way: the plan, who asks, and what was found.
struct HostCheck {
  const plan::Remainder& wanted;
  const plan::LaunchPlan& launch;
  const plan::HostFacts& facts;
  std::uint64_t capabilities = 0;  // effective ones of this process
  std::vector<oci::Problem>& problems;

  bool may(unsigned capability) const { return (capabilities >> capability & 1) != 0; }
  /// capable(9) asks the initial user namespace for what is the whole machine's.
  bool may_for_machine(unsigned capability) const {
    return may(capability) && !facts.in_user_namespace;
  }
  void error(std::string pointer, std::string text, std::string remedy) const {
    oci::add_problem(problems, {.severity = oci::Problem::Severity::kError,
                                .pointer = std::move(pointer),
                                .text = std::move(text),
                                .remedy = std::move(remedy)});
  }
  void warning(std::string pointer, std::string text, std::string remedy) const {
    oci::add_problem(problems, {.severity = oci::Problem::Severity::kWarning,
                                .pointer = std::move(pointer),
                                .text = std::move(text),
                                .remedy = std::move(remedy)});
  }
};

void check_namespaces(const HostCheck& check);
void check_ids(const HostCheck& check);
void check_cgroups(const HostCheck& check);
void check_sysctls(const HostCheck& check);
void check_process(const HostCheck& check);
void check_seccomp(const HostCheck& check);
void check_files(const HostCheck& check);
void check_program(const HostCheck& check);
void check_hooks(const HostCheck& check);

/// The text of a small file of the host; empty when it cannot be read.
std::string text_of(const std::string& path);
/// The first number of such a file, or `otherwise`.
std::uint64_t number_in(const std::string& path, std::uint64_t otherwise);
/// Whether one of the blank-separated words of the text is this one.
bool has_word(std::string_view text, std::string_view word);

}  // namespace kernel
