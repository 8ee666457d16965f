// SPDX-License-Identifier: Apache-2.0
#include "imagetool/oci/manifest.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/oci/json_view.hpp"
#include "imagetool/oci/printable.hpp"

namespace oci {
namespace {

constexpr std::string_view kDockerSchema1 = "application/vnd.docker.distribution.manifest.v1+";
constexpr std::string_view kArtifactManifest = "application/vnd.oci.artifact.manifest.v1+json";
constexpr std::string_view kEmptyConfig = "application/vnd.oci.empty.v1+json";
constexpr std::string_view kEncrypted = "+encrypted";
constexpr std::string_view kAttestation = "vnd.docker.reference.type";
constexpr std::int64_t kLargestBlob = std::int64_t{1} << 50;

// image-spec layer.md and media-types.md; Docker's schema 2; the last one is what buildx writes
// into Docker manifests.
constexpr std::array<std::string_view, 10> kLayerTypes{
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd"};

bool is_known_manifest(std::string_view type) {
  return type == kOciManifest || type == kDockerManifest;
}

/// "Application/JSON; charset=utf-8" → "application/json".
std::string without_parameters(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  while (content_type.starts_with(' ')) content_type.remove_prefix(1);
  std::string type(content_type);
  for (char& letter : type)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return type;
}

bool is_generic(std::string_view type) {
  return type.empty() || type == "application/json" || type == "text/plain" ||
         type == "application/octet-stream";
}

void refuse_outdated(const JsonView& document, std::string_view header, std::string_view body) {
  const bool schema1 = header.starts_with(kDockerSchema1) || body.starts_with(kDockerSchema1) ||
                       document.has("fsLayers");
  if (schema1)
    throw Error(
        "the manifest is in Docker's schema 1, which is no longer supported: push the image again "
        "with a "
        "current tool");
  if (header == kArtifactManifest || body == kArtifactManifest)
    throw Error("the manifest is an OCI artifact manifest, not a container image");
}

std::string media_type_of(const JsonView& document, std::string_view content_type) {
  const std::string header = without_parameters(content_type);
  const std::string body = document.string("mediaType");
  refuse_outdated(document, header, body);
  const bool lists_manifests = document.has("manifests");
  const bool lists_layers = document.has("layers") || document.has("config");
  if (lists_manifests && lists_layers)
    throw Error(
        "the manifest is ambiguous: it has both \"manifests\" and \"layers\" or \"config\" "
        "(CVE-2021-41190)");
  if (!body.empty() && !is_generic(header) && body != header)
    throw Error(sentence("the manifest was sent as ", printable(header), ", but calls itself ",
                         printable(body)));
  std::string type = !body.empty() ? body : header;
  if (is_generic(type) && lists_manifests) type = kOciIndex;
  if (is_generic(type) && lists_layers) type = kOciManifest;
  if (!is_index(type) && !is_known_manifest(type))
    throw Error(sentence("the manifest is of the unknown type \"", printable(type), "\""));
  if (is_index(type) ? lists_layers : lists_manifests)
    throw Error(sentence("the manifest calls itself ", type, ", but holds the content of ",
                         is_index(type) ? "an image manifest" : "an index"));
  return type;
}

Platform read_platform(const JsonView& view) {
  return {.architecture = view.string("architecture"),
          .os = view.string("os"),
          .os_version = view.string("os.version"),
          .os_features = view.strings("os.features"),
          .variant = view.string("variant")};
}

Descriptor read_descriptor(const JsonView& view) {
  Descriptor descriptor{.media_type = view.required_string("mediaType"),
                        .digest = view.required_string("digest"),
                        .annotations = view.string_map("annotations"),
                        .urls = view.strings("urls"),
                        .artifact_type = view.string("artifactType")};
  try {
    Digest::parse(descriptor.digest);
  } catch (const Error& error) {
    view.refuse("digest", error.what());
  }
  const std::optional<std::int64_t> size = view.integer("size");
  if (!size) view.refuse("size", "is required");
  if (*size < 0 || *size > kLargestBlob) view.refuse("size", "is out of range");
  descriptor.size = *size;
  if (const auto platform = view.object("platform")) descriptor.platform = read_platform(*platform);
  return descriptor;
}

bool is_layer_type(std::string_view type) {
  return std::find(kLayerTypes.begin(), kLayerTypes.end(), type) != kLayerTypes.end();
}

bool is_config_type(std::string_view type) { return type == kOciConfig || type == kDockerConfig; }

void check_layer_type(const JsonView& view, std::string_view type) {
  if (is_layer_type(type)) return;
  if (type.ends_with(kEncrypted))
    view.refuse("mediaType", "the layer is encrypted, which is not supported");
  view.refuse("mediaType", sentence("\"", printable(type), "\" is not a kind of image layer"));
}

void check_config_type(const JsonView& document, std::string_view type) {
  if (is_config_type(type)) return;
  const std::string artifact = document.string("artifactType");
  const std::string_view what = artifact.empty() ? type : std::string_view(artifact);
  if (type == kEmptyConfig || !artifact.empty())
    throw Error(
        sentence("it is an artifact of type \"", printable(what), "\", not a container image"));
  throw Error(
      sentence("it is not a container image: its config is of type \"", printable(type), "\""));
}

/// Attestations (buildx) and artifacts are listed beside images, but nothing can run them.
bool is_candidate(const Descriptor& entry) {
  if (entry.annotations.contains(std::string(kAttestation)) || !entry.artifact_type.empty())
    return false;
  return !entry.platform || entry.platform->os != "unknown" ||
         entry.platform->architecture != "unknown";
}

std::string offered_platforms(const Index& index) {
  std::string offered;
  for (const Descriptor& entry : index.manifests) {
    if (!is_candidate(entry) || !entry.platform) continue;
    const std::string one = printable(entry.platform->str(), 64);
    if (offered.find(one + ",") == std::string::npos) offered += one + ", ";
    if (offered.size() > 1024) break;
  }
  if (offered.empty()) return "nothing runnable";
  offered.resize(offered.size() - 2);
  return offered;
}

/// Place of the entry in `fitting`: lower is better; nullopt when it does not fit.
std::optional<std::size_t> rank(const Descriptor& entry, const Platform& wanted,
                                const std::vector<Platform>& fitting) {
  if (!is_candidate(entry)) return std::nullopt;
  if (!entry.platform) return fitting.size();
  for (std::size_t place = 0; place < fitting.size(); ++place) {
    const Platform offered = normalised(*entry.platform);
    const Platform& one = fitting[place];
    const bool same = offered.os == one.os && offered.architecture == one.architecture &&
                      offered.variant == one.variant;
    if (same && fits(offered, wanted)) return place;
  }
  return std::nullopt;
}

Manifest read_parts(const JsonView& document) {
  Manifest manifest{.media_type = media_type_of(document, ""),
                    .annotations = document.string_map("annotations")};
  if (is_index(manifest.media_type))
    throw Error("an index was found where an image manifest should be");
  const std::optional<JsonView> config = document.object("config");
  if (!config) document.refuse("config", "is required");
  manifest.config = read_descriptor(*config);
  for (const JsonView& layer : document.objects("layers"))
    manifest.layers.push_back(read_descriptor(layer));
  return manifest;
}

}  // namespace

bool is_index(std::string_view media_type) {
  return media_type == kOciIndex || media_type == kDockerList;
}

std::string document_media_type(std::string_view text, std::string_view content_type) {
  return media_type_of(JsonView::parse(text, "manifest", kDocumentLimit), content_type);
}

Index read_index(std::string_view text) {
  const JsonView document = JsonView::parse(text, "index", kDocumentLimit);
  Index index{.media_type = media_type_of(document, ""),
              .annotations = document.string_map("annotations")};
  if (!is_index(index.media_type))
    throw Error("an image manifest was found where an index should be");
  for (const JsonView& entry : document.objects("manifests"))
    index.manifests.push_back(read_descriptor(entry));
  return index;
}

Manifest read_any_manifest(std::string_view text) {
  return read_parts(JsonView::parse(text, "manifest", kDocumentLimit));
}

bool is_image(const Manifest& manifest) {
  return is_config_type(manifest.config.media_type) &&
         std::ranges::all_of(manifest.layers, [](const Descriptor& layer) {
           return is_layer_type(layer.media_type);
         });
}

Manifest read_manifest(std::string_view text) {
  const JsonView document = JsonView::parse(text, "manifest", kDocumentLimit);
  Manifest manifest = read_parts(document);
  check_config_type(document, manifest.config.media_type);
  for (const JsonView& layer : document.objects("layers"))
    check_layer_type(layer, layer.string("mediaType"));
  return manifest;
}

const Descriptor& choose_platform(const Index& index, const Platform& wanted, Wish wish) {
  const std::vector<Platform> fitting = fitting_platforms(wanted, wish);
  const Descriptor* best = nullptr;
  std::size_t best_rank = std::numeric_limits<std::size_t>::max();
  for (const Descriptor& entry : index.manifests) {
    const std::optional<std::size_t> place = rank(entry, wanted, fitting);
    if (!place || *place >= best_rank) continue;
    best = &entry;
    best_rank = *place;
  }
  if (best != nullptr) return *best;
  throw NotFound(sentence("there is no image for ", normalised(wanted).str(), " in it, only for ",
                          offered_platforms(index)));
}

std::string oci_layer_type(const std::string& media_type) {
  constexpr std::string_view kDocker = "application/vnd.docker.image.rootfs.diff.tar";
  constexpr std::string_view kOci = "application/vnd.oci.image.layer.v1.tar";
  if (!media_type.starts_with(kDocker)) return media_type;
  if (media_type == kDocker) return std::string(kOci);
  return sentence(kOci, media_type.ends_with("zstd") ? "+zstd" : "+gzip");
}

}  // namespace oci
