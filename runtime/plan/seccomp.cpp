// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/seccomp.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cerrno>
#include <compare>
#include <string>
#include <utility>

#include "bundle-spec/error.hpp"
#include "runtime/plan/paths.hpp"
#include "runtime/plan/seccomp_profile.hpp"
#include "runtime/plan/seccomp_program.hpp"
#include "runtime/plan/syscall_table.hpp"

namespace plan {
namespace {

constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

/// One rule under one number. Rules are numbered in the profile's order.
struct NumberedRule {
  std::uint32_t number;
  std::size_t rule;
  auto operator<=>(const NumberedRule&) const = default;
};

/// All that is known of one architecture: which rules its numbers have and the highest number
/// named.
struct ArchitectureRules {
  const Architecture* architecture = nullptr;
  std::vector<NumberedRule> numbered = {};
  std::int64_t highest = -1;
};

// socketcall's or ipc's first argument says which call is meant, and takes the place of the call's
// own one, as in libseccomp.
FilterRule multiplexed(const FilterRule& rule, std::int16_t call) {
  FilterRule changed = rule;
  std::erase_if(changed.tests, [](const ArgumentTest& test) { return test.index == 0; });
  changed.tests.insert(
      changed.tests.begin(),
      {.index = 0, .comparison = Comparison::kEqual, .value = static_cast<std::uint64_t>(call)});
  return changed;
}

void add_rule(const SyscallRow& row, std::size_t rule, std::vector<FilterRule>& rules,
              std::vector<ArchitectureRules>& architectures) {
  const std::span<const Architecture> all = syscall_architectures();
  for (ArchitectureRules& one : architectures) {
    const auto index = static_cast<std::size_t>(one.architecture - all.data());
    if (index == kMultiplexedArchitecture && row.multiplexer >= 0) {
      rules.push_back(multiplexed(rules[rule], row.call));
      one.numbered.push_back({static_cast<std::uint32_t>(row.multiplexer), rules.size() - 1});
    }
    if (row.numbers[index] >= 0) {
      one.numbered.push_back({static_cast<std::uint32_t>(row.numbers[index]), rule});
    }
  }
}

void note_highest(const SyscallRow& row, std::vector<ArchitectureRules>& architectures) {
  const std::span<const Architecture> all = syscall_architectures();
  for (ArchitectureRules& one : architectures) {
    const auto index = static_cast<std::size_t>(one.architecture - all.data());
    one.highest = std::max<std::int64_t>(one.highest, row.numbers[index]);
  }
}

// libseccomp cannot AND two tests of one argument; runc makes such an entry several rules, and
// engines rely on that.
bool tests_an_argument_twice(const std::vector<ArgumentTest>& tests) {
  unsigned seen = 0;
  for (const ArgumentTest& test : tests) {
    if ((seen >> test.index & 1) != 0) return true;
    seen |= 1U << test.index;
  }
  return false;
}

std::vector<FilterRule> rules_of_entry(const ProfileEntry& entry) {
  if (!tests_an_argument_twice(entry.tests))
    return {{.tests = entry.tests, .verdict = entry.verdict}};
  std::vector<FilterRule> rules;
  for (const ArgumentTest& test : entry.tests) {
    rules.push_back({.tests = {test}, .verdict = entry.verdict});
  }
  return rules;
}

/// Rules are shared by the numbers that point to them.
struct Collection {
  std::vector<FilterRule> rules;
  std::vector<ArchitectureRules> architectures;
};

void collect_entry(const ProfileEntry& entry, std::uint32_t default_verdict, Collection& all) {
  const std::vector<FilterRule> own_rules = rules_of_entry(entry);
  const std::size_t first = all.rules.size();
  all.rules.insert(all.rules.end(), own_rules.begin(), own_rules.end());
  for (const std::string& name : *entry.names) {
    const SyscallRow* row = find_syscall(name);
    if (row == nullptr) continue;  // unknown to this build: as runc and crun do
    note_highest(*row, all.architectures);
    if (entry.verdict == default_verdict) continue;  // says what holds anyway
    for (std::size_t i = 0; i < own_rules.size(); ++i) {
      add_rule(*row, first + i, all.rules, all.architectures);
    }
  }
}

// libseccomp's rule: the first rule without tests is the system call's verdict, whatever else there
// is.
FilterLeaf leaf_of(std::span<const NumberedRule> numbered, const Collection& all, bool is_64_bit,
                   std::uint32_t default_verdict) {
  FilterLeaf leaf{.verdict = default_verdict, .rules = {}, .is_64_bit = is_64_bit};
  for (const NumberedRule& one : numbered) {
    const FilterRule& rule = all.rules[one.rule];
    if (rule.tests.empty()) return {.verdict = rule.verdict};
    if (std::ranges::find(leaf.rules, rule) == leaf.rules.end()) leaf.rules.push_back(rule);
  }
  return leaf;
}

/// The numbers of one architecture from `base` on, the gaps filled with the default.
void append_ranges(ArchitectureRules& rules, const Collection& all, const Profile& profile,
                   std::vector<FilterRange>& ranges) {
  const std::uint32_t base = rules.architecture->number_bit;
  std::ranges::sort(rules.numbered);
  std::uint32_t next = 0;
  const std::span<const NumberedRule> numbered = rules.numbered;
  for (std::size_t i = 0; i < numbered.size();) {
    std::size_t end = i;
    while (end < numbered.size() && numbered[end].number == numbered[i].number) ++end;
    const std::uint32_t number = numbered[i].number;
    if (number > next)
      ranges.push_back({.first = base + next, .leaf = {.verdict = profile.default_verdict}});
    ranges.push_back({.first = base + number,
                      .leaf = leaf_of(numbered.subspan(i, end - i), all,
                                      rules.architecture->is_64_bit, profile.default_verdict)});
    next = number + 1;
    i = end;
  }
  const auto newer = static_cast<std::uint32_t>(rules.highest + 1);
  const bool hide_newer = profile.newer_get_enosys && rules.highest >= 0;
  if (!hide_newer || newer > next) {
    ranges.push_back({.first = base + next, .leaf = {.verdict = profile.default_verdict}});
  }
  if (hide_newer) ranges.push_back({.first = base + newer, .leaf = {.verdict = kEnosys}});
}

// What libseccomp does with x32 numbers that nobody listed; -1 is a system call that a tracer took
// away (seccomp(2)).
void append_unlisted_x32(const Profile& profile, std::vector<FilterRange>& ranges) {
  constexpr std::uint32_t kX32Bit = 0x40000000;
  constexpr std::uint32_t kTakenAway = 0xffffffff;
  if (ranges.back().leaf.verdict == kEnosys && profile.newer_get_enosys) return;
  ranges.push_back({.first = kX32Bit, .leaf = {.verdict = SECCOMP_RET_KILL_THREAD}});
  ranges.push_back({.first = kTakenAway, .leaf = {.verdict = profile.default_verdict}});
}

bool has_x32_kin(const Architecture& architecture) {
  return std::ranges::any_of(syscall_architectures(), [&](const Architecture& other) {
    return other.audit == architecture.audit && other.number_bit != architecture.number_bit;
  });
}

// Architectures that share an audit value share a section: x86_64, then x32 from its bit on.
std::vector<FilterSection> make_sections(Collection& all, const Profile& profile) {
  std::vector<FilterSection> sections;
  for (ArchitectureRules& rules : all.architectures) {
    const std::uint32_t audit = rules.architecture->audit;
    auto section = std::ranges::find(sections, audit, &FilterSection::audit_architecture);
    if (section == sections.end()) {
      section = sections.insert(sections.end(), {.audit_architecture = audit});
    }
    append_ranges(rules, all, profile, section->ranges);
    const auto kin = std::ranges::count_if(all.architectures, [&](const ArchitectureRules& other) {
      return other.architecture->audit == audit;
    });
    if (kin == 1 && has_x32_kin(*rules.architecture)) append_unlisted_x32(profile, section->ranges);
  }
  return sections;
}

std::string summarize(const Profile& profile, const Collection& all,
                      const std::vector<FilterSection>& sections, std::size_t instructions) {
  std::size_t always = 0;
  std::size_t by_arguments = 0;
  for (const FilterRange& range : sections.front().ranges) {
    const bool native =
        range.first < static_cast<std::uint64_t>(all.architectures.front().highest + 1);
    if (!native) break;
    if (!range.leaf.rules.empty()) {
      ++by_arguments;
    } else if (range.leaf.verdict != profile.default_verdict) {
      ++always;
    }
  }
  std::string text =
      sentence("default ", describe_verdict(profile.default_verdict), "; ", always,
               " system calls have another verdict, ", by_arguments, " more by their arguments;");
  for (const ArchitectureRules& one : all.architectures)
    text += sentence(" ", one.architecture->name);
  if (profile.newer_get_enosys) text += "; newer system calls seem not to exist";
  return sentence(text, "; ", instructions, " instructions");
}

std::vector<ArchitectureRules> chosen_architectures(const Profile& profile) {
  std::vector<ArchitectureRules> chosen;
  const std::span<const Architecture> all = syscall_architectures();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool listed =
        std::ranges::find(*profile.architectures, all[i].word) != profile.architectures->end();
    if (i == 0 || listed) chosen.push_back({.architecture = &all[i]});  // the native one is implied
  }
  return chosen;
}

}  // namespace

void refuse_unknown_syscalls(const oci::Seccomp& seccomp) {
  for (std::size_t i = 0; i < seccomp.syscalls.size(); ++i) {
    const std::vector<std::string>& names = seccomp.syscalls[i].names;
    for (std::size_t j = 0; j < names.size(); ++j) {
      if (find_syscall(names[j]) == nullptr) {
        throw Error(sentence("/linux/seccomp/syscalls/", i, "/names/", j,
                             ": unknown system call \"", names[j], "\""));
      }
    }
  }
}

SeccompPlan plan_seccomp(const oci::Seccomp& seccomp) {
  const Profile profile = read_profile(seccomp);
  Collection all{.rules = {}, .architectures = chosen_architectures(profile)};
  for (const ProfileEntry& entry : profile.entries)
    collect_entry(entry, profile.default_verdict, all);
  const std::vector<FilterSection> sections = make_sections(all, profile);
  SeccompPlan plan;
  plan.program = filter_program(sections, SECCOMP_RET_KILL_THREAD);
  if (plan.program.size() > BPF_MAXINSNS) {
    throw Error(sentence("/linux/seccomp: the filter would have ", plan.program.size(),
                         " instructions, the kernel takes at most ", BPF_MAXINSNS));
  }
  plan.flags = profile.flags;
  plan.notify = profile.notify;
  if (profile.notify) {
    plan.listener_path = seccomp.listener_path.value_or("");
    plan.listener_metadata = seccomp.listener_metadata.value_or("");
  }
  plan.summary = summarize(profile, all, sections, plan.program.size());
  return plan;
}

}  // namespace plan
