// SPDX-License-Identifier: Apache-2.0
#include "imagetool/oci/document_writer.hpp"

#include <nlohmann/json.hpp>

#include "bundle-spec/error.hpp"

namespace oci {
namespace {

using Json = nlohmann::ordered_json;

Json platform_json(const Platform& platform) {
  Json json = {{"architecture", platform.architecture}, {"os", platform.os}};
  if (!platform.os_version.empty()) json["os.version"] = platform.os_version;
  if (!platform.os_features.empty()) json["os.features"] = platform.os_features;
  if (!platform.variant.empty()) json["variant"] = platform.variant;
  return json;
}

Json descriptor_json(const Descriptor& descriptor) {
  Json json = {{"mediaType", descriptor.media_type},
               {"digest", descriptor.digest},
               {"size", descriptor.size}};
  if (!descriptor.urls.empty()) json["urls"] = descriptor.urls;
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  if (descriptor.platform) json["platform"] = platform_json(*descriptor.platform);
  if (!descriptor.artifact_type.empty()) json["artifactType"] = descriptor.artifact_type;
  return json;
}

void replace(Json& json, const Descriptor& descriptor) {
  json["mediaType"] = descriptor.media_type;
  json["digest"] = descriptor.digest;
  json["size"] = descriptor.size;
  json.erase("data");  // image-spec, descriptor "data": the content itself
}

void replace_all(Json& list, std::span<const Descriptor> descriptors) {
  if (list.size() != descriptors.size())
    throw Error(
        sentence("a manifest with ", list.size(), " entries cannot get ", descriptors.size()));
  for (std::size_t index = 0; index < descriptors.size(); ++index)
    replace(list[index], descriptors[index]);
}

// What is written here was read by the readers of manifest.hpp before.
Json parsed(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) throw Error("the manifest is not a JSON object");
  return json;
}

}  // namespace

std::string write_manifest(const Descriptor& config, std::span<const Descriptor> layers,
                           const Annotations& annotations) {
  Json json = {{"schemaVersion", 2},
               {"mediaType", kOciManifest},
               {"config", descriptor_json(config)},
               {"layers", Json::array()}};
  for (const Descriptor& layer : layers) json["layers"].push_back(descriptor_json(layer));
  if (!annotations.empty()) json["annotations"] = annotations;
  return json.dump();
}

std::string write_index(const Index& index) {
  Json json = {{"schemaVersion", 2}, {"mediaType", index.media_type}, {"manifests", Json::array()}};
  for (const Descriptor& one : index.manifests) json["manifests"].push_back(descriptor_json(one));
  if (!index.annotations.empty()) json["annotations"] = index.annotations;
  return json.dump();
}

std::string replace_blobs(std::string_view manifest, const Descriptor& config,
                          std::span<const Descriptor> layers) {
  Json json = parsed(manifest);
  replace(json["config"], config);
  replace_all(json["layers"], layers);
  return json.dump();
}

std::string replace_manifests(std::string_view index, std::span<const Descriptor> manifests) {
  Json json = parsed(index);
  replace_all(json["manifests"], manifests);
  return json.dump();
}

}  // namespace oci
