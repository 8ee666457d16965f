// SPDX-License-Identifier: Apache-2.0
// What a container uses, as its cgroups count it: the numbers behind `events`, in the words of
// runc's statistics. Each part comes from the hierarchy that carries the controller. Host side.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/kernel/cgroup.hpp"

namespace kernel {

/// One of the kernel's "pressure" files; averages in percent, as it wrote them ("0.24").
struct Pressure {
  struct Line {
    std::string avg10, avg60, avg300;
    std::uint64_t total = 0;  // microseconds
  };
  Line some, full;
};

struct CpuStats {
  std::uint64_t total = 0, kernel = 0, user = 0;                  // nanoseconds
  std::vector<std::uint64_t> percpu, percpu_kernel, percpu_user;  // v1 only
  std::uint64_t periods = 0, throttled_periods = 0, throttled_time = 0;
  std::optional<Pressure> pressure = {};
};

/// v1 only.
struct CpusetStats {
  std::vector<std::uint16_t> cpus, mems;
  std::map<std::string, std::int64_t> settings;  // "cpu_exclusive", as the files are called
};

struct MemoryStats {
  struct Counter {
    std::uint64_t limit = 0, usage = 0, max = 0, failcnt = 0;
  };
  std::uint64_t cache = 0;
  Counter usage, swap, kernel, kernel_tcp;   // swap: memory and swap together
  std::map<std::string, std::uint64_t> raw;  // memory.stat
  std::optional<Pressure> pressure = {};
};

struct PidsStats {
  std::uint64_t current = 0, limit = 0;  // limit 0: none
};

struct BlockIoEntry {
  std::uint64_t major = 0, minor = 0;
  std::string op;  // "Read"
  std::uint64_t value = 0;
};

struct BlockIoStats {
  /// "io_service_bytes", "io_serviced", "io_queued", "io_service_time", "io_wait_time",
  /// "io_merged", "time", "sectors"
  std::map<std::string, std::vector<BlockIoEntry>> recursive;
  std::optional<Pressure> pressure = {};
};

struct HugePageStats {
  std::uint64_t usage = 0, max = 0, failcnt = 0;
};

struct CgroupStats {
  CpuStats cpu;
  CpusetStats cpuset;
  MemoryStats memory;
  PidsStats pids;
  BlockIoStats block_io;
  std::map<std::string, HugePageStats> huge_pages;  // by page size: "2MB"
};

/// Reads them all. Files that this kernel lacks count as 0. Throws Error when one cannot be read.
CgroupStats cgroup_stats(const CgroupDirectories& directories);

/// The parts, of one open directory that carries the controller.
void read_v1_stats(int directory, const std::vector<std::string>& controllers, CgroupStats& stats);
void read_v2_stats(int directory, const std::vector<std::string>& controllers, CgroupStats& stats);

/// "0-2,5" → 0, 1, 2, 5.
std::vector<std::uint16_t> parse_number_list(std::string_view text);
/// Lines such as "8:0 Read 4096"; a total has no device and is left out.
std::vector<BlockIoEntry> parse_block_io(std::string_view text);
/// The two lines "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"; nullopt for anything else.
std::optional<Pressure> parse_pressure(std::string_view text);

}  // namespace kernel
