// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/find_image.hpp"

#include "bundle-spec/error.hpp"
#include "imagetool/image_reference.hpp"

ImageStore::Image find_image(const ImageStore& store, const std::string& words) {
  // 64 hex digits are refused as a name, so what looks like a digest is tried first.
  if (const auto by_digest = store.resolve(words)) return *by_digest;
  const std::string name = ImageReference::parse(words).canonical();
  if (const auto by_name = store.resolve(name)) return *by_name;
  throw NotFound(sentence("no image ", name, " in the store ", store.blobs().directory(),
                          ": toyimg pull ", words, " fetches it"));
}
