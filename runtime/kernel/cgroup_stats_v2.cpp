// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/cgroup_files.hpp"
#include "runtime/kernel/cgroup_stats.hpp"
#include "runtime/kernel/cgroup_values.hpp"

namespace kernel {
namespace {

/// nullopt where the kernel was built or started without pressure stall information.
std::optional<Pressure> read_pressure(int directory, const std::string& file) {
  try {
    return parse_pressure(read_cgroup_file(directory, file).value_or(""));
  } catch (const Error& error) {
    if (error.number() != EOPNOTSUPP) throw;
    return std::nullopt;
  }
}

void read_cpu(int directory, CpuStats& cpu) {
  constexpr std::uint64_t kNanosecondsPerMicrosecond = 1000;
  auto numbers = read_cgroup_numbers(directory, "cpu.stat");
  cpu.total = numbers["usage_usec"] * kNanosecondsPerMicrosecond;
  cpu.user = numbers["user_usec"] * kNanosecondsPerMicrosecond;
  cpu.kernel = numbers["system_usec"] * kNanosecondsPerMicrosecond;
  cpu.periods = numbers["nr_periods"];
  cpu.throttled_periods = numbers["nr_throttled"];
  cpu.throttled_time = numbers["throttled_usec"] * kNanosecondsPerMicrosecond;
  cpu.pressure = read_pressure(directory, "cpu.pressure");
}

/// v1 counts memory and swap together and runc keeps to that.
MemoryStats::Counter with_memory(MemoryStats::Counter swap, const MemoryStats::Counter& memory) {
  swap.usage += memory.usage;
  swap.limit =
      std::max(swap.limit, memory.limit) == UINT64_MAX ? UINT64_MAX : swap.limit + memory.limit;
  return swap;
}

void read_memory(int directory, MemoryStats& memory) {
  memory.raw = read_cgroup_numbers(directory, "memory.stat");
  if (const auto file = memory.raw.find("file"); file != memory.raw.end())
    memory.cache = file->second;
  memory.usage = {.limit = read_cgroup_number(directory, "memory.max"),
                  .usage = read_cgroup_number(directory, "memory.current"),
                  .max = read_cgroup_number(directory, "memory.peak")};
  const MemoryStats::Counter swap{.limit = read_cgroup_number(directory, "memory.swap.max"),
                                  .usage = read_cgroup_number(directory, "memory.swap.current"),
                                  .max = read_cgroup_number(directory, "memory.swap.peak")};
  memory.swap = with_memory(swap, memory.usage);
  memory.pressure = read_pressure(directory, "memory.pressure");
}

void add_io_value(const BlockIoEntry& device, std::string_view key, std::uint64_t value,
                  BlockIoStats& block_io) {
  struct Meaning {
    std::string_view key, list, op;
  };
  constexpr Meaning kMeanings[] = {{"rbytes", "io_service_bytes", "Read"},
                                   {"wbytes", "io_service_bytes", "Write"},
                                   {"rios", "io_serviced", "Read"},
                                   {"wios", "io_serviced", "Write"}};
  const auto* found = std::ranges::find(kMeanings, key, &Meaning::key);
  if (found == std::end(kMeanings)) return;
  BlockIoEntry entry = device;
  entry.op = found->op;
  entry.value = value;
  block_io.recursive[std::string(found->list)].push_back(std::move(entry));
}

void read_io(int directory, BlockIoStats& block_io) {
  const std::string text = read_cgroup_file(directory, "io.stat").value_or("");
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = next_word(rest, "\n");
    std::string_view number = next_word(line, " ");
    const BlockIoEntry device{.major = number_or_zero(next_word(number, ":")),
                              .minor = number_or_zero(next_word(number, ":")),
                              .op = {},
                              .value = 0};
    while (!line.empty()) {
      std::string_view pair = next_word(line, " ");
      const std::string_view key = next_word(pair, "=");
      add_io_value(device, key, number_or_zero(next_word(pair, "=")), block_io);
    }
  }
  block_io.pressure = read_pressure(directory, "io.pressure");
}

void read_huge_pages(int directory, CgroupStats& stats) {
  for (const std::string& size : cgroup_file_names(directory, "hugetlb.", ".current")) {
    const std::string name = "hugetlb." + size;
    auto events = read_cgroup_numbers(directory, name + ".events");
    stats.huge_pages[size] = {.usage = read_cgroup_number(directory, name + ".current"),
                              .max = 0,
                              .failcnt = events["max"]};
  }
}

}  // namespace

void read_v2_stats(int directory, const std::vector<std::string>& controllers, CgroupStats& stats) {
  for (const std::string& controller : controllers) {
    if (controller == "cpu") read_cpu(directory, stats.cpu);
    if (controller == "memory") read_memory(directory, stats.memory);
    if (controller == "io") read_io(directory, stats.block_io);
    if (controller == "hugetlb") read_huge_pages(directory, stats);
    if (controller == "pids") {
      stats.pids.current = read_cgroup_number(directory, "pids.current");
      stats.pids.limit = read_cgroup_number(directory, "pids.max", 0);
    }
  }
}

}  // namespace kernel
