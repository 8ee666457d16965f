// SPDX-License-Identifier: Apache-2.0
// Limits in the words of systemd.resource-control(5). The same words for cgroup v1: systemd
// translates them. Pure.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>

#include "bundle-spec/error.hpp"
#include "runtime/plan/cgroup.hpp"
#include "runtime/plan/cgroup_files.hpp"
#include "runtime/plan/systemd_unit.hpp"

namespace plan {
namespace {

constexpr std::uint64_t kInfinity = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kDefaultPeriod = 100'000;
constexpr unsigned kKnowsIdleWeight = 252;

/// Properties in order of their first mention; a later value takes the place of an earlier one.
class Properties {
 public:
  void set(std::string name, std::string signature, std::vector<std::string> values) {
    const auto found = std::ranges::find(all_, name, &UnitProperty::name);
    if (found != all_.end()) {
      found->values = std::move(values);
    } else {
      all_.push_back({std::move(name), std::move(signature), std::move(values)});
    }
  }
  void set(std::string name, std::uint64_t value) { set(std::move(name), "t", {sentence(value)}); }
  std::vector<UnitProperty> take() { return std::move(all_); }

 private:
  std::vector<UnitProperty> all_;
};

std::uint64_t or_infinity(std::int64_t value) {
  return value < 0 ? kInfinity : static_cast<std::uint64_t>(value);
}

void add_memory(const oci::Memory& memory, Properties& properties) {
  const std::int64_t limit = memory.limit.value_or(0);
  const std::int64_t swap = memory.swap.value_or(0);
  if (limit != 0) properties.set("MemoryMax", or_infinity(limit));
  if (is_set(memory.reservation)) properties.set("MemoryLow", or_infinity(*memory.reservation));
  if (swap == -1 || (limit == -1 && swap == 0)) {
    properties.set("MemorySwapMax", kInfinity);
  } else if (swap > 0 && swap >= limit) {
    properties.set("MemorySwapMax", static_cast<std::uint64_t>(swap - limit));
  }
}

void add_quota(std::uint64_t quota, std::uint64_t period, Properties& properties) {
  constexpr std::uint64_t kSecond = 1'000'000;
  constexpr std::uint64_t kPercent = 10'000;  // of a second, in microseconds
  if (period != 0) properties.set("CPUQuotaPeriodUSec", period);
  if (quota == kInfinity || quota > kInfinity / kSecond) {
    return properties.set("CPUQuotaPerSecUSec", kInfinity);
  }
  // systemd keeps whole percents; rounded down they would be less than what was asked for.
  const std::uint64_t share = quota * kSecond / (period != 0 ? period : kDefaultPeriod);
  properties.set("CPUQuotaPerSecUSec", (share + kPercent - 1) / kPercent * kPercent);
}

/// "0-3,7" → bytes, the lowest CPU in the lowest bit of the first.
std::vector<std::string> bit_mask(std::string_view list, std::string_view pointer) {
  constexpr unsigned kMost = 8192;
  std::vector<unsigned> bytes;
  const auto number = [&](std::string_view text) {
    unsigned value = 0;
    const auto end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (result.ec != std::errc{} || result.ptr != end || value >= kMost)
      throw Error(sentence(pointer, ": \"", list, "\" is no list like 0-3,7"));
    return value;
  };
  for (std::string_view rest = list; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view range = rest.substr(0, comma);
    const std::size_t dash = range.find('-');
    const unsigned first = number(range.substr(0, dash));
    const unsigned last = dash == std::string_view::npos ? first : number(range.substr(dash + 1));
    for (unsigned one = first; one <= last; ++one) {
      if (bytes.size() <= one / 8) bytes.resize(one / 8 + 1);
      bytes[one / 8] |= 1U << one % 8;
    }
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  std::vector<std::string> values;
  for (const unsigned byte : bytes) values.push_back(sentence(byte));
  return values;
}

void add_cpu(const oci::Cpu& cpu, const SystemdFacts& systemd, Properties& properties) {
  if (is_set(cpu.shares)) properties.set("CPUWeight", cpu_weight_from_shares(*cpu.shares));
  if (cpu.idle.value_or(0) == 1 && systemd.version >= kKnowsIdleWeight)
    properties.set("CPUWeight", 0);
  if (is_set(cpu.quota) || is_set(cpu.period)) {
    const std::int64_t quota = cpu.quota.value_or(0);
    add_quota(quota > 0 ? static_cast<std::uint64_t>(quota) : kInfinity, cpu.period.value_or(0),
              properties);
  }
  if (!cpu.cpus.value_or("").empty())
    properties.set("AllowedCPUs", "ay", bit_mask(*cpu.cpus, "/linux/resources/cpu/cpus"));
  if (!cpu.mems.value_or("").empty())
    properties.set("AllowedMemoryNodes", "ay", bit_mask(*cpu.mems, "/linux/resources/cpu/mems"));
}

/// A number or "max"; nothing for other text, which the kernel refuses when the file is written.
std::optional<std::uint64_t> number_or_max(std::string_view text) {
  if (text == "max") return kInfinity;
  std::uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return value;
}

void add_unified_cpu_max(std::string_view text, Properties& properties) {
  const std::size_t space = std::min(text.find(' '), text.size());
  const auto quota = number_or_max(text.substr(0, space));
  const auto period = space == text.size() ? 0 : number_or_max(text.substr(space + 1));
  if (quota && period) add_quota(*quota, *period, properties);
}

struct UnifiedName {
  std::string_view file;
  const char* property;
};
constexpr UnifiedName kUnified[] = {
    {"memory.max", "MemoryMax"},          {"memory.high", "MemoryHigh"},
    {"memory.low", "MemoryLow"},          {"memory.min", "MemoryMin"},
    {"memory.swap.max", "MemorySwapMax"}, {"pids.max", "TasksMax"},
    {"cpu.weight", "CPUWeight"},          {"io.weight", "IOWeight"},
};

void add_unified(const std::string& file, std::string_view text, const SystemdFacts& systemd,
                 Properties& properties) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  const std::string pointer = sentence("/linux/resources/unified/", file);
  if (file == "cpu.max") add_unified_cpu_max(text, properties);
  if (file == "cpuset.cpus") properties.set("AllowedCPUs", "ay", bit_mask(text, pointer));
  if (file == "cpuset.mems") properties.set("AllowedMemoryNodes", "ay", bit_mask(text, pointer));
  if (file == "cpu.idle" && text == "1" && systemd.version >= kKnowsIdleWeight)
    properties.set("CPUWeight", 0);
  if (text.starts_with("default ")) text.remove_prefix(8);
  const auto found = std::ranges::find(kUnified, file, &UnifiedName::file);
  if (found == std::end(kUnified)) return;
  if (const auto value = number_or_max(text)) properties.set(found->property, *value);
}

/// systemd.resource-control(5): a path, or a group; numbers for names of groups since 240.
std::string device_pattern(const DeviceAccess& rule) {
  const char* type = rule.type == 'b' ? "block" : "char";
  if (rule.major < 0) return sentence(type, "-*");
  if (rule.minor < 0) return sentence(type, "-", rule.major);
  return sentence("/dev/", type, "/", rule.major, ":", rule.minor);
}

std::string device_access(const DeviceAccess& rule) {
  return sentence(rule.read ? "r" : "", rule.write ? "w" : "", rule.mknod ? "m" : "");
}

}  // namespace

std::vector<UnitProperty> resource_properties(const oci::Resources& resources,
                                              const SystemdFacts& systemd) {
  Properties properties;
  if (resources.memory) add_memory(*resources.memory, properties);
  if (resources.cpu) add_cpu(*resources.cpu, systemd, properties);
  if (resources.pids && resources.pids->limit) {
    // systemd takes no 0; the file gets it.
    const std::uint64_t limit = or_infinity(*resources.pids->limit);
    properties.set("TasksMax", std::max<std::uint64_t>(limit, 1));
  }
  if (resources.block_io && resources.block_io->weight.value_or(0) != 0) {
    const std::uint64_t weight = *resources.block_io->weight;
    properties.set("IOWeight", io_weight(weight));
  }
  for (const auto& [file, text] : resources.unified) add_unified(file, text, systemd, properties);
  return properties.take();
}

std::vector<UnitProperty> device_properties(const std::vector<oci::DeviceRule>& rules) {
  std::vector<std::string> allowed;
  bool everything = false;
  for (const DeviceAccess& rule : effective_device_rules(rules)) {
    if (!rule.allow) continue;
    everything = everything || rule.type == 'a';
    allowed.push_back(device_pattern(rule));
    allowed.push_back(device_access(rule));
  }
  // An empty list first: systemd adds to what is there, and this is also for an update.
  std::vector<UnitProperty> properties = {{"DevicePolicy", "s", {everything ? "auto" : "strict"}},
                                          {"DeviceAllow", "a(ss)", {}}};
  if (!everything) properties.push_back({"DeviceAllow", "a(ss)", std::move(allowed)});
  return properties;
}

}  // namespace plan
