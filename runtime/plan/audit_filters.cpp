// SPDX-License-Identifier: Apache-2.0
// Device rules and the seccomp program of the audit. Pure.
#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/plan/audit_parts.hpp"

namespace plan {
namespace {

using Verdict = Finding::Verdict;

/// The only line of devices.list while everything is allowed but for exceptions, which the kernel
/// does not list (security/device_cgroup.c).
constexpr std::string_view kAllDevices = "a *:* rwm";

/// "c 1:3 rw" → "c 1:3 r", "c 1:3 w".
std::set<std::string> single_accesses(const std::vector<std::string>& lines) {
  std::set<std::string> accesses;
  for (const std::string& line : lines) {
    const std::size_t end = line.rfind(' ') + 1;
    for (const char letter : std::string_view(line).substr(end))
      accesses.insert(line.substr(0, end) + letter);
  }
  return accesses;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& one : lines) text += sentence(text.empty() ? "" : ", ", one);
  return text.empty() ? "none" : text;
}

/// What was written to a devices controller: everything or nothing first, then exceptions.
struct AskedDevices {
  bool allow_all = false;
  std::vector<std::string> exceptions;
};

AskedDevices asked_devices(const std::vector<FileWrite>& writes) {
  AskedDevices asked;
  for (const FileWrite& write : writes) {
    if (write.value == "a")
      asked.allow_all = write.file == "devices.allow";
    else
      asked.exceptions.push_back(write.value);
  }
  return asked;
}

Finding audit_device_list(const AskedDevices& asked, const std::vector<std::string>& lines) {
  Finding finding{.aspect = "device rules", .asked = {}, .in_effect = joined(lines)};
  const bool all = std::ranges::find(lines, kAllDevices) != lines.end();
  if (asked.allow_all) {
    finding.asked = asked.exceptions.empty()
                        ? std::string(kAllDevices)
                        : sentence(kAllDevices, " but ", joined(asked.exceptions));
    if (!all) finding.verdict = Verdict::kTighter;
    if (!all || asked.exceptions.empty()) return finding;
    finding.verdict = Verdict::kUnknown;
    finding.in_effect += "; the kernel does not list what it denies";
    return finding;
  }
  finding.asked = joined(asked.exceptions);
  const std::set<std::string> wanted = single_accesses(asked.exceptions);
  const std::set<std::string> actual = single_accesses(lines);
  if (all || !std::ranges::includes(wanted, actual))
    finding.verdict = Verdict::kDrift;
  else if (wanted != actual)
    finding.verdict = Verdict::kTighter;
  return finding;
}

Finding unknown(std::string aspect, std::string asked, const std::string& obstacle) {
  return {.verdict = Verdict::kUnknown,
          .aspect = std::move(aspect),
          .asked = std::move(asked),
          .in_effect = sentence("not comparable: ", obstacle)};
}

Finding audit_device_program(const DeviceProgram& program, const SeenDevices& seen) {
  const std::string text =
      sentence("a BPF program of ", program.instructions.size(), " instructions");
  return {.verdict = seen.has_program ? Verdict::kAsAsked : Verdict::kDrift,
          .aspect = "device rules",
          .asked = text,
          .in_effect = seen.has_program ? text : "that program is not attached"};
}

}  // namespace

void audit_devices(const LaunchPlan& launch, const Isolation& isolation,
                   std::vector<Finding>& findings) {
  const SeenDevices& seen = isolation.devices;
  if (launch.cgroup.device_program) {
    Finding finding = audit_device_program(*launch.cgroup.device_program, seen);
    if (!seen.obstacle.empty()) finding = unknown("device rules", finding.asked, seen.obstacle);
    findings.push_back(std::move(finding));
  }
  for (const CgroupDirectory& one : launch.cgroup.directories) {
    if (one.device_writes.empty()) continue;
    Finding finding = audit_device_list(asked_devices(one.device_writes), seen.lines);
    if (!seen.obstacle.empty()) finding = unknown("device rules", finding.asked, seen.obstacle);
    findings.push_back(std::move(finding));
  }
}

void audit_seccomp_program(const LaunchPlan& launch, const Isolation& isolation,
                           std::vector<Finding>& findings) {
  if (!launch.seccomp || isolation.seccomp_mode != 2) return;
  const std::string asked = sentence(launch.seccomp->program.size(), " instructions");
  const SeenFilters& seen = isolation.seccomp_filters;
  if (!seen.obstacle.empty())
    return findings.push_back(unknown("seccomp program", asked, seen.obstacle));
  // A process may add filters, never take one away: each can only forbid more (seccomp(2)).
  const bool found =
      std::ranges::find(seen.programs, launch.seccomp->program) != seen.programs.end();
  std::string in_effect = found ? asked : "another program";
  if (found && seen.programs.size() > 1)
    in_effect += sentence(", and ", seen.programs.size() - 1, " more filters");
  findings.push_back({.verdict = found ? Verdict::kAsAsked : Verdict::kDrift,
                      .aspect = "seccomp program",
                      .asked = asked,
                      .in_effect = std::move(in_effect)});
}

}  // namespace plan
