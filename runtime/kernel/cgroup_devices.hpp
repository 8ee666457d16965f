// SPDX-License-Identifier: Apache-2.0
// Device access of a v2 cgroup: loads the planned program and attaches it. Host side.
#pragma once

#include <string>
#include <vector>

#include "runtime/kernel/cgroup_files.hpp"
#include "runtime/plan/device_filter.hpp"

namespace kernel {

/// bpf(2). In an existing cgroup our own program (or, without one, what is there) is replaced, so
/// that there is no moment without one and updates do not pile up (64 is the kernel's limit). EPERM
/// is tolerated in a user namespace, where devices cannot be made anyway. Throws Error.
void attach_device_program(int cgroup, const std::string& name, const plan::DeviceProgram& program,
                           CgroupAge age);
/// The same in an existing cgroup, undone on destruction unless keep().
class ReplacedDeviceProgram {
 public:
  ReplacedDeviceProgram(UniqueFd cgroup, std::string name, const plan::DeviceProgram& program);
  ReplacedDeviceProgram(ReplacedDeviceProgram&& other) noexcept;
  ReplacedDeviceProgram& operator=(ReplacedDeviceProgram&&) = delete;
  ~ReplacedDeviceProgram();
  void keep() { loaded_.reset(); }

 private:
  UniqueFd cgroup_, loaded_;
  std::string name_;
  std::vector<UniqueFd> former_;
};
/// Whether that very program is attached to the cgroup, for `audit`. Throws Error where bpf(2) may
/// not be asked.
bool has_device_program(int cgroup, const std::string& name, const plan::DeviceProgram& program);

}  // namespace kernel
