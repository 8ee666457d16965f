// SPDX-License-Identifier: Apache-2.0
// Where an image comes from and where it goes: a registry, the store, an OCI layout, an archive, a
// directory. Two small interfaces, so that any one can be copied to any other. toyimg.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "imagetool/oci/byte_source.hpp"
#include "imagetool/oci/manifest.hpp"

namespace transport {

/// A manifest or index as the bytes it is.
struct RawManifest {
  std::string body{};
  std::string media_type{};  // one of oci::kOciIndex, kOciManifest, kDockerList, kDockerManifest
  std::string digest{};      // of the body

  oci::Descriptor descriptor() const {
    return {
        .media_type = media_type, .digest = digest, .size = static_cast<std::int64_t>(body.size())};
  }
};

/// Reads `body`, told to be of `content_type` (may be empty) and, when not empty, to have `digest`.
/// Throws Error when either is not so.
RawManifest raw_manifest(std::string body, const std::string& content_type,
                         const std::string& digest = {});

class Source {
 public:
  virtual ~Source() = default;
  /// What the reference names. Throws NotFound, Error.
  virtual RawManifest manifest() = 0;
  /// One that an index lists, its digest and size checked. Throws NotFound, Error.
  virtual RawManifest manifest(const oci::Descriptor& listed) = 0;
  /// The bytes of a blob. Whoever takes them checks them. May be called from several threads.
  virtual ByteSource open(const oci::Descriptor& blob) = 0;
  /// True when the manifest was made up from an archive that has none: its digests bind nobody.
  virtual bool is_made_up() const { return false; }
  /// A repository on that registry which has the blob, to mount it from: "library/alpine"; empty
  /// when none is known. May be called from several threads.
  virtual std::string repository_with(const oci::Descriptor&, const std::string& /*registry*/) {
    return {};
  }
};

/// Gives a blob's bytes from the first one on, as often as it is asked.
using OpenBlob = std::function<ByteSource()>;

/// What became of a blob: it was there, or could be had without sending it, or was sent.
enum class Put { kPresent, kMounted, kSent };

enum class Role { kPart, kNamed };  // listed in an index; what the reference shall name

class Destination {
 public:
  virtual ~Destination() = default;
  /// Makes the destination have the blob. Its digest is checked. May be called from at_once()
  /// threads. `from` is asked for repositories only. Throws Error.
  virtual Put put(const oci::Descriptor& blob, const OpenBlob& open, Source& from) = 0;
  /// After all that it refers to.
  virtual void put_manifest(const RawManifest& manifest, Role role) = 0;
  /// Makes everything visible, on disk first. Without it nothing is left behind (blobs may be).
  virtual void finish() {}
  /// True when plain layers are worth compressing on their way here.
  virtual bool compresses() const { return true; }
  /// How many blobs may come at once; the default as docker pulls.
  virtual std::size_t at_once() const { return 3; }
  /// True when what comes here is spoken of as being pushed.
  virtual bool is_registry() const { return false; }
};

/// Ends with an Error unless exactly the blob's bytes come.
ByteSource verified(ByteSource source, const oci::Descriptor& blob);
/// All of a source that gives at most `limit` bytes. Throws Error.
std::string read_text(const ByteSource& source, std::size_t limit = oci::kDocumentLimit);

}  // namespace transport
