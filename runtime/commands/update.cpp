// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/container/container.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/resctrl.hpp"
#include "runtime/kernel/systemd.hpp"
#include "runtime/plan/cgroup.hpp"
#include "runtime/plan/intel_rdt.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    cli::Option{.name = "resources",
                .letter = 'r',
                .value = "FILE",
                .help = "Take a linux.resources object from FILE or, with -, from stdin"},
    cli::Option{.name = "blkio-weight", .value = "WEIGHT", .help = "Block I/O weight, 10 to 1000"},
    cli::Option{.name = "cpu-period", .value = "MICROSECONDS", .help = "CPU period of the quota"},
    cli::Option{.name = "cpu-quota",
                .value = "MICROSECONDS",
                .help = "CPU time per period, -1 for no limit"},
    cli::Option{
        .name = "cpu-burst", .value = "MICROSECONDS", .help = "CPU time that may be saved up"},
    cli::Option{.name = "cpu-share",
                .value = "SHARES",
                .help = "CPU shares against other cgroups, 2 to 262144"},
    cli::Option{.name = "cpu-rt-period", .value = "MICROSECONDS", .help = "Realtime period"},
    cli::Option{.name = "cpu-rt-runtime", .value = "MICROSECONDS", .help = "Realtime per period"},
    cli::Option{.name = "cpuset-cpus", .value = "LIST", .help = "CPUs to use: 0-3,7"},
    cli::Option{.name = "cpuset-mems", .value = "LIST", .help = "Memory nodes to use"},
    cli::Option{.name = "cpu-idle", .value = "0|1", .help = "1: only what no other cgroup wants"},
    cli::Option{.name = "memory", .value = "BYTES", .help = "Memory limit, -1 for none"},
    cli::Option{
        .name = "memory-reservation", .value = "BYTES", .help = "Memory that is left alone"},
    cli::Option{.name = "memory-swap",
                .value = "BYTES",
                .help = "Memory and swap together, -1 for no limit"},
    cli::Option{.name = "kernel-memory", .value = "BYTES", .help = "", .hidden = true},
    cli::Option{.name = "kernel-memory-tcp", .value = "BYTES", .help = "", .hidden = true},
    cli::Option{.name = "l3-cache-schema",
                .value = "SCHEMA",
                .help = "L3 cache of its resctrl class: L3:0=ff;1=ff"},
    cli::Option{.name = "mem-bw-schema",
                .value = "SCHEMA",
                .help = "Memory bandwidth of its resctrl class: MB:0=50;1=50"},
    cli::Option{.name = "pids-limit", .value = "NUMBER", .help = "Most processes, -1 for no limit"},
};

/// A decimal number that may be negative: -1 is "no limit".
std::optional<std::int64_t> read_signed(const cli::Parsed& options, std::string_view name) {
  const std::optional<std::string> text = options.value(name);
  if (!text) return std::nullopt;
  const bool is_negative = text->starts_with('-');
  const std::string_view digits = std::string_view(*text).substr(is_negative ? 1 : 0);
  const auto number = static_cast<std::int64_t>(cli::parse_number(digits, INT64_MAX, name));
  return is_negative ? -number : number;
}

/// "m", "MB" and "MiB" are 20, nothing is 0.
unsigned shift_of_unit(std::string_view unit, std::string_view name) {
  constexpr std::string_view kUnits = "bkmgtp";
  if (unit.empty()) return 0;
  std::string lower(unit);
  for (char& letter : lower)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  const std::size_t power = kUnits.find(lower[0]);
  const std::string_view rest = std::string_view(lower).substr(1);
  const bool is_known = power != std::string_view::npos &&
                        (rest.empty() || (power > 0 && (rest == "b" || rest == "ib")));
  if (!is_known) throw UsageError(sentence(name, ": \"", unit, "\" is no unit of memory"));
  return static_cast<unsigned>(power) * 10;
}

/// A size as runc takes it: "512m", "2GiB", with b, k, m, g, t or p for powers of 1024.
std::optional<std::int64_t> read_size(const cli::Parsed& options, std::string_view name) {
  const std::optional<std::string> text = options.value(name);
  if (!text) return std::nullopt;
  if (text->starts_with('-')) return read_signed(options, name);
  const std::size_t end = std::min(text->find_first_not_of("0123456789"), text->size());
  const std::int64_t most = INT64_MAX >> shift_of_unit(std::string_view(*text).substr(end), name);
  const auto number = static_cast<std::int64_t>(cli::parse_number(
      std::string_view(*text).substr(0, end), static_cast<std::uint64_t>(most), name));
  return number << shift_of_unit(std::string_view(*text).substr(end), name);
}

std::optional<std::uint64_t> read_unsigned(const cli::Parsed& options, std::string_view name) {
  const std::optional<std::string> text = options.value(name);
  if (!text) return std::nullopt;
  return cli::parse_number(*text, UINT64_MAX, name);
}

oci::Cpu cpu_from_flags(const cli::Parsed& options) {
  oci::Cpu cpu;
  cpu.shares = read_unsigned(options, "cpu-share");
  cpu.quota = read_signed(options, "cpu-quota");
  cpu.burst = read_unsigned(options, "cpu-burst");
  cpu.period = read_unsigned(options, "cpu-period");
  cpu.realtime_runtime = read_signed(options, "cpu-rt-runtime");
  cpu.realtime_period = read_unsigned(options, "cpu-rt-period");
  cpu.cpus = options.value("cpuset-cpus");
  cpu.mems = options.value("cpuset-mems");
  cpu.idle = read_signed(options, "cpu-idle");
  return cpu;
}

oci::Resources resources_from_flags(const cli::Parsed& options) {
  oci::Resources resources;
  const oci::Cpu cpu = cpu_from_flags(options);
  if (cpu != oci::Cpu{}) resources.cpu = cpu;
  oci::Memory memory;
  memory.limit = read_size(options, "memory");
  memory.reservation = read_size(options, "memory-reservation");
  memory.swap = read_size(options, "memory-swap");
  memory.kernel = read_size(options, "kernel-memory");
  memory.kernel_tcp = read_size(options, "kernel-memory-tcp");
  if (memory != oci::Memory{}) resources.memory = memory;
  if (const auto limit = read_signed(options, "pids-limit"))
    resources.pids = oci::Pids{.limit = limit};
  if (options.has("blkio-weight")) {
    const std::uint64_t weight =
        cli::parse_number(*options.value("blkio-weight"), 1000, "blkio-weight");
    resources.block_io.emplace().weight = static_cast<std::uint16_t>(weight);
  }
  return resources;
}

/// The lines for the container's class of service; none without the options.
std::vector<std::string> read_schemata(const cli::Parsed& options, const Container& container) {
  oci::IntelRdt rdt;
  rdt.l3_cache_schema = options.value("l3-cache-schema");
  rdt.mem_bw_schema = options.value("mem-bw-schema");
  std::vector<std::string> lines = plan::rdt_lines(rdt);
  if (!lines.empty() && !container.cgroups().rdt)
    throw Error("the container is in no resctrl class: it was made without /linux/intelRdt");
  return lines;
}

/// As runc: with a file the other flags count for nothing.
oci::Resources read_resources(const cli::Parsed& options) {
  const std::optional<std::string> file = options.value("resources");
  if (!file) return resources_from_flags(options);
  const bool is_stdin = *file == "-";
  const std::string text = is_stdin ? read_all(STDIN_FILENO, "stdin") : read_file(*file);
  const std::string name = is_stdin ? "stdin" : *file;
  if (text.empty()) throw Error(sentence(name, ": EOF, but linux.resources as JSON is expected"));
  return oci::read_resources(text, name);
}

/// memory.checkBeforeUpdate, of these resources or of those the container was made with.
void check_memory(const Container& container, const oci::Resources& resources) {
  if (!resources.memory || resources.memory->limit.value_or(0) <= 0) return;
  const bool asked = resources.memory->check_before_update.value_or(
      container.details().check_memory_before_update);
  if (asked)
    kernel::require_memory_usage_below(container.cgroups().directories, *resources.memory->limit);
}

/// systemd takes the quota and its period together: with the period alone the quota stays what it
/// is.
void keep_quota(oci::Resources& resources, const std::vector<plan::CgroupDirectory>& directories) {
  if (!resources.cpu || resources.cpu->period.value_or(0) == 0) return;
  if (resources.cpu->quota.value_or(0) == 0) resources.cpu->quota = kernel::cpu_quota(directories);
}

int update(const cli::Parsed& global, const cli::Parsed& options) {
  const Container container = Container::open_locked(state_root(global), options.words[0]);
  if (container.status() == oci::Status::kStopped) throw Error("container not running");
  const std::vector<std::string> schemata = read_schemata(options, container);
  oci::Resources resources = read_resources(options);
  std::vector<plan::CgroupDirectory> directories = container.cgroups().directories;
  if (container.cgroups().unit) keep_quota(resources, directories);
  const std::optional<plan::DeviceProgram> devices =
      plan::plan_device_update(resources.devices, directories);
  plan::plan_update(resources, directories);
  check_memory(container, resources);
  // All or nothing: each step takes itself back when a later one fails. systemd is the last, for it
  // looks at all properties before it sets one.
  const auto update_unit = [&] {
    const std::optional<plan::UnitName>& unit = container.cgroups().unit;
    if (!unit) return;
    kernel::set_unit_properties(*unit, plan::plan_unit_update(resources, kernel::systemd_facts()));
    kernel::apply_update(directories, [] {});  // systemd rounds
  };
  const auto update_devices = [&] {
    if (!devices) return update_unit();
    kernel::replace_device_program(directories, *devices, update_unit);
  };
  kernel::apply_update(directories, [&] {
    if (schemata.empty()) return update_devices();
    kernel::write_schemata(*container.cgroups().rdt, schemata, update_devices);
  });
  return 0;
}

}  // namespace

cli::Command update_command() {
  return {.name = "update",
          .summary = "Change the resource limits of a container",
          .words = {.usage = "ID", .least = 1, .most = 1},
          .options = kOptions,
          .run = update};
}

}  // namespace commands
