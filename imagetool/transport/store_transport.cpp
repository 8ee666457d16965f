// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/store_transport.hpp"

#include <map>
#include <mutex>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/pull/pull.hpp"

namespace transport {
namespace {

constexpr std::size_t kBufferSize = std::size_t{256} << 10;

/// Which repository of a registry is known to have a blob.
using Places = std::map<std::string, std::string>;

/// What was pulled from the registry is there.
Places places_on(const ImageStore& store, const std::string& registry) {
  Places places;
  for (const ImageStore::Image& image : store.list()) {
    try {
      if (image.name.empty() || !image.manifest.annotations.contains(kSourceDigest)) continue;
      const ImageReference origin = ImageReference::parse(image.name);
      if (origin.registry != registry) continue;
      const oci::Manifest manifest =
          oci::read_manifest(store.blobs().read_all(Digest::parse(image.manifest.digest)));
      for (const oci::Descriptor& layer : manifest.layers)
        places.emplace(layer.digest, origin.repository);
    } catch (const Error&) {
      // An image that is not whole, or that another tool has named: no place to mount from.
    }
  }
  return places;
}

class StoreSource : public Source {
 public:
  StoreSource(const ImageStore& store, const oci::Descriptor& manifest)
      : store_(store), blobs_(store.blobs()), held_(store.hold()), manifest_(manifest) {}
  RawManifest manifest() override { return manifest(manifest_); }
  RawManifest manifest(const oci::Descriptor& listed) override {
    return raw_manifest(blobs_.read_all(Digest::parse(listed.digest)), listed.media_type,
                        listed.digest);
  }
  ByteSource open(const oci::Descriptor& blob) override {
    return blobs_.read(Digest::parse(blob.digest));
  }
  std::string repository_with(const oci::Descriptor& blob, const std::string& registry) override {
    const std::scoped_lock lock(mutex_);
    auto places = places_.find(registry);
    if (places == places_.end())
      places = places_.emplace(registry, places_on(store_, registry)).first;
    const auto place = places->second.find(blob.digest);
    return place == places->second.end() ? "" : place->second;
  }

 private:
  const ImageStore& store_;
  const BlobStore& blobs_;
  UniqueFd held_;
  oci::Descriptor manifest_;
  std::mutex mutex_;
  std::map<std::string, Places> places_;  // by registry, once it was asked for
};

class StoreDestination : public Destination {
 public:
  StoreDestination(const ImageStore& store, std::vector<std::string> names,
                   const std::stop_token& stop)
      : store_(store), held_(store.hold()), names_(std::move(names)), stop_(stop) {}
  Put put(const oci::Descriptor& blob, const OpenBlob& open, Source&) override {
    return put_blob(store_.blobs(), blob, open, stop_) ? Put::kSent : Put::kPresent;
  }
  void put_manifest(const RawManifest& manifest, Role role) override {
    store_.blobs().put(Digest::parse(manifest.digest), manifest.body);
    if (role == Role::kNamed) named_ = manifest.descriptor();
  }
  void finish() override {
    for (const std::string& name : names_) store_.tag(name, named_);
    if (names_.empty()) store_.tag("", named_);
  }

 private:
  const ImageStore& store_;
  UniqueFd held_;
  std::vector<std::string> names_;
  std::stop_token stop_;
  oci::Descriptor named_;
};

}  // namespace

bool put_blob(const BlobStore& blobs, const oci::Descriptor& blob, const OpenBlob& open,
              const std::stop_token& stop) {
  std::optional<BlobWriter> writer =
      blobs.begin(Digest::parse(blob.digest), static_cast<std::uint64_t>(blob.size), stop);
  if (!writer) return false;
  const ByteSource source = open();
  std::vector<std::byte> buffer(kBufferSize);
  while (const std::size_t count = source(buffer)) {
    if (stop.stop_requested()) throw Error("stopped");
    writer->write(std::span(buffer).first(count));
  }
  writer->commit();
  return true;
}

std::unique_ptr<Source> store_source(const ImageStore& store, const oci::Descriptor& manifest) {
  return std::make_unique<StoreSource>(store, manifest);
}

std::unique_ptr<Destination> store_destination(const ImageStore& store,
                                               std::vector<std::string> names,
                                               const std::stop_token& stop) {
  return std::make_unique<StoreDestination>(store, std::move(names), stop);
}

}  // namespace transport
