// SPDX-License-Identifier: Apache-2.0
// From a name to content: a registry's image into the store, and from there, or straight on the
// way, into a bundle. toyimg.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "imagetool/image_reference.hpp"
#include "imagetool/layer/apply_layer.hpp"
#include "imagetool/oci/image_config.hpp"
#include "imagetool/oci/manifest.hpp"
#include "imagetool/pull/progress.hpp"
#include "imagetool/registry/registry.hpp"
#include "imagetool/store/image_store.hpp"
#include "imagetool/store/layer_store.hpp"

/// What a bundle's root file system is: a directory of its own, or an overlay of layers in the
/// store.
enum class RootForm { kFlat, kOverlay };

struct PullRequest {
  std::vector<ImageReference> images;     // what is meant, asked for in turn until one is given
  std::optional<oci::Platform> platform;  // none: this host's
  bool takes_any = false;  // an image that is alone under its name, whatever it is made for
  std::optional<std::string> bundle;  // directory to make
  RootForm form = RootForm::kFlat;    // of its root file system
  ApplyLayerOptions layers{};         // limits of hostile images
  registry::Options registry;
  std::stop_source stop;
};

/// A bundle to make of an image in the store.
struct BundleRequest {
  std::string directory;
  RootForm form = RootForm::kFlat;
  ApplyLayerOptions layers{};
};

/// An image in the store: what its manifest and config say.
struct StoredImage {
  oci::Descriptor descriptor;  // of the manifest
  oci::Manifest manifest;
  oci::ImageConfig config;
};

/// One that was pulled, and under which name.
struct PulledImage : StoredImage {
  ImageReference name;
  std::vector<std::string> refused;  // why each of those asked before was not given
};

/// Annotation beside kSourceDigest: compressed bytes of config and layers, so that a list need not
/// read every manifest.
inline constexpr const char* kImageSize = "org.toyrun.image.size";

/// Annotation of a bundle's config.json: the digest of the image's manifest.
inline constexpr const char* kImageDigest = "org.toyrun.image.digest";

/// Compressed bytes of config and layers.
std::int64_t size_of(const oci::Manifest& manifest);

/// Fetches what is missing, verifies every digest, names the image in the store and, if asked,
/// makes the bundle. When the registry still has what the store has, nothing but one HEAD goes over
/// the network. Another of the images that may be meant is only asked for when no manifest is given
/// of this one: what goes wrong later is final. Throws Error; then neither name nor bundle exist.
PulledImage pull(const ImageStore& store, PullRequest request, Progress& progress);

/// Makes a bundle from an image that is in the store. Throws Error; then there is no bundle.
void unpack(const ImageStore& store, const StoredImage& image, const BundleRequest& bundle,
            const std::stop_token& stop, Progress& progress);

/// Layers of an image in the store, ready to be mounted: made from its blobs where they are
/// missing.
std::vector<StoredLayer> ready_layers(const ImageStore& store, const LayerStore& layer_store,
                                      const StoredImage& image, const ApplyLayerOptions& options,
                                      const std::stop_token& stop, Progress& progress);

/// Reads manifest and config of a stored image, of an index the one for this host, digests
/// verified. Throws Error, NotFound.
StoredImage read_stored_image(const ImageStore& store, const oci::Descriptor& descriptor);
