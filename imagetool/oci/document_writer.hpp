// SPDX-License-Identifier: Apache-2.0
// Manifests and indexes as text: made new, or an existing one with some descriptors replaced and
// every other byte of meaning kept. The same values always give the same bytes. Pure. toyimg.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "imagetool/oci/manifest.hpp"

namespace oci {

/// An OCI image manifest; media types are the descriptors' own.
std::string write_manifest(const Descriptor& config, std::span<const Descriptor> layers,
                           const Annotations& annotations = {});
/// An OCI index or, with that media type, a Docker manifest list.
std::string write_index(const Index& index);
/// The manifest with other layers and another config: media type, digest and size of each are
/// replaced, all else stays. Throws Error unless `layers` are as many as there were.
std::string replace_blobs(std::string_view manifest, const Descriptor& config,
                          std::span<const Descriptor> layers);
/// The index with other manifests in the same order: media type, digest and size of each.
std::string replace_manifests(std::string_view index, std::span<const Descriptor> manifests);

}  // namespace oci
