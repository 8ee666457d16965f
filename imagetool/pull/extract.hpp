// SPDX-License-Identifier: Apache-2.0
// An image's layers, one above the other, into a bundle's root filesystem, each verified against
// the image config; then the bundle's config.json. toyimg.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "imagetool/bundle/bundle_draft.hpp"
#include "imagetool/layer/apply_layer.hpp"
#include "imagetool/oci/byte_source.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/pull/progress.hpp"
#include "imagetool/store/layer_store.hpp"

struct StoredImage;
namespace oci {
struct Manifest;
struct ImageConfig;
}  // namespace oci

class BundleExtraction {
 public:
  /// Begins the bundle `directory` (see BundleDraft); `progress` is borrowed.
  BundleExtraction(const std::string& directory, ApplyLayerOptions options, std::stop_token stop,
                   Progress& progress);

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
  ApplyLayerOptions options_;
  std::stop_token stop_;
  Progress& progress_;
};

/// A bundle over layers of the store, ready at once: nothing is copied.
class BundleOverlay {
 public:
  /// Begins the bundle `directory`; `progress` is borrowed.
  BundleOverlay(std::string directory, Progress& progress)
      : draft_(BundleDraft::begin(directory)),
        directory_(std::move(directory)),
        progress_(progress) {}

  /// Links the layers, writes config.json. Throws Error.
  void make(const LayerStore& store, const StoredImage& image,
            const std::vector<StoredLayer>& layers);
  /// Puts the bundle in place.
  void finish() { draft_.finish(); }

 private:
  BundleDraft draft_;
  std::string directory_;
  Progress& progress_;
};

/// The root directory of the container: the topmost layer that has an entry for it says.
InodeAttributes root_attributes(const std::vector<StoredLayer>& layers);
/// Throws Error when a layer's content is not what the image config says.
void check_diff_id(const Digest& found, const std::string& expected);
/// Keeps what the layer had in it, and warns of what could not be applied.
void note_counts(Progress& progress, std::size_t layer, const LayerCounts& counts);

/// Throws Error unless the config lists one diff_id per layer of the manifest.
void check_layer_count(const oci::Manifest& manifest, const oci::ImageConfig& config);
