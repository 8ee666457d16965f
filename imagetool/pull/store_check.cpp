// SPDX-License-Identifier: Apache-2.0
#include "imagetool/pull/store_check.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/layer/apply_layer.hpp"
#include "imagetool/layer/same_tree.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/pull/extract.hpp"
#include "imagetool/pull/image_layers.hpp"
#include "imagetool/pull/pull.hpp"
#include "imagetool/store/layer_image.hpp"

namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 20;

bool has_other_names(int file) {
  struct stat status = {};
  check(::fstat(file, &status), "stat a layer");
  return status.st_nlink > 1;
}

/// A layer made once more from its blob.
struct Remade {
  LayerDraft draft;
  bool depends_on_lower = false;
};
Remade remake_layer(const ImageStore& store, const LayerStore& layers, const StoredImage& image,
                    const LayerOptions& layer_options, const std::vector<StoredLayer>& below,
                    const std::stop_token& stop) {
  const std::size_t index = below.size();
  Remade remade{.draft = layers.begin()};
  std::optional<LowerLayers> lower;
  LayerImage::Below look_below;
  if (index > 0)
    look_below = [&]() -> const LowerLayers& {
      if (!lower) lower.emplace(merged_layers(below));
      return *lower;
    };
  LayerImage made(remade.draft.file(), layer_options, look_below);
  const ApplyLayerOptions options{.layer = layer_options,
                                  .hash = Digest::parse(image.config.diff_ids[index]).algorithm};
  const LayerResult read = read_layer(
      store.blobs().read(Digest::parse(image.manifest.layers[index].digest)), options,
      [&](TarReader& reader) { remade.depends_on_lower = made.write(reader).depends_on_lower; },
      [&](std::uint64_t) {
        if (stop.stop_requested()) throw Error("stopped");
      });
  check_diff_id(read.diff_id, image.config.diff_ids[index]);
  return remade;
}

/// In how many ways a layer can be made: calls `visit` for each.
void for_each_variant(const std::function<void(const LayerOptions&)>& visit) {
  for (const bool set_id : {true, false})
    for (const bool devices : {true, false}) visit({.devices = devices, .set_id = set_id});
}

class StoreCheck {
 public:
  StoreCheck(const ImageStore& store, const std::stop_token& stop, Progress& progress)
      : store_(store),
        layers_(LayerStore::open(store.blobs().directory())),
        stop_(stop),
        progress_(progress) {}

  StoreReport run() {
    for (const Digest& digest : store_.blobs().list()) check_blob(digest);
    for (const ImageStore::Image& image : store_.list()) check_images(image.name, image.manifest);
    return std::move(report_);
  }

 private:
  void check_blob(const Digest& digest) {
    if (stop_.stop_requested()) throw Error("stopped");
    ++report_.blobs;
    try {
      const ByteSource source = store_.blobs().read(digest);
      while (source(buffer_) > 0) {
      }
    } catch (const Error&) {
      // Who reads a damaged blob removes it; one that cannot be read at all stays.
      store_.blobs().remove(digest);
      report_.removed.push_back(sentence("blob ", digest.str()));
    }
  }

  void check_images(const std::string& name, const oci::Descriptor& top) {
    std::set<std::string> seen;
    check_image(name, top, seen);
  }

  void check_image(const std::string& name, const oci::Descriptor& descriptor,
                   std::set<std::string>& seen) {
    if (!seen.insert(descriptor.digest).second) return;
    const std::string shown = name.empty() ? descriptor.digest : printable(name);
    try {
      const Digest digest = Digest::parse(descriptor.digest);
      if (!store_.blobs().has(digest)) throw NotFound("its manifest is missing");
      const std::string text = store_.blobs().read_all(digest, oci::kDocumentLimit);
      if (oci::is_index(oci::document_media_type(text, descriptor.media_type))) {
        // Of an index, those are there that were asked for.
        for (const oci::Descriptor& entry : oci::read_index(text).manifests)
          if (store_.blobs().has(Digest::parse(entry.digest))) check_image(name, entry, seen);
        return;
      }
      const oci::Manifest parts = oci::read_any_manifest(text);
      for (const oci::Descriptor& layer : parts.layers)
        if (store_.blobs().size(Digest::parse(layer.digest)) != layer.size)
          throw NotFound(sentence("its layer ", layer.digest, " is missing"));
      if (!oci::is_image(parts)) {
        if (store_.blobs().size(Digest::parse(parts.config.digest)) != parts.config.size)
          throw NotFound(sentence("its config ", parts.config.digest, " is missing"));
        return;
      }
      const StoredImage image = read_stored_image(store_, descriptor);
      for_each_variant([&](const LayerOptions& options) { check_variant(image, options); });
    } catch (const Error& error) {
      report_.incomplete.push_back(sentence(shown, ": ", error.what()));
    }
  }

  void check_variant(const StoredImage& image, const LayerOptions& options) {
    const std::vector<LayerName> names = layer_names(image.config, options);
    std::vector<StoredLayer> below;
    for (std::size_t index = 0; index < names.size(); ++index) {
      const std::optional<StoredLayer> layer = layers_.find(names[index]);
      if (!layer) return;  // those above cannot be compared
      if (checked_.insert(layer->image).second) check_layer(image, names[index], options, below);
      below.push_back(*layers_.find(names[index]));
    }
  }

  void check_layer(const StoredImage& image, const LayerName& name, const LayerOptions& options,
                   const std::vector<StoredLayer>& below) {
    ++report_.layers;
    Remade made = remake_layer(store_, layers_, image, options, below, stop_);
    const StoredLayer stored = *layers_.find(name);
    const UniqueFd there = open_at(AT_FDCWD, stored.image, O_RDONLY | O_NOFOLLOW);
    if (same_content(there.get(), made.draft.file())) return check_directory(stored, name);
    progress_.note(sentence("layer ", name.diff_id.str(), " is damaged: made again"));
    if (has_other_names(there.get()))
      progress_.note(sentence("warning: bundles that were made from layer ", name.diff_id.str(),
                              " keep the damaged one: see toyimg verify, and make them again"));
    for (const std::string& key : LayerStore::keys(name)) layers_.remove(key);
    layers_.publish(std::move(made.draft), name, made.depends_on_lower);
    report_.repaired.push_back(sentence("layer ", name.diff_id.str()));
  }

  void check_directory(const StoredLayer& layer, const LayerName& name) {
    if (layer.directory.empty() || layers_.remake_directory(layer)) return;
    progress_.note(sentence("the directory of layer ", name.diff_id.str(),
                            " is damaged: made again; containers that run on it have to be "
                            "started anew"));
    report_.repaired.push_back(sentence("directory of layer ", name.diff_id.str()));
  }

  const ImageStore& store_;
  LayerStore layers_;
  const std::stop_token& stop_;
  Progress& progress_;
  StoreReport report_;
  std::set<std::string> checked_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kBuffer);
};

}  // namespace

StoreReport check_store(const ImageStore& store, const std::stop_token& stop, Progress& progress) {
  const UniqueFd held = store.hold();
  return StoreCheck(store, stop, progress).run();
}

std::vector<std::size_t> damaged_layers(const ImageStore& store, const StoredImage& image,
                                        const std::vector<UniqueFd>& files,
                                        const std::stop_token& stop) {
  const LayerStore layers = LayerStore::open(store.blobs().directory());
  std::set<std::size_t> damaged;
  for (std::size_t index = 0; index < files.size(); ++index) damaged.insert(index);
  for_each_variant([&](const LayerOptions& options) {
    std::vector<StoredLayer> below;
    for (const LayerName& name : layer_names(image.config, options)) {
      const std::size_t index = below.size();
      const std::optional<StoredLayer> layer = layers.find(name);
      if (!layer || damaged.empty()) return;
      if (damaged.contains(index) &&
          same_content(files[index].get(),
                       remake_layer(store, layers, image, options, below, stop).draft.file()))
        damaged.erase(index);
      below.push_back(*layer);
    }
  });
  return {damaged.begin(), damaged.end()};
}
