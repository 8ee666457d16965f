// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/image_change.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/build/config_values.hpp"
#include "imagetool/build/dockerfile.hpp"
#include "imagetool/build/expand.hpp"
#include "imagetool/oci/printable.hpp"

namespace {

using Json = nlohmann::ordered_json;
using build::Instruction;

std::string plain(const std::string& word) {
  return build::expand(word, '\\', [](std::string_view) -> const std::string* { return nullptr; })
      .text;
}

/// "A=b c=d" or, the old form, "A b c".
std::vector<std::pair<std::string, std::string>> pairs_of(const Instruction& instruction) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const bool old_form =
      !instruction.words.empty() && instruction.words.front().find('=') == std::string::npos;
  if (old_form) {
    const std::string& rest = instruction.rest;
    const std::size_t blank = rest.find_first_of(" \t");
    if (blank == std::string::npos) throw UsageError("needs NAME=VALUE");
    return {{rest.substr(0, blank), plain(std::string(build::trim(rest.substr(blank))))}};
  }
  for (const std::string& word : instruction.words) {
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == std::string::npos) throw UsageError("needs NAME=VALUE");
    pairs.emplace_back(plain(word.substr(0, equals)), plain(word.substr(equals + 1)));
  }
  if (pairs.empty()) throw UsageError("needs NAME=VALUE");
  return pairs;
}

void set_env(Json& config, const Instruction& instruction) {
  if (!config["Env"].is_array()) config["Env"] = Json::array();
  for (const auto& [name, value] : pairs_of(instruction)) {
    const std::string prefix = name + '=';
    Json* place = nullptr;
    for (Json& one : config["Env"])
      if (one.is_string() && one.get<std::string>().starts_with(prefix)) place = &one;
    if (place != nullptr)
      *place = prefix + value;
    else
      config["Env"].push_back(prefix + value);
  }
}

void set_command(Json& config, const char* member, const Instruction& instruction) {
  if (instruction.is_json)
    config[member] = instruction.words;
  else
    config[member] = {"/bin/sh", "-c", instruction.rest};
}

void add_names(Json& config, const char* member, const std::vector<std::string>& names) {
  if (!config[member].is_object()) config[member] = Json::object();
  for (const std::string& name : names) config[member][name] = Json::object();
}

void set_text(Json& config, const char* member, const Instruction& instruction) {
  if (instruction.rest.empty()) throw UsageError("needs a value");
  config[member] = plain(instruction.rest);
}

void apply_instruction(Json& config, const Instruction& instruction) {
  const std::string& keyword = instruction.keyword;
  if (keyword == "CMD") return set_command(config, "Cmd", instruction);
  if (keyword == "ENTRYPOINT") return set_command(config, "Entrypoint", instruction);
  if (keyword == "ENV") return set_env(config, instruction);
  if (keyword == "USER") return set_text(config, "User", instruction);
  if (keyword == "WORKDIR") return set_text(config, "WorkingDir", instruction);
  if (keyword == "VOLUME") return add_names(config, "Volumes", instruction.words);
  if (keyword == "STOPSIGNAL") {
    build::check_signal(instruction.rest);
    return set_text(config, "StopSignal", instruction);
  }
  if (keyword == "LABEL") {
    if (!config["Labels"].is_object()) config["Labels"] = Json::object();
    for (const auto& [name, value] : pairs_of(instruction)) config["Labels"][name] = value;
    return;
  }
  if (keyword == "EXPOSE") {
    for (const std::string& word : instruction.words)
      add_names(config, "ExposedPorts", build::parse_ports(plain(word)));
    return;
  }
  if (keyword == "ONBUILD") {
    if (!config["OnBuild"].is_array()) config["OnBuild"] = Json::array();
    config["OnBuild"].push_back(instruction.rest);
    return;
  }
  if (keyword == "HEALTHCHECK") {
    config["Healthcheck"] = Json::parse(build::parse_healthcheck(instruction).json);
    return;
  }
  throw UsageError(
      "must be CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME "
      "or WORKDIR");
}

}  // namespace

std::string with_changes(const std::string& config, std::span<const std::string> changes) {
  if (changes.empty()) return config;
  Json json = Json::parse(config, nullptr, false);
  if (!json.is_object()) throw Error("the image config is not a JSON object");
  if (!json["config"].is_object()) json["config"] = Json::object();
  for (const std::string& change : changes) {
    try {
      apply_instruction(json["config"], build::parse_trigger(change, '\\', "--change"));
    } catch (Error& error) {
      error.add_context("--change \"", printable(change), '"');
      throw;
    }
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}
