// SPDX-License-Identifier: Apache-2.0
// OCI image layouts (image-spec, image-layout.md) as directories and in archives. toyimg.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "imagetool/transport/file_set.hpp"
#include "imagetool/transport/transport.hpp"
#include "imagetool/transport/transport_reference.hpp"

namespace transport {

/// An entry of a layout's index.json.
struct LayoutImage {
  std::string
      name{};  // containerd's full name, else org.opencontainers.image.ref.name; may be empty
  std::string tag{};  // org.opencontainers.image.ref.name
  oci::Descriptor manifest{};
};

/// True when the files are those of a layout.
bool is_layout(const FileSet& files);
/// The images of a layout. Throws Error: no layout, another version, damaged.
std::vector<LayoutImage> layout_images(const FileSet& files);
/// The one a reference means: by "@N", by tag, name or digest, or the only one. Throws NotFound
/// listing what is there.
const LayoutImage& choose_image(const std::vector<LayoutImage>& images, const Reference& reference);

std::unique_ptr<Source> layout_source(std::shared_ptr<const FileSet> files,
                                      const LayoutImage& image);
/// Writes into the layout `directory`, made when missing; `tag` may be empty. Throws Error.
std::unique_ptr<Destination> layout_destination(const std::string& directory,
                                                const std::string& tag);

/// The text of an oci-layout file.
inline constexpr const char* kLayoutFile = R"({"imageLayoutVersion": "1.0.0"})";
inline constexpr const char* kRefName = "org.opencontainers.image.ref.name";
inline constexpr const char* kContainerdName = "io.containerd.image.name";

}  // namespace transport
