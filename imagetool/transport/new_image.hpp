// SPDX-License-Identifier: Apache-2.0
// Images made here: a root file system's tar, or a base image with one layer more, into the store.
// toyimg.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "imagetool/layer/layer_writer.hpp"
#include "imagetool/store/image_store.hpp"
#include "imagetool/transport/recompress.hpp"
#include "imagetool/transport/transport.hpp"

namespace transport {

struct NewLayer {
  oci::Descriptor blob;
  std::string diff_id;
  std::uint64_t entries = 0;
  std::shared_ptr<UniqueFd> file;
};

/// A layer of what `fill` adds, in an unnamed file. Throws Error.
NewLayer write_layer(const LayerWriterOptions& options,
                     const std::function<void(LayerWriter&)>& fill);
/// A layer of a tar stream, whose bytes stay as they are. Throws Error when it is no tar.
NewLayer pack_tar(const ByteSource& tar, Compression compression);

struct HistoryLine {
  std::string created;     // RFC 3339
  std::string created_by;  // the command
  std::string comment;
  std::string author{};  // of the image from then on, unless empty
};

/// The config with the layer's diffID (empty: the step made none) and a line of history added;
/// every other member stays. An empty text becomes a new config for this platform. Throws Error.
std::string with_layer(const std::string& config, const oci::Platform& platform,
                       const std::string& diff_id, const HistoryLine& line);

/// Puts an image into the store and returns its digest: the layers of `base`, which are there, with
/// `layer` (may be null) on top. Media types become OCI's. Throws Error.
std::string store_image(const ImageStore& store, const std::string& name, const oci::Manifest& base,
                        const NewLayer* layer, const std::string& config);

/// Now, or SOURCE_DATE_EPOCH, as RFC 3339 in UTC.
std::string creation_time();

}  // namespace transport
