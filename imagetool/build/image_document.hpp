// SPDX-License-Identifier: Apache-2.0
// An image's config and manifest as JSON, with Docker's extension fields, members in the order that
// Go's structs give them, so that equal images have equal digests. Pure; toyimg.
#pragma once

#include <string>

#include "imagetool/oci/image_config.hpp"
#include "imagetool/oci/manifest.hpp"

namespace build {

/// `base` is the base image's config as it was, or empty: what it has that `config` has no member
/// for stays.
std::string write_image_config(const oci::ImageConfig& config, const std::string& base);
std::string write_manifest(const oci::Manifest& manifest);

}  // namespace build
