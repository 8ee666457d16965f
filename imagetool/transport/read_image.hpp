// SPDX-License-Identifier: Apache-2.0
// What an image is made of, from any source, without its layers. toyimg.
#pragma once

#include <optional>
#include <string>

#include "imagetool/oci/image_config.hpp"
#include "imagetool/oci/platform.hpp"
#include "imagetool/transport/transport.hpp"

namespace transport {

struct ImageParts {
  RawManifest named;     // what the reference names: perhaps an index
  RawManifest manifest;  // of the image
  oci::Manifest parts;
  std::string config_text;
  oci::ImageConfig config;
};

/// `manifest` itself or, of an index, the one for the platform (none: this host's). Throws
/// NotFound.
RawManifest image_manifest(Source& source, RawManifest manifest,
                           const std::optional<oci::Platform>& platform);
/// Of an index, the image for the platform (none: this host's). Throws NotFound, Error.
ImageParts read_image(Source& source, const std::optional<oci::Platform>& platform = {});

}  // namespace transport
