// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/stats_json.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace commands {
namespace {

void write_unless_zero(JsonWriter& json, std::string_view key, std::uint64_t value) {
  if (value != 0) json.key(key).number(value);
}

template <typename Number>
void write_unless_empty(JsonWriter& json, std::string_view key, const std::vector<Number>& values) {
  if (values.empty()) return;
  json.key(key).begin_array();
  for (const Number value : values) json.number(value);
  json.end_array();
}

void write_pressure_line(JsonWriter& json, std::string_view key,
                         const kernel::Pressure::Line& line) {
  json.key(key).begin_object().key("avg10").raw(line.avg10).key("avg60").raw(line.avg60);
  json.key("avg300").raw(line.avg300).key("total").number(line.total).end_object();
}

void write_pressure(JsonWriter& json, const std::optional<kernel::Pressure>& pressure) {
  if (!pressure) return;
  json.key("psi").begin_object();
  write_pressure_line(json, "some", pressure->some);
  write_pressure_line(json, "full", pressure->full);
  json.end_object();
}

void write_cpu(JsonWriter& json, const kernel::CpuStats& cpu) {
  json.key("cpu").begin_object().key("usage").begin_object();
  write_unless_zero(json, "total", cpu.total);
  write_unless_empty(json, "percpu", cpu.percpu);
  write_unless_empty(json, "percpu_kernel", cpu.percpu_kernel);
  write_unless_empty(json, "percpu_user", cpu.percpu_user);
  json.key("kernel").number(cpu.kernel).key("user").number(cpu.user).end_object();
  json.key("throttling").begin_object();
  write_unless_zero(json, "periods", cpu.periods);
  write_unless_zero(json, "throttledPeriods", cpu.throttled_periods);
  write_unless_zero(json, "throttledTime", cpu.throttled_time);
  json.end_object();
  write_pressure(json, cpu.pressure);
  json.end_object();
}

void write_cpuset(JsonWriter& json, const kernel::CpusetStats& cpuset) {
  const auto setting = [&](std::string_view name) {
    const auto found = cpuset.settings.find(std::string(name));
    json.key(name).number(found == cpuset.settings.end() ? 0 : found->second);
  };
  json.key("cpuset").begin_object();
  write_unless_empty(json, "cpus", cpuset.cpus);
  setting("cpu_exclusive");
  write_unless_empty(json, "mems", cpuset.mems);
  for (const char* name :
       {"mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page",
        "memory_spread_slab", "memory_pressure", "sched_load_balance", "sched_relax_domain_level"})
    setting(name);
  json.end_object();
}

void write_counter(JsonWriter& json, std::string_view key,
                   const kernel::MemoryStats::Counter& counter) {
  json.key(key).begin_object().key("limit").number(counter.limit);
  write_unless_zero(json, "usage", counter.usage);
  write_unless_zero(json, "max", counter.max);
  json.key("failcnt").number(counter.failcnt).end_object();
}

void write_memory(JsonWriter& json, const kernel::MemoryStats& memory) {
  json.key("memory").begin_object();
  write_unless_zero(json, "cache", memory.cache);
  write_counter(json, "usage", memory.usage);
  write_counter(json, "swap", memory.swap);
  write_counter(json, "kernel", memory.kernel);
  write_counter(json, "kernelTCP", memory.kernel_tcp);
  if (!memory.raw.empty()) {
    json.key("raw").begin_object();
    for (const auto& [name, value] : memory.raw) json.key(name).number(value);
    json.end_object();
  }
  write_pressure(json, memory.pressure);
  json.end_object();
}

void write_block_io(JsonWriter& json, const kernel::BlockIoStats& block_io) {
  struct List {
    std::string_view key;
    const char* name;
  };
  constexpr List kLists[] = {{"ioServiceBytesRecursive", "io_service_bytes"},
                             {"ioServicedRecursive", "io_serviced"},
                             {"ioQueueRecursive", "io_queued"},
                             {"ioServiceTimeRecursive", "io_service_time"},
                             {"ioWaitTimeRecursive", "io_wait_time"},
                             {"ioMergedRecursive", "io_merged"},
                             {"ioTimeRecursive", "time"},
                             {"sectorsRecursive", "sectors"}};
  json.key("blkio").begin_object();
  for (const List& list : kLists) {
    const auto found = block_io.recursive.find(list.name);
    if (found == block_io.recursive.end() || found->second.empty()) continue;
    json.key(list.key).begin_array();
    for (const kernel::BlockIoEntry& entry : found->second) {
      json.begin_object();
      write_unless_zero(json, "major", entry.major);
      write_unless_zero(json, "minor", entry.minor);
      if (!entry.op.empty()) json.key("op").text(entry.op);
      write_unless_zero(json, "value", entry.value);
      json.end_object();
    }
    json.end_array();
  }
  write_pressure(json, block_io.pressure);
  json.end_object();
}

}  // namespace

void write_stats(JsonWriter& json, const kernel::CgroupStats& stats) {
  json.begin_object();
  write_cpu(json, stats.cpu);
  write_cpuset(json, stats.cpuset);
  write_memory(json, stats.memory);
  json.key("pids").begin_object();
  write_unless_zero(json, "current", stats.pids.current);
  write_unless_zero(json, "limit", stats.pids.limit);
  json.end_object();
  write_block_io(json, stats.block_io);
  json.key("hugetlb").begin_object();
  for (const auto& [size, pages] : stats.huge_pages) {
    json.key(size).begin_object();
    write_unless_zero(json, "usage", pages.usage);
    write_unless_zero(json, "max", pages.max);
    json.key("failcnt").number(pages.failcnt).end_object();
  }
  json.end_object().key("intel_rdt").begin_object().end_object();
  // Interfaces that runc itself made; through its command line there are none.
  json.key("network_interfaces").raw("null").end_object();
}

}  // namespace commands
