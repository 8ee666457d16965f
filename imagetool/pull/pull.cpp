// SPDX-License-Identifier: Apache-2.0
#include "imagetool/pull/pull.hpp"

#include <algorithm>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "imagetool/pull/extract.hpp"
#include "imagetool/pull/image_layers.hpp"
#include "imagetool/pull/layer_downloads.hpp"

namespace {

constexpr int kDeepestIndex = 4;

struct FoundManifest {
  std::string body;
  oci::Descriptor descriptor;
  std::string source_digest;
};

FoundManifest as_found(registry::ManifestResponse response, std::string source_digest) {
  FoundManifest found;
  found.descriptor.media_type = std::move(response.media_type);
  found.descriptor.digest = std::move(response.digest);
  found.descriptor.size = static_cast<std::int64_t>(response.body.size());
  found.descriptor.annotations[kSourceDigest] = source_digest;
  found.source_digest = std::move(source_digest);
  found.body = std::move(response.body);
  return found;
}

/// What an index has for the platform: a manifest, or (image-spec, index "manifests") another
/// index.
registry::ManifestResponse fetch_chosen(registry::Registry& registry, const PullRequest& request,
                                        const std::string& index_text) {
  const oci::Index index = oci::read_index(index_text);
  const oci::Descriptor& chosen =
      request.platform ? oci::choose_platform(index, *request.platform, oci::Wish::kExplicit)
                       : oci::choose_platform(index, oci::host_platform(), oci::Wish::kHost);
  registry::ManifestResponse response = registry.manifest(chosen.digest);
  if (response.body.size() != static_cast<std::size_t>(chosen.size))
    throw Error(sentence("the manifest ", chosen.digest, " is ", response.body.size(),
                         " bytes long, not ", chosen.size, " as its index says"));
  return response;
}

/// The manifest behind the reference; behind an index, the one for the platform.
FoundManifest find_manifest(registry::Registry& registry, const ImageReference& name,
                            const PullRequest& request) {
  registry::ManifestResponse response = registry.manifest(name.manifest_reference());
  std::string source = response.digest;
  for (int depth = 0; oci::is_index(response.media_type); ++depth) {
    if (depth == kDeepestIndex)
      throw Error(sentence("its indexes name each other more than ", kDeepestIndex, " deep"));
    response = fetch_chosen(registry, request, response.body);
  }
  return as_found(std::move(response), std::move(source));
}

void check_platform(const oci::ImageConfig& config, const ImageReference& name,
                    const PullRequest& request, Progress& progress) {
  const oci::Platform wanted = request.platform ? *request.platform : oci::host_platform();
  if (oci::fits(config.platform(), wanted)) return;
  const std::string made_for = config.os.empty() || config.architecture.empty()
                                   ? "no platform it names"
                                   : config.platform().str();
  const std::string text =
      sentence(name.familiar(), " is made for ", made_for, ", not for ", wanted.str());
  if (request.platform && !request.takes_any) throw NotFound(text);
  progress.note(sentence("warning: ", text));
}

bool is_complete(const ImageStore& store, const StoredImage& image) {
  return std::ranges::all_of(image.manifest.layers, [&](const oci::Descriptor& layer) {
    return store.blobs().size(Digest::parse(layer.digest)) == layer.size;
  });
}

/// What the store has under this name, if the registry's tag still means the same and nothing is
/// missing.
std::optional<StoredImage> find_unchanged(const ImageStore& store, registry::Registry& registry,
                                          const ImageReference& name, const PullRequest& request) {
  const std::optional<ImageStore::Image> known = store.resolve(name.canonical());
  if (!known) return std::nullopt;
  const auto source = known->manifest.annotations.find(kSourceDigest);
  if (source == known->manifest.annotations.end()) return std::nullopt;
  const std::optional<std::string> now =
      name.digest ? name.digest : registry.head_manifest(name.manifest_reference());
  if (now != source->second) return std::nullopt;
  try {
    StoredImage image = read_stored_image(store, known->manifest);
    const oci::Platform wanted = request.platform ? *request.platform : oci::host_platform();
    if (oci::fits(image.config.platform(), wanted) && is_complete(store, image)) return image;
  } catch (const NotFound&) {
    // Something of it is no longer in the store: fetched like a new one.
  }
  return std::nullopt;
}

/// An image that may be meant, and what its registry says of it: one of the last two.
struct Answer {
  ImageReference name;
  registry::Registry registry;
  std::optional<StoredImage> unchanged{};
  FoundManifest manifest{};
};

Answer ask_for(const ImageReference& name, const ImageStore& store, const PullRequest& request) {
  Answer answer{.name = name, .registry = registry::Registry(name, request.registry)};
  answer.unchanged = find_unchanged(store, answer.registry, name, request);
  if (!answer.unchanged) answer.manifest = find_manifest(answer.registry, name, request);
  return answer;
}

/// The first of the images that is given; why those before it were not is put into `refused`.
Answer ask_in_turn(const ImageStore& store, const PullRequest& request,
                   std::vector<std::string>& refused, Progress& progress) {
  for (const ImageReference& name : request.images) {
    const bool is_last = &name == &request.images.back();
    try {
      return ask_for(name, store, request);
    } catch (const Error& error) {
      if (request.images.size() == 1 || request.stop.stop_requested()) throw;
      refused.emplace_back(error.what());
      if (is_last) break;
      const std::string text = sentence(error.what(), "; trying ", (&name + 1)->canonical());
      if (dynamic_cast<const NotFound*>(&error) != nullptr)
        progress.note(text);
      else
        logging::warning(text);
    }
  }
  std::string all;
  for (const std::string& one : refused) all += (all.empty() ? "" : "; ") + one;
  throw Error(all);
}

std::vector<std::pair<std::string, std::uint64_t>> sizes(const oci::Manifest& manifest) {
  std::vector<std::pair<std::string, std::uint64_t>> result;
  for (const oci::Descriptor& layer : manifest.layers)
    result.emplace_back(layer.digest, static_cast<std::uint64_t>(layer.size));
  return result;
}

StoredImage fetch_config(Answer& answer, const ImageStore& store, const PullRequest& request,
                         Progress& progress) {
  const FoundManifest& found = answer.manifest;
  StoredImage image{
      .descriptor = found.descriptor, .manifest = oci::read_manifest(found.body), .config = {}};
  const Digest digest = Digest::parse(image.manifest.config.digest);
  const bool is_there = store.blobs().size(digest) == image.manifest.config.size;
  const std::string text =
      is_there ? store.blobs().read_all(digest) : answer.registry.small_blob(image.manifest.config);
  image.descriptor.annotations[kImageSize] = std::to_string(size_of(image.manifest));
  image.config = oci::read_image_config(text);
  check_layer_count(image.manifest, image.config);
  check_platform(image.config, answer.name, request, progress);
  store.blobs().put(digest, text);
  return image;
}

/// Downloads and, as the bytes of each layer arrive, makes of them what is wanted: a bundle's root
/// file system or the store's layers.
std::vector<StoredLayer> fetch_layers(registry::Registry& registry, const ImageStore& store,
                                      const StoredImage& image, const PullRequest& request,
                                      BundleExtraction* flat, Progress& progress) {
  LayerDownloads downloads(registry, store.blobs(), image.manifest.layers, request.stop, progress);
  const auto open_layer = [&](std::size_t layer) { return downloads.open(layer); };
  std::vector<StoredLayer> layers;
  try {
    if (flat != nullptr) {
      flat->extract(image, open_layer);
    } else {
      const LayerStore layer_store = LayerStore::open(store.blobs().directory());
      ImageLayers made(layer_store, image, request.stop.get_token(), progress);
      made.make(open_layer, request.layers);
      layers = made.layers();
    }
  } catch (...) {
    downloads.rethrow_cause();
    throw;
  }
  downloads.finish();
  return layers;
}

/// What a pull of an image that is there already has left to do.
void make_from_store(const ImageStore& store, const StoredImage& image, const PullRequest& request,
                     Progress& progress) {
  const std::stop_token stop = request.stop.get_token();
  if (request.bundle)
    return unpack(store, image, {*request.bundle, request.form, request.layers}, stop, progress);
  ready_layers(store, LayerStore::open(store.blobs().directory()), image, request.layers, stop,
               progress);
}

}  // namespace

std::int64_t size_of(const oci::Manifest& manifest) {
  std::int64_t size = manifest.config.size;
  for (const oci::Descriptor& layer : manifest.layers) size += layer.size;
  return size;
}

StoredImage read_stored_image(const ImageStore& store, const oci::Descriptor& descriptor) {
  StoredImage image{.descriptor = descriptor, .manifest = {}, .config = {}};
  std::string text = store.blobs().read_all(Digest::parse(descriptor.digest));
  for (int depth = 0; oci::is_index(oci::document_media_type(text, image.descriptor.media_type));
       ++depth) {
    if (depth == kDeepestIndex)
      throw Error(sentence("its indexes name each other more than ", kDeepestIndex, " deep"));
    image.descriptor = oci::choose_platform(oci::read_index(text), oci::host_platform());
    text = store.blobs().read_all(Digest::parse(image.descriptor.digest));
  }
  image.manifest = oci::read_manifest(text);
  image.config =
      oci::read_image_config(store.blobs().read_all(Digest::parse(image.manifest.config.digest)));
  check_layer_count(image.manifest, image.config);
  return image;
}

std::vector<StoredLayer> ready_layers(const ImageStore& store, const LayerStore& layer_store,
                                      const StoredImage& image, const ApplyLayerOptions& options,
                                      const std::stop_token& stop, Progress& progress) {
  progress.begin(sizes(image.manifest), LayerPhase::kDone);
  ImageLayers layers(layer_store, image, stop, progress);
  layers.make(
      [&](std::size_t layer) {
        return store.blobs().read(Digest::parse(image.manifest.layers[layer].digest));
      },
      options);
  return layers.layers();
}

PulledImage pull(const ImageStore& store, PullRequest request, Progress& progress) {
  const UniqueFd held = store.hold();
  request.registry.stop = request.stop.get_token();
  std::vector<std::string> refused;
  Answer answer = ask_in_turn(store, request, refused, progress);
  const ImageReference& name = answer.name;
  if (answer.unchanged) {
    progress.note(sentence(name.familiar(), " is up to date"));
    make_from_store(store, *answer.unchanged, request, progress);
    return {std::move(*answer.unchanged), name, std::move(refused)};
  }
  std::optional<BundleExtraction> flat;
  std::optional<BundleOverlay> overlay;
  if (request.bundle && request.form == RootForm::kFlat)
    flat.emplace(*request.bundle, request.layers, request.stop.get_token(), progress);
  if (request.bundle && request.form == RootForm::kOverlay)
    overlay.emplace(*request.bundle, progress);
  StoredImage image = fetch_config(answer, store, request, progress);
  progress.note(sentence(name.familiar(), ": ", image.config.platform().str(), ", ",
                         image.manifest.layers.size(),
                         image.manifest.layers.size() == 1 ? " layer" : " layers"));
  progress.begin(sizes(image.manifest), LayerPhase::kDone);
  const std::vector<StoredLayer> layers =
      fetch_layers(answer.registry, store, image, request, flat ? &*flat : nullptr, progress);
  if (flat) flat->write_config(image);
  if (overlay) overlay->make(LayerStore::open(store.blobs().directory()), image, layers);
  store.blobs().put(Digest::parse(answer.manifest.descriptor.digest), answer.manifest.body);
  store.tag(name.canonical(), image.descriptor);
  if (flat) flat->finish();
  if (overlay) overlay->finish();
  return {std::move(image), name, std::move(refused)};
}

void unpack(const ImageStore& store, const StoredImage& image, const BundleRequest& bundle,
            const std::stop_token& stop, Progress& progress) {
  const UniqueFd held = store.hold();
  if (bundle.form == RootForm::kOverlay) {
    BundleOverlay overlay(bundle.directory, progress);
    const LayerStore layer_store = LayerStore::open(store.blobs().directory());
    overlay.make(layer_store, image,
                 ready_layers(store, layer_store, image, bundle.layers, stop, progress));
    return overlay.finish();
  }
  BundleExtraction extraction(bundle.directory, bundle.layers, stop, progress);
  progress.begin(sizes(image.manifest), LayerPhase::kDone);
  extraction.extract(image, [&](std::size_t layer) {
    return store.blobs().read(Digest::parse(image.manifest.layers[layer].digest));
  });
  extraction.write_config(image);
  extraction.finish();
}
