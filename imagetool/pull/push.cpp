// SPDX-License-Identifier: Apache-2.0
#include "imagetool/pull/push.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/platform.hpp"
#include "imagetool/pull/pull.hpp"

namespace {

constexpr std::size_t kAtOnce = 5;  // as docker does

struct ManifestToPush {
  std::string body, media_type, digest;
};

/// All that has to be at the registry before the name.
struct Plan {
  std::vector<oci::Descriptor> blobs{};     // one per digest
  std::vector<ManifestToPush> manifests{};  // each after what it refers to; the last gets the name
};

/// Which repository of the registry is known to have a blob.
using Places = std::map<std::string, std::string>;

class Planner {
 public:
  Planner(const ImageStore& store, const PushRequest& request) : store_(store), request_(request) {}

  Plan plan(const oci::Descriptor& image) {
    add(image);
    return std::move(plan_);
  }

 private:
  void add(const oci::Descriptor& one) {
    if (!seen_.insert(one.digest).second) return;
    std::string body = store_.blobs().read_all(Digest::parse(one.digest), oci::kDocumentLimit);
    const std::string type = oci::document_media_type(body, one.media_type);
    if (!oci::is_index(type)) {
      add_blobs(oci::read_manifest(body));
    } else if (!request_.all) {
      return add(oci::choose_platform(oci::read_index(body), oci::host_platform()));
    } else {
      for (const oci::Descriptor& entry : oci::read_index(body).manifests) add(entry);
    }
    plan_.manifests.push_back({std::move(body), type, one.digest});
  }

  void add_blobs(const oci::Manifest& manifest) {
    add_blob(manifest.config);
    for (const oci::Descriptor& layer : manifest.layers)
      if (layer.urls.empty() || request_.foreign) add_blob(layer);
  }
  void add_blob(const oci::Descriptor& blob) {
    if (seen_.insert(blob.digest).second) plan_.blobs.push_back(blob);
  }

  const ImageStore& store_;
  const PushRequest& request_;
  Plan plan_;
  std::set<std::string> seen_;
};

/// What was pulled from the same registry is there, too.
Places known_places(const ImageStore& store, const ImageReference& destination) {
  Places places;
  for (const ImageStore::Image& image : store.list()) {
    try {
      if (image.name.empty() || !image.manifest.annotations.contains(kSourceDigest)) continue;
      const ImageReference origin = ImageReference::parse(image.name);
      if (origin.registry != destination.registry || origin.repository == destination.repository)
        continue;
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

/// The blobs of a plan on their way, several at once; the first failure ends all.
class BlobPushes {
 public:
  BlobPushes(registry::Registry& registry, const BlobStore& blobs, const Plan& plan, Places places,
             std::stop_source stop, Progress& progress)
      : registry_(registry),
        blobs_(blobs),
        plan_(plan),
        places_(std::move(places)),
        stop_(std::move(stop)),
        progress_(progress) {}

  void run() {
    std::vector<std::thread> threads;
    for (std::size_t count = std::min(kAtOnce, plan_.blobs.size()); count > 0; --count)
      threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void work() {
    for (std::size_t index = next_++; index < plan_.blobs.size(); index = next_++) {
      try {
        if (stop_.stop_requested()) throw Error("stopped");
        push_one(index);
      } catch (...) {
        const std::lock_guard guard(lock_);
        if (!failure_) failure_ = std::current_exception();
        stop_.request_stop();
        return;
      }
    }
  }

  void push_one(std::size_t index) {
    const oci::Descriptor& blob = plan_.blobs[index];
    const auto open = [this, &blob, index] { return counted(blob, index); };
    const auto place = places_.find(blob.digest);
    const registry::Pushed how = registry_.push_blob(
        blob, open, place == places_.end() ? std::nullopt : std::optional(place->second));
    progress_.set_phase(index, how == registry::Pushed::kPresent   ? LayerPhase::kAlreadyThere
                               : how == registry::Pushed::kMounted ? LayerPhase::kMounted
                                                                   : LayerPhase::kPushed);
  }

  ByteSource counted(const oci::Descriptor& blob, std::size_t index) {
    progress_.set_phase(index, LayerPhase::kPushing);
    return [this, index, read = blobs_.read(Digest::parse(blob.digest)),
            sent = std::uint64_t{0}](std::span<std::byte> buffer) mutable {
      const std::size_t count = read(buffer);
      progress_.set_bytes(index, LayerPhase::kPushing, sent += count);
      return count;
    };
  }

  registry::Registry& registry_;
  const BlobStore& blobs_;
  const Plan& plan_;
  Places places_;
  std::stop_source stop_;
  Progress& progress_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex lock_;
  std::exception_ptr failure_;
};

}  // namespace

std::string push(const ImageStore& store, const oci::Descriptor& image, PushRequest request,
                 Progress& progress) {
  const UniqueFd held = store.hold();
  request.registry.stop = request.stop.get_token();
  const Plan plan = Planner(store, request).plan(image);
  std::vector<std::pair<std::string, std::uint64_t>> sizes;
  for (const oci::Descriptor& blob : plan.blobs)
    sizes.emplace_back(blob.digest, static_cast<std::uint64_t>(blob.size));
  registry::Registry registry(request.destination, request.registry);
  progress.begin(std::move(sizes), LayerPhase::kPushed);
  BlobPushes(registry, store.blobs(), plan, known_places(store, request.destination), request.stop,
             progress)
      .run();
  for (const ManifestToPush& manifest : plan.manifests) {
    const bool is_last = &manifest == &plan.manifests.back();
    registry.push_manifest(manifest.body, manifest.media_type,
                           is_last ? request.destination.manifest_reference() : manifest.digest);
  }
  return plan.manifests.back().digest;
}
