// SPDX-License-Identifier: Apache-2.0
#include "imagetool/oci/image_config.hpp"

#include <nlohmann/json.hpp>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/oci/json_view.hpp"
#include "imagetool/oci/manifest.hpp"

namespace oci {
namespace {

/// Docker's HealthcheckConfig in Docker's order, and nothing beside it: who reads it on may rely on
/// the types.
std::optional<std::string> read_healthcheck(const JsonView& view) {
  const std::optional<JsonView> healthcheck = view.object("Healthcheck");
  if (!healthcheck) return std::nullopt;
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (healthcheck->has("Test")) json["Test"] = healthcheck->strings("Test");
  for (const char* const name :
       {"Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"}) {
    const std::int64_t value = healthcheck->integer(name).value_or(0);
    if (value < 0) healthcheck->refuse(name, "is negative");
    if (value != 0) json[name] = value;
  }
  return json.dump();
}

ContainerDefaults read_defaults(const JsonView& view) {
  return {.user = view.string("User"),
          .exposed_ports = view.names("ExposedPorts"),
          .env = view.strings("Env"),
          .entrypoint = view.string_or_strings("Entrypoint"),
          .cmd = view.string_or_strings("Cmd"),
          .volumes = view.names("Volumes"),
          .working_dir = view.string("WorkingDir"),
          .labels = view.string_map("Labels"),
          .stop_signal = view.string("StopSignal"),
          .shell = view.string_or_strings("Shell"),
          .healthcheck = read_healthcheck(view),
          .on_build = view.strings("OnBuild"),
          .args_escaped = view.boolean("ArgsEscaped")};
}

HistoryEntry read_history(const JsonView& view) {
  return {.created = view.string("created"),
          .created_by = view.string("created_by"),
          .author = view.string("author"),
          .comment = view.string("comment"),
          .empty_layer = view.boolean("empty_layer")};
}

std::vector<std::string> read_diff_ids(const JsonView& document) {
  const std::optional<JsonView> rootfs = document.object("rootfs");
  if (!rootfs) return {};
  const std::string type = rootfs->string("type");
  if (!type.empty() && type != "layers") rootfs->refuse("type", "is not \"layers\"");
  std::vector<std::string> diff_ids = rootfs->strings("diff_ids");
  for (const std::string& diff_id : diff_ids) {
    try {
      Digest::parse(diff_id);
    } catch (const Error& error) {
      rootfs->refuse("diff_ids", error.what());
    }
  }
  return diff_ids;
}

}  // namespace

Platform ImageConfig::platform() const {
  return normalised(
      {.architecture = architecture, .os = os, .os_version = os_version, .variant = variant});
}

ImageConfig read_image_config(std::string_view text) {
  const JsonView document = JsonView::parse(text, "image config", kDocumentLimit);
  ImageConfig config{.architecture = document.string("architecture"),
                     .os = document.string("os"),
                     .variant = document.string("variant"),
                     .os_version = document.string("os.version"),
                     .diff_ids = read_diff_ids(document),
                     .created = document.string("created"),
                     .author = document.string("author")};
  if (const auto defaults = document.object("config")) config.config = read_defaults(*defaults);
  for (const JsonView& entry : document.objects("history"))
    config.history.push_back(read_history(entry));
  return config;
}

}  // namespace oci
