// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/device_filter.hpp"

#include <linux/bpf.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "bundle-spec/error.hpp"

namespace plan {
namespace {

DeviceAccess allow_rule(char type, std::int64_t major, std::int64_t minor) {
  return {.type = type,
          .major = major,
          .minor = minor,
          .read = true,
          .write = true,
          .mknod = true,
          .allow = true};
}

// What every container gets (runtime.md 3.6): any node may be made, and the default devices,
// terminals and tun used.
std::vector<DeviceAccess> default_rules() {
  std::vector<DeviceAccess> rules;
  for (const char type : {'c', 'b'}) {
    rules.push_back({.type = type, .major = -1, .minor = -1, .mknod = true, .allow = true});
  }
  for (const std::int64_t minor : {3, 8, 7}) rules.push_back(allow_rule('c', 1, minor));
  rules.push_back(allow_rule('c', 5, 0));
  for (const std::int64_t minor : {5, 9}) rules.push_back(allow_rule('c', 1, minor));
  rules.push_back(allow_rule('c', 136, -1));
  rules.push_back(allow_rule('c', 5, 2));
  rules.push_back(allow_rule('c', 10, 200));
  return rules;
}

std::int64_t read_number(const std::optional<std::int64_t>& number, const std::string& pointer) {
  const std::int64_t value = number.value_or(-1);
  if (value < -1 || value > std::numeric_limits<std::int32_t>::max()) {
    throw Error(sentence(pointer, ": ", value, " is no device number"));
  }
  return value;
}

DeviceAccess read_rule(const oci::DeviceRule& asked, const std::string& pointer) {
  DeviceAccess rule;
  const std::string type = asked.type.value_or("a");
  if (type == "a" || type.empty()) {
    rule.type = 'a';
  } else if (type == "b" || type == "c" || type == "u") {
    rule.type = type == "b" ? 'b' : 'c';
  } else {
    throw Error(
        sentence(pointer, "/type: \"", type, "\" is no device type for a rule; use a, b or c"));
  }
  rule.major = read_number(asked.major, pointer + "/major");
  rule.minor = read_number(asked.minor, pointer + "/minor");
  const std::string access = asked.access.value_or("");
  if (access.empty())
    throw Error(pointer + "/access: device access cannot be empty; use letters of rwm");
  for (const char letter : access) {
    if (letter != 'r' && letter != 'w' && letter != 'm') {
      throw Error(
          sentence(pointer, "/access: \"", access, "\" holds more than the letters r, w and m"));
    }
    rule.read = rule.read || letter == 'r';
    rule.write = rule.write || letter == 'w';
    rule.mknod = rule.mknod || letter == 'm';
  }
  rule.allow = asked.allow;
  return rule;
}

bool same_device(const DeviceAccess& one, const DeviceAccess& other) {
  return one.type == other.type && one.major == other.major && one.minor == other.minor;
}

bool overlaps(const DeviceAccess& one, const DeviceAccess& other) {
  return (one.read && other.read) || (one.write && other.write) || (one.mknod && other.mknod);
}

/// The model of the v1 controller: a default, and exceptions from it of the opposite kind.
class Emulator {
 public:
  void apply(const DeviceAccess& rule, const std::string& pointer) {
    if (rule.type == 'a') {
      default_allow_ = rule.allow;
      exceptions_.clear();
    } else if (rule.allow == default_allow_) {
      remove(rule, pointer);
    } else {
      add(rule);
    }
  }

  std::vector<DeviceAccess> rules() const {
    DeviceAccess base = allow_rule('a', -1, -1);
    base.allow = default_allow_;
    std::vector<DeviceAccess> rules = {base};
    rules.insert(rules.end(), exceptions_.begin(), exceptions_.end());
    return rules;
  }

 private:
  void add(const DeviceAccess& rule) {
    for (DeviceAccess& known : exceptions_) {
      if (!same_device(known, rule)) continue;
      known.read = known.read || rule.read;
      known.write = known.write || rule.write;
      known.mknod = known.mknod || rule.mknod;
      return;
    }
    exceptions_.push_back(rule);
  }

  // The kernel silently ignores the removal of a part of a wildcard exception. Like runc, say so
  // instead of leaving a device reachable that the config denies.
  void remove(const DeviceAccess& rule, const std::string& pointer) {
    for (DeviceAccess& known : exceptions_) {
      if (same_device(known, rule)) {
        known.read = known.read && !rule.read;
        known.write = known.write && !rule.write;
        known.mknod = known.mknod && !rule.mknod;
      } else if (wider(known, rule) && overlaps(known, rule)) {
        throw Error(sentence(pointer, ": cannot take ", describe(rule), " out of the wider rule ",
                             describe(known)));
      }
    }
    std::erase_if(exceptions_, [](const DeviceAccess& known) {
      return !known.read && !known.write && !known.mknod;
    });
  }

  static bool wider(const DeviceAccess& known, const DeviceAccess& rule) {
    return known.type == rule.type && (known.major == -1 || known.major == rule.major) &&
           (known.minor == -1 || known.minor == rule.minor);
  }

  bool default_allow_ = false;
  std::vector<DeviceAccess> exceptions_;
};

std::string access_letters(const DeviceAccess& rule) {
  std::string letters;
  if (rule.read) letters += 'r';
  if (rule.write) letters += 'w';
  if (rule.mknod) letters += 'm';
  return letters;
}

std::string number_or_any(std::int64_t number) { return number == -1 ? "*" : sentence(number); }

std::string device_line(const DeviceAccess& rule) {
  if (rule.type == 'a') return "a";
  return sentence(rule.type, " ", number_or_any(rule.major), ":", number_or_any(rule.minor), " ",
                  access_letters(rule));
}

// Registers of the program. R1 holds the context at entry and serves as scratch afterwards.
constexpr std::uint8_t kVerdict = BPF_REG_0, kScratch = BPF_REG_1, kType = BPF_REG_2,
                       kAccess = BPF_REG_3, kMajor = BPF_REG_4, kMinor = BPF_REG_5;

BpfInstruction instruction(int code, std::uint8_t destination, std::uint8_t source,
                           std::int16_t offset, std::int32_t immediate) {
  return {.code = static_cast<std::uint8_t>(code),
          .registers = static_cast<std::uint8_t>(source << 4 | destination),
          .offset = offset,
          .immediate = immediate};
}

BpfInstruction jump_unless_equal(std::uint8_t reg, std::int64_t value) {
  return instruction(BPF_JMP | BPF_JNE | BPF_K, reg, 0, 0, static_cast<std::int32_t>(value));
}

std::int32_t access_bits(const DeviceAccess& rule) {
  return (rule.read ? BPF_DEVCG_ACC_READ : 0) | (rule.write ? BPF_DEVCG_ACC_WRITE : 0) |
         (rule.mknod ? BPF_DEVCG_ACC_MKNOD : 0);
}

// linux/bpf.h, struct bpf_cgroup_dev_ctx: access_type holds the type in its low half and the access
// in its high half. Plain 32-bit loads: the verifier of older kernels rejects narrower ones here.
std::vector<BpfInstruction> load_context() {
  return {
      instruction(BPF_LDX | BPF_MEM | BPF_W, kType, kScratch, 0, 0),
      instruction(BPF_ALU | BPF_MOV | BPF_X, kAccess, kType, 0, 0),
      instruction(BPF_ALU | BPF_AND | BPF_K, kType, 0, 0, 0xffff),
      instruction(BPF_ALU | BPF_RSH | BPF_K, kAccess, 0, 0, 16),
      instruction(BPF_LDX | BPF_MEM | BPF_W, kMajor, kScratch, 4, 0),
      instruction(BPF_LDX | BPF_MEM | BPF_W, kMinor, kScratch, 8, 0),
  };
}

void append_verdict(std::vector<BpfInstruction>& program, bool allow) {
  program.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, kVerdict, 0, 0, allow ? 1 : 0));
  program.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

// An allowing rule must grant all of the access asked for; a denying one needs to hit any part of
// it.
void append_access_test(std::vector<BpfInstruction>& block, const DeviceAccess& rule) {
  const std::int32_t bits = access_bits(rule);
  if (rule.allow && rule.read && rule.write && rule.mknod) return;
  block.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, kScratch, kAccess, 0, 0));
  block.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, kScratch, 0, 0, bits));
  if (rule.allow) {
    block.push_back(instruction(BPF_JMP | BPF_JNE | BPF_X, kScratch, kAccess, 0, 0));
  } else {
    block.push_back(instruction(BPF_JMP | BPF_JEQ | BPF_K, kScratch, 0, 0, 0));
  }
}

std::vector<BpfInstruction> rule_block(const DeviceAccess& rule) {
  std::vector<BpfInstruction> block;
  block.push_back(
      jump_unless_equal(kType, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR));
  append_access_test(block, rule);
  if (rule.major != -1) block.push_back(jump_unless_equal(kMajor, rule.major));
  if (rule.minor != -1) block.push_back(jump_unless_equal(kMinor, rule.minor));
  append_verdict(block, rule.allow);
  // Every test that fails goes to the rule after this one.
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool test = (block[i].code & 0x07) == BPF_JMP && block[i].code != (BPF_JMP | BPF_EXIT);
    if (test) block[i].offset = static_cast<std::int16_t>(block.size() - i - 1);
  }
  return block;
}

}  // namespace

std::vector<DeviceAccess> effective_device_rules(const std::vector<oci::DeviceRule>& rules) {
  Emulator emulator;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string pointer = sentence("/linux/resources/devices/", i);
    emulator.apply(read_rule(rules[i], pointer), pointer);
  }
  for (const DeviceAccess& rule : default_rules()) emulator.apply(rule, "default devices");
  return emulator.rules();
}

DeviceProgram device_program(const std::vector<oci::DeviceRule>& rules) {
  DeviceProgram program;
  program.rules = effective_device_rules(rules);
  program.instructions = load_context();
  for (auto rule = program.rules.rbegin(); rule != program.rules.rend(); ++rule) {
    if (rule->type == 'a') {
      append_verdict(program.instructions, rule->allow);
    } else {
      const std::vector<BpfInstruction> block = rule_block(*rule);
      program.instructions.insert(program.instructions.end(), block.begin(), block.end());
    }
  }
  return program;
}

std::vector<DeviceLine> device_lines(const std::vector<oci::DeviceRule>& rules) {
  std::vector<DeviceLine> lines;
  for (const DeviceAccess& rule : effective_device_rules(rules)) {
    lines.push_back({.allow = rule.allow, .line = device_line(rule)});
  }
  return lines;
}

std::string describe(const DeviceAccess& rule) {
  const std::string_view verb = rule.allow ? "allow " : "deny ";
  if (rule.type == 'a') return sentence(verb, "all devices");
  return sentence(verb, device_line(rule));
}

}  // namespace plan
