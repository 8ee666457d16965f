// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/stage_plan.hpp"

#include <algorithm>
#include <array>

#include "imagetool/build/config_values.hpp"
#include "imagetool/build/glob.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr std::string_view kPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr auto kProxies = std::to_array<std::string_view>(
    {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY",
     "no_proxy", "ALL_PROXY", "all_proxy"});

constexpr std::size_t kMostExpanded = std::size_t{64} << 20;

std::string_view name_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

std::string* find_env(std::vector<std::string>& env, std::string_view name) {
  const auto found =
      std::ranges::find(env, name, [](const std::string& entry) { return name_of(entry); });
  return found == env.end() ? nullptr : &*found;
}

void set_env(std::vector<std::string>& env, const std::string& name, const std::string& value) {
  std::string entry = sentence(name, "=", value);
  if (std::string* const old = find_env(env, name))
    *old = std::move(entry);
  else
    env.push_back(std::move(entry));
}

void insert_sorted(std::vector<std::string>& list, const std::string& word) {
  const auto place = std::ranges::lower_bound(list, word);
  if (place == list.end() || *place != word) list.insert(place, word);
}

/// The path as seen from the working directory, clean, with the trailing slash it had.
std::string below(const std::string& directory, const std::string& path) {
  const bool slash = path.empty() || path.ends_with('/') || path == "." || path.ends_with("/.");
  std::string clean =
      "/" + clean_relative(path.starts_with('/') ? path : sentence(directory, "/", path));
  if (slash && clean != "/") clean += "/";
  return clean;
}

/// The instruction's text with the bodies of its heredocs, as a shell reads them.
std::string with_heredocs(const std::string& text, const std::vector<Heredoc>& heredocs) {
  std::string whole = text;
  if (!heredocs.empty()) whole += "\n";
  for (const Heredoc& heredoc : heredocs) whole += sentence(heredoc.content, heredoc.name, "\n");
  return whole;
}

class StagePlanner {
 public:
  StagePlanner(const BuildGraph& graph, const Request& request, const Stage& stage, StageBase base)
      : graph_(graph), request_(request), stage_(stage) {
    plan_.config = std::move(base.config);
    plan_.args = std::move(base.args);
    for (const auto& [name, value] : plan_.args)
      if (value) values_[name] = *value;
  }

  StagePlan plan() {
    if (find_env(config().env, "PATH") == nullptr) config().env.emplace_back(kPath);
    const std::vector<Instruction> triggers = read_triggers(graph_, plan_.config);
    config().on_build.clear();
    for (const Instruction& trigger : triggers) add(trigger);
    for (const Instruction& instruction : stage_.instructions) add(instruction);
    return std::move(plan_);
  }

 private:
  oci::ContainerDefaults& config() { return plan_.config.config; }

  void add(const Instruction& instruction) {
    // Values are those from before the instruction: ENV a=1 b=$a uses the old a.
    env_before_ = config().env;
    Step step{.instruction = instruction, .shown = printable(instruction.original, 200)};
    try {
      plan_instruction(instruction, step);
    } catch (const Error& error) {
      throw error_at(graph_.file, instruction, error.what());
    }
    plan_.steps.push_back(std::move(step));
  }

  void plan_instruction(const Instruction& instruction, Step& step) {
    const std::string& keyword = instruction.keyword;
    if (keyword == "RUN") return plan_run(instruction, step);
    if (keyword == "COPY" || keyword == "ADD") return plan_copy(instruction, step);
    if (keyword == "WORKDIR") return plan_workdir(instruction, step);
    if (keyword == "ENV") return plan_env(instruction, step);
    if (keyword == "ARG") return plan_arg(instruction, step);
    if (keyword == "LABEL") return plan_label(instruction, step);
    if (keyword == "EXPOSE") return plan_expose(instruction, step);
    if (keyword == "VOLUME") return plan_volume(instruction, step);
    if (keyword == "CMD" || keyword == "ENTRYPOINT") return plan_command(instruction, step);
    plan_simple(instruction, step);
  }

  void plan_simple(const Instruction& instruction, Step& step) {
    const std::string& keyword = instruction.keyword;
    if (keyword == "USER") {
      config().user = expanded(instruction, instruction.rest);
      step.history = "USER " + config().user;
    } else if (keyword == "STOPSIGNAL") {
      config().stop_signal = expanded(instruction, instruction.rest);
      check_signal(config().stop_signal);
      step.history = "STOPSIGNAL " + config().stop_signal;
    } else if (keyword == "SHELL") {
      config().shell = instruction.words;
      step.history = sentence("SHELL [", joined(instruction.words), "]");
    } else if (keyword == "MAINTAINER") {
      plan_.config.author = instruction.rest;
      step.history = "MAINTAINER " + instruction.rest;
    } else if (keyword == "HEALTHCHECK") {
      Healthcheck healthcheck = parse_healthcheck(instruction);
      config().healthcheck = std::move(healthcheck.json);
      step.history = std::move(healthcheck.history);
    } else if (keyword == "ONBUILD") {
      config().on_build.push_back(
          std::string(trim(with_heredocs(instruction.rest, instruction.heredocs))));
    }
  }

  Variables variables() const {
    return [this](std::string_view name) -> const std::string* {
      const auto env = std::ranges::find(env_before_, name,
                                         [](const std::string& entry) { return name_of(entry); });
      if (env != env_before_.end()) {
        found_ = env->substr(std::min(name.size() + 1, env->size()));
        return &found_;
      }
      const auto arg = values_.find(std::string(name));
      return arg == values_.end() ? nullptr : &arg->second;
    };
  }

  Expansion expand_in(const Instruction& instruction, const std::string& word,
                      Quotes quotes = Quotes::kRemoved) {
    Expansion expansion = expand(word, graph_.escape, variables(), quotes);
    expanded_ += expansion.text.size();
    if (expanded_ > kMostExpanded) throw Error("the stage's texts come to more than 64 MiB");
    for (const std::string& name : expansion.unset)
      plan_.warnings.push_back({"UndefinedVar",
                                sentence("Usage of undefined variable '$", printable(name, 60), "'",
                                         suggestion(name, known_names())),
                                instruction.line});
    return expansion;
  }
  std::string expanded(const Instruction& instruction, const std::string& word) {
    return expand_in(instruction, word).text;
  }
  std::vector<std::string> known_names() const {
    std::vector<std::string> names;
    for (const std::string& entry : env_before_) names.emplace_back(name_of(entry));
    for (const auto& [name, value] : values_) names.push_back(name);
    return names;
  }

  /// Names and values of ENV and LABEL, expanded; the old form "NAME the rest" as one pair.
  std::vector<std::pair<std::string, std::string>> pairs(const Instruction& instruction) {
    std::vector<std::pair<std::string, std::string>> result;
    if (instruction.words[0].find('=') == std::string::npos) {
      const std::string& name = instruction.words[0];
      const std::string value(trim(std::string_view(instruction.rest).substr(name.size())));
      result.emplace_back(expanded(instruction, name), expanded(instruction, value));
      return result;
    }
    for (const std::string& word : instruction.words) {
      const std::size_t equals = word.find('=');
      result.emplace_back(expanded(instruction, word.substr(0, equals)),
                          expanded(instruction, word.substr(equals + 1)));
      if (result.back().first.empty())
        throw Error(sentence(instruction.keyword, " names can not be blank"));
    }
    return result;
  }

  void plan_env(const Instruction& instruction, Step& step) {
    step.history = "ENV";
    for (const auto& [name, value] : pairs(instruction)) {
      set_env(config().env, name, value);
      step.history += sentence(" ", name, "=", value);
    }
  }

  void plan_label(const Instruction& instruction, Step& step) {
    step.history = "LABEL";
    for (const auto& [name, value] : pairs(instruction)) {
      config().labels[name] = value;
      step.history += sentence(" ", name, "=", value);
    }
  }

  void plan_arg(const Instruction& instruction, Step& step) {
    step.history = "ARG";
    ArgValues declared;
    for (const std::string& word : instruction.words) {
      const std::size_t equals = word.find('=');
      const std::string name = word.substr(0, equals);
      std::optional<std::string> value;
      const auto given = request_.arguments.find(name);
      const auto global = graph_.global.find(name);
      if (given != request_.arguments.end())
        value = given->second;
      else if (equals != std::string::npos)
        value = expanded(instruction, word.substr(equals + 1));
      else if (global != graph_.global.end())
        value = global->second;
      declared.emplace_back(name, value);
      step.history += sentence(" ", name, value ? "=" + *value : "");
    }
    for (auto& [name, value] : declared) {
      std::erase_if(plan_.args, [&](const auto& arg) { return arg.first == name; });
      values_.erase(name);
      if (value) values_[name] = *value;
      plan_.args.emplace_back(name, value);
    }
  }

  void plan_expose(const Instruction& instruction, Step& step) {
    std::vector<std::string> ports;
    for (const std::string& word : instruction.words)
      for (const std::string& part : expand_in(instruction, word).words)
        for (const std::string& port : parse_ports(part)) insert_sorted(ports, port);
    for (const std::string& port : ports) insert_sorted(config().exposed_ports, port);
    step.history = sentence("EXPOSE [", joined(ports), "]");
  }

  void plan_volume(const Instruction& instruction, Step& step) {
    std::vector<std::string> volumes;
    for (const std::string& word : instruction.words) {
      volumes.push_back(expanded(instruction, word));
      if (volumes.back().empty()) throw Error("VOLUME specified can not be an empty string");
      insert_sorted(config().volumes, volumes.back());
    }
    step.history = sentence("VOLUME [", joined(volumes), "]");
  }

  std::vector<std::string> in_shell(const std::string& command) {
    std::vector<std::string> args = config().shell;
    if (args.empty()) args = {"/bin/sh", "-c"};
    args.push_back(command);
    return args;
  }

  void plan_command(const Instruction& instruction, Step& step) {
    std::vector<std::string> args;
    if (instruction.is_json)
      args = instruction.words;
    else if (!instruction.rest.empty())
      args = in_shell(instruction.rest);
    step.history = sentence(instruction.keyword, " ", quoted_list(args));
    config().args_escaped = true;
    if (instruction.keyword == "CMD") {
      config().cmd = std::move(args);
      cmd_is_own_ = true;
      return;
    }
    config().entrypoint = std::move(args);
    // The base's CMD were arguments for the base's program.
    if (!cmd_is_own_) config().cmd.clear();
  }

  void plan_workdir(const Instruction& instruction, Step& step) {
    const std::string path = expanded(instruction, instruction.rest);
    std::string absolute = below(config().working_dir, path);
    while (absolute.size() > 1 && absolute.ends_with('/')) absolute.pop_back();
    config().working_dir = absolute;
    step.history = "WORKDIR " + absolute;
    if (absolute != "/") step.action = WorkdirAction{.path = absolute, .user = config().user};
  }

  /// The environment of RUN: the image's, then ARGs that it does not set.
  std::vector<std::string> run_environment(std::vector<std::string>& arg_words) {
    std::vector<std::string> env = config().env;
    for (const auto& [name, value] : plan_.args) {
      if (!value) continue;
      if (find_env(config().env, name) == nullptr) {
        env.push_back(sentence(name, "=", *value));
        arg_words.push_back(env.back());
      }
    }
    return env;
  }

  void plan_run(const Instruction& instruction, Step& step) {
    RunAction run;
    std::vector<std::string> arg_words;
    run.env = run_environment(arg_words);
    for (const std::string_view proxy : kProxies)
      if (const auto given = request_.arguments.find(std::string(proxy));
          given != request_.arguments.end())
        run.proxies.push_back(sentence(proxy, "=", given->second));
    run.cwd = config().working_dir.empty() ? "/" : config().working_dir;
    run.user = config().user;
    plan_run_command(instruction, run);
    for (const Flag& flag : instruction.flags)
      if (flag.name == "mount") run.mounts.push_back(plan_mount(instruction, flag.value));
    if (const Flag* const network = instruction.flag("network")) {
      if (network->value != "default" && network->value != "none" && network->value != "host")
        throw Error(sentence("unsupported network mode \"", printable(network->value, 40),
                             "\": must be default, none or host"));
      run.network = network->value;
    }
    if (const Flag* const security = instruction.flag("security");
        security != nullptr && security->value != "sandbox")
      throw Error(sentence("--security=", printable(security->value, 40),
                           " is not supported: a build step runs in a sandbox"));
    if (instruction.flag("device") != nullptr)
      throw Error("--device is not supported: a build step gets no devices of the host");
    const std::string counted =
        arg_words.empty() ? "" : sentence("|", arg_words.size(), " ", joined(arg_words), " ");
    step.history = sentence("RUN ", counted, joined(run.args), " # buildkit");
    step.action = std::move(run);
  }

  void plan_run_command(const Instruction& instruction, RunAction& run) {
    if (instruction.is_json) {
      if (instruction.words.empty()) throw Error("RUN requires at least one argument");
      run.args = instruction.words;
      return;
    }
    const std::vector<Heredoc>& heredocs = instruction.heredocs;
    if (heredocs.size() != 1 || instruction.rest != heredocs[0].opening) {
      run.args = in_shell(with_heredocs(instruction.rest, heredocs));
      return;
    }
    if (!heredocs[0].content.starts_with("#!")) {
      run.args = in_shell(heredocs[0].content);
      return;
    }
    run.script = heredocs[0].content;
    run.script_name = heredocs[0].name;
    if (run.script_name.find('/') != std::string::npos) throw Error("a heredoc's name has no '/'");
    run.args = {"/dev/pipes/" + run.script_name};
  }

  PlannedMount plan_mount(const Instruction& instruction, const std::string& text) {
    // `from` decides on stages before variables are known; its values are taken as written.
    PlannedMount mount{.flag = parse_mount(text)};
    MountFlag& flag = mount.flag;
    for (std::string* value : {&flag.target, &flag.source, &flag.id, &flag.environment})
      *value = expanded(instruction, *value);
    if (!flag.from.empty())
      mount.origin = resolve_origin(graph_, request_, flag.from, instruction);
    else if (flag.type == MountFlag::Type::kCache)
      mount.origin.kind = Origin::Kind::kNothing;
    if (!flag.target.empty()) {
      flag.target = below(config().working_dir, flag.target);
      while (flag.target.size() > 1 && flag.target.ends_with('/')) flag.target.pop_back();
      if (flag.target == "/") throw Error(sentence("invalid mount target \"/\""));
    }
    return mount;
  }

  void plan_copy(const Instruction& instruction, Step& step) {
    CopyAction copy{.is_add = instruction.keyword == "ADD"};
    const auto value = [&](std::string_view name) {
      const Flag* const flag = instruction.flag(name);
      return flag == nullptr ? std::string() : expanded(instruction, flag->value);
    };
    const auto is_on = [&](std::string_view name) {
      const Flag* const flag = instruction.flag(name);
      return flag != nullptr && flag->value != "false";
    };
    copy.chown = value("chown");
    copy.chmod = value("chmod");
    if (!copy.chmod.empty()) ModeChange::parse(copy.chmod);
    copy.checksum = value("checksum");
    copy.link = is_on("link");
    copy.parents = is_on("parents");
    copy.keep_git_dir = is_on("keep-git-dir");
    if (instruction.flag("unpack") != nullptr) copy.unpack = is_on("unpack");
    copy.excludes = instruction.flag_values("exclude");
    if (const Flag* const from = instruction.flag("from"))
      copy.origin = resolve_origin(graph_, request_, from->value, instruction);
    step.history = instruction.keyword;
    for (const char* name : {"chown", "chmod", "checksum"})
      if (instruction.flag(name) != nullptr)
        step.history += sentence(" --", name, "=", value(name));
    if (copy.link) step.history += " --link";
    if (copy.parents) step.history += " --parents";
    plan_copy_paths(instruction, copy);
    for (const Heredoc& file : copy.files) step.history += " <<" + file.name;
    for (const std::string& source : copy.sources) step.history += " " + source;
    step.history += sentence(" ", copy.destination, " # buildkit");
    step.action = std::move(copy);
  }

  void plan_copy_paths(const Instruction& instruction, CopyAction& copy) {
    for (const Heredoc& heredoc : instruction.heredocs) {
      Heredoc file = heredoc;
      if (file.expand) file.content = expand_in(instruction, file.content, Quotes::kPlain).text;
      copy.files.push_back(std::move(file));
    }
    for (std::size_t index = 0; index + 1 < instruction.words.size(); ++index) {
      const std::string& word = instruction.words[index];
      const bool is_heredoc =
          !instruction.is_json &&
          std::ranges::any_of(instruction.heredocs,
                              [&](const Heredoc& heredoc) { return heredoc.opening == word; });
      if (!is_heredoc) copy.sources.push_back(expanded(instruction, word));
    }
    const std::string destination = expanded(instruction, instruction.words.back());
    copy.destination = below(config().working_dir, destination);
  }

  const BuildGraph& graph_;
  const Request& request_;
  const Stage& stage_;
  StagePlan plan_{};
  std::map<std::string, std::string> values_{};
  std::vector<std::string> env_before_{};
  mutable std::string found_{};
  std::size_t expanded_ = 0;
  bool cmd_is_own_ = false;
};

}  // namespace

std::vector<Instruction> read_triggers(const BuildGraph& graph, const oci::ImageConfig& base) {
  std::vector<Instruction> triggers;
  for (const std::string& text : base.config.on_build)
    triggers.push_back(parse_trigger(text, graph.escape, "ONBUILD of the base image"));
  return triggers;
}

StagePlan plan_stage(const BuildGraph& graph, const Request& request, const Stage& stage,
                     StageBase base) {
  return StagePlanner(graph, request, stage, std::move(base)).plan();
}

oci::ImageConfig scratch_config(const oci::Platform& platform) {
  oci::ImageConfig config{
      .architecture = platform.architecture, .os = platform.os, .variant = platform.variant};
  config.config.working_dir = "/";
  return config;
}

}  // namespace build
