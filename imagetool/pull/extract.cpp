// SPDX-License-Identifier: Apache-2.0
#include "imagetool/pull/extract.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <ranges>
#include <string_view>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/bundle/overlay_layers.hpp"
#include "imagetool/bundle/runtime_config_from_image.hpp"
#include "imagetool/bundle/user_namespace.hpp"
#include "imagetool/pull/image_layers.hpp"
#include "imagetool/pull/pull.hpp"
#include "imagetool/store/layer_image.hpp"

namespace {

constexpr std::size_t kHostnameLength = 12;
constexpr std::size_t kMostWarnings = 20;
constexpr std::uint64_t kAccountsLimit = std::uint64_t{16} << 20;

oci::RuntimeConfig config_for(const StoredImage& image, const ImageUser& user, Progress& progress) {
  const std::string hostname =
      Digest::parse(image.descriptor.digest).hex.substr(0, kHostnameLength);
  ConvertedConfig converted = runtime_config_from_image(image.config, user, hostname);
  for (std::size_t index = 0; index < std::min(converted.warnings.size(), kMostWarnings); ++index)
    progress.note(sentence("warning: ", converted.warnings[index]));
  if (converted.warnings.size() > kMostWarnings)
    progress.note(sentence("warning: and ", converted.warnings.size() - kMostWarnings, " more"));
  if (const IdMaps* const maps = entered_maps()) give_user_namespace(converted.config, *maps);
  converted.config.annotations[kImageDigest] = image.descriptor.digest;
  return std::move(converted.config);
}

/// A file of an image's root, for looking somebody up; empty when it is not there or no file.
std::string text_in(const LowerLayers& root, std::string_view path) {
  const std::optional<LowerLayers::Found> found = root.find_following(path);
  if (!found || !S_ISREG(found->inode.mode)) return {};
  return found->layer->content(found->inode, kAccountsLimit);
}

}  // namespace

InodeAttributes root_attributes(const std::vector<StoredLayer>& layers) {
  for (const StoredLayer& layer : layers | std::views::reverse) {
    const ErofsReader image(open_at(AT_FDCWD, layer.image, O_RDONLY | O_NOFOLLOW), layer.image);
    if (image.label() == LayerImage::kWithRoot) return image.attributes(image.root());
  }
  return {.mode = S_IFDIR | 0755, .xattrs = {}};
}

void check_diff_id(const Digest& found, const std::string& expected) {
  if (found.str() == expected) return;
  throw Error(sentence("its content has the digest ", found.str(), ", but the image config says ",
                       expected, ": the image is damaged or forged"));
}

void note_counts(Progress& progress, std::size_t layer, const LayerCounts& counts) {
  progress.set_counts(layer, counts);
  for (const auto& [what, count] : counts.skipped)
    progress.note(sentence("warning: layer ", layer + 1, ": left out: ", what, " (", count, ")"));
}

void check_layer_count(const oci::Manifest& manifest, const oci::ImageConfig& config) {
  if (manifest.layers.size() == config.diff_ids.size()) return;
  throw Error(sentence("the image is inconsistent: its manifest has ", manifest.layers.size(),
                       " layers, its config lists ", config.diff_ids.size(), " (rootfs.diff_ids)"));
}

BundleExtraction::BundleExtraction(const std::string& directory, ApplyLayerOptions options,
                                   std::stop_token stop, Progress& progress)
    : draft_(BundleDraft::begin(directory)),
      options_(std::move(options)),
      stop_(std::move(stop)),
      progress_(progress) {}

void BundleExtraction::extract(const StoredImage& image,
                               const std::function<ByteSource(std::size_t)>& open_layer) {
  for (std::size_t index = 0; index < image.manifest.layers.size(); ++index) {
    ByteSource compressed = open_layer(index);
    progress_.set_phase(index, LayerPhase::kExtracting);
    try {
      const std::string& diff_id = image.config.diff_ids[index];
      ApplyLayerOptions options = options_;
      options.hash = Digest::parse(diff_id).algorithm;
      const LayerResult result =
          apply_layer(std::move(compressed), draft_.root(), options, [&](std::uint64_t bytes) {
            if (stop_.stop_requested()) throw Error("stopped");
            progress_.set_bytes(index, LayerPhase::kExtracting, bytes);
          });
      check_diff_id(result.diff_id, diff_id);
      note_counts(progress_, index, result.counts);
    } catch (Error& error) {
      error.add_context("layer ", index + 1, " (", image.manifest.layers[index].digest, ")");
      throw;
    }
    progress_.set_phase(index, LayerPhase::kDone);
  }
}

void BundleExtraction::write_config(const StoredImage& image) {
  const ImageUser user = resolve_user(draft_.root(), image.config.config.user);
  draft_.write_config(config_for(image, user, progress_));
}

void BundleOverlay::make(const LayerStore& store, const StoredImage& image,
                         const std::vector<StoredLayer>& layers) {
  const LowerLayers merged = merged_layers(layers);
  const ImageUser user = resolve_user(text_in(merged, "etc/passwd"), text_in(merged, "etc/group"),
                                      image.config.config.user);
  std::vector<std::string> paths;
  for (const StoredLayer& layer : layers) paths.push_back(layer.path());
  const OverlayLayers overlay = make_overlay(draft_.directory(), paths, root_attributes(layers));
  if (overlay.outside) store.lease(directory_, layers);
  oci::RuntimeConfig config = config_for(image, user, progress_);
  config.annotations[kLayersAnnotation] = overlay.annotation;
  draft_.write_config(config);
}
