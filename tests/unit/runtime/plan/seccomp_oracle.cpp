// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/runtime/plan/seccomp_oracle.hpp"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <set>
#include <string>

#include "bundle-spec/error.hpp"
#include "runtime/plan/seccomp.hpp"

namespace oracle {
namespace {

std::uint32_t load(const seccomp_data& data, std::uint32_t offset) {
  std::uint32_t word = 0;
  const auto* bytes = reinterpret_cast<const char*>(&data);
  std::copy_n(bytes + offset, sizeof word, reinterpret_cast<char*>(&word));
  return word;
}

bool holds(std::uint16_t code, std::uint32_t accumulator, std::uint32_t k) {
  switch (BPF_OP(code)) {
    case BPF_JEQ:
      return accumulator == k;
    case BPF_JGT:
      return accumulator > k;
    case BPF_JGE:
      return accumulator >= k;
    case BPF_JSET:
      return (accumulator & k) != 0;
    default:
      throw Error(sentence("jump ", code));
  }
}

std::uint32_t action_of(const std::string& word, std::optional<std::uint32_t> data) {
  const std::uint32_t value = data.value_or(1);
  if (word == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  if (word == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(value);
  if (word == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(value);
  if (word == "SCMP_ACT_KILL_PROCESS") return SCMP_ACT_KILL_PROCESS;
  if (word == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
  if (word == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
  if (word == "SCMP_ACT_NOTIFY") return SCMP_ACT_NOTIFY;
  return SCMP_ACT_KILL;
}

scmp_compare operator_of(const std::string& word) {
  if (word == "SCMP_CMP_NE") return SCMP_CMP_NE;
  if (word == "SCMP_CMP_LT") return SCMP_CMP_LT;
  if (word == "SCMP_CMP_LE") return SCMP_CMP_LE;
  if (word == "SCMP_CMP_GE") return SCMP_CMP_GE;
  if (word == "SCMP_CMP_GT") return SCMP_CMP_GT;
  if (word == "SCMP_CMP_MASKED_EQ") return SCMP_CMP_MASKED_EQ;
  return SCMP_CMP_EQ;
}

std::uint32_t token_of(const std::string& word) {
  if (word == "SCMP_ARCH_X86") return SCMP_ARCH_X86;
  if (word == "SCMP_ARCH_X32") return SCMP_ARCH_X32;
  return SCMP_ARCH_X86_64;
}

struct Release {
  void operator()(void* context) const { ::seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

std::vector<scmp_arg_cmp> comparisons(const oci::SeccompSyscall& entry) {
  std::vector<scmp_arg_cmp> all;
  for (const oci::SeccompArg& arg : entry.args) {
    all.push_back({.arg = arg.index,
                   .op = operator_of(arg.op),
                   .datum_a = arg.value,
                   .datum_b = arg.value_two.value_or(0)});
  }
  return all;
}

bool repeats_argument(const std::vector<scmp_arg_cmp>& all) {
  std::set<unsigned> seen;
  return std::ranges::any_of(all,
                             [&](const scmp_arg_cmp& one) { return !seen.insert(one.arg).second; });
}

// False if libseccomp refused a rule and so left it out: its program is no measure then.
bool add_entry(scmp_filter_ctx context, const oci::SeccompSyscall& entry,
               std::uint32_t default_action) {
  const std::uint32_t action = action_of(entry.action, entry.errno_ret);
  if (action == default_action) return true;
  bool accepted = true;
  for (const std::string& name : entry.names) {
    const int number = ::seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) continue;
    std::vector<std::vector<scmp_arg_cmp>> rules = {comparisons(entry)};
    if (repeats_argument(rules[0])) {
      const std::vector<scmp_arg_cmp> all = rules[0];
      rules.clear();
      for (const scmp_arg_cmp& one : all) rules.push_back({one});
    }
    for (const std::vector<scmp_arg_cmp>& rule : rules) {
      const auto count = static_cast<unsigned>(rule.size());
      accepted &= ::seccomp_rule_add_array(context, action, number, count, rule.data()) == 0;
    }
  }
  return accepted;
}

Program export_program(scmp_filter_ctx context) {
  const int fd = ::memfd_create("filter", MFD_CLOEXEC);
  EXPECT_EQ(::seccomp_export_bpf(context, fd), 0);
  const off_t size = ::lseek(fd, 0, SEEK_END);
  Program program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  EXPECT_EQ(::pread(fd, program.data(), static_cast<std::size_t>(size), 0), size);
  ::close(fd);
  return program;
}

// 0, all ones, and every value of the profile with its neighbours and with bits in the high half.
std::vector<std::uint64_t> interesting_values(const oci::Seccomp& profile) {
  std::set<std::uint64_t> values = {0, 1, ~std::uint64_t{0}, 0xffffffffULL};
  for (const oci::SeccompSyscall& entry : profile.syscalls) {
    for (const oci::SeccompArg& arg : entry.args) {
      for (const std::uint64_t value : {arg.value, arg.value_two.value_or(0)}) {
        for (const std::uint64_t near :
             {value, value - 1, value + 1, value ^ (std::uint64_t{1} << 32)}) {
          values.insert(near);
        }
      }
    }
  }
  return {values.begin(), values.end()};
}

bool argument_holds(const oci::SeccompArg& test, std::uint64_t value) {
  if (test.op == "SCMP_CMP_EQ") return value == test.value;
  if (test.op == "SCMP_CMP_NE") return value != test.value;
  if (test.op == "SCMP_CMP_LT") return value < test.value;
  if (test.op == "SCMP_CMP_LE") return value <= test.value;
  if (test.op == "SCMP_CMP_GE") return value >= test.value;
  if (test.op == "SCMP_CMP_GT") return value > test.value;
  return (value & test.value) == test.value_two.value_or(0);
}

bool entry_holds(const oci::SeccompSyscall& entry, const seccomp_data& data) {
  const auto holds = [&](const oci::SeccompArg& test) {
    return argument_holds(test, data.args[test.index]);
  };
  return repeats_argument(comparisons(entry)) ? std::ranges::any_of(entry.args, holds)
                                              : std::ranges::all_of(entry.args, holds);
}

// The profile read aloud, for x86_64: the first entry without arguments, else the first that holds.
// libseccomp refuses some overlapping rules; this does not.
std::uint32_t by_the_profile(const oci::Seccomp& profile, const seccomp_data& data) {
  const std::uint32_t otherwise = action_of(profile.default_action, profile.default_errno_ret);
  char* raw_name = ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, data.nr);
  const std::string name = raw_name != nullptr ? raw_name : "";
  std::free(raw_name);
  std::optional<std::uint32_t> first;
  for (const oci::SeccompSyscall& entry : profile.syscalls) {
    const std::uint32_t action = action_of(entry.action, entry.errno_ret);
    if (action == otherwise || std::ranges::find(entry.names, name) == entry.names.end()) continue;
    if (entry.args.empty()) return action;
    if (!first && entry_holds(entry, data)) first = action;
  }
  return first.value_or(otherwise);
}

}  // namespace

// What net/core/filter.c does with the instructions that occur.
std::uint32_t verdict(const Program& program, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& one = program[at];
    if (one.code == (BPF_LD | BPF_W | BPF_ABS)) {
      accumulator = load(data, one.k);
    } else if (one.code == (BPF_ALU | BPF_AND | BPF_K)) {
      accumulator &= one.k;
    } else if (one.code == (BPF_RET | BPF_K)) {
      return one.k;
    } else if (one.code == (BPF_JMP | BPF_JA)) {
      at += one.k;
    } else if (BPF_CLASS(one.code) == BPF_JMP) {
      at += holds(one.code, accumulator, one.k) ? one.jt : one.jf;
    } else {
      throw Error(sentence("instruction ", one.code));
    }
  }
  throw Error("the program ends without a verdict");
}

Program ours(const oci::Seccomp& profile) {
  Program program;
  for (const plan::FilterInstruction& one : plan::plan_seccomp(profile).program) {
    program.push_back({.code = one.code, .jt = one.jump_true, .jf = one.jump_false, .k = one.k});
  }
  return program;
}

std::optional<Program> theirs(const oci::Seccomp& profile) {
  const std::uint32_t action = action_of(profile.default_action, profile.default_errno_ret);
  const Context context(::seccomp_init(action));
  for (const std::string& word : profile.architectures) {
    const int added = ::seccomp_arch_add(context.get(), token_of(word));
    EXPECT_TRUE(added == 0 || added == -EEXIST) << word;
  }
  bool accepted = true;
  for (const oci::SeccompSyscall& entry : profile.syscalls)
    accepted &= add_entry(context.get(), entry, action);
  if (!accepted) return std::nullopt;
  return export_program(context.get());
}

Comparer::Comparer(const oci::Seccomp& profile, Measure measure)
    : profile_(profile), ours_(ours(profile)), values_(interesting_values(profile)) {
  if (measure == Measure::kLibseccomp) theirs_ = theirs(profile);
}

void Comparer::compare_all_numbers(int arguments_per_number) {
  for (const std::uint32_t arch : std::initializer_list<std::uint32_t>{
           AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64}) {
    for (std::uint32_t number = 0; number < 620; ++number) {
      compare(arch, number, arguments_per_number);
      compare(arch, number | 0x40000000, arguments_per_number);
    }
    for (const std::uint32_t number :
         {0x3fffffffU, 0x40000fffU, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
      compare(arch, number, 1);
    }
  }
}

void Comparer::compare(std::uint32_t arch, std::uint32_t number, int times) {
  for (int i = 0; i < times && !::testing::Test::HasFailure(); ++i) {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = arch;
    for (auto& arg : data.args) {
      arg = values_[random_() % values_.size()];
      if (arch == AUDIT_ARCH_I386) arg &= 0xffffffff;  // the kernel widens 32-bit registers
    }
    compare_one(data);
  }
}

void Comparer::compare_one(const seccomp_data& data) const {
  const std::string place = sentence("number ", data.nr, " arch ", data.arch, " args ",
                                     data.args[0], " ", data.args[1], " ", data.args[2]);
  if (theirs_) {
    ASSERT_EQ(verdict(ours_, data), verdict(*theirs_, data)) << place;
  }
  if (data.arch == AUDIT_ARCH_X86_64 && data.nr >= 0 && data.nr < 0x40000000) {
    ASSERT_EQ(verdict(ours_, data), by_the_profile(profile_, data)) << place;
  }
}

}  // namespace oracle
