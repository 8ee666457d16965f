// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/find_image.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/pull/pull.hpp"

namespace {

using Json = nlohmann::ordered_json;

Json describe_defaults(const oci::ContainerDefaults& config) {
  return {{"User", config.user},
          {"ExposedPorts", config.exposed_ports},
          {"Env", config.env},
          {"Entrypoint", config.entrypoint},
          {"Cmd", config.cmd},
          {"Volumes", config.volumes},
          {"WorkingDir", config.working_dir},
          {"Labels", config.labels},
          {"StopSignal", config.stop_signal}};
}

Json describe_layers(const StoredImage& image) {
  Json layers = Json::array();
  for (std::size_t index = 0; index < image.manifest.layers.size(); ++index) {
    const oci::Descriptor& layer = image.manifest.layers[index];
    layers.push_back({{"MediaType", layer.media_type},
                      {"Digest", layer.digest},
                      {"Size", layer.size},
                      {"DiffId", image.config.diff_ids[index]}});
  }
  return layers;
}

int run_inspect(const cli::Parsed& global, const cli::Parsed& options) {
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  const ImageStore::Image found = find_image(store, options.words[0]);
  const StoredImage image = read_stored_image(store, found.manifest);
  const Json document = {{"Name", found.name},
                         {"Digest", found.manifest.digest},
                         {"MediaType", found.manifest.media_type},
                         {"Created", image.config.created},
                         {"Author", image.config.author},
                         {"Platform", image.config.platform().str()},
                         {"Config", describe_defaults(image.config.config)},
                         {"Layers", describe_layers(image)}};
  // Bytes that are no UTF-8 are shown as U+FFFD rather than refused.
  print_line(document.dump(2, ' ', false, Json::error_handler_t::replace));
  return 0;
}

}  // namespace

const cli::Command kInspectCommand = {
    .name = "inspect",
    .summary = "Print what an image in the store is made of, as JSON",
    .words = {.usage = "IMAGE", .least = 1, .most = 1},
    .options = {},
    .run = run_inspect,
};
