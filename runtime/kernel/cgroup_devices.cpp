// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/cgroup_devices.hpp"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/kernel/host_facts.hpp"

namespace kernel {
namespace {

// plan/ may not include kernel headers; the plain struct is the kernel's, field by field. The bit
// fields dst_reg and src_reg of bpf_insn are the byte `registers`.
static_assert(sizeof(plan::BpfInstruction) == sizeof(bpf_insn));
static_assert(offsetof(plan::BpfInstruction, registers) == 1);
static_assert(offsetof(plan::BpfInstruction, offset) == offsetof(bpf_insn, off));
static_assert(offsetof(plan::BpfInstruction, immediate) == offsetof(bpf_insn, imm));

/// bpf(2). Always with the whole, zeroed union: Linux 6.17 to 7.1 write past a shorter one on
/// BPF_PROG_QUERY.
class BpfCall {
 public:
  BpfCall() { std::memset(&attributes, 0, sizeof attributes); }
  int run(bpf_cmd command) {
    return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
  }
  bpf_attr attributes;
};
static_assert(sizeof(bpf_attr) >= 64);  // query.revision ends there

std::uint64_t address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

/// By which an update finds it again beside systemd's own.
constexpr char kProgramName[BPF_OBJ_NAME_LEN] = "toyrun_devices";

UniqueFd load(const plan::DeviceProgram& program) {
  BpfCall call;
  call.attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  call.attributes.insns = address(program.instructions.data());
  call.attributes.insn_cnt = static_cast<std::uint32_t>(program.instructions.size());
  call.attributes.license = address("Apache-2.0");
  std::memcpy(call.attributes.prog_name, kProgramName, sizeof kProgramName);
  return UniqueFd(call.run(BPF_PROG_LOAD));
}

struct AttachedPrograms {
  std::array<std::uint32_t, 64> ids{};  // BPF_CGROUP_MAX_PROGS
  std::size_t count = 0;
  std::span<const std::uint32_t> list() const { return std::span(ids).first(count); }
};

AttachedPrograms query(int cgroup, const std::string& name) {
  AttachedPrograms programs;
  BpfCall call;
  call.attributes.query.target_fd = static_cast<std::uint32_t>(cgroup);
  call.attributes.query.attach_type = BPF_CGROUP_DEVICE;
  call.attributes.query.prog_ids = address(programs.ids.data());
  call.attributes.query.prog_cnt = static_cast<std::uint32_t>(programs.ids.size());
  check(call.run(BPF_PROG_QUERY), "query the device programs of the cgroup ", name);
  programs.count = call.attributes.query.prog_cnt;
  return programs;
}

UniqueFd open_program(std::uint32_t id, const std::string& name) {
  BpfCall call;
  call.attributes.prog_id = id;
  return UniqueFd(
      check(call.run(BPF_PROG_GET_FD_BY_ID), "open a device program of the cgroup ", name));
}

void attach(int cgroup, int program, int replaced, const std::string& name) {
  BpfCall call;
  call.attributes.target_fd = static_cast<std::uint32_t>(cgroup);
  call.attributes.attach_bpf_fd = static_cast<std::uint32_t>(program);
  call.attributes.attach_type = BPF_CGROUP_DEVICE;
  call.attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (replaced >= 0) {
    call.attributes.attach_flags |= BPF_F_REPLACE;
    call.attributes.replace_bpf_fd = static_cast<std::uint32_t>(replaced);
  }
  check(call.run(BPF_PROG_ATTACH), "attach the device program to the cgroup ", name);
}

void detach(int cgroup, int program, const std::string& name) {
  BpfCall call;
  call.attributes.target_fd = static_cast<std::uint32_t>(cgroup);
  call.attributes.attach_bpf_fd = static_cast<std::uint32_t>(program);
  call.attributes.attach_type = BPF_CGROUP_DEVICE;
  check(call.run(BPF_PROG_DETACH), "detach an old device program of the cgroup ", name);
}

bpf_prog_info info_of(int program, const std::string& name) {
  bpf_prog_info info{};
  BpfCall call;
  call.attributes.info.bpf_fd = static_cast<std::uint32_t>(program);
  call.attributes.info.info_len = sizeof info;
  call.attributes.info.info = address(&info);
  check(call.run(BPF_OBJ_GET_INFO_BY_FD), "look at a device program of the cgroup ", name);
  return info;
}

bool is_ours(int program, const std::string& name) {
  return std::strncmp(info_of(program, name).name, kProgramName, BPF_OBJ_NAME_LEN) == 0;
}

/// What a new program takes the place of: our own, or else all that is there.
std::vector<UniqueFd> replaceable(int cgroup, const std::string& name) {
  std::vector<UniqueFd> all;
  const AttachedPrograms attached = query(cgroup, name);
  for (const std::uint32_t id : attached.list()) {
    UniqueFd one = open_program(id, name);
    const bool ours = is_ours(one.get(), name);
    if (ours) all.clear();
    all.push_back(std::move(one));
    if (ours) break;
  }
  return all;
}

/// Empty where devices cannot be made anyway.
UniqueFd load_where_possible(const plan::DeviceProgram& program) {
  UniqueFd loaded = load(program);
  const int number = loaded ? 0 : errno;
  if (!loaded && (number != EPERM || in_initial_user_namespace()))
    throw Error("load the device program (bpf(2), needs CAP_BPF or CAP_SYS_ADMIN)", number);
  return loaded;
}

/// With no moment without one.
void put_in_place_of(const std::vector<UniqueFd>& old, int cgroup, int program,
                     const std::string& name) {
  if (old.size() == 1) return attach(cgroup, program, old.front().get(), name);
  attach(cgroup, program, -1, name);
  for (const UniqueFd& one : old) detach(cgroup, one.get(), name);
}

}  // namespace

bool has_device_program(int cgroup, const std::string& name, const plan::DeviceProgram& program) {
  const UniqueFd wanted = load(program);
  check(wanted.get(), "load the device program to compare it");
  // The tag is a hash of the instructions as they were loaded, before the verifier rewrote them.
  const bpf_prog_info asked = info_of(wanted.get(), name);
  for (const std::uint32_t id : query(cgroup, name).list()) {
    const bpf_prog_info attached = info_of(open_program(id, name).get(), name);
    if (std::memcmp(attached.tag, asked.tag, sizeof asked.tag) == 0) return true;
  }
  return false;
}

void attach_device_program(int cgroup, const std::string& name, const plan::DeviceProgram& program,
                           CgroupAge age) {
  const UniqueFd loaded = load_where_possible(program);
  if (!loaded) return;
  if (age == CgroupAge::kNew) return attach(cgroup, loaded.get(), -1, name);
  put_in_place_of(replaceable(cgroup, name), cgroup, loaded.get(), name);
}

ReplacedDeviceProgram::ReplacedDeviceProgram(UniqueFd cgroup, std::string name,
                                             const plan::DeviceProgram& program)
    : cgroup_(std::move(cgroup)), loaded_(load_where_possible(program)), name_(std::move(name)) {
  if (!loaded_) return;
  former_ = replaceable(cgroup_.get(), name_);
  put_in_place_of(former_, cgroup_.get(), loaded_.get(), name_);
}

ReplacedDeviceProgram::ReplacedDeviceProgram(ReplacedDeviceProgram&&) noexcept = default;

ReplacedDeviceProgram::~ReplacedDeviceProgram() {
  if (!loaded_) return;
  try {
    const bool swapped = former_.size() == 1;
    for (const UniqueFd& one : former_)
      attach(cgroup_.get(), one.get(), swapped ? loaded_.get() : -1, name_);
    if (!swapped) detach(cgroup_.get(), loaded_.get(), name_);
  } catch (const Error& error) {
    logging::warning(sentence(error.what(), ", ignoring"));  // the first failure is the one to tell
  }
}

}  // namespace kernel
