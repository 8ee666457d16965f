// SPDX-License-Identifier: Apache-2.0
// Tar entries of one layer → an EROFS image that overlayfs merges with the layers below: whiteouts
// as devices 0:0, opaque directories by overlayfs's xattr. The rules are LayerApplier's
// (image-spec "Applying Changesets"); what they leave to the layers below is looked up there.
#pragma once

#include <functional>
#include <memory>

#include "imagetool/layer/layer_applier.hpp"
#include "imagetool/layer/tar_reader.hpp"

class LowerLayers;

class LayerImage {
 public:
  /// The layers below; waits until they are made. Called only when the layer asks.
  using Below = std::function<const LowerLayers&()>;

  struct Result {
    LayerCounts counts;
    bool depends_on_lower = false;  // above other layers the image would be another
  };

  /// `file` is borrowed: an empty regular file. `below` is empty for the lowest layer.
  LayerImage(int file, LayerOptions options, Below below);
  LayerImage(LayerImage&&) noexcept;
  ~LayerImage();

  /// Writes the image. Throws Error naming the entry.
  Result write(TarReader& reader);

  /// The labels of images: whether the layer says what the root directory is like.
  static constexpr const char* kWithRoot = "toyimg root";
  static constexpr const char* kWithoutRoot = "toyimg";

 private:
  struct State;
  std::unique_ptr<State> state_;
};
