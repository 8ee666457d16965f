// SPDX-License-Identifier: Apache-2.0
// The documents that list an image's parts: OCI index and manifest, and Docker's schema 2 of the
// same. Pure values read from text that is hostile until proved otherwise: every size and digest
// here has been checked. toyimg only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/oci/platform.hpp"

namespace oci {

using Annotations = std::map<std::string, std::string>;

/// Most bytes of a manifest, index or image config (distribution-spec: registries take at least 4
/// MiB).
inline constexpr std::size_t kDocumentLimit = std::size_t{4} << 20;

inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kDockerList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";

struct Descriptor {
  std::string media_type{};
  std::string digest{};   // grammar checked; sha256 or sha512
  std::int64_t size = 0;  // bytes, never negative
  std::optional<Platform> platform{};
  Annotations annotations{};
  std::vector<std::string> urls{};  // of foreign layers: never with credentials
  std::string artifact_type{};
};

struct Index {
  std::string media_type{};
  std::vector<Descriptor> manifests{};
  Annotations annotations{};
};

struct Manifest {
  std::string media_type{};
  Descriptor config{};
  std::vector<Descriptor> layers{};  // lowest first
  Annotations annotations{};
};

/// True for an index or Docker list media type.
bool is_index(std::string_view media_type);

/// Which kind of document `text` is: the media type of the header, of the body or, when both are
/// generic or missing, by structure. Throws Error when header and body disagree, when the document
/// is index and manifest at once (CVE-2021-41190), and for schema 1, artifact manifests and unknown
/// kinds. `content_type` may carry parameters.
std::string document_media_type(std::string_view text, std::string_view content_type);

/// Reads an index or Docker manifest list of at most kDocumentLimit bytes. Throws Error.
Index read_index(std::string_view text);
/// Config and layers of any manifest, artifacts included, whose kinds are not looked at: for
/// copying. Throws Error.
Manifest read_any_manifest(std::string_view text);
/// True when config and layers are of the kinds that images have: neither an artifact nor what
/// BuildKit attests of an image.
bool is_image(const Manifest& manifest);
/// Reads an image manifest (config and layers of known kinds, else Error naming the kind).
Manifest read_manifest(std::string_view text);

/// A layer's media type as an OCI manifest has it: Docker's become OCI's, others stay.
std::string oci_layer_type(const std::string& media_type);

/// The manifest in `index` that suits `wanted` best; attestations and artifacts are passed over, an
/// entry without a platform comes last, equals go in the order listed. Throws NotFound listing the
/// platforms that are there.
const Descriptor& choose_platform(const Index& index, const Platform& wanted,
                                  Wish wish = Wish::kHost);

}  // namespace oci
