// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/lint.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr auto kSecretWords =
    std::to_array<std::string_view>({"apikey", "auth", "credential", "credentials", "key",
                                     "password", "pword", "passwd", "secret", "token"});

bool has_upper(std::string_view text) { return to_lower(text) != text; }
bool has_lower(std::string_view text) { return to_upper(text) != text; }

struct Linter {
  const Dockerfile& file;
  const BuildGraph& graph;
  std::vector<Warning> warnings{};

  void warn(const char* rule, const Instruction& instruction, std::string text) {
    warnings.push_back({rule, std::move(text), instruction.line});
  }
};

/// API_KEY and token, not TOKENIZER: whole words between underscores.
bool sounds_secret(std::string_view name) {
  const std::string lower = to_lower(name);
  for (std::string_view rest = lower; !rest.empty();) {
    const std::size_t end = std::min(rest.find_first_of("_-."), rest.size());
    if (std::ranges::find(kSecretWords, rest.substr(0, end)) != kSecretWords.end())
      return lower.find("public") == std::string::npos;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

void check_casing(Linter& linter) {
  std::size_t lower = 0, upper = 0;
  for (const Instruction& instruction : linter.file.instructions) {
    if (!has_upper(instruction.written)) ++lower;
    if (!has_lower(instruction.written)) ++upper;
  }
  const bool wants_lower = lower > upper;
  for (const Instruction& instruction : linter.file.instructions) {
    const std::string wanted = wants_lower ? to_lower(instruction.written) : instruction.keyword;
    if (instruction.written != wanted)
      linter.warn("ConsistentInstructionCasing", instruction,
                  sentence("Command '", instruction.written,
                           "' should match the case of the command majority (",
                           wants_lower ? "lowercase" : "uppercase", ")"));
  }
}

void check_from(Linter& linter, const Stage& stage, std::set<std::string>& names) {
  const Instruction& from = stage.from;
  if (from.words.size() == 3) {
    const bool from_lower = !has_upper(from.written);
    if (from_lower ? has_upper(from.words[1]) : has_lower(from.words[1]))
      linter.warn(
          "FromAsCasing", from,
          sentence("'", from.words[1], "' and '", from.written, "' keywords' casing do not match"));
  }
  if (!stage.name.empty()) {
    const std::string name = to_lower(stage.name);
    if (has_upper(stage.name))
      linter.warn("StageNameCasing", from,
                  sentence("Stage name '", stage.name, "' should be lowercase"));
    if (!names.insert(name).second)
      linter.warn(
          "DuplicateStageName", from,
          sentence("Duplicate stage name '", stage.name, "', stage names should be unique"));
    if (name == "scratch" || name == "context")
      linter.warn(
          "ReservedStageName", from,
          sentence("Stage name should not use the same name as reserved stage \"", name, "\""));
  }
  const Flag* const platform = from.flag("platform");
  if (platform == nullptr) return;
  if (platform->value == "$TARGETPLATFORM" || platform->value == "${TARGETPLATFORM}")
    linter.warn("RedundantTargetPlatform", from,
                sentence("Setting platform to predefined ", platform->value,
                         " in FROM is redundant as this is the default behavior"));
  else if (platform->value.find('$') == std::string::npos)
    linter.warn(
        "FromPlatformFlagConstDisallowed", from,
        sentence("FROM --platform flag should not use constant value \"", platform->value, "\""));
}

void check_pairs(Linter& linter, const Instruction& instruction) {
  const bool is_legacy = (instruction.keyword == "ENV" || instruction.keyword == "LABEL") &&
                         instruction.words[0].find('=') == std::string::npos;
  if (is_legacy)
    linter.warn(
        "LegacyKeyValueFormat", instruction,
        sentence("\"", instruction.keyword, " key=value\" should be used instead of legacy \"",
                 instruction.keyword, " key value\" format"));
  if (instruction.keyword == "LABEL") return;
  for (const std::string& word : instruction.words) {
    const std::string name = word.substr(0, word.find('='));
    if (sounds_secret(name))
      linter.warn("SecretsUsedInArgOrEnv", instruction,
                  sentence("Do not use ARG or ENV instructions for sensitive data (",
                           instruction.keyword, " \"", printable(name, 60), "\")"));
    if (is_legacy) break;
  }
}

void check_expose(Linter& linter, const Instruction& instruction) {
  for (const std::string& word : instruction.words) {
    const std::size_t slash = word.find('/');
    if (slash != std::string::npos && has_upper(word.substr(slash)))
      linter.warn("ExposeProtoCasing", instruction,
                  sentence("Defined protocol '", printable(word, 60),
                           "' in EXPOSE instruction should be lowercase"));
    if (word.substr(0, slash).find(':') != std::string::npos)
      linter.warn(
          "ExposeInvalidFormat", instruction,
          sentence("EXPOSE instruction should not define an IP address or host-port mapping, "
                   "found '",
                   printable(word, 60), "'"));
  }
}

void check_instruction(Linter& linter, const Instruction& instruction, bool has_shell) {
  const std::string& keyword = instruction.keyword;
  if ((keyword == "CMD" || keyword == "ENTRYPOINT") && !instruction.is_json && !has_shell &&
      !instruction.rest.empty())
    linter.warn("JSONArgsRecommended", instruction,
                sentence("JSON arguments recommended for ", keyword,
                         " to prevent unintended behavior related to OS signals"));
  if (keyword == "MAINTAINER")
    linter.warn("MaintainerDeprecated", instruction,
                "Maintainer instruction is deprecated in favor of using label");
  if (keyword == "ENV" || keyword == "LABEL" || keyword == "ARG") check_pairs(linter, instruction);
  if (keyword == "EXPOSE") check_expose(linter, instruction);
}

void check_stage(Linter& linter, const Stage& stage) {
  std::map<std::string, const Instruction*> single;
  bool has_shell = false, absolute = false;
  for (const Instruction& instruction : stage.instructions) {
    const std::string& keyword = instruction.keyword;
    check_instruction(linter, instruction, has_shell);
    if (keyword == "SHELL") has_shell = true;
    if (keyword == "WORKDIR") {
      const bool relative = !instruction.rest.starts_with('/') &&
                            !instruction.rest.starts_with('$') &&
                            !instruction.rest.starts_with('"');
      if (relative && !absolute && stage.base.kind != Origin::Kind::kNothing)
        linter.warn("WorkdirRelativePath", instruction,
                    sentence("Relative workdir ", printable(instruction.rest, 100),
                             " can have unexpected results if the base image changes"));
      absolute = true;
    }
    if (keyword != "CMD" && keyword != "ENTRYPOINT" && keyword != "HEALTHCHECK") continue;
    const Instruction*& last = single[keyword];
    if (last != nullptr)
      linter.warn("MultipleInstructionsDisallowed", *last,
                  sentence("Multiple ", keyword,
                           " instructions should not be used in the same stage because only the "
                           "last one will be used"));
    last = &instruction;
  }
}

/// A comment right above ARG or FROM describes what is declared there, by its name first.
void check_description(Linter& linter, const Instruction& instruction, const char* what,
                       const std::vector<std::string>& names) {
  const std::string first = instruction.comment.substr(0, instruction.comment.find(' '));
  if (instruction.comment.empty() || names.empty() ||
      std::ranges::find(names, first) != names.end())
    return;
  linter.warn("InvalidDefinitionDescription", instruction,
              sentence("Comment for ", what, " should follow the format: `# ",
                       names.size() == 1 ? printable(names[0], 60) : "<arg_key>",
                       " <description>`. If this is not intended to be a description comment, add "
                       "an empty line or comment between the instruction and the comment"));
}

void check_descriptions(Linter& linter) {
  for (const Instruction& instruction : linter.file.instructions) {
    if (instruction.keyword == "FROM" && instruction.words.size() == 3)
      check_description(linter, instruction, "build stage", {instruction.words[2]});
    if (instruction.keyword != "ARG") continue;
    std::vector<std::string> names;
    for (const std::string& word : instruction.words)
      names.push_back(word.substr(0, word.find('=')));
    check_description(linter, instruction, "build argument", names);
  }
}

void check_base_platform(Linter& linter, const Stage& stage, const StagePlan& plan) {
  const oci::Platform made_for = plan.config.platform();
  if (stage.base.kind != Origin::Kind::kImage || oci::fits(made_for, stage.platform)) return;
  linter.warn("InvalidBaseImagePlatform", stage.from,
              sentence("Base image ", printable(stage.base.name, 200),
                       " was pulled with platform \"", printable(made_for.str(), 60),
                       "\", expected \"", stage.platform.str(), "\" for current build"));
}

void check_ignored(Linter& linter, const StagePlan& plan, const IgnoreRules& ignored) {
  for (const Step& step : plan.steps) {
    const CopyAction* const copy = std::get_if<CopyAction>(&step.action);
    if (copy == nullptr || copy->origin.kind != Origin::Kind::kContext) continue;
    for (const std::string& source : copy->sources) {
      const std::string path = clean_relative(source);
      if (path.empty() || source.find("://") != std::string::npos || !ignored.excludes(path))
        continue;
      linter.warn("CopyIgnoredFile", step.instruction,
                  sentence("Attempting to ", copy->is_add ? "Add" : "Copy", " file \"",
                           printable(source, 200), "\" that is excluded by .dockerignore"));
    }
  }
}

/// "skip=A,B;error=true" → the value of one setting.
std::string setting(const Dockerfile& file, std::string_view name) {
  for (std::string_view rest = file.check.value; !rest.empty();) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view part = trim(rest.substr(0, end));
    const std::size_t equals = part.find('=');
    if (equals != std::string_view::npos && trim(part.substr(0, equals)) == name)
      return std::string(trim(part.substr(equals + 1)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return "";
}

/// Whether a list of rules, or "all", has this one.
bool has_rule(const std::string& list, const std::string& rule) {
  for (std::string_view rest = list; !rest.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string word = to_lower(trim(rest.substr(0, end)));
    if (word == "all" || word == to_lower(rule)) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

}  // namespace

bool warnings_are_errors(const Dockerfile& file) { return setting(file, "error") == "true"; }

std::vector<Warning> lint(const Dockerfile& file, const BuildGraph& graph,
                          const std::map<std::size_t, StagePlan>& plans,
                          const IgnoreRules& ignored) {
  Linter linter{.file = file, .graph = graph, .warnings = file.warnings};
  linter.warnings.insert(linter.warnings.end(), graph.warnings.begin(), graph.warnings.end());
  check_casing(linter);
  if (has_rule(setting(file, "experimental"), "InvalidDefinitionDescription"))
    check_descriptions(linter);
  std::set<std::string> names;
  for (const Stage& stage : graph.stages) {
    check_from(linter, stage, names);
    check_stage(linter, stage);
  }
  for (const auto& [index, plan] : plans) {
    linter.warnings.insert(linter.warnings.end(), plan.warnings.begin(), plan.warnings.end());
    check_base_platform(linter, graph.stages[index], plan);
    check_ignored(linter, plan, ignored);
  }
  const std::string skip = setting(file, "skip");
  std::erase_if(linter.warnings, [&](const Warning& one) { return has_rule(skip, one.rule); });
  std::ranges::stable_sort(linter.warnings, {}, &Warning::line);
  const auto repeated = std::ranges::unique(linter.warnings);
  linter.warnings.erase(repeated.begin(), repeated.end());
  return std::move(linter.warnings);
}

}  // namespace build
