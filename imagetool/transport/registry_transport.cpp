// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/registry_transport.hpp"

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/chunk_ring.hpp"

namespace transport {
namespace {

constexpr std::size_t kBuffers = 8;
constexpr std::size_t kBufferSize = std::size_t{256} << 10;
constexpr std::int64_t kSmallBlob = std::int64_t{64} << 10;  // a thread would cost more

/// A download to be read from: the registry pushes bytes, the reader pulls them.
class Download {
 public:
  Download(registry::Registry& registry, const oci::Descriptor& blob)
      : ring_(kBuffers, kBufferSize, 1),
        blob_(blob),
        thread_([this, &registry] { run(registry); }) {}
  ~Download() {
    ring_.cancel();
    thread_.join();
  }
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  std::size_t read(std::span<std::byte> out) {
    if (chunk_.empty()) chunk_ = ring_.next(0);
    const std::size_t count = std::min(out.size(), chunk_.size());
    if (count > 0) std::memcpy(out.data(), chunk_.data(), count);
    chunk_ = chunk_.subspan(count);
    return count;
  }

 private:
  void run(registry::Registry& registry) noexcept {
    try {
      registry.blob(blob_, [this](std::span<const std::byte> bytes) { take(bytes); });
      if (filled_ > 0) ring_.publish(filled_);
      ring_.finish();
    } catch (...) {
      ring_.finish(std::current_exception());
    }
  }
  void take(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      if (buffer_.empty()) {
        buffer_ = ring_.free_buffer();
        filled_ = 0;
        if (buffer_.empty()) throw Error("stopped");
      }
      const std::size_t count = std::min(bytes.size(), buffer_.size() - filled_);
      std::memcpy(buffer_.data() + filled_, bytes.data(), count);
      filled_ += count;
      bytes = bytes.subspan(count);
      if (filled_ < buffer_.size()) continue;
      ring_.publish(std::exchange(filled_, 0));
      buffer_ = {};
    }
  }

  ChunkRing ring_;
  oci::Descriptor blob_;
  std::span<const std::byte> chunk_;  // being read
  std::span<std::byte> buffer_;       // being filled
  std::size_t filled_ = 0;
  std::thread thread_;  // last: it uses all the others
};

ByteSource source_of(std::string text) {
  return [text = std::move(text), at = std::size_t{0}](std::span<std::byte> buffer) mutable {
    const std::size_t count = std::min(buffer.size(), text.size() - at);
    std::memcpy(buffer.data(), text.data() + at, count);
    at += count;
    return count;
  };
}

class RegistrySource : public Source {
 public:
  RegistrySource(const ImageReference& image, registry::Options options)
      : image_(image), registry_(image, std::move(options)) {}
  RawManifest manifest() override { return fetch(image_.manifest_reference()); }
  RawManifest manifest(const oci::Descriptor& listed) override {
    RawManifest manifest = fetch(listed.digest);
    if (static_cast<std::int64_t>(manifest.body.size()) != listed.size)
      throw Error(sentence("the manifest ", listed.digest, " is ", manifest.body.size(),
                           " bytes long, not ", listed.size, " as its index says"));
    return manifest;
  }
  ByteSource open(const oci::Descriptor& blob) override {
    if (blob.size <= kSmallBlob) return source_of(registry_.small_blob(blob));
    const auto download = std::make_shared<Download>(registry_, blob);
    return [download](std::span<std::byte> buffer) { return download->read(buffer); };
  }
  std::string repository_with(const oci::Descriptor&, const std::string& registry) override {
    return image_.registry == registry ? image_.repository : "";
  }

 private:
  RawManifest fetch(const std::string& reference) {
    registry::ManifestResponse response = registry_.manifest(reference);
    return {.body = std::move(response.body),
            .media_type = std::move(response.media_type),
            .digest = std::move(response.digest)};
  }
  ImageReference image_;
  registry::Registry registry_;
};

class RegistryDestination : public Destination {
 public:
  RegistryDestination(const ImageReference& image, registry::Options options, Foreign foreign)
      : image_(image), foreign_(foreign), registry_(image, std::move(options)) {}
  Put put(const oci::Descriptor& blob, const OpenBlob& open, Source& from) override {
    if (!blob.urls.empty() && foreign_ == Foreign::kStay) return Put::kPresent;
    const std::string place = from.repository_with(blob, image_.registry);
    switch (registry_.push_blob(blob, open, place.empty() ? std::nullopt : std::optional(place))) {
      case registry::Pushed::kPresent:
        return Put::kPresent;
      case registry::Pushed::kMounted:
        return Put::kMounted;
      case registry::Pushed::kSent:
        break;
    }
    return Put::kSent;
  }
  std::size_t at_once() const override { return 5; }  // as docker pushes
  bool is_registry() const override { return true; }
  void put_manifest(const RawManifest& manifest, Role role) override {
    const bool named = role == Role::kNamed;
    registry_.push_manifest(manifest.body, manifest.media_type,
                            named ? image_.manifest_reference() : manifest.digest);
  }

 private:
  ImageReference image_;
  Foreign foreign_;
  registry::Registry registry_;
};

}  // namespace

std::unique_ptr<Source> registry_source(const ImageReference& image, registry::Options options) {
  return std::make_unique<RegistrySource>(image, std::move(options));
}

std::unique_ptr<Destination> registry_destination(const ImageReference& image,
                                                  registry::Options options, Foreign foreign) {
  return std::make_unique<RegistryDestination>(image, std::move(options), foreign);
}

}  // namespace transport
