// SPDX-License-Identifier: Apache-2.0
// What cgroup_v1 and cgroup_v2 share: the checks of values both write, and the words of the
// controllers. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/cgroup.hpp"

namespace plan {

/// A new cgroup starts from the kernel's defaults; a running one may hold limits that bar the way
/// to the new ones.
enum class Moment { kCreate, kUpdate };

std::vector<FileWrite> v1_writes(const oci::Resources& resources,
                                 const std::vector<std::string>& controllers, Moment moment);
std::vector<FileWrite> v2_writes(const oci::Resources& resources,
                                 const std::vector<std::string>& controllers, Moment moment);

/// The host uid that gets the container's cgroup, if it is to be another's than ours (runtime-spec,
/// "Cgroup ownership").
std::optional<std::uint32_t> cgroup_owner(const oci::RuntimeConfig& config, const HostFacts& facts,
                                          const std::vector<CgroupDirectory>& directories);

/// blockIO/weight, 10 to 1000, on the scale of io.weight, 1 to 10000.
std::uint64_t io_weight(std::uint64_t weight);

bool has_controller(const std::vector<std::string>& controllers, std::string_view name);
/// 0 counts as "not asked for", as runc has it.
bool is_set(const std::optional<std::int64_t>& value);
bool is_set(const std::optional<std::uint64_t>& value);

/// Checks that hold for both versions. Throw Error with the JSON pointer.
void check_memory(const oci::Memory& memory, Moment moment);
void check_block_io(const oci::BlockIo& block_io);
/// "2MB" and the like; anything else could leave the directory (runc #4103).
void check_page_size(const std::string& page_size, std::size_t index);
/// Refuses text that would end the line or the string in a cgroup file.
void check_one_line(std::string_view text, std::string_view pointer);
/// "mlx5_0 hca_handle=2 hca_object=2000".
std::string rdma_line(const std::string& device, const oci::Rdma& limits);

}  // namespace plan
