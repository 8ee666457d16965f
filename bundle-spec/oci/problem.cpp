// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/oci/problem.hpp"

#include <algorithm>
#include <utility>

#include "bundle-spec/error.hpp"

namespace oci {
namespace {

struct Chapter {
  std::string_view pointer;
  std::string_view where;
};
// The longer pointers first.
constexpr Chapter kChapters[] = {
    {"/linux/cgroupsPath", "config-linux.md, \"Cgroups Path\""},
    {"/linux/devices", "config-linux.md, \"Devices\""},
    {"/linux/gidMappings", "config-linux.md, \"User namespace mappings\""},
    {"/linux/intelRdt", "config-linux.md, \"IntelRdt\""},
    {"/linux/maskedPaths", "config-linux.md, \"Masked Paths\""},
    {"/linux/memoryPolicy", "config-linux.md, \"Memory policy\""},
    {"/linux/mountLabel", "config-linux.md, \"Mount Label\""},
    {"/linux/namespaces", "config-linux.md, \"Namespaces\""},
    {"/linux/netDevices", "config-linux.md, \"Network Devices\""},
    {"/linux/personality", "config-linux.md, \"Personality\""},
    {"/linux/readonlyPaths", "config-linux.md, \"Readonly Paths\""},
    {"/linux/resources", "config-linux.md, \"Control groups\""},
    {"/linux/rootfsPropagation", "config-linux.md, \"Rootfs Mount Propagation\""},
    {"/linux/seccomp", "config-linux.md, \"Seccomp\""},
    {"/linux/sysctl", "config-linux.md, \"Sysctl\""},
    {"/linux/timeOffsets", "config-linux.md, \"Offset for Time Namespace\""},
    {"/linux/uidMappings", "config-linux.md, \"User namespace mappings\""},
    {"/linux", "config-linux.md"},
    {"/annotations", "config.md, \"Annotations\""},
    {"/domainname", "config.md, \"Domainname\""},
    {"/hooks", "config.md, \"POSIX-platform Hooks\""},
    {"/hostname", "config.md, \"Hostname\""},
    {"/mounts", "config.md, \"Mounts\""},
    {"/ociVersion", "config.md, \"Specification version\""},
    {"/process", "config.md, \"Process\""},
    {"/root", "config.md, \"Root\""},
    {"", "config.md"},
};

bool is_at_or_below(std::string_view pointer, std::string_view around) {
  return pointer.starts_with(around) &&
         (pointer.size() == around.size() || around.empty() || pointer[around.size()] == '/');
}

bool says(const Problem& problem, std::string_view words) {
  return problem.text.find(words) != std::string::npos;
}

std::string remedy_for(const Problem& problem) {
  const auto chapter = std::ranges::find_if(
      kChapters, [&](const Chapter& one) { return is_at_or_below(problem.pointer, one.pointer); });
  const std::string_view what = problem.text.starts_with("is required") ? "add it"
                                : says(problem, "leave ")               ? "leave it out"
                                : says(problem, "not supported")        ? "leave it out"
                                : says(problem, "not available on this host")
                                    ? "leave it out, or choose a host that has it"
                                    : "correct it";
  return sentence(what, "; runtime-spec: ", chapter->where);
}

}  // namespace

void add_problem(std::vector<Problem>& problems, Problem problem) {
  const bool is_echo = std::ranges::any_of(problems, [&](const Problem& one) {
    return one == problem || (one.severity == Problem::Severity::kError && !one.pointer.empty() &&
                              is_at_or_below(problem.pointer, one.pointer));
  });
  if (!is_echo) problems.push_back(std::move(problem));
}

Problem problem_from(std::string_view message) {
  Problem problem;
  std::string_view rest = message;
  if (rest.starts_with("config.json: ")) rest.remove_prefix(13);
  if (rest.starts_with('/')) {
    const std::size_t end = rest.find(": ");
    if (end != std::string_view::npos) {
      problem.pointer = rest.substr(0, end);
      rest.remove_prefix(end + 2);
    }
  }
  problem.text = rest;
  return problem;
}

void add_remedies(std::vector<Problem>& problems) {
  for (Problem& one : problems)
    if (one.remedy.empty()) one.remedy = remedy_for(one);
}

bool has_errors(const std::vector<Problem>& problems) {
  return std::ranges::any_of(
      problems, [](const Problem& one) { return one.severity == Problem::Severity::kError; });
}

}  // namespace oci
