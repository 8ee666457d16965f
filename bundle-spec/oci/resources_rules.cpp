// SPDX-License-Identifier: Apache-2.0
// "linux.resources" and "linux.seccomp": config-linux.md. Rules that need the cgroup version or a
// limit set earlier belong to the plan.
#include "bundle-spec/oci/rules.hpp"

namespace oci {

namespace {

constexpr std::string_view kDeviceRuleTypes[] = {"", "a", "b", "c"};
constexpr std::string_view kPageUnits[] = {"KB", "MB", "GB"};
constexpr std::string_view kActions[] = {
    "SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",  "SCMP_ACT_ERRNO",        "SCMP_ACT_TRACE",
    "SCMP_ACT_ALLOW", "SCMP_ACT_LOG",          "SCMP_ACT_NOTIFY"};
constexpr std::string_view kOperators[] = {"SCMP_CMP_NE",       "SCMP_CMP_LT", "SCMP_CMP_LE",
                                           "SCMP_CMP_EQ",       "SCMP_CMP_GE", "SCMP_CMP_GT",
                                           "SCMP_CMP_MASKED_EQ"};
constexpr std::string_view kArchitectures[] = {
    "SCMP_ARCH_X86",     "SCMP_ARCH_X86_64",   "SCMP_ARCH_X32",         "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS",     "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",   "SCMP_ARCH_PPC64LE",  "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",
    "SCMP_ARCH_PARISC",  "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",     "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",    "SCMP_ARCH_SH",       "SCMP_ARCH_SHEB"};
constexpr std::string_view kFilterFlags[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                                             "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                                             "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
constexpr std::string_view kNotify = "SCMP_ACT_NOTIFY";

void require_limit(const std::optional<std::int64_t>& limit, const Place& at) {
  if (limit && *limit < -1) at.refuse("must be -1 (no limit) or more, is ", *limit);
}

void check_memory(const Memory& memory, const Place& at) {
  require_limit(memory.limit, at / "limit");
  require_limit(memory.reservation, at / "reservation");
  require_limit(memory.swap, at / "swap");
  require_limit(memory.kernel, at / "kernel");
  require_limit(memory.kernel_tcp, at / "kernelTCP");
}

void check_cpu(const Cpu& cpu, const Place& at) {
  if (cpu.cpus) require_number_list(*cpu.cpus, at / "cpus");
  if (cpu.mems) require_number_list(*cpu.mems, at / "mems");
  if (cpu.idle && *cpu.idle != 0 && *cpu.idle != 1)
    (at / "idle").refuse("must be 0 or 1, is ", *cpu.idle);
}

void require_weight(const std::optional<std::uint16_t>& weight, const Place& at) {
  // 0 is what dockerd writes for "not set".
  if (weight.value_or(0) != 0 && (*weight < 10 || *weight > 1000))
    at.refuse("must be from 10 to 1000, is ", *weight);
}

void require_device(std::int64_t major, std::int64_t minor, const Place& at) {
  if (major < 0) (at / "major").refuse("must not be negative");
  if (minor < 0) (at / "minor").refuse("must not be negative");
}

void check_throttles(const std::vector<ThrottleDevice>& devices, const Place& at) {
  for (std::size_t i = 0; i < devices.size(); ++i)
    require_device(devices[i].major, devices[i].minor, at[i]);
}

void check_block_io(const BlockIo& block_io, const Place& at) {
  require_weight(block_io.weight, at / "weight");
  require_weight(block_io.leaf_weight, at / "leafWeight");
  const Place devices = at / "weightDevice";
  for (std::size_t i = 0; i < block_io.weight_device.size(); ++i) {
    const WeightDevice& device = block_io.weight_device[i];
    const Place here = devices[i];
    require_device(device.major, device.minor, here);
    require_weight(device.weight, here / "weight");
    require_weight(device.leaf_weight, here / "leafWeight");
    if (!device.weight && !device.leaf_weight) here.refuse("needs weight or leafWeight");
  }
  check_throttles(block_io.throttle_read_bps_device, at / "throttleReadBpsDevice");
  check_throttles(block_io.throttle_write_bps_device, at / "throttleWriteBpsDevice");
  check_throttles(block_io.throttle_read_iops_device, at / "throttleReadIOPSDevice");
  check_throttles(block_io.throttle_write_iops_device, at / "throttleWriteIOPSDevice");
}

/// "2MB": the part of a hugetlb file's name between the dots.
bool is_page_size(std::string_view size) {
  const std::size_t digits = std::min(size.find_first_not_of("0123456789"), size.size());
  return digits > 0 && size[0] != '0' && is_one_of(size.substr(digits), kPageUnits);
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

/// A word that becomes part of a "name value" line of a cgroup file.
bool is_line_word(std::string_view word) {
  return !word.empty() && std::ranges::none_of(word, [](char letter) {
    return letter == ' ' || (letter >= 9 && letter <= 13);
  });
}

void check_device_rule(const DeviceRule& rule, const Place& at) {
  if (rule.type) require_word(*rule.type, kDeviceRuleTypes, at / "type");
  if (rule.major.value_or(0) < -1) (at / "major").refuse("must not be negative");
  if (rule.minor.value_or(0) < -1) (at / "minor").refuse("must not be negative");
  if (rule.access && rule.access->find_first_not_of("rwm") != std::string::npos)
    (at / "access").refuse("\"", *rule.access, "\" has other letters than r, w and m");
}

void check_keyed_limits(const Resources& resources, const Place& at) {
  const Place rdma = at / "rdma";
  for (const auto& [device, limit] : resources.rdma) {
    if (!is_line_word(device)) (rdma / device).refuse("is not the name of a device");
    if (!limit.hca_handles && !limit.hca_objects)
      (rdma / device).refuse("needs hcaHandles or hcaObjects");
  }
  const Place unified = at / "unified";
  for (const auto& [file, value] : resources.unified)
    if (!is_file_name(file))
      (unified / file).refuse("unified resource \"", file, "\" must be a file name (no slashes)");
}

bool carries_errno(std::string_view action) {
  return action == "SCMP_ACT_ERRNO" || action == "SCMP_ACT_TRACE";
}

void check_errno(std::string_view action, const std::optional<std::uint32_t>& number,
                 const Place& at) {
  if (!number) return;
  if (!carries_errno(action)) at.refuse("is for SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not ", action);
  // seccomp(2): errno is cut at MAX_ERRNO, SECCOMP_RET_DATA has 16 bits.
  const std::uint32_t most = action == "SCMP_ACT_ERRNO" ? 4095 : 65535;
  if (*number > most) at.refuse("must be from 0 to ", most, ", is ", *number);
}

void check_syscall(const SeccompSyscall& syscall, const Seccomp& seccomp, const Place& at) {
  if (syscall.names.empty()) (at / "names").refuse("must not be empty");
  const Place names = at / "names";
  for (std::size_t i = 0; i < syscall.names.size(); ++i)
    if (syscall.names[i].empty()) names[i].refuse("must not be empty");
  require_word(syscall.action, kActions, at / "action");
  check_errno(syscall.action, syscall.errno_ret, at / "errnoRet");
  const Place args = at / "args";
  for (std::size_t i = 0; i < syscall.args.size(); ++i) {
    if (syscall.args[i].index > 5) (args[i] / "index").refuse("a syscall has 6 arguments, 0 to 5");
    require_word(syscall.args[i].op, kOperators, args[i] / "op");
  }
  if (syscall.action != kNotify) return;
  // The runtime itself has to write(2) the descriptor to the listener: it would wait for its own
  // answer.
  if (std::ranges::find(syscall.names, "write") != syscall.names.end())
    at.refuse("SCMP_ACT_NOTIFY cannot be used for the write syscall");
  if (!seccomp.listener_path || seccomp.listener_path->empty())
    at.refuse("SCMP_ACT_NOTIFY needs a listenerPath");
}

}  // namespace

void check_resources_rules(const Resources& resources, const Place& at) {
  if (resources.memory) check_memory(*resources.memory, at / "memory");
  if (resources.cpu) check_cpu(*resources.cpu, at / "cpu");
  if (resources.block_io) check_block_io(*resources.block_io, at / "blockIO");
  const Place pages = at / "hugepageLimits";
  for (std::size_t i = 0; i < resources.hugepage_limits.size(); ++i)
    if (const std::string& size = resources.hugepage_limits[i].page_size; !is_page_size(size))
      (pages[i] / "pageSize").refuse("\"", size, "\" is no size like 2MB");
  if (resources.network) {
    const Place network = at / "network";
    const Place priorities = network / "priorities";
    for (std::size_t i = 0; i < resources.network->priorities.size(); ++i)
      if (!is_line_word(resources.network->priorities[i].name))
        (priorities[i] / "name").refuse("is not the name of a network interface");
  }
  const Place pids = at / "pids";
  if (resources.pids) require_limit(resources.pids->limit, pids / "limit");
  check_keyed_limits(resources, at);
  const Place devices = at / "devices";
  for (std::size_t i = 0; i < resources.devices.size(); ++i)
    check_device_rule(resources.devices[i], devices[i]);
}

void check_seccomp_rules(const Seccomp& seccomp, const Place& at) {
  require_word(seccomp.default_action, kActions, at / "defaultAction");
  if (seccomp.default_action == kNotify)
    (at / "defaultAction").refuse("SCMP_ACT_NOTIFY cannot be used as default action");
  check_errno(seccomp.default_action, seccomp.default_errno_ret, at / "defaultErrnoRet");
  require_words(seccomp.architectures, kArchitectures, at / "architectures");
  if (seccomp.flags) require_words(*seccomp.flags, kFilterFlags, at / "flags");
  const bool listens = seccomp.listener_path && !seccomp.listener_path->empty();
  if (!listens && seccomp.listener_metadata && !seccomp.listener_metadata->empty())
    (at / "listenerMetadata").refuse("needs a listenerPath");
  const Place syscalls = at / "syscalls";
  for (std::size_t i = 0; i < seccomp.syscalls.size(); ++i)
    check_syscall(seccomp.syscalls[i], seccomp, syscalls[i]);
}

}  // namespace oci
