// SPDX-License-Identifier: Apache-2.0
// From the store to a registry: what the repository lacks, several blobs at once, then the
// manifests, the name last. toyimg.
#pragma once

#include <stop_token>
#include <string>

#include "imagetool/image_reference.hpp"
#include "imagetool/oci/manifest.hpp"
#include "imagetool/pull/progress.hpp"
#include "imagetool/registry/registry.hpp"
#include "imagetool/store/image_store.hpp"

struct PushRequest {
  ImageReference destination;
  bool all = false;      // of an index: all its images, and the index itself
  bool foreign = false;  // also layers that are kept elsewhere (with URLs of their own)
  registry::Options registry;
  std::stop_source stop;
};

/// Pushes the image or index `image` of the store. Blobs that an image in the store was pulled with
/// from the same registry are mounted from there. Returns the digest of what the destination now
/// means. Throws Error; then the name at the registry means what it meant before.
std::string push(const ImageStore& store, const oci::Descriptor& image, PushRequest request,
                 Progress& progress);
