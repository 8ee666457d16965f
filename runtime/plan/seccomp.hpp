// SPDX-License-Identifier: Apache-2.0
// A seccomp profile → one classic BPF program: native architecture first, syscalls of one action
// merged to ranges, a binary tree over them, argument tests at the leaves. Pure, and quick enough
// to need no cache. Names and numbers come from libseccomp at build time (syscall_table);
// libseccomp is the oracle of the tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"

namespace plan {

/// struct sock_filter as plain data.
struct FilterInstruction {
  std::uint16_t code = 0;
  std::uint8_t jump_true = 0, jump_false = 0;
  std::uint32_t k = 0;
  bool operator==(const FilterInstruction&) const = default;
};

struct SeccompPlan {
  std::vector<FilterInstruction> program;
  std::uint32_t flags = 0;  // SECCOMP_FILTER_FLAG_*
  bool notify = false;      // a listener descriptor comes back (SECCOMP_FILTER_FLAG_NEW_LISTENER)
  std::string listener_path, listener_metadata;
  /// for --explain: "default ERRNO(1), 312 syscalls allowed, x86_64 x86 x32, 467 instructions"
  std::string summary;
  bool operator==(const SeccompPlan&) const = default;
};

/// Throws Error with the JSON pointer ("/linux/seccomp/syscalls/3/args/0/op: …"). Unknown syscall
/// names are skipped, as runc and crun do; names newer than the profile's newest get ENOSYS, as
/// runc does (runtime.md 1.17).
SeccompPlan plan_seccomp(const oci::Seccomp& seccomp);
/// Throws Error for a name that is no system call of any architecture; else those are left out.
void refuse_unknown_syscalls(const oci::Seccomp& seccomp);

/// Words for `features`.
std::vector<std::string> known_seccomp_actions();
std::vector<std::string> known_seccomp_operators();
std::vector<std::string> known_seccomp_architectures();
std::vector<std::string> known_seccomp_flags();

}  // namespace plan
