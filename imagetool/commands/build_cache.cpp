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

constexpr std::size_t kMostPlatforms = 50;

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

std::vector<build::KnownStep> read_steps(transport::Source& source,
                                         const transport::RawManifest& raw) {
  const oci::Manifest manifest = oci::read_any_manifest(raw.body);
  if (manifest.config.media_type == build::kStepListType)
    return build::read_step_list(
        transport::read_text(transport::verified(source.open(manifest.config), manifest.config)));
  const auto steps = manifest.annotations.find(kInlineCache);
  if (steps == manifest.annotations.end())
    throw Error("it has an image without a build cache (--cache-to type=inline gives it one)");
  return build::read_step_list(steps->second);
}

/// Of an index, the steps of all platforms that were built with a cache.
std::vector<build::KnownStep> read_steps(transport::Source& source) {
  const transport::RawManifest top = source.manifest();
  if (!oci::is_index(top.media_type)) return read_steps(source, top);
  std::vector<oci::Descriptor> listed = oci::read_index(top.body).manifests;
  if (listed.size() > kMostPlatforms) listed.resize(kMostPlatforms);
  std::vector<build::KnownStep> all;
  for (const oci::Descriptor& entry : listed) {
    const std::vector<build::KnownStep> steps = read_steps(source, source.manifest(entry));
    all.insert(all.end(), steps.begin(), steps.end());
  }
  return all;
}

/// Those whose layers are among these, if any are given; each key once.
std::vector<build::KnownStep> chosen_steps(const std::vector<build::KnownStep>& steps,
                                           const std::vector<build::Layer>* layers) {
  std::map<std::string, build::KnownStep> by_key;
  for (const build::KnownStep& known : steps)
    if (layers == nullptr || std::ranges::any_of(*layers, [&](const build::Layer& layer) {
          return layer.descriptor.digest == known.step.layer.descriptor.digest;
        }))
      by_key.try_emplace(known.key, known);
  std::vector<build::KnownStep> chosen;
  for (auto& [key, known] : by_key) chosen.push_back(std::move(known));
  return chosen;
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

std::string inline_cache(const std::vector<build::KnownStep>& steps,
                         const std::vector<build::Layer>& layers) {
  return build::write_step_list(chosen_steps(steps, &layers));
}

void export_cache(build::BuildStore& builds, const std::vector<build::KnownStep>& steps,
                  const std::vector<build::Layer>& result, const CachePlace& cache,
                  const transport::Places& places, const std::stop_source& stop) {
  const BlobStore& blobs = builds.images().blobs();
  const std::vector<build::KnownStep> listed =
      chosen_steps(steps, cache.only_result ? &result : nullptr);
  std::map<std::string, build::Layer> layers;
  for (const build::KnownStep& known : listed)
    layers.try_emplace(known.step.layer.descriptor.digest, known.step.layer);
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
