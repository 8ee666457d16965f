// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/layer_report.hpp"

#include <fcntl.h>
#include <nlohmann/json.hpp>

#include "bundle-spec/fs/file.hpp"

namespace {

using Json = nlohmann::ordered_json;

Json or_null(std::uint64_t limit) { return limit == UINT64_MAX ? Json(nullptr) : Json(limit); }

Json limits_of(const ApplyLayerOptions& limits) {
  return {{"entries", limits.layer.entries},        {"bytes", or_null(limits.layer.file_bytes)},
          {"ratio", limits.inflate.ratio},          {"nameBytes", limits.layer.name_bytes},
          {"headerBytes", limits.tar.header_bytes}, {"depth", limits.layer.depth},
          {"setuid", limits.layer.set_id},          {"devices", limits.layer.devices}};
}

Json layers_of(Progress& progress) {
  Json layers = Json::array();
  for (const Progress::LayerHistory& one : progress.history()) {
    Json layer = {{"digest", one.digest}, {"size", one.size}, {"read", one.counts.has_value()}};
    if (one.counts) {
      layer["entries"] = one.counts->entries;
      layer["fileBytes"] = one.counts->file_bytes;
      layer["leftOut"] = one.counts->skipped;
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace

LayerReport::LayerReport(const cli::Parsed& options) : path_(options.value_or("report", "")) {
  if (!path_.empty())
    file_ = open_at(AT_FDCWD, path_, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0644);
}

void LayerReport::write(const std::string& document) const {
  write_all(file_.get(), document + "\n", path_);
}

void LayerReport::taken(const std::string& name, const StoredImage& image,
                        const ApplyLayerOptions& limits, Progress& progress) const {
  if (!file_) return;
  const Json document = {{"image", name},
                         {"digest", image.descriptor.digest},
                         {"platform", image.config.platform().str()},
                         {"limits", limits_of(limits)},
                         {"layers", layers_of(progress)}};
  write(document.dump(2, ' ', false, Json::error_handler_t::replace));
}

void LayerReport::refused(const std::string& name, const std::string& why,
                          const ApplyLayerOptions& limits, Progress& progress) const {
  if (!file_) return;
  const Json document = {{"image", name},
                         {"error", why},
                         {"limits", limits_of(limits)},
                         {"layers", layers_of(progress)}};
  write(document.dump(2, ' ', false, Json::error_handler_t::replace));
}
