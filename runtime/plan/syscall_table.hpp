// SPDX-License-Identifier: Apache-2.0
// System calls by name, with their numbers on the architectures that this machine's kernel can
// produce. Generated from libseccomp at build time (syscall_table_gen), so that toyrun carries a
// table and no library. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace plan {

struct Architecture {
  std::string_view word;         // "SCMP_ARCH_X86_64"
  std::string_view name;         // "x86_64"
  std::uint32_t audit = 0;       // AUDIT_ARCH_*, seccomp_data.arch
  bool is_64_bit = false;        // arguments are compared in full
  std::uint32_t number_bit = 0;  // set in every number: x32
};

inline constexpr std::size_t kMostArchitectures = 3;

struct SyscallRow {
  std::uint16_t name;                        // offset into the names
  std::int16_t numbers[kMostArchitectures];  // by architecture, without number_bit; -1: not there
  std::int16_t multiplexer;  // on x86 also reached through socketcall or ipc; -1: no
  std::int16_t call;         // then: its first argument
};

/// The first is the native one. Two entries may share an audit value and differ by number_bit.
std::span<const Architecture> syscall_architectures();
/// The row of a name, or nullptr if libseccomp does not know it.
const SyscallRow* find_syscall(std::string_view name);
/// Index of the architecture on which `multiplexer` holds.
inline constexpr std::size_t kMultiplexedArchitecture = 1;

}  // namespace plan
