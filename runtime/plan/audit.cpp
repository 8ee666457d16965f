// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/audit.hpp"

#include <linux/capability.h>
#include <linux/sched.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "bundle-spec/error.hpp"
#include "runtime/plan/audit_parts.hpp"

namespace plan {
namespace {

using Verdict = Finding::Verdict;

constexpr std::array<std::string_view, 8> kTypes = {"user", "pid", "network", "mount",
                                                    "ipc",  "uts", "cgroup",  "time"};

std::string seen(const std::map<std::string, std::string>& namespaces, std::string_view type) {
  const auto found = namespaces.find(std::string(type));
  return found == namespaces.end() ? "none" : found->second;
}

Finding audit_namespace(const LaunchPlan& launch, const Isolation& isolation,
                        std::string_view type) {
  const std::uint64_t flag = namespace_flag(type);
  const std::string actual = seen(isolation.namespaces, type);
  Finding finding{.aspect = sentence("namespace ", type), .asked = {}, .in_effect = actual};
  const bool is_hosts = actual == seen(isolation.own_namespaces, type);
  if (const JoinNamespace* const joined = launch.namespaces.joined(flag)) {
    finding.asked = joined->path;
    const auto there = isolation.joined_namespaces.find(std::string(type));
    // A path that is gone says nothing; the host's own would be wrong in any case.
    const bool fits = there == isolation.joined_namespaces.end() || there->second == actual;
    finding.verdict = fits ? Verdict::kAsAsked : Verdict::kDrift;
  } else if (launch.namespaces.has(flag)) {
    finding.asked = "its own";
    finding.verdict = is_hosts ? Verdict::kDrift : Verdict::kAsAsked;
  } else {
    finding.asked = "the host's";
    finding.verdict = is_hosts ? Verdict::kAsAsked : Verdict::kTighter;
  }
  return finding;
}

std::string map_text(const std::vector<oci::IdMapping>& mappings) {
  std::string text;
  for (const oci::IdMapping& one : mappings)
    text += sentence(text.empty() ? "" : ", ", one.container_id, " to ", one.host_id, " (",
                     one.size, ")");
  return text.empty() ? "none" : text;
}

Finding audit_map(std::string_view which, std::vector<oci::IdMapping> asked,
                  std::vector<oci::IdMapping> actual) {
  std::ranges::sort(asked, {}, &oci::IdMapping::container_id);
  std::ranges::sort(actual, {}, &oci::IdMapping::container_id);
  return {.verdict = asked == actual ? Verdict::kAsAsked : Verdict::kDrift,
          .aspect = sentence(which, " map"),
          .asked = map_text(asked),
          .in_effect = map_text(actual)};
}

/// A set may shrink; what is in it beyond `allowed` came from somewhere else.
Finding audit_set(std::string_view which, std::uint64_t asked, std::uint64_t allowed,
                  std::uint64_t actual) {
  const bool is_filled_up = (actual & ~asked) != 0;
  const bool is_tighter = actual != asked && !is_filled_up;
  return {.verdict = (actual & ~allowed) != 0 ? Verdict::kDrift
                     : is_tighter             ? Verdict::kTighter
                                              : Verdict::kAsAsked,
          .aspect = sentence("capabilities, ", which),
          .asked = capability_list(asked),
          .in_effect = sentence(capability_list(actual),
                                is_filled_up ? " (an execve of root fills it up)" : "")};
}

/// An execve of root fills the permitted set up to the bounding one (capabilities(7)), so that is
/// the measure of all but the ambient and inheritable ones.
void audit_capabilities(const LaunchPlan& launch, const Isolation& isolation,
                        std::vector<Finding>& findings) {
  const CapabilitySets& asked = launch.process.capabilities;
  const CapabilitySets& actual = isolation.capabilities;
  const std::uint64_t most = asked.bounding | asked.permitted;
  findings.push_back(audit_set("bounding", asked.bounding, asked.bounding, actual.bounding));
  findings.push_back(audit_set("permitted", asked.permitted, most, actual.permitted));
  findings.push_back(audit_set("effective", asked.effective, most, actual.effective));
  findings.push_back(audit_set("inheritable", asked.inheritable,
                               asked.inheritable | asked.permitted, actual.inheritable));
  // create leaves out what is not permitted and inheritable, too (execve(2) would).
  const std::uint64_t ambient = asked.ambient & asked.permitted & asked.inheritable;
  findings.push_back(audit_set("ambient", ambient, asked.permitted, actual.ambient));
}

std::uint32_t on_host(const std::vector<oci::IdMapping>& mappings, std::uint32_t id) {
  for (const oci::IdMapping& one : mappings)
    if (id >= one.container_id && id - one.container_id < one.size)
      return one.host_id + (id - one.container_id);
  return id;
}

Finding audit_id(std::string_view which, const std::vector<oci::IdMapping>& mappings,
                 std::uint32_t asked, std::uint32_t actual) {
  const std::uint32_t wanted = on_host(mappings, asked);
  const Verdict other = asked == 0 ? Verdict::kTighter : Verdict::kDrift;
  return {.verdict = wanted == actual ? Verdict::kAsAsked : other,
          .aspect = std::string(which),
          .asked = wanted == asked ? sentence(asked) : sentence(asked, ", on the host ", wanted),
          .in_effect = wanted == actual ? sentence(asked) : sentence("on the host ", actual)};
}

std::string list_text(const std::vector<std::uint32_t>& ids) {
  std::string text;
  for (const std::uint32_t id : ids) text += sentence(text.empty() ? "" : " ", id);
  return text.empty() ? "none" : text;
}

/// Whoever starts as root may take others, as a program does that changes its user.
Finding audit_groups(const LaunchPlan& launch, std::vector<std::uint32_t> actual) {
  std::vector<std::uint32_t> asked;
  for (const std::uint32_t gid : launch.process.additional_gids)
    asked.push_back(on_host(launch.namespaces.gid_mappings, gid));
  for (std::vector<std::uint32_t>* groups : {&asked, &actual}) {
    std::ranges::sort(*groups);
    groups->erase(std::unique(groups->begin(), groups->end()), groups->end());
  }
  const bool is_less = launch.process.uid == 0 || std::ranges::includes(asked, actual);
  return {.verdict = asked == actual ? Verdict::kAsAsked
                     : is_less       ? Verdict::kTighter
                                     : Verdict::kDrift,
          .aspect = "supplementary groups",
          .asked = list_text(asked),
          .in_effect = list_text(actual)};
}

std::string limit_text(std::uint64_t value) {
  return value == ~std::uint64_t{0} ? "unlimited" : sentence(value);
}

void audit_limits(const LaunchPlan& launch, const Isolation& isolation,
                  std::vector<Finding>& findings) {
  for (const ResourceLimit& asked : launch.process.limits) {
    const auto actual =
        std::ranges::find(isolation.limits, asked.resource, &ResourceLimit::resource);
    if (actual == isolation.limits.end()) continue;
    findings.push_back(
        {.verdict = actual->hard > asked.hard ? Verdict::kDrift
                    : *actual == asked        ? Verdict::kAsAsked
                                              : Verdict::kTighter,
         .aspect = std::string(limit_name(asked.resource)),
         .asked = sentence(limit_text(asked.soft), ", at most ", limit_text(asked.hard)),
         .in_effect = sentence(limit_text(actual->soft), ", at most ", limit_text(actual->hard))});
  }
}

Finding audit_switch(std::string_view aspect, bool asked, bool actual) {
  constexpr std::string_view kWords[] = {"off", "on"};
  return {.verdict = asked == actual ? Verdict::kAsAsked
                     : asked         ? Verdict::kDrift
                                     : Verdict::kTighter,
          .aspect = std::string(aspect),
          .asked = std::string(kWords[asked ? 1 : 0]),
          .in_effect = std::string(kWords[actual ? 1 : 0])};
}

/// AppArmor adds its mode: "docker-default (enforce)".
Finding audit_label(const std::string& asked, const std::string& actual) {
  const bool fits = actual == asked || actual.starts_with(sentence(asked, " ("));
  return {.verdict = fits ? Verdict::kAsAsked : Verdict::kDrift,
          .aspect = "security label",
          .asked = asked,
          .in_effect = actual.empty() ? "none" : actual};
}

void audit_process(const LaunchPlan& launch, const Isolation& isolation,
                   std::vector<Finding>& findings) {
  const ProcessPlan& process = launch.process;
  const NamespacePlan& namespaces = launch.namespaces;
  // Of a joined user namespace the maps are not in the config.
  if (namespaces.joined(CLONE_NEWUSER) == nullptr) {
    findings.push_back(audit_id("user", namespaces.uid_mappings, process.uid, isolation.uid));
    findings.push_back(audit_id("group", namespaces.gid_mappings, process.gid, isolation.gid));
    // Without leave to set them they are the caller's.
    if (process.set_groups) findings.push_back(audit_groups(launch, isolation.groups));
  }
  audit_capabilities(launch, isolation, findings);
  findings.push_back(
      audit_switch("no_new_privs", process.no_new_privileges, isolation.no_new_privileges));
  findings.push_back(
      audit_switch("seccomp filter", launch.seccomp.has_value(), isolation.seccomp_mode == 2));
  audit_seccomp_program(launch, isolation, findings);
  if (!process.apparmor_profile.empty())
    findings.push_back(audit_label(process.apparmor_profile, isolation.label));
  if (!process.selinux_label.empty())
    findings.push_back(audit_label(process.selinux_label, isolation.label));
  audit_limits(launch, isolation, findings);
  if (!process.oom_score_adj) return;
  const std::int32_t asked = *process.oom_score_adj;
  const std::int32_t actual = isolation.oom_score_adj;
  findings.push_back({.verdict = actual < asked    ? Verdict::kDrift
                                 : actual == asked ? Verdict::kAsAsked
                                                   : Verdict::kTighter,
                      .aspect = "oom_score_adj",
                      .asked = sentence(asked),
                      .in_effect = sentence(actual)});
}

/// "net/ipv4/ip_forward" → "net.ipv4.ip_forward", and a dot in a name becomes a slash, as in
/// sysctl.d(5).
std::string sysctl_name(std::string path) {
  for (char& letter : path) letter = letter == '/' ? '.' : letter == '.' ? '/' : letter;
  return path;
}

std::string one_blank_apart(std::string_view text) {
  std::string words;
  for (const char letter : text) {
    const bool blank = letter == ' ' || letter == '\t' || letter == '\n';
    if (!blank) words += letter;
    if (blank && !words.empty() && words.back() != ' ') words += ' ';
  }
  if (words.ends_with(' ')) words.pop_back();
  return words;
}

void audit_sysctls(const LaunchPlan& launch, const SeenSysctls& seen,
                   std::vector<Finding>& findings) {
  for (const Sysctl& one : launch.sysctls) {
    const auto found = seen.values.find(one.path);
    const bool is_known = found != seen.values.end();
    const std::string asked = one_blank_apart(one.value);
    const std::string actual = is_known ? one_blank_apart(found->second) : "";
    findings.push_back({.verdict = !is_known         ? Verdict::kUnknown
                                   : actual == asked ? Verdict::kAsAsked
                                                     : Verdict::kDrift,
                        .aspect = sentence("sysctl ", sysctl_name(one.path)),
                        .asked = asked,
                        .in_effect = is_known ? actual
                                     : seen.obstacle.empty()
                                         ? "not readable"
                                         : sentence("not comparable: ", seen.obstacle)});
  }
}

void audit_namespaces(const LaunchPlan& launch, const Isolation& isolation,
                      std::vector<Finding>& findings) {
  for (const std::string_view type : kTypes)
    findings.push_back(audit_namespace(launch, isolation, type));
  if ((launch.namespaces.create_flags & CLONE_NEWUSER) == 0) return;
  findings.push_back(audit_map("user id", launch.namespaces.uid_mappings, isolation.uid_mappings));
  findings.push_back(audit_map("group id", launch.namespaces.gid_mappings, isolation.gid_mappings));
}

}  // namespace

std::vector<Finding> audit(const LaunchPlan& launch, const Isolation& isolation) {
  std::vector<Finding> findings;
  audit_namespaces(launch, isolation, findings);
  audit_cgroups(launch, isolation, findings);
  audit_devices(launch, isolation, findings);
  if (launch.rootfs.has_mount_namespace) audit_mounts(launch, isolation, findings);
  audit_sysctls(launch, isolation.sysctls, findings);
  audit_process(launch, isolation, findings);
  return findings;
}

bool has_drift(const std::vector<Finding>& findings) {
  return std::ranges::find(findings, Verdict::kDrift, &Finding::verdict) != findings.end();
}

std::string_view name(Finding::Verdict verdict) {
  switch (verdict) {
    case Verdict::kAsAsked:
      return "as asked";
    case Verdict::kTighter:
      return "tighter";
    case Verdict::kExtra:
      return "extra";
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kDrift:
      break;
  }
  return "drift";
}

}  // namespace plan
