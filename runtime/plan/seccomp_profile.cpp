// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/seccomp_profile.hpp"

#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "runtime/plan/paths.hpp"
#include "runtime/plan/seccomp.hpp"

namespace plan {
namespace {

struct Action {
  std::string_view word;
  std::uint32_t verdict;
  std::uint32_t highest_data;  // 0: carries none
};
constexpr Action kActions[] = {
    {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, 0},
    {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, 4095},  // the kernel's MAX_ERRNO
    {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, 0},
    {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, 0},
    {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, 0},
    {"SCMP_ACT_LOG", SECCOMP_RET_LOG, 0},
    {"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF, 0},
    {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE, 0xffff},
    {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP, 0},
};

struct Operator {
  std::string_view word;
  Comparison comparison;
};
constexpr Operator kOperators[] = {
    {"SCMP_CMP_EQ", Comparison::kEqual},    {"SCMP_CMP_GE", Comparison::kGreaterOrEqual},
    {"SCMP_CMP_GT", Comparison::kGreater},  {"SCMP_CMP_LE", Comparison::kLessOrEqual},
    {"SCMP_CMP_LT", Comparison::kLess},     {"SCMP_CMP_MASKED_EQ", Comparison::kMasked},
    {"SCMP_CMP_NE", Comparison::kNotEqual},
};

constexpr std::array<std::string_view, 22> kArchitectures = {
    "SCMP_ARCH_AARCH64",  "SCMP_ARCH_ARM",         "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",
    "SCMP_ARCH_MIPS",     "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32",   "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC",      "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_PPC",      "SCMP_ARCH_PPC64",       "SCMP_ARCH_PPC64LE",     "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390",     "SCMP_ARCH_S390X",       "SCMP_ARCH_SH",          "SCMP_ARCH_X32",
    "SCMP_ARCH_X86",      "SCMP_ARCH_X86_64"};
constexpr std::string_view kBigEndianSh = "SCMP_ARCH_SHEB";
constexpr std::string_view kNativeWord = "SCMP_ARCH_NATIVE";

struct Flag {
  std::string_view word;
  std::uint32_t bit;
};
// TSYNC is for programs of several threads; toyrun installs the filter in its only one.
constexpr Flag kFlags[] = {
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_TSYNC", 0},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};

template <typename Table>
auto find_word(const Table& table, std::string_view word, const std::string& pointer) {
  const auto found = std::ranges::find_if(table, [&](const auto& row) { return row.word == word; });
  if (found == std::end(table)) throw Error(sentence(pointer, ": unknown value \"", word, "\""));
  return found;
}

template <typename Table>
std::vector<std::string> words_of(const Table& table) {
  std::vector<std::string> words;
  for (const auto& row : table) words.emplace_back(row.word);
  return words;
}

std::uint32_t read_verdict(const std::string& word, const std::optional<std::uint32_t>& data,
                           const std::string& action_pointer, const std::string& data_pointer) {
  const auto action = find_word(kActions, word, action_pointer);
  if (action->highest_data == 0) {
    if (data) throw Error(sentence(data_pointer, ": ", word, " carries no error number"));
    return action->verdict;
  }
  const std::uint32_t value = data.value_or(EPERM);
  if (value > action->highest_data) {
    throw Error(sentence(data_pointer, ": ", value, " is above ", action->highest_data));
  }
  return action->verdict | value;
}

ArgumentTest read_test(const oci::SeccompArg& asked, const std::string& pointer) {
  if (asked.index > 5) throw Error(pointer + "/index: a system call has arguments 0 to 5");
  ArgumentTest test{.index = asked.index,
                    .comparison = find_word(kOperators, asked.op, pointer + "/op")->comparison,
                    .value = asked.value};
  if (test.comparison == Comparison::kMasked) {
    test.mask = asked.value;
    test.value = asked.value_two.value_or(0);
  }
  return test;
}

ProfileEntry read_entry(const oci::SeccompSyscall& asked, std::size_t index) {
  const std::string pointer = sentence("/linux/seccomp/syscalls/", index);
  if (asked.names.empty()) throw Error(pointer + "/names: needs at least one entry");
  ProfileEntry entry{.names = &asked.names,
                     .verdict = read_verdict(asked.action, asked.errno_ret, pointer + "/action",
                                             pointer + "/errnoRet")};
  for (std::size_t i = 0; i < asked.args.size(); ++i) {
    entry.tests.push_back(read_test(asked.args[i], sentence(pointer, "/args/", i)));
  }
  return entry;
}

std::uint32_t read_flags(const std::optional<std::vector<std::string>>& words) {
  // runc: no list at all asks for speed, an empty one for nothing.
  if (!words) return SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  std::uint32_t flags = 0;
  for (std::size_t i = 0; i < words->size(); ++i) {
    flags |= find_word(kFlags, (*words)[i], sentence("/linux/seccomp/flags/", i))->bit;
  }
  return flags;
}

void check_architectures(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (std::ranges::binary_search(kArchitectures, std::string_view(words[i]))) continue;
    if (words[i] == kBigEndianSh || words[i] == kNativeWord) continue;
    throw Error(sentence("/linux/seccomp/architectures/", i, ": unknown value \"", words[i], "\""));
  }
}

// init itself tells its parent the listener's number with write(2): nobody would answer for it.
void check_notify(const oci::Seccomp& seccomp, Profile& profile) {
  if (profile.default_verdict == SECCOMP_RET_USER_NOTIF) {
    throw Error("/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY cannot be used as default action");
  }
  for (std::size_t i = 0; i < profile.entries.size(); ++i) {
    const ProfileEntry& entry = profile.entries[i];
    if (entry.verdict != SECCOMP_RET_USER_NOTIF) continue;
    profile.notify = true;
    if (std::ranges::find(*entry.names, "write") != entry.names->end()) {
      throw Error(sentence("/linux/seccomp/syscalls/", i,
                           ": SCMP_ACT_NOTIFY cannot be used for the write syscall"));
    }
  }
  const std::string path = seccomp.listener_path.value_or("");
  refuse_nul(path, "/linux/seccomp/listenerPath");
  if (path.empty() && !seccomp.listener_metadata.value_or("").empty()) {
    throw Error("/linux/seccomp/listenerMetadata: needs listenerPath");
  }
  if (path.empty() && profile.notify) {
    throw Error("/linux/seccomp/listenerPath: is required with SCMP_ACT_NOTIFY");
  }
}

}  // namespace

Profile read_profile(const oci::Seccomp& seccomp) {
  Profile profile;
  profile.default_verdict =
      read_verdict(seccomp.default_action, seccomp.default_errno_ret,
                   "/linux/seccomp/defaultAction", "/linux/seccomp/defaultErrnoRet");
  profile.flags = read_flags(seccomp.flags);
  check_architectures(seccomp.architectures);
  profile.architectures = &seccomp.architectures;
  for (std::size_t i = 0; i < seccomp.syscalls.size(); ++i) {
    profile.entries.push_back(read_entry(seccomp.syscalls[i], i));
  }
  check_notify(seccomp, profile);
  // The kernel refuses it without a listener, and then there is nothing to wait for.
  if (!profile.notify) profile.flags &= ~std::uint32_t{SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV};
  // Programs take ENOSYS of a system call newer than the profile as "use the old one", and EPERM as
  // failure (runc #2151). Pointless where the default lets calls pass or says ENOSYS itself.
  const std::uint32_t action = profile.default_verdict & SECCOMP_RET_ACTION_FULL;
  const bool passes =
      action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG || action == SECCOMP_RET_TRACE;
  profile.newer_get_enosys =
      !passes && seccomp.default_errno_ret != std::optional<std::uint32_t>(ENOSYS);
  return profile;
}

std::string describe_verdict(std::uint32_t verdict) {
  for (const Action& action : kActions) {
    if ((verdict & SECCOMP_RET_ACTION_FULL) != action.verdict) continue;
    const std::string_view word = action.word.substr(9);
    if (action.highest_data == 0) return std::string(word);
    return sentence(word, "(", verdict & SECCOMP_RET_DATA, ")");
  }
  return sentence(verdict);
}

std::vector<std::string> known_seccomp_actions() { return words_of(kActions); }
std::vector<std::string> known_seccomp_operators() { return words_of(kOperators); }
std::vector<std::string> known_seccomp_flags() { return words_of(kFlags); }

std::vector<std::string> known_seccomp_architectures() {
  std::vector<std::string> words(kArchitectures.begin(), kArchitectures.end());
  words.insert(std::ranges::find(words, "SCMP_ARCH_X32"), std::string(kBigEndianSh));
  return words;
}

}  // namespace plan
