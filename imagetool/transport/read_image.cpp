// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/read_image.hpp"

#include "bundle-spec/error.hpp"
#include "imagetool/pull/extract.hpp"

namespace transport {

RawManifest image_manifest(Source& source, RawManifest manifest,
                           const std::optional<oci::Platform>& platform) {
  constexpr int kDeepestIndex = 4;
  for (int depth = 0; oci::is_index(manifest.media_type); ++depth) {
    if (depth == kDeepestIndex) throw Error("its indexes name each other too deep");
    const oci::Index index = oci::read_index(manifest.body);
    manifest =
        source.manifest(platform ? oci::choose_platform(index, *platform, oci::Wish::kExplicit)
                                 : oci::choose_platform(index, oci::host_platform()));
  }
  return manifest;
}

ImageParts read_image(Source& source, const std::optional<oci::Platform>& platform) {
  ImageParts image;
  image.named = source.manifest();
  image.manifest = image_manifest(source, image.named, platform);
  image.parts = oci::read_manifest(image.manifest.body);
  if (image.parts.config.size > static_cast<std::int64_t>(oci::kDocumentLimit))
    throw Error(sentence("its config is larger than ", oci::kDocumentLimit, " bytes"));
  image.config_text = read_text(verified(source.open(image.parts.config), image.parts.config));
  image.config = oci::read_image_config(image.config_text);
  check_layer_count(image.parts, image.config);
  return image;
}

}  // namespace transport
