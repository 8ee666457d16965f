// SPDX-License-Identifier: Apache-2.0
// Image config → config.json, as image-spec's "Converting to OCI Runtime Configuration"
// (conversion.md) demands, with Docker's default capabilities, mounts, masks and seccomp profile.
// Pure; toyimg.
#pragma once

#include <string>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "imagetool/bundle/user.hpp"
#include "imagetool/oci/image_config.hpp"

struct ConvertedConfig {
  oci::RuntimeConfig config;
  std::vector<std::string>
      warnings;  // what the image asked for and does not get, one sentence each
};

/// `hostname` names the container. Throws Error naming the image config's field for what cannot be:
/// a working directory in /proc, an environment entry with a NUL byte.
ConvertedConfig runtime_config_from_image(const oci::ImageConfig& image, const ImageUser& user,
                                          const std::string& hostname);
