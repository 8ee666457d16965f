// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/build_cache.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/inflate.hpp"
#include "imagetool/oci/document_writer.hpp"
#include "imagetool/transport/copy.hpp"
#include "imagetool/transport/store_transport.hpp"

namespace {

/// The cache says which diffID its layer has; images are made of these.
void check_diff_id(const BlobStore& blobs, const build::Layer& layer) {
  const Digest claimed = Digest::parse(layer.diff_id);
  Inflate plain(blobs.read(Digest::parse(layer.descriptor.digest)));
  Hasher hash(claimed.algorithm);
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (const std::size_t count = plain.read(buffer)) hash.update(std::span(buffer).first(count));
  if (hash.finish().str() != claimed.str())
    throw Error(sentence("the build cache names ", claimed.str(), " as the content of layer ",
                         layer.descriptor.digest, ", which has another"));
}

std::vector<build::KnownStep> read_steps(transport::Source& source) {
  const oci::Manifest manifest = oci::read_any_manifest(source.manifest().body);
  if (manifest.config.media_type != build::kStepListType)
    throw Error("it has an image, not a build cache of toyimg");
  return build::read_step_list(
      transport::read_text(transport::verified(source.open(manifest.config), manifest.config)));
}

oci::Descriptor put(const BlobStore& blobs, std::string_view type, const std::string& text) {
  return {.media_type = std::string(type),
          .digest = blobs.put(text).str(),
          .size = static_cast<std::int64_t>(text.size())};
}

}  // namespace

void OfferedCaches::open(const CachePlace& cache, build::BuildProgress& progress) {
  try {
    transport::OpenSource open = transport::open_source(cache.place, places_);
    transport::Source* const source = open.source.get();
    const BlobStore& blobs = builds_.images().blobs();
    builds_.offer(read_steps(*source), [this, source, &blobs](const build::Layer& layer) {
      if (transport::put_blob(
              blobs, layer.descriptor, [&] { return source->open(layer.descriptor); },
              places_.stop))
        check_diff_id(blobs, layer);
    });
    sources_.push_back(std::move(open));
  } catch (const Error& error) {
    if (places_.stop.stop_requested()) throw;
    progress.note(sentence("warning: --cache-from ", cache.words, ": ", error.what()));
  }
}

void export_cache(build::BuildStore& builds, const std::vector<build::KnownStep>& steps,
                  const std::vector<build::Layer>& result, const CachePlace& cache,
                  const transport::Places& places, const std::stop_source& stop) {
  const BlobStore& blobs = builds.images().blobs();
  std::map<std::string, build::KnownStep> by_key;
  std::map<std::string, build::Layer> layers;
  for (const build::KnownStep& known : steps) {
    const std::string& digest = known.step.layer.descriptor.digest;
    if (cache.only_result && std::ranges::none_of(result, [&](const build::Layer& layer) {
          return layer.descriptor.digest == digest;
        }))
      continue;
    by_key.try_emplace(known.key, known);
    layers.try_emplace(digest, known.step.layer);
  }
  std::vector<build::KnownStep> listed;
  for (const auto& [key, known] : by_key) listed.push_back(known);
  std::vector<oci::Descriptor> descriptors;
  for (const auto& [digest, layer] : layers) {
    builds.fetch_offered({layer});
    descriptors.push_back(layer.descriptor);
  }
  const oci::Descriptor config = put(blobs, build::kStepListType, build::write_step_list(listed));
  const oci::Descriptor manifest =
      put(blobs, oci::kOciManifest, oci::write_manifest(config, descriptors));
  try {
    Progress quiet(ProgressStyle::kQuiet);
    const auto source = transport::store_source(builds.images(), manifest);
    const transport::OpenDestination open = transport::open_destination(cache.place, places);
    transport::copy_image(*source, *open.destination, {.platform = {}, .form = {}, .stop = stop},
                          quiet);
    open.destination->finish();
  } catch (Error& error) {
    error.add_context("--cache-to ", cache.words);
    throw;
  }
}
