// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/seccomp_program.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

namespace plan {
namespace {

/// A place in the program, counted from its end: jumps of classic BPF go forward only, so the
/// program is written backwards and every target is known when a jump to it is written.
using Label = std::size_t;

struct Targets {
  Label yes, no;
};

class Writer {
 public:
  Label load(std::uint32_t offset) { return push(BPF_LD | BPF_W | BPF_ABS, offset); }
  Label mask(std::uint32_t bits) { return push(BPF_ALU | BPF_AND | BPF_K, bits); }

  Label verdict(std::uint32_t value) {
    for (auto& [known, label] : verdicts_) {
      if (known != value) continue;
      if (!is_near(label)) label = push(BPF_RET | BPF_K, value);
      return label;
    }
    verdicts_.emplace_back(value, push(BPF_RET | BPF_K, value));
    return verdicts_.back().second;
  }

  Label jump(std::uint16_t test, std::uint32_t value, Targets targets) {
    if (targets.yes == targets.no) return targets.yes;
    targets.yes = bring_near(targets.yes);
    targets.no = bring_near(targets.no);
    const Label here = code_.size();
    code_.push_back({.code = static_cast<std::uint16_t>(BPF_JMP | test | BPF_K),
                     .jump_true = static_cast<std::uint8_t>(here - targets.yes - 1),
                     .jump_false = static_cast<std::uint8_t>(here - targets.no - 1),
                     .k = value});
    return here;
  }

  /// Makes the next instruction the one before `target`, for code that falls through to it.
  void continue_at(Label target) {
    if (target + 1 == code_.size()) return;
    if (is_verdict(target)) {
      code_.push_back(FilterInstruction(code_[target]));
    } else {
      push(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(code_.size() - target - 1));
    }
  }

  std::vector<FilterInstruction> take() {
    std::ranges::reverse(code_);
    return std::move(code_);
  }

 private:
  Label push(std::uint16_t code, std::uint32_t k) {
    code_.push_back({.code = code, .jump_true = 0, .jump_false = 0, .k = k});
    return code_.size() - 1;
  }
  // The offsets of a conditional jump have eight bits; two stay free for what bring_near may put
  // between.
  bool is_near(Label label) const { return code_.size() - label - 1 <= 253; }
  bool is_verdict(Label label) const { return code_[label].code == (BPF_RET | BPF_K); }

  Label bring_near(Label label) {
    if (is_near(label)) return label;
    if (is_verdict(label)) return verdict(code_[label].k);
    return push(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(code_.size() - label - 1));
  }

  std::vector<FilterInstruction> code_;  // last instruction first
  std::vector<std::pair<std::uint32_t, Label>> verdicts_;
};

std::uint32_t low_half(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint32_t high_half(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

std::uint32_t argument_offset(std::uint32_t index) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args)) + 8 * index;
}

// seccomp_data is in the machine's byte order; all supported architectures are little-endian.
Label load_low(const ArgumentTest& test, Label next, Writer& writer) {
  writer.continue_at(next);
  return writer.load(argument_offset(test.index));
}
Label load_high(const ArgumentTest& test, Label next, Writer& writer) {
  writer.continue_at(next);
  return writer.load(argument_offset(test.index) + 4);
}

Label write_equal(const ArgumentTest& test, bool is_64_bit, Targets targets, Writer& writer) {
  Label next = writer.jump(BPF_JEQ, low_half(test.value), targets);
  next = load_low(test, next, writer);
  if (!is_64_bit) return next;
  next = writer.jump(BPF_JEQ, high_half(test.value), {.yes = next, .no = targets.no});
  return load_high(test, next, writer);
}

Label write_masked(const ArgumentTest& test, bool is_64_bit, Targets targets, Writer& writer) {
  Label next = writer.jump(BPF_JEQ, low_half(test.value), targets);
  writer.continue_at(next);
  next = load_low(test, writer.mask(low_half(test.mask)), writer);
  if (!is_64_bit || (high_half(test.mask) == 0 && high_half(test.value) == 0)) return next;
  next = writer.jump(BPF_JEQ, high_half(test.value), {.yes = next, .no = targets.no});
  writer.continue_at(next);
  return load_high(test, writer.mask(high_half(test.mask)), writer);
}

// `low_test` is BPF_JGT or BPF_JGE: above in the high half decides, equal there leaves it to the
// low half.
Label write_above(const ArgumentTest& test, std::uint16_t low_test, bool is_64_bit, Targets targets,
                  Writer& writer) {
  Label next = writer.jump(low_test, low_half(test.value), targets);
  next = load_low(test, next, writer);
  if (!is_64_bit) return next;
  next = writer.jump(BPF_JEQ, high_half(test.value), {.yes = next, .no = targets.no});
  next = writer.jump(BPF_JGT, high_half(test.value), {.yes = targets.yes, .no = next});
  return load_high(test, next, writer);
}

Label write_test(const ArgumentTest& test, bool is_64_bit, Targets targets, Writer& writer) {
  const Targets reversed = {.yes = targets.no, .no = targets.yes};
  switch (test.comparison) {
    case Comparison::kEqual:
      return write_equal(test, is_64_bit, targets, writer);
    case Comparison::kNotEqual:
      return write_equal(test, is_64_bit, reversed, writer);
    case Comparison::kMasked:
      return write_masked(test, is_64_bit, targets, writer);
    case Comparison::kGreater:
      return write_above(test, BPF_JGT, is_64_bit, targets, writer);
    case Comparison::kGreaterOrEqual:
      return write_above(test, BPF_JGE, is_64_bit, targets, writer);
    case Comparison::kLess:
      return write_above(test, BPF_JGE, is_64_bit, reversed, writer);
    case Comparison::kLessOrEqual:
      break;
  }
  return write_above(test, BPF_JGT, is_64_bit, reversed, writer);
}

Label write_leaf(const FilterLeaf& leaf, Writer& writer) {
  Label next = writer.verdict(leaf.verdict);
  for (auto rule = leaf.rules.rbegin(); rule != leaf.rules.rend(); ++rule) {
    const Label otherwise = next;
    next = writer.verdict(rule->verdict);
    for (auto test = rule->tests.rbegin(); test != rule->tests.rend(); ++test) {
      next = write_test(*test, leaf.is_64_bit, {.yes = next, .no = otherwise}, writer);
    }
  }
  return next;
}

Label write_tree(std::span<const FilterRange> ranges, Writer& writer) {
  if (ranges.size() == 1) return write_leaf(ranges[0].leaf, writer);
  const std::size_t middle = ranges.size() / 2;
  const Label upper = write_tree(ranges.subspan(middle), writer);
  const Label lower = write_tree(ranges.first(middle), writer);
  return writer.jump(BPF_JGE, ranges[middle].first, {.yes = upper, .no = lower});
}

std::vector<FilterRange> merge_equal(const std::vector<FilterRange>& ranges) {
  std::vector<FilterRange> merged;
  for (const FilterRange& range : ranges) {
    if (merged.empty() || merged.back().leaf != range.leaf) merged.push_back(range);
  }
  return merged;
}

Label write_section(const FilterSection& section, Writer& writer) {
  const std::vector<FilterRange> ranges = merge_equal(section.ranges);
  writer.continue_at(write_tree(ranges, writer));
  return writer.load(offsetof(seccomp_data, nr));
}

}  // namespace

std::vector<FilterInstruction> filter_program(const std::vector<FilterSection>& sections,
                                              std::uint32_t foreign_verdict) {
  Writer writer;
  std::vector<Label> starts(sections.size());
  for (std::size_t i = sections.size(); i-- > 0;) starts[i] = write_section(sections[i], writer);
  Label next = writer.verdict(foreign_verdict);
  for (std::size_t i = sections.size(); i-- > 0;) {
    next = writer.jump(BPF_JEQ, sections[i].audit_architecture, {.yes = starts[i], .no = next});
  }
  writer.continue_at(next);
  writer.load(offsetof(seccomp_data, arch));
  return writer.take();
}

}  // namespace plan
