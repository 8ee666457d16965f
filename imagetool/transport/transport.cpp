// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/transport.hpp"

#include <memory>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/digest.hpp"

namespace transport {
namespace {

struct Verified {
  ByteSource source;
  Digest wanted;
  std::uint64_t size;
  Hasher hasher;
  std::uint64_t seen = 0;
  bool ended = false;

  std::size_t read(std::span<std::byte> buffer) {
    if (ended) return 0;
    const std::size_t count = source(buffer);
    hasher.update(buffer.first(count));
    seen += count;
    if (seen > size)
      throw Error(sentence("blob ", wanted.str(), " is longer than the ", size,
                           " bytes its manifest says"));
    if (count > 0) return count;
    ended = true;
    if (seen != size)
      throw Error(sentence("blob ", wanted.str(), " ends after ", seen, " of ", size, " bytes"));
    if (const std::string found = hasher.finish().str(); found != wanted.str())
      throw Error(
          sentence("blob ", wanted.str(), " is damaged: its content has the digest ", found));
    return 0;
  }
};

}  // namespace

RawManifest raw_manifest(std::string body, const std::string& content_type,
                         const std::string& digest) {
  Hasher hasher(digest.empty() ? "sha256" : Digest::parse(digest).algorithm);
  hasher.update(body);
  RawManifest manifest{.digest = hasher.finish().str()};
  if (!digest.empty() && manifest.digest != digest)
    throw Error(sentence("the manifest ", digest, " is damaged: its content has the digest ",
                         manifest.digest));
  manifest.media_type = oci::document_media_type(body, content_type);
  manifest.body = std::move(body);
  return manifest;
}

ByteSource verified(ByteSource source, const oci::Descriptor& blob) {
  const Digest digest = Digest::parse(blob.digest);
  const auto state = std::make_shared<Verified>(Verified{
      std::move(source), digest, static_cast<std::uint64_t>(blob.size), Hasher(digest.algorithm)});
  return [state](std::span<std::byte> buffer) { return state->read(buffer); };
}

std::string read_text(const ByteSource& source, std::size_t limit) {
  std::string text;
  std::vector<std::byte> buffer(std::size_t{64} << 10);
  while (const std::size_t count = source(buffer)) {
    if (text.size() + count > limit)
      throw Error(sentence("is larger than the ", limit, " bytes allowed"));
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  return text;
}

}  // namespace transport
