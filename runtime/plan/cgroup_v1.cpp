// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/plan/cgroup_files.hpp"

namespace plan {
namespace {

using Writes = std::vector<FileWrite>;

template <typename Value>
void write(Writes& writes, std::string_view file, Value value) {
  writes.push_back({.file = std::string(file), .value = sentence(value)});
}

void write_memory_and_swap(const oci::Memory& memory, Moment moment, Writes& writes) {
  const std::string swap_file = "memory.memsw.limit_in_bytes";
  const std::int64_t limit = memory.limit.value_or(0);
  const std::int64_t swap = memory.swap.value_or(0);
  // The kernel keeps memory ≤ memory+swap at every moment. Lifting the sum first makes any new pair
  // reachable from any old one; unlimited memory lifts it for good (runc does the same). Without
  // swap accounting the file is missing.
  const bool lift =
      (limit == -1 && swap == 0) || (moment == Moment::kUpdate && limit != 0 && swap != 0);
  if (lift) writes.push_back({.file = swap_file, .value = "-1", .optional = true});
  if (limit != 0) write(writes, "memory.limit_in_bytes", limit);
  if (swap == 0 || (lift && swap == -1)) return;
  writes.push_back({.file = swap_file, .value = sentence(swap), .optional = swap == -1});
}

void write_kernel_memory(const std::optional<std::int64_t>& limit, std::string_view file,
                         Writes& writes) {
  if (!is_set(limit)) return;
  // Newer kernels account kernel memory in the one limit, without these files or the first of them
  // without effect: only -1 is met by that.
  writes.push_back({.file = std::string(file),
                    .value = sentence(*limit),
                    .optional = *limit == -1,
                    .may_be_dropped = *limit != -1});
}

void write_memory(const oci::Memory& memory, Moment moment, Writes& writes) {
  check_memory(memory, moment);
  if (memory.use_hierarchy.value_or(false)) {
    // Always on since 5.11.
    writes.push_back({.file = "memory.use_hierarchy", .value = "1", .optional = true});
  }
  write_kernel_memory(memory.kernel, "memory.kmem.limit_in_bytes", writes);
  write_memory_and_swap(memory, moment, writes);
  write_kernel_memory(memory.kernel_tcp, "memory.kmem.tcp.limit_in_bytes", writes);
  if (is_set(memory.reservation)) write(writes, "memory.soft_limit_in_bytes", *memory.reservation);
  if (memory.disable_oom_killer.value_or(false)) write(writes, "memory.oom_control", 1);
  // dockerd sends -1, which is all ones here, for "not set".
  if (!memory.swappiness || *memory.swappiness == ~std::uint64_t{0}) return;
  if (*memory.swappiness > 100) {
    throw Error("/linux/resources/memory/swappiness: must be between 0 and 100");
  }
  write(writes, "memory.swappiness", *memory.swappiness);
}

// quota, period and burst bound each other and the parent's share bounds all: without a quota any
// period goes, and with a burst of 0 any quota, so an update steps over there.
void write_bandwidth(const oci::Cpu& cpu, Moment moment, Writes& writes) {
  const bool quota = is_set(cpu.quota);
  if (moment == Moment::kUpdate && quota) write(writes, "cpu.cfs_quota_us", -1);
  if (is_set(cpu.period)) write(writes, "cpu.cfs_period_us", *cpu.period);
  if (moment == Moment::kUpdate && quota && cpu.burst) {
    writes.push_back({.file = "cpu.cfs_burst_us", .value = "0", .optional = true});
  }
  if (quota) write(writes, "cpu.cfs_quota_us", *cpu.quota < 0 ? -1 : *cpu.quota);
  if (cpu.burst) {
    writes.push_back(
        {.file = "cpu.cfs_burst_us", .value = sentence(*cpu.burst), .optional = *cpu.burst == 0});
  }
}

/// The kernel would take the nearest that it has (MIN_SHARES, MAX_SHARES). runc's words.
void check_shares(std::uint64_t shares) {
  constexpr std::uint64_t kLeast = 2, kMost = 262144;
  if (shares < kLeast)
    throw Error(
        sentence("/linux/resources/cpu/shares: the minimum allowed cpu-shares is ", kLeast));
  if (shares > kMost)
    throw Error(sentence("/linux/resources/cpu/shares: the maximum allowed cpu-shares is ", kMost));
}

void write_cpu(const oci::Cpu& cpu, Moment moment, Writes& writes) {
  const bool becomes_idle = cpu.idle.value_or(0) == 1;
  if (cpu.idle && !becomes_idle) {
    writes.push_back(
        {.file = "cpu.idle", .value = sentence(*cpu.idle), .optional = *cpu.idle == 0});
  }
  if (is_set(cpu.shares)) {
    check_shares(*cpu.shares);
    write(writes, "cpu.shares", *cpu.shares);
  }
  if (becomes_idle) write(writes, "cpu.idle", 1);  // from here on the kernel refuses shares
  write_bandwidth(cpu, moment, writes);
  if (is_set(cpu.realtime_period)) write(writes, "cpu.rt_period_us", *cpu.realtime_period);
  if (is_set(cpu.realtime_runtime)) write(writes, "cpu.rt_runtime_us", *cpu.realtime_runtime);
}

void write_cpuset(const oci::Cpu& cpu, Writes& writes) {
  if (cpu.cpus && !cpu.cpus->empty()) {
    check_one_line(*cpu.cpus, "/linux/resources/cpu/cpus");
    write(writes, "cpuset.cpus", *cpu.cpus);
  }
  if (cpu.mems && !cpu.mems->empty()) {
    check_one_line(*cpu.mems, "/linux/resources/cpu/mems");
    write(writes, "cpuset.mems", *cpu.mems);
  }
}

// The BFQ scheduler has its own file; CFQ, gone since 5.0, had the plain one.
FileWrite weight_write(const std::string& suffix, const std::string& value) {
  return {.file = "blkio.bfq.weight" + suffix,
          .value = value,
          .fallback_file = "blkio.weight" + suffix,
          .fallback_value = value};
}

void write_throttle(const std::vector<oci::ThrottleDevice>& devices, std::string_view what,
                    Writes& writes) {
  for (const oci::ThrottleDevice& device : devices) {
    writes.push_back({.file = sentence("blkio.throttle.", what, "_device"),
                      .value = sentence(device.major, ":", device.minor, " ", device.rate)});
  }
}

void write_block_io(const oci::BlockIo& block_io, Writes& writes) {
  check_block_io(block_io);
  if (block_io.weight.value_or(0) != 0) {
    writes.push_back(weight_write("", sentence(*block_io.weight)));
  }
  if (block_io.leaf_weight.value_or(0) != 0)
    write(writes, "blkio.leaf_weight", *block_io.leaf_weight);
  for (const oci::WeightDevice& device : block_io.weight_device) {
    const std::string number = sentence(device.major, ":", device.minor, " ");
    if (device.weight.value_or(0) != 0) {
      writes.push_back(weight_write("_device", number + sentence(*device.weight)));
    }
    if (device.leaf_weight.value_or(0) != 0) {
      write(writes, "blkio.leaf_weight_device", number + sentence(*device.leaf_weight));
    }
  }
  write_throttle(block_io.throttle_read_bps_device, "read_bps", writes);
  write_throttle(block_io.throttle_write_bps_device, "write_bps", writes);
  write_throttle(block_io.throttle_read_iops_device, "read_iops", writes);
  write_throttle(block_io.throttle_write_iops_device, "write_iops", writes);
}

void write_huge_pages(const std::vector<oci::HugepageLimit>& limits, Writes& writes) {
  for (std::size_t i = 0; i < limits.size(); ++i) {
    check_page_size(limits[i].page_size, i);
    const std::string file = "hugetlb." + limits[i].page_size;
    write(writes, file + ".limit_in_bytes", limits[i].limit);
    writes.push_back({.file = file + ".rsvd.limit_in_bytes",
                      .value = sentence(limits[i].limit),
                      .optional = true});
  }
}

void write_network_class(const oci::Network& network, Writes& writes) {
  if (network.class_id.value_or(0) != 0) write(writes, "net_cls.classid", *network.class_id);
}

void write_network_priorities(const oci::Network& network, Writes& writes) {
  for (std::size_t i = 0; i < network.priorities.size(); ++i) {
    const oci::InterfacePriority& one = network.priorities[i];
    check_one_line(one.name, sentence("/linux/resources/network/priorities/", i, "/name"));
    write(writes, "net_prio.ifpriomap", sentence(one.name, " ", one.priority));
  }
}

}  // namespace

std::vector<FileWrite> v1_writes(const oci::Resources& resources,
                                 const std::vector<std::string>& controllers, Moment moment) {
  Writes writes;
  const auto has = [&](std::string_view name) { return has_controller(controllers, name); };
  if (resources.memory && has("memory")) write_memory(*resources.memory, moment, writes);
  if (resources.cpu && has("cpu")) write_cpu(*resources.cpu, moment, writes);
  if (resources.cpu && has("cpuset")) write_cpuset(*resources.cpu, writes);
  if (resources.pids && resources.pids->limit && has("pids")) {
    const std::int64_t limit = *resources.pids->limit;
    write(writes, "pids.max", limit < 0 ? std::string("max") : sentence(limit));
  }
  if (resources.block_io && has("blkio")) write_block_io(*resources.block_io, writes);
  if (has("hugetlb")) write_huge_pages(resources.hugepage_limits, writes);
  if (has("rdma")) {
    for (const auto& [device, limits] : resources.rdma)
      write(writes, "rdma.max", rdma_line(device, limits));
  }
  if (resources.network && has("net_cls")) write_network_class(*resources.network, writes);
  if (resources.network && has("net_prio")) write_network_priorities(*resources.network, writes);
  return writes;
}

std::vector<FileWrite> cgroup_v1_writes(const oci::Resources& resources,
                                        const std::vector<std::string>& controllers) {
  return v1_writes(resources, controllers, Moment::kCreate);
}

}  // namespace plan
