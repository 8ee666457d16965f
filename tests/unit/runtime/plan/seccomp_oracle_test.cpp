// SPDX-License-Identifier: Apache-2.0
// Our filters against libseccomp's: the same profile is given to both, both programs are
// interpreted over system call numbers, architectures and argument values, and must give equal
// verdicts. libseccomp is driven as runc does it. The one wanted difference, ENOSYS for system
// calls newer than the profile, is switched off here by defaultErrnoRet or tested apart.
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/plan/seccomp.hpp"

namespace {

using Program = std::vector<sock_filter>;

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

enum class Measure { kLibseccomp, kProfileAlone };

class Comparer {
 public:
  explicit Comparer(const oci::Seccomp& profile, Measure measure = Measure::kLibseccomp)
      : profile_(profile), ours_(ours(profile)), values_(interesting_values(profile)) {
    if (measure == Measure::kLibseccomp) theirs_ = theirs(profile);
  }

  void compare_all_numbers(int arguments_per_number) {
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

  void compare(std::uint32_t arch, std::uint32_t number, int times) {
    for (int i = 0; i < times && !::testing::Test::HasFailure(); ++i) {
      seccomp_data data{};
      data.nr = static_cast<int>(number);
      data.arch = arch;
      for (auto& arg : data.args) {
        arg = values_[random_() % values_.size()];
        if (arch == AUDIT_ARCH_I386) arg &= 0xffffffff;  // the kernel widens 32-bit registers
      }
      const std::string place = sentence("number ", number, " arch ", arch, " args ", data.args[0],
                                         " ", data.args[1], " ", data.args[2]);
      if (theirs_) {
        ASSERT_EQ(verdict(ours_, data), verdict(*theirs_, data)) << place;
      }
      if (arch == AUDIT_ARCH_X86_64 && number < 0x40000000) {
        ASSERT_EQ(verdict(ours_, data), by_the_profile(profile_, data)) << place;
      }
    }
  }

  std::size_t our_size() const { return ours_.size(); }
  bool has_measure() const { return theirs_.has_value(); }

 private:
  oci::Seccomp profile_;
  Program ours_;
  std::optional<Program> theirs_;
  std::vector<std::uint64_t> values_;
  std::mt19937 random_{42};
};

oci::SeccompArg arg(std::uint32_t index, std::string op, std::uint64_t value,
                    std::optional<std::uint64_t> value_two = {}) {
  return {
      .index = index, .value = value, .value_two = value_two, .op = "SCMP_CMP_" + std::move(op)};
}

oci::SeccompSyscall entry(std::vector<std::string> names, std::string action,
                          std::vector<oci::SeccompArg> args = {},
                          std::optional<std::uint32_t> data = {}) {
  return {.names = std::move(names),
          .action = "SCMP_ACT_" + std::move(action),
          .errno_ret = data,
          .args = std::move(args)};
}

oci::Seccomp profile_with(std::vector<oci::SeccompSyscall> syscalls) {
  oci::Seccomp profile;
  profile.default_action = "SCMP_ACT_ERRNO";
  profile.default_errno_ret = ENOSYS;  // no stub: every verdict is libseccomp's
  profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
  profile.syscalls = std::move(syscalls);
  return profile;
}

std::vector<std::string> all_names() {
  std::set<std::string> names;
  for (const std::uint32_t token :
       std::initializer_list<std::uint32_t>{SCMP_ARCH_X86_64, SCMP_ARCH_X86}) {
    for (int number = -224; number < 600; ++number) {
      char* name = ::seccomp_syscall_resolve_num_arch(token, number);
      if (name != nullptr) names.insert(name);
      std::free(name);
    }
  }
  return {names.begin(), names.end()};
}

// The shape of Docker's profile: nearly everything allowed, some by their arguments.
oci::Seccomp docker_like() {
  const std::set<std::string> denied = {
      "acct",          "add_key",       "bpf",         "clock_adjtime", "clock_settime", "clone",
      "create_module", "delete_module", "init_module", "kexec_load",    "keyctl",        "mount",
      "move_pages",    "personality",   "pivot_root",  "ptrace",        "reboot",        "setns",
      "socket",        "swapon",        "umount2",     "unshare",       "userfaultfd",   "vm86"};
  std::vector<std::string> allowed;
  for (const std::string& name : all_names()) {
    if (!denied.contains(name)) allowed.push_back(name);
  }
  std::vector<oci::SeccompSyscall> entries = {entry(allowed, "ALLOW")};
  for (const std::uint64_t value : {0x0ULL, 0x8ULL, 0x20000ULL, 0x20008ULL, 0xffffffffULL}) {
    entries.push_back(entry({"personality"}, "ALLOW", {arg(0, "EQ", value)}));
  }
  entries.push_back(entry({"socket"}, "ALLOW", {arg(0, "NE", 40)}));
  entries.push_back(entry({"clone"}, "ALLOW", {arg(0, "MASKED_EQ", 2114060288, 0)}));
  entries.push_back(entry({"clone3"}, "ERRNO", {}, ENOSYS));
  oci::Seccomp profile = profile_with(std::move(entries));
  profile.default_errno_ret = EPERM;
  return profile;
}

TEST(SeccompOracle, DockerLikeProfile) {
  oci::Seccomp profile = docker_like();
  profile.default_errno_ret = ENOSYS;
  Comparer comparer(profile);
  EXPECT_TRUE(comparer.has_measure());
  comparer.compare_all_numbers(20);
  RecordProperty("our_instructions", static_cast<int>(comparer.our_size()));
  EXPECT_LT(comparer.our_size(), 1200U);
}

TEST(SeccompOracle, DockerLikeProfileIsPlannedInAMillisecond) {
  const oci::Seccomp profile = docker_like();
  const auto start = std::chrono::steady_clock::now();
  const plan::SeccompPlan planned = plan::plan_seccomp(profile);
  const std::chrono::duration<double, std::micro> cold = std::chrono::steady_clock::now() - start;
  std::printf("planned in %.0f us: %s\n", cold.count(), planned.summary.c_str());
  // Generous: debug and sanitizer builds on a busy machine are to pass, libseccomp's 15 ms are not.
  EXPECT_LT(cold.count(), 10'000.0);
}

TEST(SeccompOracle, NativeOnly) {
  oci::Seccomp profile = docker_like();
  profile.default_errno_ret = ENOSYS;
  profile.architectures = {};
  Comparer(profile).compare_all_numbers(3);
  profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X32"};
  Comparer(profile).compare_all_numbers(3);
  profile.architectures = {"SCMP_ARCH_X86"};
  Comparer(profile).compare_all_numbers(3);
}

TEST(SeccompOracle, PodmanSocketRules) {
  Comparer(profile_with({entry({"socket"}, "ERRNO", {arg(0, "EQ", 16), arg(2, "EQ", 9)}, EINVAL),
                         entry({"socket"}, "ALLOW", {arg(2, "NE", 9)}),
                         entry({"socket"}, "ALLOW", {arg(0, "NE", 16)}),
                         entry({"socket"}, "ALLOW", {arg(2, "NE", 9)})}))
      .compare_all_numbers(50);
}

TEST(SeccompOracle, EveryOperator) {
  for (const std::string op : {"EQ", "NE", "LT", "LE", "GE", "GT"}) {
    for (const std::uint64_t value : {0ULL, 7ULL, 0xffffffffULL, 0x100000000ULL, 0x500000007ULL}) {
      for (const std::uint32_t index : {0U, 3U, 5U}) {
        Comparer comparer(
            profile_with({entry({"read", "semop", "connect"}, "ALLOW", {arg(index, op, value)})}));
        for (const std::uint32_t number : {0U, 3U, 65U, 117U, 102U, 362U, 0x40000000U}) {
          comparer.compare(AUDIT_ARCH_X86_64, number, 60);
          comparer.compare(AUDIT_ARCH_I386, number, 60);
        }
        ASSERT_FALSE(HasFailure()) << op << " " << value << " argument " << index;
      }
    }
  }
}

TEST(SeccompOracle, MaskedEqual) {
  for (const std::uint64_t mask : {0xffULL, 0xff00000000ULL, 0xf0000000fULL, ~0ULL}) {
    Comparer comparer(profile_with(
        {entry({"read"}, "ALLOW", {arg(1, "MASKED_EQ", mask, mask & 0x300000003ULL)})}));
    comparer.compare(AUDIT_ARCH_X86_64, 0, 400);
    comparer.compare(AUDIT_ARCH_I386, 3, 400);
    comparer.compare(AUDIT_ARCH_X86_64, 0x40000000, 400);
    ASSERT_FALSE(HasFailure()) << std::hex << mask;
  }
}

TEST(SeccompOracle, UnconditionalRuleWins) {
  const oci::SeccompSyscall always = entry({"read", "socket"}, "ALLOW");
  const oci::SeccompSyscall sometimes = entry({"read", "socket"}, "TRAP", {arg(1, "EQ", 5)});
  const oci::SeccompSyscall other = entry({"read", "socket"}, "KILL_PROCESS");
  Comparer(profile_with({always, sometimes})).compare_all_numbers(5);
  Comparer(profile_with({sometimes, always})).compare_all_numbers(5);
  Comparer(profile_with({always, other})).compare_all_numbers(2);
  Comparer(profile_with({sometimes, other, always})).compare_all_numbers(5);
}

TEST(SeccompOracle, EntryWithTwoTestsOfOneArgument) {
  Comparer(
      profile_with({entry({"read"}, "ALLOW", {arg(0, "EQ", 5), arg(0, "EQ", 7), arg(1, "GT", 9)})}))
      .compare_all_numbers(40);
}

TEST(SeccompOracle, EveryActionAndSameAsDefault) {
  for (const std::string action :
       {"KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "LOG", "ALLOW", "TRACE", "ERRNO"}) {
    oci::Seccomp profile =
        profile_with({entry({"read", "write"}, action), entry({"open"}, "ERRNO", {}, ENOSYS)});
    Comparer(profile).compare_all_numbers(1);
    profile.default_action = "SCMP_ACT_ALLOW";
    profile.default_errno_ret.reset();
    Comparer(profile).compare_all_numbers(1);
    ASSERT_FALSE(HasFailure()) << action;
  }
}

TEST(SeccompOracle, MultiplexedCallsBesideTheirMultiplexer) {
  Comparer(
      profile_with({entry({"socketcall", "ipc"}, "ALLOW"), entry({"socket", "shmget"}, "TRAP")}))
      .compare_all_numbers(10);
  Comparer(
      profile_with({entry({"socket", "recv", "send", "accept", "msgctl", "semtimedop"}, "ALLOW")}))
      .compare_all_numbers(40);
}

class RandomProfiles {
 public:
  explicit RandomProfiles(unsigned seed) : random_(seed), names_(all_names()) {}

  // One entry a system call. libseccomp's merging of several goes wrong now and then (2.5.4: "a0 <=
  // 2" and "a0 != 0 and a2
  // == 1" let a call through on x32 that neither allows), and seccomp_rule_add(3) promises no
  // order.
  oci::Seccomp make_distinct() {
    std::ranges::shuffle(names_, random_);
    std::vector<oci::SeccompSyscall> entries;
    for (std::size_t i = 0; i < 60; ++i) {
      // socketcall and ipc would gather the entries of all their calls.
      if (!is_multiplexed(names_[i])) entries.push_back(entry({names_[i]}, action(), arguments()));
    }
    return profile_with(std::move(entries));
  }

  oci::Seccomp make_overlapping() {
    std::ranges::shuffle(names_, random_);
    std::vector<oci::SeccompSyscall> entries;
    for (int i = 0; i < 60; ++i) {
      entries.push_back(
          entry({names_[random_() % 12], names_[random_() % 12]}, action(), arguments()));
    }
    return profile_with(std::move(entries));
  }

 private:
  static bool is_multiplexed(const std::string& name) {
    const int pseudo = ::seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name.c_str());
    return (pseudo <= -101 && pseudo >= -224) || name == "socketcall" || name == "ipc";
  }
  std::string action() {
    static const std::vector<std::string> kActions = {"ALLOW", "TRAP", "LOG", "KILL_PROCESS"};
    return kActions[random_() % kActions.size()];
  }
  std::vector<oci::SeccompArg> arguments() {
    static const std::vector<std::string> kOperators = {"EQ", "NE", "LT",       "LE",
                                                        "GE", "GT", "MASKED_EQ"};
    static const std::vector<std::uint64_t> kValues = {
        0, 1, 2, 9, 0x80000000ULL, 0xffffffffULL, 0x100000002ULL};
    std::vector<oci::SeccompArg> args;
    for (std::uint32_t index = 0; index < 3; ++index) {
      if (random_() % 2 != 0) continue;
      const std::string& op = kOperators[random_() % kOperators.size()];
      const std::uint64_t value = kValues[random_() % kValues.size()];
      if (op == "MASKED_EQ") {
        args.push_back(arg(index, op, value | 1, 1));
      } else {
        args.push_back(arg(index, op, value));
      }
    }
    return args;
  }

  std::mt19937 random_;
  std::vector<std::string> names_;
};

TEST(SeccompOracle, RandomProfiles) {
  RandomProfiles profiles(7);
  for (int i = 0; i < 8; ++i) {
    Comparer comparer(profiles.make_distinct());
    EXPECT_TRUE(comparer.has_measure());
    comparer.compare_all_numbers(6);
    ASSERT_FALSE(HasFailure()) << "profile " << i;
  }
}

TEST(SeccompOracle, RandomOverlappingEntriesAreReadInOrder) {
  RandomProfiles profiles(11);
  for (int i = 0; i < 8; ++i) {
    Comparer(profiles.make_overlapping(), Measure::kProfileAlone).compare_all_numbers(12);
    ASSERT_FALSE(HasFailure()) << "profile " << i;
  }
}

TEST(SeccompStub, NewerThanTheProfileIsEnosys) {
  oci::Seccomp profile = profile_with({entry({"read", "write", "close_range"}, "ALLOW")});
  profile.default_errno_ret = EPERM;
  const Program program = ours(profile);
  const auto at = [&](std::uint32_t arch, std::uint32_t number) {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = arch;
    return verdict(program, data);
  };
  for (const std::uint32_t arch :
       std::initializer_list<std::uint32_t>{AUDIT_ARCH_X86_64, AUDIT_ARCH_I386}) {
    EXPECT_EQ(at(arch, 435), SECCOMP_RET_ERRNO | EPERM);
    EXPECT_EQ(at(arch, 436), SECCOMP_RET_ALLOW);
    EXPECT_EQ(at(arch, 437), SECCOMP_RET_ERRNO | ENOSYS);
  }
  EXPECT_EQ(at(AUDIT_ARCH_X86_64, 0x40000000 | 436), SECCOMP_RET_ALLOW);
  EXPECT_EQ(at(AUDIT_ARCH_X86_64, 0x40000000 | 437), SECCOMP_RET_ERRNO | ENOSYS);
  EXPECT_EQ(at(AUDIT_ARCH_AARCH64, 1), SECCOMP_RET_KILL_THREAD);
}

TEST(SeccompStub, NotWhereTheDefaultLetsPass) {
  for (const std::string action : {"ALLOW", "LOG", "TRACE"}) {
    oci::Seccomp profile = profile_with({entry({"read"}, "TRAP")});
    profile.default_action = "SCMP_ACT_" + action;
    profile.default_errno_ret.reset();
    const Program program = ours(profile);
    seccomp_data data{};
    data.nr = 400;
    data.arch = AUDIT_ARCH_X86_64;
    EXPECT_NE(verdict(program, data), SECCOMP_RET_ERRNO | ENOSYS) << action;
  }
}

// A rule that repeats the default still names its system call.
TEST(SeccompStub, RedundantRulesCount) {
  oci::Seccomp profile =
      profile_with({entry({"read"}, "ALLOW"), entry({"openat2"}, "ERRNO", {}, EPERM)});
  profile.default_errno_ret = EPERM;
  seccomp_data data{};
  data.nr = 437;
  data.arch = AUDIT_ARCH_X86_64;
  EXPECT_EQ(verdict(ours(profile), data), SECCOMP_RET_ERRNO | EPERM);
}

}  // namespace
