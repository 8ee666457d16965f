// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/seccomp_start.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "runtime/plan/syscall_table.hpp"

namespace plan {
namespace {

bool holds(const FilterInstruction& jump, std::uint32_t accumulator) {
  switch (BPF_OP(jump.code)) {
    case BPF_JEQ:
      return accumulator == jump.k;
    case BPF_JGT:
      return accumulator > jump.k;
    case BPF_JGE:
      return accumulator >= jump.k;
    default:
      return (accumulator & jump.k) != 0;  // BPF_JSET
  }
}

/// The verdict for a call of the native architecture; nullopt when its arguments decide.
std::optional<std::uint32_t> verdict(const std::vector<FilterInstruction>& program,
                                     std::uint32_t number) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const FilterInstruction& one = program[at];
    switch (BPF_CLASS(one.code)) {
      case BPF_LD:
        if (one.k == offsetof(seccomp_data, nr))
          accumulator = number;
        else if (one.k == offsetof(seccomp_data, arch))
          accumulator = syscall_architectures().front().audit;
        else
          return std::nullopt;
        break;
      case BPF_ALU:
        accumulator &= one.k;
        break;
      case BPF_JMP:
        if (BPF_OP(one.code) == BPF_JA)
          at += one.k;
        else
          at += holds(one, accumulator) ? one.jump_true : one.jump_false;
        break;
      default:
        return one.k;  // BPF_RET
    }
  }
  return std::nullopt;
}

/// What the filter does to such a call, in a word; nullptr: nothing a start would mind.
const char* harm(std::uint32_t verdict, Barring barring) {
  switch (verdict & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_KILL_PROCESS:
    case SECCOMP_RET_KILL_THREAD:
    case SECCOMP_RET_TRAP:
      return "kills";
    case SECCOMP_RET_ERRNO:
    case SECCOMP_RET_TRACE:  // nobody traces: ENOSYS
      return barring == Barring::kKillsOrRefuses ? "refuses" : nullptr;
    default:
      return nullptr;
  }
}

std::string barred_call(const SeccompPlan& seccomp, std::initializer_list<const char*> names,
                        Barring barring) {
  for (const char* name : names) {
    const SyscallRow* row = find_syscall(name);
    if (row == nullptr || row->numbers[0] < 0) continue;
    const auto answer = verdict(seccomp.program, static_cast<std::uint32_t>(row->numbers[0]));
    const char* what = answer ? harm(*answer, barring) : nullptr;
    if (what == nullptr) continue;
    return sentence("starting needs ", name, ", which the seccomp filter ", what,
                    ": allow it in /linux/seccomp");
  }
  return {};
}

}  // namespace

std::string barred_start(const SeccompPlan& seccomp, bool no_new_privileges, Barring barring) {
  std::string text;
  // A refusal of these is told by whoever is refused.
  if (!no_new_privileges)
    text = barred_call(seccomp, {"chdir", "prctl", "capset"}, Barring::kKills);
  if (text.empty()) text = barred_call(seccomp, {"write", "read", "execve"}, barring);
  return text;
}

}  // namespace plan
