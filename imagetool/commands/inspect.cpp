// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/copy_options.hpp"
#include "imagetool/commands/image_format.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/transport/read_image.hpp"

namespace {

using Json = nlohmann::ordered_json;

constexpr auto kOptions =
    joined(kRegistryOptions,
           std::to_array<cli::Option>({
               {.name = "raw", .help = "the manifest or index, byte for byte"},
               {.name = "config", .help = "the image config, byte for byte"},
               {.name = "format",
                .letter = 'f',
                .value = "TEMPLATE",
                .help = "only what {{.Name}}, {{.Config.Env}} and the like stand for"},
               {.name = "platform",
                .value = "OS/ARCH[/VARIANT]",
                .help = "of an index: the image for this platform (default: this host's)"},
           }));

Json describe_defaults(const oci::ContainerDefaults& config) {
  Json json{{"User", config.user},
            {"ExposedPorts", config.exposed_ports},
            {"Env", config.env},
            {"Entrypoint", config.entrypoint},
            {"Cmd", config.cmd},
            {"Volumes", config.volumes},
            {"WorkingDir", config.working_dir},
            {"Labels", config.labels},
            {"StopSignal", config.stop_signal}};
  // Docker's, as the image has it.
  if (config.healthcheck)
    json["Healthcheck"] = Json::parse(*config.healthcheck, nullptr, /*allow_exceptions=*/false);
  return json;
}

Json describe_layers(const transport::ImageParts& image) {
  Json layers = Json::array();
  for (std::size_t index = 0; index < image.parts.layers.size(); ++index) {
    const oci::Descriptor& layer = image.parts.layers[index];
    layers.push_back({{"MediaType", layer.media_type},
                      {"Digest", layer.digest},
                      {"Size", layer.size},
                      {"DiffId", image.config.diff_ids[index]}});
  }
  return layers;
}

Json describe_platforms(const transport::ImageParts& image) {
  Json platforms = Json::array();
  if (!oci::is_index(image.named.media_type)) return platforms;
  for (const oci::Descriptor& one : oci::read_index(image.named.body).manifests)
    if (one.platform) platforms.push_back(one.platform->str());
  return platforms;
}

Json describe(const std::string& name, const transport::ImageParts& image) {
  Json document = {{"Name", name},
                   {"Digest", image.named.digest},
                   {"MediaType", image.named.media_type},
                   {"Id", image.parts.config.digest},
                   {"Created", image.config.created},
                   {"Author", image.config.author},
                   {"Platform", image.config.platform().str()},
                   {"Config", describe_defaults(image.config.config)},
                   {"Layers", describe_layers(image)}};
  if (Json platforms = describe_platforms(image); !platforms.empty())
    document["Platforms"] = std::move(platforms);
  if (!image.parts.annotations.empty()) document["Annotations"] = image.parts.annotations;
  return document;
}

/// "docker.io/library/alpine:latest", whatever was typed.
std::string name_of(const transport::Reference& reference, const transport::OpenSource& open) {
  if (reference.kind == transport::Kind::kStore)
    return transport::stored_image(*open.store, reference.name).name;
  if (reference.kind == transport::Kind::kRegistry)
    return ImageReference::parse(reference.name).canonical();
  return reference.str();
}

int run_inspect(const cli::Parsed& global, const cli::Parsed& options) {
  if (options.has("raw") && (options.has("config") || options.has("format")))
    throw UsageError("inspect: --raw goes with neither --config nor --format");
  transport::Places where = places(global, {});
  where.registry = registry_options(options);
  const auto reference = transport::Reference::parse(options.words[0], transport::Kind::kStore);
  const transport::OpenSource open = transport::open_source(reference, where);
  if (options.has("raw") && !options.has("platform")) {
    write_all(STDOUT_FILENO, open.source->manifest().body, "standard output");
    return 0;
  }
  std::optional<oci::Platform> platform;
  if (const auto wanted = options.value("platform")) platform = oci::Platform::parse(*wanted);
  const transport::ImageParts image = transport::read_image(*open.source, platform);
  if (options.has("raw") || options.has("config")) {
    write_all(STDOUT_FILENO, options.has("raw") ? image.manifest.body : image.config_text,
              "standard output");
    return 0;
  }
  const Json document = describe(name_of(reference, open), image);
  // Bytes that are no UTF-8 are shown as U+FFFD rather than refused.
  if (const auto format = options.value("format")) {
    const std::string text = formatted(*format, document);
    print_line(::isatty(STDOUT_FILENO) == 1 ? printable(text, oci::kDocumentLimit) : text);
  } else {
    print_line(document.dump(2, ' ', false, Json::error_handler_t::replace));
  }
  return 0;
}

}  // namespace

const cli::Command kInspectCommand = {
    .name = "inspect",
    .summary = "Print what an image in any place is made of, without its layers",
    .words = {.usage = "IMAGE", .least = 1, .most = 1},
    .options = kOptions,
    .run = run_inspect,
};
