// SPDX-License-Identifier: Apache-2.0
// Content by name: the layout's index.json says which manifest a name means
// (org.opencontainers.image.ref.name), so that `skopeo inspect oci:STORE:NAME` reads it. Changes
// are made under a lock and replace the file as a whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/oci/manifest.hpp"
#include "imagetool/store/blob_store.hpp"

/// Where images are kept: `chosen` (--store) if not empty, else $TOYIMG_STORE, else /var/lib/toyimg
/// for root, else $XDG_DATA_HOME/toyimg, else ~/.local/share/toyimg. Throws Error when none can be
/// told.
std::string store_directory(std::string_view chosen);

// skopeo 1.9 cuts STORE from NAME at the first colon after "oci:", so STORE may have none. It reads
// NAMEs with tags, ports and digests, but refuses those with "__", "---" or "[" ("Invalid image").

/// A directory of the store whose file names are the hex digits of blobs that builds may want
/// again.
inline constexpr const char* kBuildBlobs = "build/blobs";

/// Annotation of a stored image's descriptor: the digest its tag had at the registry (an index's,
/// when it was one).
inline constexpr const char* kSourceDigest = "org.toyrun.image.source-digest";

/// Whether a name is published only after everything below it is on disk.
enum class Sync { kNone, kContent };

class ImageStore {
 public:
  struct Image {
    std::string name;  // "docker.io/library/alpine:latest"; empty for a manifest without a name
    oci::Descriptor manifest;
  };
  struct Removed {
    std::uint64_t blobs = 0, layers = 0, bytes = 0;
    bool kept_for_others =
        false;  // another process was pulling or reading: unused blobs stay until the next time
  };

  /// Opens or creates the store. Throws Error.
  static ImageStore open(const std::string& directory);
  const BlobStore& blobs() const { return blobs_; }

  /// As long as the returned descriptor lives no blob is removed: held by whoever pulls or unpacks.
  UniqueFd hold() const;
  /// The same for who wants to remove, without waiting: nullopt while anybody else holds it.
  std::optional<UniqueFd> hold_alone() const;
  /// Makes `name` mean this manifest (an older meaning is dropped; its blobs stay until remove());
  /// "" keeps the manifest without a name, unless it has one. Throws Error for a name with the
  /// digest of something else, or like a digest; with Sync::kContent also when the manifest cannot
  /// be understood.
  void tag(const std::string& name, const oci::Descriptor& manifest,
           Sync sync = Sync::kContent) const;
  /// The image with exactly this name.
  std::optional<Image> named(std::string_view name) const;
  /// The image with exactly this name, or the only one whose manifest digest begins with the text
  /// ("sha256:" optional, at least 4 digits). nullopt when there is none; throws Error when the
  /// digest fits several manifests.
  std::optional<Image> resolve(std::string_view name_or_digest) const;
  /// In the order of their names.
  std::vector<Image> list() const;
  /// Forgets these names, and manifests that have none, then removes the blobs that nothing refers
  /// to; also on a full disk, when that makes room. Throws NotFound, and then nothing has gone.
  Removed remove(const std::vector<Image>& images) const;
  /// Removes the blobs that nothing refers to, and the layers that neither an image nor a bundle
  /// needs.
  Removed collect_garbage() const;

 private:
  explicit ImageStore(BlobStore blobs) : blobs_(std::move(blobs)) {}
  UniqueFd lock_index() const;
  Removed remove_unused(const std::vector<Image>& kept) const;
  BlobStore blobs_;
};
