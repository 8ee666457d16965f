// SPDX-License-Identifier: Apache-2.0
#include "imagetool/pull/extract.hpp"

#include <algorithm>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/bundle/runtime_config_from_image.hpp"
#include "imagetool/layer/apply_layer.hpp"
#include "imagetool/pull/pull.hpp"

namespace {

constexpr std::size_t kHostnameLength = 12;
constexpr std::size_t kMostWarnings = 20;

void check_diff_id(const Digest& found, const std::string& expected) {
  if (found.str() == expected) return;
  throw Error(sentence("its content has the digest ", found.str(), ", but the image config says ",
                       expected, ": the image is damaged or forged"));
}

}  // namespace

void check_layer_count(const oci::Manifest& manifest, const oci::ImageConfig& config) {
  if (manifest.layers.size() == config.diff_ids.size()) return;
  throw Error(sentence("the image is inconsistent: its manifest has ", manifest.layers.size(),
                       " layers, its config lists ", config.diff_ids.size(), " (rootfs.diff_ids)"));
}

BundleExtraction::BundleExtraction(const std::string& directory, std::stop_token stop,
                                   Progress& progress)
    : draft_(BundleDraft::begin(directory)), stop_(std::move(stop)), progress_(progress) {}

void BundleExtraction::extract(const StoredImage& image,
                               const std::function<ByteSource(std::size_t)>& open_layer) {
  for (std::size_t index = 0; index < image.manifest.layers.size(); ++index) {
    ByteSource compressed = open_layer(index);
    progress_.set_phase(index, LayerPhase::kExtracting);
    try {
      const std::string& diff_id = image.config.diff_ids[index];
      const ApplyLayerOptions options{.hash = Digest::parse(diff_id).algorithm};
      const LayerResult result =
          apply_layer(std::move(compressed), draft_.root(), options, [&](std::uint64_t bytes) {
            if (stop_.stop_requested()) throw Error("stopped");
            progress_.set_bytes(index, LayerPhase::kExtracting, bytes);
          });
      check_diff_id(result.diff_id, diff_id);
      for (const auto& [what, count] : result.counts.skipped)
        progress_.note(
            sentence("warning: layer ", index + 1, ": left out: ", what, " (", count, ")"));
    } catch (Error& error) {
      error.add_context("layer ", index + 1, " (", image.manifest.layers[index].digest, ")");
      throw;
    }
    progress_.set_phase(index, LayerPhase::kDone);
  }
}

void BundleExtraction::write_config(const StoredImage& image) {
  const ImageUser user = resolve_user(draft_.root(), image.config.config.user);
  const std::string hostname =
      Digest::parse(image.descriptor.digest).hex.substr(0, kHostnameLength);
  const ConvertedConfig converted = runtime_config_from_image(image.config, user, hostname);
  for (std::size_t index = 0; index < std::min(converted.warnings.size(), kMostWarnings); ++index)
    progress_.note(sentence("warning: ", converted.warnings[index]));
  if (converted.warnings.size() > kMostWarnings)
    progress_.note(sentence("warning: and ", converted.warnings.size() - kMostWarnings, " more"));
  draft_.write_config(converted.config);
}
