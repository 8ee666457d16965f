// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/image_document.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace build {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void set(Json& json, const char* name, const std::string& value) {
  if (!value.empty()) json[name] = value;
}
void set(Json& json, const char* name, const std::vector<std::string>& value) {
  if (!value.empty()) json[name] = value;
}
void set_names(Json& json, const char* name, const std::vector<std::string>& names) {
  for (const std::string& one : names) json[name][one] = Json::object();
}

Json defaults_as_json(const oci::ContainerDefaults& config) {
  Json json = Json::object();
  set(json, "User", config.user);
  set_names(json, "ExposedPorts", config.exposed_ports);
  set(json, "Env", config.env);
  set(json, "Entrypoint", config.entrypoint);
  set(json, "Cmd", config.cmd);
  set_names(json, "Volumes", config.volumes);
  set(json, "WorkingDir", config.working_dir);
  if (!config.labels.empty()) json["Labels"] = config.labels;  // one by one would be quadratic
  set(json, "StopSignal", config.stop_signal);
  if (config.args_escaped) json["ArgsEscaped"] = true;
  if (config.healthcheck) json["Healthcheck"] = Json::parse(*config.healthcheck, nullptr, false);
  set(json, "OnBuild", config.on_build);
  set(json, "Shell", config.shell);
  return json;
}

Json history_as_json(const oci::HistoryEntry& entry) {
  Json json = Json::object();
  set(json, "created", entry.created);
  set(json, "created_by", entry.created_by);
  set(json, "author", entry.author);
  set(json, "comment", entry.comment);
  if (entry.empty_layer) json["empty_layer"] = true;
  return json;
}

Json descriptor_as_json(const oci::Descriptor& descriptor) {
  Json json = {{"mediaType", descriptor.media_type},
               {"digest", descriptor.digest},
               {"size", descriptor.size}};
  for (const auto& [name, value] : descriptor.annotations) json["annotations"][name] = value;
  return json;
}

// What a build decides, and what Docker said of the container that a base was committed from.
constexpr auto kDecided = std::to_array<std::string_view>(
    {"created", "author", "architecture", "variant", "os", "os.version", "config", "rootfs",
     "history", "container", "container_config", "id", "parent"});
constexpr auto kDecidedDefaults = std::to_array<std::string_view>(
    {"User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels",
     "StopSignal", "ArgsEscaped", "Healthcheck", "OnBuild", "Shell"});

void add_others(Json& json, const Json& base, std::span<const std::string_view> decided) {
  for (const auto& [name, value] : base.items())
    if (std::ranges::find(decided, name) == decided.end()) json[name] = value;
}

/// Members of the base's config that no instruction speaks of: StopTimeout, os.features.
void add_unknown(Json& json, const std::string& base) {
  const Json document = Json::parse(base, nullptr, false);
  if (!document.is_object()) return;
  add_others(json, document, kDecided);
  const auto defaults = document.find("config");
  if (defaults != document.end() && defaults->is_object())
    add_others(json["config"], *defaults, kDecidedDefaults);
}

}  // namespace

std::string write_image_config(const oci::ImageConfig& config, const std::string& base) {
  Json json = Json::object();
  set(json, "created", config.created);
  set(json, "author", config.author);
  json["architecture"] = config.architecture;
  set(json, "variant", config.variant);
  json["os"] = config.os;
  set(json, "os.version", config.os_version);
  json["config"] = defaults_as_json(config.config);
  json["rootfs"] = {{"type", "layers"}, {"diff_ids", config.diff_ids}};
  for (const oci::HistoryEntry& entry : config.history)
    json["history"].push_back(history_as_json(entry));
  add_unknown(json, base);
  return dump(json);
}

std::string write_manifest(const oci::Manifest& manifest) {
  Json json = {{"schemaVersion", 2},
               {"mediaType", manifest.media_type},
               {"config", descriptor_as_json(manifest.config)},
               {"layers", Json::array()}};
  for (const oci::Descriptor& layer : manifest.layers)
    json["layers"].push_back(descriptor_as_json(layer));
  for (const auto& [name, value] : manifest.annotations) json["annotations"][name] = value;
  return dump(json);
}

}  // namespace build
