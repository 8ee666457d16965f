// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/syscall_table.hpp"

#include <algorithm>
#include <iterator>

namespace plan {
namespace {
#include "runtime/plan/syscall_table.inc"
}  // namespace

std::span<const Architecture> syscall_architectures() { return kArchitectures; }

const SyscallRow* find_syscall(std::string_view name) {
  const auto name_of = [](const SyscallRow& row) { return std::string_view(kNames + row.name); };
  const auto* found = std::ranges::lower_bound(kSyscalls, name, {}, name_of);
  return found != std::end(kSyscalls) && name_of(*found) == name ? found : nullptr;
}

}  // namespace plan
