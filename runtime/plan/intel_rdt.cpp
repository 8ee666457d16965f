// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/intel_rdt.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "bundle-spec/error.hpp"
#include "runtime/plan/paths.hpp"

namespace plan {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

std::vector<std::string_view> parts(std::string_view text, char separator) {
  std::vector<std::string_view> all;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (const std::string_view part = trimmed(text.substr(0, end)); !part.empty())
      all.push_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

/// "00F" → "f": as masks and percentages are compared.
std::string plain_value(std::string_view value) {
  std::string plain;
  for (const char letter : trimmed(value))
    plain += static_cast<char>(letter >= 'A' && letter <= 'F' ? letter - 'A' + 'a' : letter);
  const std::size_t first = plain.find_first_not_of('0');
  return first == std::string::npos ? "0" : plain.substr(first);
}

/// "L3:0=f;1=ff" → {"L3:0": "f", "L3:1": "ff"}.
std::map<std::string, std::string> domains(std::string_view line) {
  std::map<std::string, std::string> all;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return all;
  for (const std::string_view part : parts(line.substr(colon + 1), ';')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    all[sentence(trimmed(line.substr(0, colon)), ':', trimmed(part.substr(0, equals)))] =
        plain_value(part.substr(equals + 1));
  }
  return all;
}

}  // namespace

std::vector<std::string> rdt_lines(const oci::IntelRdt& rdt) {
  std::vector<std::string> lines;
  const auto add = [&](const std::optional<std::string>& text, std::string_view pointer,
                       bool without_bandwidth) {
    if (!text) return;
    refuse_nul(*text, pointer);
    for (const std::string_view line : parts(*text, '\n'))
      if (!without_bandwidth || !line.starts_with("MB:")) lines.emplace_back(line);
  };
  add(rdt.l3_cache_schema, "/linux/intelRdt/l3CacheSchema", rdt.mem_bw_schema.has_value());
  add(rdt.mem_bw_schema, "/linux/intelRdt/memBwSchema", false);
  for (const std::string& one : rdt.schemata) add(one, "/linux/intelRdt/schemata", false);
  return lines;
}

RdtPlan plan_intel_rdt(const oci::IntelRdt& rdt, const std::string& id) {
  RdtPlan plan;
  plan.lines = rdt_lines(rdt);
  plan.is_own = !rdt.clos_id;
  plan.group = rdt.clos_id.value_or(id);
  if (plan.group == "/") plan.group.clear();
  // The kernel's own directories beside the classes.
  for (const std::string_view taken : {"info", "mon_groups", "mon_data"})
    if (plan.group == taken)
      throw Error(sentence("/linux/intelRdt: ", plan.group, " is no class but resctrl's own"));
  plan.must_exist = !plan.is_own && plan.lines.empty();
  if (rdt.enable_monitoring) plan.monitoring = id;
  return plan;
}

bool schemata_have(std::string_view text, const std::vector<std::string>& lines) {
  std::map<std::string, std::string> actual;
  for (const std::string_view line : parts(text, '\n'))
    for (auto& [domain, value] : domains(line)) actual[domain] = value;
  return std::ranges::all_of(lines, [&](const std::string& line) {
    const auto wanted = domains(line);
    return !wanted.empty() && std::ranges::all_of(wanted, [&](const auto& one) {
      const auto found = actual.find(one.first);
      return found != actual.end() && found->second == one.second;
    });
  });
}

std::vector<std::string> describe(const RdtPlan& rdt) {
  std::vector<std::string> lines;
  const std::string group =
      rdt.group.empty() ? "resctrl's default class" : sentence("the resctrl class ", rdt.group);
  for (const std::string& one : rdt.lines) lines.push_back(sentence(group, " allows ", one));
  lines.push_back(sentence("put init into ", group, rdt.must_exist ? ", which must be there" : ""));
  if (!rdt.monitoring.empty())
    lines.push_back(sentence("count its use in the monitoring group ", rdt.monitoring));
  return lines;
}

}  // namespace plan
