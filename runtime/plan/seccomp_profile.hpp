// SPDX-License-Identifier: Apache-2.0
// linux.seccomp read and checked: the words of the profile as numbers of the kernel. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/seccomp_program.hpp"

namespace plan {

/// One entry of `syscalls`. Borrows the names from the config.
struct ProfileEntry {
  const std::vector<std::string>* names = nullptr;
  std::uint32_t verdict = 0;
  std::vector<ArgumentTest> tests = {};
};

struct Profile {
  std::uint32_t default_verdict = 0;
  bool newer_get_enosys = false;  // runc's rule, see read_profile
  std::uint32_t flags = 0;
  bool notify = false;
  const std::vector<std::string>* architectures = nullptr;
  std::vector<ProfileEntry> entries = {};
};

/// Throws Error with the JSON pointer. The profile borrows from `seccomp`.
Profile read_profile(const oci::Seccomp& seccomp);
/// "ERRNO(1)".
std::string describe_verdict(std::uint32_t verdict);

}  // namespace plan
