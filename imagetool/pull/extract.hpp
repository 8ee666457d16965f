// SPDX-License-Identifier: Apache-2.0
// An image's layers, one above the other, into a bundle's root filesystem, each verified against
// the image config; then the bundle's config.json. toyimg.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>

#include "imagetool/bundle/bundle_draft.hpp"
#include "imagetool/oci/byte_source.hpp"
#include "imagetool/pull/progress.hpp"

struct StoredImage;
namespace oci {
struct Manifest;
struct ImageConfig;
}  // namespace oci

class BundleExtraction {
 public:
  /// Begins the bundle `directory` (see BundleDraft); `progress` is borrowed.
  BundleExtraction(const std::string& directory, std::stop_token stop, Progress& progress);

  /// Applies all layers; `open_layer` gives the compressed bytes of one. Throws Error naming the
  /// layer.
  void extract(const StoredImage& image, const std::function<ByteSource(std::size_t)>& open_layer);
  /// Resolves the user, converts the image config, writes config.json: the last that can fail
  /// because of the image.
  void write_config(const StoredImage& image);
  /// Puts the bundle in place.
  void finish() { draft_.finish(); }

 private:
  BundleDraft draft_;
  std::stop_token stop_;
  Progress& progress_;
};

/// Throws Error unless the config lists one diff_id per layer of the manifest.
void check_layer_count(const oci::Manifest& manifest, const oci::ImageConfig& config);
