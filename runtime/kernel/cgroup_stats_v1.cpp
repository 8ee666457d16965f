// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/kernel/cgroup_files.hpp"
#include "runtime/kernel/cgroup_stats.hpp"
#include "runtime/kernel/cgroup_values.hpp"

namespace kernel {
namespace {

constexpr std::uint64_t kNanosecondsPerTick = 10'000'000;  // USER_HZ is 100 on every Linux

std::string read_text(int directory, const std::string& file) {
  return read_cgroup_file(directory, file).value_or("");
}

void read_cpu_time(int directory, CpuStats& cpu) {
  cpu.total = read_cgroup_number(directory, "cpuacct.usage");
  const auto parts = read_cgroup_numbers(directory, "cpuacct.stat");
  if (const auto user = parts.find("user"); user != parts.end())
    cpu.user = user->second * kNanosecondsPerTick;
  if (const auto system = parts.find("system"); system != parts.end())
    cpu.kernel = system->second * kNanosecondsPerTick;
  const std::string each = read_text(directory, "cpuacct.usage_percpu");
  for (std::string_view rest = each; !rest.empty();)
    if (const std::string_view word = next_word(rest, " \n"); !word.empty())
      cpu.percpu.push_back(number_or_zero(word));
  const std::string all = read_text(directory, "cpuacct.usage_all");
  std::string_view rest = all;
  next_word(rest, "\n");  // "cpu user system"
  while (!rest.empty()) {
    std::string_view line = next_word(rest, "\n");
    if (next_word(line, " ").empty()) continue;
    cpu.percpu_user.push_back(number_or_zero(next_word(line, " ")));
    cpu.percpu_kernel.push_back(number_or_zero(next_word(line, " ")));
  }
}

void read_throttling(int directory, CpuStats& cpu) {
  auto numbers = read_cgroup_numbers(directory, "cpu.stat");
  cpu.periods = numbers["nr_periods"];
  cpu.throttled_periods = numbers["nr_throttled"];
  cpu.throttled_time = numbers["throttled_time"];
}

void read_cpuset(int directory, CpusetStats& cpuset) {
  constexpr std::array kSettings = {"cpu_exclusive",   "mem_hardwall",       "mem_exclusive",
                                    "memory_migrate",  "memory_spread_page", "memory_spread_slab",
                                    "memory_pressure", "sched_load_balance"};
  cpuset.cpus = parse_number_list(read_text(directory, "cpuset.cpus"));
  cpuset.mems = parse_number_list(read_text(directory, "cpuset.mems"));
  for (const char* name : kSettings)
    cpuset.settings[name] =
        static_cast<std::int64_t>(read_cgroup_number(directory, std::string("cpuset.") + name));
  const std::string level = read_text(directory, "cpuset.sched_relax_domain_level");
  const bool negative = level.starts_with('-');
  const auto number =
      static_cast<std::int64_t>(number_or_zero(std::string_view(level).substr(negative ? 1 : 0)));
  cpuset.settings["sched_relax_domain_level"] = negative ? -number : number;
}

MemoryStats::Counter read_counter(int directory, const std::string& name) {
  return {.limit = read_cgroup_number(directory, name + ".limit_in_bytes"),
          .usage = read_cgroup_number(directory, name + ".usage_in_bytes"),
          .max = read_cgroup_number(directory, name + ".max_usage_in_bytes"),
          .failcnt = read_cgroup_number(directory, name + ".failcnt")};
}

void read_memory(int directory, MemoryStats& memory) {
  memory.raw = read_cgroup_numbers(directory, "memory.stat");
  memory.cache = memory.raw["cache"];
  memory.usage = read_counter(directory, "memory");
  memory.swap = read_counter(directory, "memory.memsw");
  memory.kernel = read_counter(directory, "memory.kmem");
  memory.kernel_tcp = read_counter(directory, "memory.kmem.tcp");
}

/// The first scheduler that keeps statistics here: BFQ, then the throttling layer, which always
/// counts (runc's order; CFQ is gone since 5.0).
void read_block_io(int directory, BlockIoStats& block_io) {
  for (const std::string prefix : {"blkio.bfq.", "blkio.throttle."}) {
    auto bytes = parse_block_io(read_text(directory, prefix + "io_service_bytes_recursive"));
    auto serviced = parse_block_io(read_text(directory, prefix + "io_serviced_recursive"));
    if (bytes.empty() && serviced.empty()) continue;
    block_io.recursive["io_service_bytes"] = std::move(bytes);
    block_io.recursive["io_serviced"] = std::move(serviced);
    for (const char* name :
         {"io_queued", "io_service_time", "io_wait_time", "io_merged", "time", "sectors"})
      block_io.recursive[name] = parse_block_io(read_text(directory, prefix + name + "_recursive"));
    return;
  }
}

void read_huge_pages(int directory, CgroupStats& stats) {
  for (const std::string& size : cgroup_file_names(directory, "hugetlb.", ".usage_in_bytes")) {
    const std::string name = "hugetlb." + size;
    stats.huge_pages[size] = {.usage = read_cgroup_number(directory, name + ".usage_in_bytes"),
                              .max = read_cgroup_number(directory, name + ".max_usage_in_bytes"),
                              .failcnt = read_cgroup_number(directory, name + ".failcnt")};
  }
}

}  // namespace

void read_v1_stats(int directory, const std::vector<std::string>& controllers, CgroupStats& stats) {
  for (const std::string& controller : controllers) {
    if (controller == "cpuacct") read_cpu_time(directory, stats.cpu);
    if (controller == "cpu") read_throttling(directory, stats.cpu);
    if (controller == "cpuset") read_cpuset(directory, stats.cpuset);
    if (controller == "memory") read_memory(directory, stats.memory);
    if (controller == "blkio") read_block_io(directory, stats.block_io);
    if (controller == "hugetlb") read_huge_pages(directory, stats);
    if (controller == "pids") {
      stats.pids.current = read_cgroup_number(directory, "pids.current");
      stats.pids.limit = read_cgroup_number(directory, "pids.max", 0);
    }
  }
}

}  // namespace kernel
