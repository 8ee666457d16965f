// SPDX-License-Identifier: Apache-2.0
#include <cmath>
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

std::string size_or_max(std::int64_t size) {
  return size < 0 ? std::string("max") : sentence(size);
}

// runtime-spec, config-linux "cgroup v2": what cannot be converted MUST be an error. Engines send
// neutral values for fields nobody asked for; those pass.
[[noreturn]] void refuse(std::string_view pointer) {
  throw Error(sentence("/linux/resources/", pointer, ": has no cgroup v2 equivalent"));
}

void refuse_v1_only(const oci::Memory& memory) {
  constexpr std::uint64_t kKernelDefaultSwappiness = 60;
  if (memory.kernel.value_or(0) > 0) refuse("memory/kernel");
  if (memory.kernel_tcp.value_or(0) > 0) refuse("memory/kernelTCP");
  const std::uint64_t swappiness = memory.swappiness.value_or(0);
  if (swappiness != 0 && swappiness != ~std::uint64_t{0} &&
      swappiness != kKernelDefaultSwappiness) {
    refuse("memory/swappiness");
  }
  if (memory.disable_oom_killer.value_or(false)) refuse("memory/disableOOMKiller");
}

// The config counts memory and swap together, cgroup v2 swap alone.
void write_swap(const oci::Memory& memory, Writes& writes) {
  const std::int64_t limit = memory.limit.value_or(0);
  const std::int64_t swap = memory.swap.value_or(0);
  if (swap == -1 || (limit == -1 && swap == 0)) {
    // Without swap in the kernel the file is missing, and both "no limit" and "no swap" hold.
    writes.push_back({.file = "memory.swap.max", .value = "max", .optional = true});
  } else if (swap > 0) {
    writes.push_back(
        {.file = "memory.swap.max", .value = sentence(swap - limit), .optional = swap == limit});
  }
}

void write_memory(const oci::Memory& memory, Writes& writes) {
  // The conversion needs both values, at an update too.
  check_memory(memory, Moment::kCreate);
  refuse_v1_only(memory);
  if (is_set(memory.limit)) write(writes, "memory.max", size_or_max(*memory.limit));
  if (is_set(memory.reservation)) write(writes, "memory.low", size_or_max(*memory.reservation));
  write_swap(memory, writes);
}

void write_bandwidth(const oci::Cpu& cpu, Moment moment, Writes& writes) {
  constexpr std::uint64_t kDefaultPeriod = 100'000;
  const bool quota = is_set(cpu.quota);
  const bool period = is_set(cpu.period);
  const bool only_period = moment == Moment::kUpdate && period && !quota;
  if (moment == Moment::kUpdate && quota && cpu.burst) {
    // A burst above the new quota would bar the way.
    writes.push_back({.file = "cpu.max.burst", .value = "0", .optional = true});
  }
  if (only_period) {
    writes.push_back({.file = "cpu.max", .value = sentence(*cpu.period), .keep_first_word = true});
  } else if (quota || period) {
    std::string value = quota && *cpu.quota > 0 ? sentence(*cpu.quota) : "max";
    // Without a second number the kernel keeps the period it has.
    if (period || moment == Moment::kCreate)
      value += sentence(" ", period ? *cpu.period : kDefaultPeriod);
    write(writes, "cpu.max", value);
  }
  if (cpu.burst) {
    writes.push_back(
        {.file = "cpu.max.burst", .value = sentence(*cpu.burst), .optional = *cpu.burst == 0});
  }
}

void write_cpu(const oci::Cpu& cpu, Moment moment, Writes& writes) {
  if (is_set(cpu.realtime_runtime)) refuse("cpu/realtimeRuntime");
  if (is_set(cpu.realtime_period)) refuse("cpu/realtimePeriod");
  const bool becomes_idle = cpu.idle.value_or(0) == 1;
  if (cpu.idle && !becomes_idle) {
    writes.push_back(
        {.file = "cpu.idle", .value = sentence(*cpu.idle), .optional = *cpu.idle == 0});
  }
  if (is_set(cpu.shares)) write(writes, "cpu.weight", cpu_weight_from_shares(*cpu.shares));
  if (becomes_idle) write(writes, "cpu.idle", 1);  // from here on the kernel refuses a weight
  write_bandwidth(cpu, moment, writes);
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

// BFQ takes the config's range 10–1000 as it is; io.weight runs from 1 to 10000.
FileWrite weight_write(const std::string& device, std::uint16_t weight) {
  return {.file = "io.bfq.weight",
          .value = device + sentence(weight),
          .fallback_file = "io.weight",
          .fallback_value = device + sentence(io_weight(weight))};
}

void write_throttle(const std::vector<oci::ThrottleDevice>& devices, std::string_view key,
                    Writes& writes) {
  for (const oci::ThrottleDevice& device : devices) {
    // 0 lifts the limit on v1; v2 has a word for that and no zero.
    const std::string rate = device.rate == 0 ? "max" : sentence(device.rate);
    write(writes, "io.max", sentence(device.major, ":", device.minor, " ", key, "=", rate));
  }
}

void write_block_io(const oci::BlockIo& block_io, Writes& writes) {
  check_block_io(block_io);
  if (block_io.leaf_weight.value_or(0) != 0) refuse("blockIO/leafWeight");
  if (block_io.weight.value_or(0) != 0) writes.push_back(weight_write("", *block_io.weight));
  for (std::size_t i = 0; i < block_io.weight_device.size(); ++i) {
    const oci::WeightDevice& device = block_io.weight_device[i];
    if (device.leaf_weight.value_or(0) != 0)
      refuse(sentence("blockIO/weightDevice/", i, "/leafWeight"));
    if (device.weight.value_or(0) == 0) continue;
    writes.push_back(weight_write(sentence(device.major, ":", device.minor, " "), *device.weight));
  }
  write_throttle(block_io.throttle_read_bps_device, "rbps", writes);
  write_throttle(block_io.throttle_write_bps_device, "wbps", writes);
  write_throttle(block_io.throttle_read_iops_device, "riops", writes);
  write_throttle(block_io.throttle_write_iops_device, "wiops", writes);
}

void write_huge_pages(const std::vector<oci::HugepageLimit>& limits, Writes& writes) {
  for (std::size_t i = 0; i < limits.size(); ++i) {
    check_page_size(limits[i].page_size, i);
    const std::string file = "hugetlb." + limits[i].page_size;
    write(writes, file + ".max", limits[i].limit);
    writes.push_back(
        {.file = file + ".rsvd.max", .value = sentence(limits[i].limit), .optional = true});
  }
}

void check_unified_key(const std::string& key, const std::vector<std::string>& controllers) {
  const std::string pointer = sentence("/linux/resources/unified/", key);
  if (key.find('/') != std::string::npos || key.find('\0') != std::string::npos ||
      key.find('.') == std::string::npos || key.starts_with('.')) {
    throw Error(pointer + ": is no name of a cgroup file");
  }
  const std::string controller = key.substr(0, key.find('.'));
  if (controller == "cgroup" && !key.starts_with("cgroup.max."))
    throw Error(pointer + ": is no limit; processes and state of the cgroup are toyrun's");
  // The core's own files need no controller (cgroups, "Core Interface Files"); pressure files
  // neither.
  if (controller == "cgroup" || key.ends_with(".pressure")) return;
  if (!has_controller(controllers, controller)) {
    throw Error(sentence(pointer, ": the controller ", controller,
                         " is not available on this host's cgroup v2 tree"));
  }
}

// One write a line: files such as io.max take one key at a time.
void write_unified(const oci::Resources& resources, const std::vector<std::string>& controllers,
                   Writes& writes) {
  for (const auto& [key, content] : resources.unified) {
    check_unified_key(key, controllers);
    std::string_view rest = content;
    do {
      const std::size_t end = rest.find('\n');
      const std::string_view line = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      if (!line.empty() || content.empty()) write(writes, key, line);
    } while (!rest.empty());
  }
}

}  // namespace

std::uint64_t cpu_weight_from_shares(std::uint64_t shares) {
  if (shares == 0) return 0;
  if (shares <= 2) return 1;
  if (shares >= 262'144) return 10'000;
  // Fits the minima, the maxima and the defaults (1024 shares, weight 100) of both scales.
  const double log = std::log2(static_cast<double>(shares));
  const double exponent = (log * log + 125 * log) / 612.0 - 7.0 / 34.0;
  return static_cast<std::uint64_t>(std::ceil(std::pow(10.0, exponent)));
}

std::vector<FileWrite> v2_writes(const oci::Resources& resources,
                                 const std::vector<std::string>& controllers, Moment moment) {
  Writes writes;
  const auto has = [&](std::string_view name) { return has_controller(controllers, name); };
  if (resources.memory && has("memory")) write_memory(*resources.memory, writes);
  if (resources.cpu && has("cpu")) write_cpu(*resources.cpu, moment, writes);
  if (resources.cpu && has("cpuset")) write_cpuset(*resources.cpu, writes);
  if (resources.pids && resources.pids->limit && has("pids")) {
    write(writes, "pids.max", size_or_max(*resources.pids->limit));
  }
  if (resources.block_io && has("io")) write_block_io(*resources.block_io, writes);
  if (has("hugetlb")) write_huge_pages(resources.hugepage_limits, writes);
  if (has("rdma")) {
    for (const auto& [device, limits] : resources.rdma)
      write(writes, "rdma.max", rdma_line(device, limits));
  }
  write_unified(resources, controllers, writes);
  return writes;
}

std::vector<FileWrite> cgroup_v2_writes(const oci::Resources& resources,
                                        const std::vector<std::string>& controllers) {
  return v2_writes(resources, controllers, Moment::kCreate);
}

}  // namespace plan
