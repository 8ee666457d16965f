// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/copy.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/document_writer.hpp"
#include "imagetool/oci/image_config.hpp"
#include "imagetool/transport/read_image.hpp"

namespace transport {
namespace {

constexpr int kDeepestIndex = 4;
constexpr std::size_t kMostManifests = 1000;

struct BlobJob {
  oci::Descriptor blob;
  OpenBlob open;
};

class Copy {
 public:
  Copy(Source& source, Destination& destination, const CopyOptions& options, Progress& progress)
      : source_(source), destination_(destination), options_(options), progress_(progress) {}

  RawManifest top() {
    RawManifest manifest = source_.manifest();
    if (!options_.all && !options_.sparse)
      manifest = image_manifest(source_, std::move(manifest), options_.platform);
    return any(std::move(manifest), Role::kNamed, 0);
  }

 private:
  RawManifest any(RawManifest manifest, Role role, int depth) {
    if (++manifests_ > kMostManifests)
      throw Error(sentence("its index lists more than ", kMostManifests, " manifests"));
    RawManifest copied = oci::is_index(manifest.media_type) ? index(std::move(manifest), depth)
                                                            : image(std::move(manifest));
    if (destination_has_it_.insert(copied.digest).second || role == Role::kNamed)
      destination_.put_manifest(copied, role);
    return copied;
  }
  RawManifest index(RawManifest manifest, int depth);
  std::optional<RawManifest> listed(const oci::Descriptor& entry);
  RawManifest image(RawManifest manifest);
  RawManifest with_form(RawManifest manifest, oci::Manifest& parts, std::vector<BlobJob>& jobs);
  void put(std::vector<BlobJob> jobs);
  void put_some(const std::vector<BlobJob>& jobs);
  void put_one(const BlobJob& job, std::size_t index);
  ByteSource stopped_with(ByteSource source) const;
  ByteSource watched(ByteSource source, std::size_t index);
  std::optional<LayerForm> form() const;

  Source& source_;
  Destination& destination_;
  const CopyOptions& options_;
  Progress& progress_;
  std::size_t manifests_ = 0;
  std::set<std::string> destination_has_it_;    // manifests
  std::map<std::string, RawManifest> visited_;  // source's digest → what became of it
  std::set<std::string> blobs_;                 // that the destination has been given
  std::mutex mutex_;
  std::size_t next_ = 0;
  std::exception_ptr failure_;
};

// Docker's archives have plain layers; wherever else they go they are worth compressing.
std::optional<LayerForm> Copy::form() const {
  if (options_.form) return options_.form;
  if (source_.is_made_up() && !options_.preserve_digests && destination_.compresses())
    return LayerForm{.compression = {}, .only_plain = true};
  return std::nullopt;
}

/// nullopt for what a sparse copy leaves out.
std::optional<RawManifest> Copy::listed(const oci::Descriptor& entry) {
  if (!options_.sparse) return source_.manifest(entry);
  if (options_.platform && !(entry.platform && oci::fits(*entry.platform, *options_.platform)))
    return std::nullopt;
  try {
    return source_.manifest(entry);
  } catch (const NotFound&) {
    return std::nullopt;
  }
}

RawManifest Copy::index(RawManifest manifest, int depth) {
  if (depth == kDeepestIndex) throw Error("its indexes name each other too deep");
  std::vector<oci::Descriptor> entries;
  bool changed = false;
  for (const oci::Descriptor& entry : oci::read_index(manifest.body).manifests) {
    auto known = visited_.find(entry.digest);
    if (known == visited_.end()) {
      std::optional<RawManifest> there = listed(entry);
      if (!there) {
        entries.push_back(entry);
        continue;
      }
      known = visited_.emplace(entry.digest, any(std::move(*there), Role::kPart, depth + 1)).first;
    }
    changed = changed || known->second.digest != entry.digest;
    entries.push_back(known->second.descriptor());
  }
  if (!changed) return manifest;
  return raw_manifest(oci::replace_manifests(manifest.body, entries), manifest.media_type);
}

RawManifest Copy::image(RawManifest manifest) {
  oci::Manifest parts = oci::read_any_manifest(manifest.body);
  std::vector<BlobJob> jobs;
  if (form()) manifest = with_form(std::move(manifest), parts, jobs);
  std::set<std::string> known;
  for (const BlobJob& job : jobs) known.insert(job.blob.digest);
  parts.layers.push_back(parts.config);
  for (const oci::Descriptor& blob : parts.layers)
    if (known.insert(blob.digest).second && !blobs_.contains(blob.digest))
      jobs.push_back({blob, [this, blob] { return source_.open(blob); }});
  put(std::move(jobs));
  blobs_.merge(known);
  return manifest;
}

/// Layers in their new form; the manifest with their digests.
RawManifest Copy::with_form(RawManifest manifest, oci::Manifest& parts,
                            std::vector<BlobJob>& jobs) {
  if (!oci::is_image(parts)) return manifest;  // no layers of files
  const std::string config = read_text(verified(source_.open(parts.config), parts.config));
  const std::vector<std::string> diff_ids = oci::read_image_config(config).diff_ids;
  if (diff_ids.size() != parts.layers.size()) return manifest;
  bool changed = false;
  for (std::size_t index = 0; index < parts.layers.size(); ++index) {
    oci::Descriptor& layer = parts.layers[index];
    std::optional<Recompressed> made =
        recompress(layer, stopped_with(source_.open(layer)), diff_ids[index], *form(),
                   manifest.media_type == oci::kDockerManifest);
    if (!made) continue;
    changed = true;
    layer = made->layer;
    jobs.push_back({layer, [made = *made] { return bytes_of(made); }});
  }
  if (!changed) return manifest;
  if (options_.preserve_digests)
    throw Error("the digests cannot be preserved when layers change their compression");
  return raw_manifest(oci::replace_blobs(manifest.body, parts.config, parts.layers),
                      manifest.media_type);
}

ByteSource Copy::stopped_with(ByteSource source) const {
  return [this, source = std::move(source)](std::span<std::byte> buffer) {
    if (options_.stop.stop_requested()) throw Error("stopped");
    return source(buffer);
  };
}

ByteSource Copy::watched(ByteSource source, std::size_t index) {
  const LayerPhase moving =
      destination_.is_registry() ? LayerPhase::kPushing : LayerPhase::kDownloading;
  progress_.set_phase(index, moving);
  return [this, index, moving, source = stopped_with(std::move(source)),
          total = std::uint64_t{0}](std::span<std::byte> buffer) mutable {
    const std::size_t count = source(buffer);
    total += count;
    progress_.set_bytes(index, moving, total);
    return count;
  };
}

void Copy::put_one(const BlobJob& job, std::size_t index) {
  const Put put = destination_.put(job.blob, [&] { return watched(job.open(), index); }, source_);
  if (destination_.is_registry())
    progress_.set_phase(index, put == Put::kSent      ? LayerPhase::kPushed
                               : put == Put::kMounted ? LayerPhase::kMounted
                                                      : LayerPhase::kAlreadyThere);
  else
    progress_.set_phase(index, put == Put::kSent ? LayerPhase::kDownloaded : LayerPhase::kPresent);
}

void Copy::put_some(const std::vector<BlobJob>& jobs) {
  for (;;) {
    std::size_t index = 0;
    {
      const std::scoped_lock lock(mutex_);
      if (failure_ || next_ == jobs.size()) return;
      index = next_++;
    }
    try {
      put_one(jobs[index], index);
    } catch (...) {
      {
        const std::scoped_lock lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
      }
      options_.stop.request_stop();  // whoever sees this finds the cause
      return;
    }
  }
}

void Copy::put(std::vector<BlobJob> jobs) {
  std::vector<std::pair<std::string, std::uint64_t>> sizes;
  for (const BlobJob& job : jobs)
    sizes.emplace_back(job.blob.digest, static_cast<std::uint64_t>(job.blob.size));
  progress_.begin(std::move(sizes),
                  destination_.is_registry() ? LayerPhase::kPushed : LayerPhase::kDownloaded);
  next_ = 0;
  const std::size_t count = std::min(destination_.at_once(), jobs.size());
  {
    std::vector<std::jthread> others;
    for (std::size_t number = 1; number < count; ++number)
      others.emplace_back([&] { put_some(jobs); });
    put_some(jobs);
  }
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace

RawManifest copy_image(Source& source, Destination& destination, const CopyOptions& options,
                       Progress& progress) {
  return Copy(source, destination, options, progress).top();
}

}  // namespace transport
