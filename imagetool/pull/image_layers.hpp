// SPDX-License-Identifier: Apache-2.0
// The layers of an image in the store, ready to be mounted: those that are missing are made from
// their blobs, several at once, each in one pass by one worker while its blob still arrives.
// toyimg.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "imagetool/layer/apply_layer.hpp"
#include "imagetool/oci/byte_source.hpp"
#include "imagetool/oci/image_config.hpp"
#include "imagetool/pull/progress.hpp"
#include "imagetool/store/layer_store.hpp"
#include "imagetool/store/lower_layers.hpp"

struct StoredImage;

class ImageLayers {
 public:
  /// Gives the compressed bytes of one layer.
  using OpenLayer = std::function<ByteSource(std::size_t)>;

  /// All are borrowed.
  ImageLayers(const LayerStore& store, const StoredImage& image, std::stop_token stop,
              Progress& progress)
      : store_(store), image_(image), stop_(std::move(stop)), progress_(progress) {}

  /// Makes what is missing. Throws Error naming the layer; those that were whole by then stay.
  void make(const OpenLayer& open_layer, const ApplyLayerOptions& options);
  /// After make(): lowest first.
  const std::vector<StoredLayer>& layers() const { return layers_; }
  /// The layers as a container will see them, for looking at.
  LowerLayers merged() const;

 private:
  const LayerStore& store_;
  const StoredImage& image_;
  std::stop_token stop_;
  Progress& progress_;
  std::vector<StoredLayer> layers_;
};

/// Names of an image's layers, lowest first, when they are made with these options.
std::vector<LayerName> layer_names(const oci::ImageConfig& config, const LayerOptions& options);
/// What layers that are in the store look like, one above the other.
LowerLayers merged_layers(const std::vector<StoredLayer>& layers);
