// SPDX-License-Identifier: Apache-2.0
// What docker save writes: manifest.json names a config and layers for each image; since Docker 25
// an OCI layout lies beside it. toyimg.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "imagetool/transport/file_set.hpp"
#include "imagetool/transport/transport.hpp"
#include "imagetool/transport/transport_reference.hpp"

namespace transport {

/// An image of an archive: the names it brings, not yet checked, and how to read it.
struct ArchivedImage {
  std::vector<std::string> names{};  // "alpine:latest"
  std::string digest{};              // of its manifest, when the archive has that; else empty
  std::unique_ptr<Source> source{};
};

/// All images of a docker or OCI archive, in its order. Throws Error.
std::vector<ArchivedImage> archived_images(const std::shared_ptr<const FileSet>& files);
/// The one a reference of a docker-archive means. Throws NotFound listing what is there.
ArchivedImage choose_image(std::vector<ArchivedImage> images, const Reference& reference);

}  // namespace transport
