// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/check.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/bundle.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/oci/problem.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/new_container.hpp"
#include "runtime/container/json_writer.hpp"
#include "runtime/kernel/host_check.hpp"
#include "runtime/network/network.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    cli::Option{.name = "bundle",
                .letter = 'b',
                .value = "DIR",
                .help = "The bundle (default: the current directory)"},
    cli::Option{
        .name = "format", .letter = 'f', .value = "FORMAT", .help = "text (default) or json"},
};

using oci::Problem;
constexpr const char* kId = "toyrun-check";  // names the cgroup when the config names none

/// The document against the specification.
std::optional<oci::RuntimeConfig> check_document(const Bundle& bundle,
                                                 std::vector<Problem>& problems) {
  try {
    oci::RuntimeConfig config =
        oci::inspect_runtime_config(bundle.config_text(), "config.json", problems);
    if (!config.process)
      oci::add_problem(problems, {.pointer = "/process", .text = "is required for a container"});
    return config;
  } catch (const Error& error) {
    oci::add_problem(problems, oci::problem_from(error.what()));
    return std::nullopt;
  }
}

void check_networks(const plan::LaunchPlan& launch, std::vector<Problem>& problems) {
  if (!launch.network) return;
  for (const std::string& name : launch.network->names) {
    try {
      network::open(name);
    } catch (const Error& error) {
      oci::add_problem(problems, {.pointer = "/annotations/org.toyrun.network.names",
                                  .text = error.what(),
                                  .remedy = "make it, or name one that `toyrun network ls` lists"});
    }
  }
}

/// The document against this host: what can be planned, and what would come of the plan.
void check_on_host(const cli::Parsed& global, oci::RuntimeConfig config, const Bundle& bundle,
                   std::vector<Problem>& problems) {
  UniqueFd shared_network;
  try {
    shared_network = share_network(config, state_root(global));
  } catch (const Error& error) {
    oci::add_problem(problems, {.pointer = "/annotations/org.toyrun.network.mode",
                                .text = error.what(),
                                .remedy = "start the container whose network it is to share"});
  }
  std::optional<plan::HostFacts> facts;
  try {
    facts = facts_of_this_host(global);
  } catch (const Error& error) {
    return oci::add_problem(problems,
                            {.text = error.what(), .remedy = "run toyrun on a host that has it"});
  }
  const plan::Remainder left = plan::plan_what_is_possible(
      config, bundle.directory(), kId, *facts, {.cgroup_driver = cgroup_driver(global)}, problems);
  if (!left.launch) return;
  check_networks(*left.launch, problems);
  kernel::check_host(left, *facts, problems);
}

std::string count(std::size_t number, std::string_view what) {
  return sentence(number, " ", what, number == 1 ? "" : "s");
}

std::string as_text(const Bundle& bundle, const std::vector<Problem>& problems) {
  std::string text;
  std::size_t errors = 0;
  for (const Problem& one : problems) {
    const bool is_error = one.severity == Problem::Severity::kError;
    if (is_error) ++errors;
    text += sentence(is_error ? "error: " : "warning: ", one.pointer,
                     one.pointer.empty() ? "" : ": ", one.text, "\n    remedy: ", one.remedy, "\n");
  }
  const std::size_t warnings = problems.size() - errors;
  if (!problems.empty()) text += '\n';
  text += sentence(bundle.directory(), errors == 0 ? ": would run here" : ": would not run here");
  if (errors > 0) text += sentence(", ", count(errors, "error"));
  if (warnings > 0) text += sentence(", ", count(warnings, "warning"));
  return text += '\n';
}

std::string as_json(const Bundle& bundle, const std::vector<Problem>& problems) {
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.begin_object().key("bundle").text(bundle.directory());
  json.key("wouldRun").boolean(!oci::has_errors(problems)).key("problems").begin_array();
  for (const Problem& one : problems) {
    json.begin_object();
    json.key("severity").text(one.severity == Problem::Severity::kError ? "error" : "warning");
    json.key("pointer").text(one.pointer).key("problem").text(one.text);
    json.key("remedy").text(one.remedy).end_object();
  }
  return json.end_array().end_object().take() += '\n';
}

int check_bundle(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string format = options.value_or("format", "text");
  if (format != "text" && format != "json")
    throw UsageError(sentence("invalid value for --format: ", format));
  if (!options.words.empty() && options.has("bundle"))
    throw UsageError("the bundle is named twice: by --bundle and as a word");
  const Bundle bundle =
      Bundle::open(options.words.empty() ? options.value_or("bundle", ".") : options.words.front());
  std::vector<Problem> problems;
  const std::optional<oci::RuntimeConfig> config = check_document(bundle, problems);
  if (config) check_on_host(global, *config, bundle, problems);
  oci::add_remedies(problems);
  std::ranges::stable_sort(problems, {}, [](const Problem& one) { return one.severity; });
  print(format == "json" ? as_json(bundle, problems) : as_text(bundle, problems));
  return oci::has_errors(problems) ? 1 : 0;
}

}  // namespace

cli::Command check_command() {
  return {.name = "check",
          .summary = "Say all that keeps a bundle from running on this host",
          .words = {.usage = "[BUNDLE]", .least = 0, .most = 1},
          .options = kOptions,
          .run = check_bundle};
}

}  // namespace commands
