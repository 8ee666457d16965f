// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/audit.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/recorded_plan.hpp"
#include "runtime/container/json_writer.hpp"
#include "runtime/kernel/isolation.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    cli::Option{
        .name = "format", .letter = 'f', .value = "FORMAT", .help = "text (default) or json"},
};

using plan::Finding;

struct Audit {
  const Container& container;
  RecordedPlan plan;
  std::vector<Finding> findings;
};

std::string line_of(const Finding& finding) {
  const std::string verdict(plan::name(finding.verdict));
  std::string line = sentence(verdict, std::string(10 - verdict.size(), ' '), finding.aspect, ": ");
  if (finding.verdict == Finding::Verdict::kAsAsked) return line + finding.in_effect + "\n";
  return line + sentence("asked: ", finding.asked, "; in effect: ", finding.in_effect, "\n");
}

std::vector<std::string> cautions(const RecordedPlan& plan) {
  std::vector<std::string> all = plan.differences;
  if (plan.config_changed)
    all.insert(all.begin(), plan.config_file +
                                " was changed after create: what is asked for in mounts and limits "
                                "is told as the file is now");
  return all;
}

std::string as_text(const Audit& audit) {
  std::string text = sentence("The container \"", audit.container.record().id, "\", process ",
                              audit.container.record().pid, ", beside what was asked for.\n");
  for (const std::string& one : cautions(audit.plan)) text += sentence("Beware: ", one, ".\n");
  text += '\n';
  for (const Finding& one : audit.findings) text += line_of(one);
  const auto drifts =
      std::ranges::count(audit.findings, Finding::Verdict::kDrift, &Finding::verdict);
  return text += drifts == 0 ? "\nno drift\n" : sentence("\n", drifts, " in drift\n");
}

std::string as_json(const Audit& audit) {
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.begin_object().key("id").text(audit.container.record().id);
  json.key("pid").number(audit.container.record().pid);
  json.key("drift").boolean(plan::has_drift(audit.findings)).key("cautions").begin_array();
  for (const std::string& one : cautions(audit.plan)) json.text(one);
  json.end_array().key("findings").begin_array();
  for (const Finding& one : audit.findings) {
    json.begin_object().key("aspect").text(one.aspect).key("verdict").text(plan::name(one.verdict));
    json.key("asked").text(one.asked).key("inEffect").text(one.in_effect).end_object();
  }
  return json.end_array().end_object().take() += '\n';
}

int audit(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string format = options.value_or("format", "text");
  if (format != "text" && format != "json")
    throw UsageError(sentence("invalid value for --format: ", format));
  const Container container = Container::open(state_root(global), options.words[0]);
  const ContainerRecord& record = container.record();
  Audit result{.container = container, .plan = recorded_plan(container), .findings = {}};
  std::optional<plan::Isolation> isolation =
      kernel::read_isolation(result.plan.launch, record.pid, record.start_time);
  if (record.pid == 0 || !isolation) throw Error("container not running");
  if (const std::optional<UniqueFd> init = container.open_init())
    isolation->sysctls = kernel::read_sysctls(result.plan.launch.sysctls, init->get());
  result.findings = plan::audit(result.plan.launch, *isolation);
  print(format == "json" ? as_json(result) : as_text(result));
  return plan::has_drift(result.findings) ? 1 : 0;
}

}  // namespace

cli::Command audit_command() {
  return {.name = "audit",
          .summary = "Compare a container's isolation with what was asked for",
          .words = {.usage = "ID", .least = 1, .most = 1},
          .options = kOptions,
          .run = audit};
}

}  // namespace commands
