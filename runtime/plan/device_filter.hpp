// SPDX-License-Identifier: Apache-2.0
// Device rules → lines for the v1 devices controller, or a BPF program for v2. Pure. Starts from
// deny; runc's default devices are allowed after the config's rules (runtime.md 3.6).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"

namespace plan {

/// One effective rule after emulation. type 'a', 'b' or 'c'; -1 is "any".
struct DeviceAccess {
  char type = 'a';
  std::int64_t major = -1, minor = -1;
  bool read = false, write = false, mknod = false;
  bool allow = false;
  bool operator==(const DeviceAccess&) const = default;
};

/// struct bpf_insn as plain data (linux/bpf.h has the meaning).
struct BpfInstruction {
  std::uint8_t code = 0;
  std::uint8_t registers = 0;  // dst in the low, src in the high four bits
  std::int16_t offset = 0;
  std::int32_t immediate = 0;
  bool operator==(const BpfInstruction&) const = default;
};

struct DeviceProgram {
  std::vector<DeviceAccess> rules;  // what it does, for --explain
  std::vector<BpfInstruction> instructions;
  bool operator==(const DeviceProgram&) const = default;
};

/// The config's rules in order, then the defaults; a rule of type "a" resets the list. Throws Error
/// on an empty access.
std::vector<DeviceAccess> effective_device_rules(const std::vector<oci::DeviceRule>& rules);
DeviceProgram device_program(const std::vector<oci::DeviceRule>& rules);
/// Pairs of file ("devices.deny"/"devices.allow") and line ("c 1:3 rwm").
struct DeviceLine {
  bool allow = false;
  std::string line;
  bool operator==(const DeviceLine&) const = default;
};
std::vector<DeviceLine> device_lines(const std::vector<oci::DeviceRule>& rules);
std::string describe(const DeviceAccess& rule);

}  // namespace plan
