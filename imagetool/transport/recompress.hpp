// SPDX-License-Identifier: Apache-2.0
// A layer in another compression: in an unnamed file, since its digest is known only afterwards.
// toyimg.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/layer/compress.hpp"
#include "imagetool/oci/byte_source.hpp"
#include "imagetool/oci/manifest.hpp"

namespace transport {

/// How layers are to come out.
struct LayerForm {
  Compression compression{};
  bool only_plain = false;  // those that are compressed stay as they are
};

struct Recompressed {
  oci::Descriptor layer;  // the same annotations, new type, digest, size
  std::shared_ptr<UniqueFd> file;
};

/// nullopt when the layer's media type says that it has the wanted form (at any level). The content
/// must have `diff_id`. `docker`: media types of Docker's manifests. Throws Error.
std::optional<Recompressed> recompress(const oci::Descriptor& layer, const ByteSource& source,
                                       const std::string& diff_id, const LayerForm& form,
                                       bool docker);
/// The file's bytes from the first one on.
ByteSource bytes_of(const Recompressed& layer);

}  // namespace transport
