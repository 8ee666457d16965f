// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/build_graph.hpp"

#include <algorithm>
#include <charconv>

#include "imagetool/build/mount_flag.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr std::size_t kMostStages = 1000;

bool is_stage_name(std::string_view name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && is_letter(name.front()) && std::ranges::all_of(name, [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

void add_platform(std::map<std::string, std::string>& global, const std::string& prefix,
                  const oci::Platform& platform) {
  global[prefix + "PLATFORM"] = platform.str();
  global[prefix + "OS"] = platform.os;
  global[prefix + "OSVERSION"] = platform.os_version;
  global[prefix + "ARCH"] = platform.architecture;
  global[prefix + "VARIANT"] = platform.variant;
}

Variables variables_in(const std::map<std::string, std::string>& values) {
  return [&values](std::string_view name) -> const std::string* {
    const auto found = values.find(std::string(name));
    return found == values.end() ? nullptr : &found->second;
  };
}

std::string expand_global(BuildGraph& graph, const Instruction& instruction,
                          const std::string& word, std::string_view rule) {
  try {
    Expansion expansion = expand(word, graph.escape, variables_in(graph.global));
    for (const std::string& name : expansion.unset)
      graph.warnings.push_back({std::string(rule),
                                sentence("FROM argument '", name, "' is not declared"),
                                instruction.line});
    return std::move(expansion.text);
  } catch (const Error& error) {
    throw error_at(graph.file, instruction, error.what());
  }
}

/// An ARG before the first FROM.
void declare_global(BuildGraph& graph, const Request& request, const Instruction& instruction) {
  for (const std::string& word : instruction.words) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const auto given = request.arguments.find(name);
    if (given != request.arguments.end())
      graph.global[name] = given->second;
    else if (equals != std::string::npos)
      graph.global[name] =
          expand_global(graph, instruction, word.substr(equals + 1), "UndefinedVar");
    if (equals != std::string::npos)
      graph.defaults[name] =
          expand(word.substr(equals + 1), graph.escape, variables_in(graph.defaults)).text;
  }
}

/// What FROM names without any --build-arg should be a name, too.
void check_default_base(BuildGraph& graph, const Instruction& instruction) {
  const std::string& word = instruction.words[0];
  if (word.find('$') == std::string::npos) return;
  try {
    const std::string base = expand(word, graph.escape, variables_in(graph.defaults)).text;
    ImageReference::parse(base);
  } catch (const Error&) {
    graph.warnings.push_back({"InvalidDefaultArgInFrom",
                              sentence("Default value for ARG ", printable(word, 60),
                                       " results in empty or invalid base image name"),
                              instruction.line});
  }
}

std::optional<std::size_t> find_stage(const BuildGraph& graph, const std::string& name,
                                      std::size_t before) {
  for (std::size_t index = std::min(before, graph.stages.size()); index-- > 0;)
    if (!graph.stages[index].name.empty() && to_lower(graph.stages[index].name) == to_lower(name))
      return index;
  return std::nullopt;
}

std::optional<std::size_t> read_index(const std::string& text) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  return error == std::errc() ? index : SIZE_MAX;
}

void read_from(BuildGraph& graph, const Request& request, const Instruction& instruction) {
  if (graph.stages.size() == kMostStages)
    throw error_at(graph.file, instruction,
                   sentence("there are more than ", kMostStages, " build stages"));
  Stage stage{.index = graph.stages.size(), .from = instruction, .platform = request.platform};
  const std::string base =
      expand_global(graph, instruction, instruction.words[0], "UndefinedArgInFrom");
  if (base.empty())
    throw error_at(
        graph.file, instruction,
        sentence("base name (", printable(instruction.words[0], 60), ") should not be blank"));
  check_default_base(graph, instruction);
  if (const Flag* const platform = instruction.flag("platform")) {
    const std::string text =
        expand_global(graph, instruction, platform->value, "UndefinedArgInFrom");
    try {
      if (text.empty()) throw Error("the platform is blank");
      stage.platform = oci::Platform::parse(text);
    } catch (const Error& error) {
      throw error_at(
          graph.file, instruction,
          sentence("failed to parse platform ", printable(text, 60), ": ", error.what()));
    }
  }
  if (instruction.words.size() == 3) {
    stage.name = instruction.words[2];
    if (!is_stage_name(to_lower(stage.name)))
      throw error_at(graph.file, instruction,
                     sentence("invalid name for build stage: \"", printable(stage.name, 60),
                              "\", name can't start with a number or contain symbols"));
  }
  if (base == "scratch")
    stage.base.kind = Origin::Kind::kNothing;
  else if (const auto earlier = find_stage(graph, base, graph.stages.size());
           earlier && !request.contexts.contains(to_lower(base)))
    stage.base = {.kind = Origin::Kind::kStage, .stage = *earlier};
  else if (request.contexts.contains(to_lower(base)))
    stage.base = {.kind = Origin::Kind::kNamed, .name = to_lower(base)};
  else
    stage.base = {.kind = Origin::Kind::kImage, .name = base};
  if (stage.base.kind == Origin::Kind::kStage && instruction.flag("platform") == nullptr)
    stage.platform = graph.stages[stage.base.stage].platform;
  stage.needs.insert(stage.base);
  graph.stages.push_back(std::move(stage));
}

void visit(const BuildGraph& graph, std::size_t index, std::vector<int>& state,
           std::vector<std::size_t>& order) {
  if (state[index] == 2) return;
  const Stage& stage = graph.stages[index];
  if (state[index] == 1)
    throw error_at(graph.file, stage.from,
                   sentence("circular dependency detected on stage: ", stage.label()));
  state[index] = 1;
  for (const Origin& need : stage.needs)
    if (need.kind == Origin::Kind::kStage) visit(graph, need.stage, state, order);
  state[index] = 2;
  order.push_back(index);
}

std::size_t find_target(const BuildGraph& graph, const std::string& target) {
  if (target.empty()) return graph.stages.size() - 1;
  if (const auto named = find_stage(graph, target, graph.stages.size())) return *named;
  if (const auto index = read_index(target); index && *index < graph.stages.size()) return *index;
  std::vector<std::string> known;
  for (const Stage& stage : graph.stages)
    if (!stage.name.empty()) known.push_back(stage.name);
  throw Error(sentence(graph.file, ": target stage \"", printable(target, 60),
                       "\" could not be found", suggestion(target, known)));
}

}  // namespace

std::string Stage::label() const { return name.empty() ? sentence("stage-", index) : name; }

Origin resolve_origin(const BuildGraph& graph, const Request& request, const std::string& from,
                      const Instruction& instruction) {
  if (from.find('$') != std::string::npos)
    throw error_at(graph.file, instruction,
                   sentence("variable expansion is not supported for --from: give a stage the name "
                            "instead, by FROM ",
                            printable(from, 60), " AS NAME"));
  if (request.contexts.contains(to_lower(from)))
    return {.kind = Origin::Kind::kNamed, .name = to_lower(from)};
  if (const auto named = find_stage(graph, from, graph.stages.size()))
    return {.kind = Origin::Kind::kStage, .stage = *named};
  if (const auto index = read_index(from)) {
    if (*index >= graph.stages.size())
      throw error_at(graph.file, instruction,
                     sentence("invalid stage index ", printable(from, 20), ": there are ",
                              graph.stages.size(), " stages, the first is 0"));
    return {.kind = Origin::Kind::kStage, .stage = *index};
  }
  if (to_lower(from) == "scratch") return {.kind = Origin::Kind::kNothing};
  return {.kind = Origin::Kind::kImage, .name = from};
}

std::vector<Origin> origins_of(const BuildGraph& graph, const Request& request,
                               const Instruction& instruction) {
  std::vector<Origin> origins;
  if (const Flag* const from = instruction.flag("from"))
    origins.push_back(resolve_origin(graph, request, from->value, instruction));
  for (const Flag& flag : instruction.flags) {
    if (flag.name != "mount") continue;
    // Variables may stand in other values, so only the name is looked at here.
    for (std::string_view rest = flag.value; !rest.empty();) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const std::string_view field = rest.substr(0, end);
      if (to_lower(field.substr(0, 5)) == "from=")
        origins.push_back(
            resolve_origin(graph, request, std::string(field.substr(5)), instruction));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return origins;
}

void order_stages(BuildGraph& graph) {
  std::vector<int> state(graph.stages.size());
  graph.order.clear();
  visit(graph, graph.target, state, graph.order);
}

BuildGraph build_graph(const Dockerfile& file, const Request& request) {
  BuildGraph graph{.file = file.name, .escape = file.escape};
  add_platform(graph.global, "TARGET", request.platform);
  add_platform(graph.global, "BUILD", request.build_platform);
  graph.global["TARGETSTAGE"] = request.target.empty() ? "default" : request.target;
  graph.defaults = graph.global;
  for (const Instruction& instruction : file.instructions) {
    if (instruction.keyword == "FROM")
      read_from(graph, request, instruction);
    else if (!graph.stages.empty())
      graph.stages.back().instructions.push_back(instruction);
    else if (instruction.keyword == "ARG")
      declare_global(graph, request, instruction);
    else
      throw error_at(file.name, instruction, "no build stage in current context: FROM comes first");
  }
  if (graph.stages.empty()) throw Error(sentence(file.name, ": no build stage: FROM is missing"));
  for (Stage& stage : graph.stages)
    for (const Instruction& instruction : stage.instructions)
      for (const Origin& origin : origins_of(graph, request, instruction))
        stage.needs.insert(origin);
  graph.target = find_target(graph, request.target);
  order_stages(graph);
  return graph;
}

}  // namespace build
