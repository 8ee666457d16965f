// SPDX-License-Identifier: Apache-2.0
// One repository on a registry, mirrors and logins included: the verbs of the distribution-spec
// for pulling and pushing. toyimg only. All methods may be called from several threads at once;
// nothing touches the network before the first.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/oci/byte_source.hpp"
#include "imagetool/oci/manifest.hpp"
#include "imagetool/registry/credentials.hpp"
#include "imagetool/registry/registries_conf.hpp"
#include "imagetool/registry/retries.hpp"

namespace registry {

struct Options {
  CredentialSources credentials{};
  RegistriesConf conf{};
  bool tls_verify = true;  // false: https unverified, then plain http, as skopeo does
  std::string cert_dir{};  // certificates of the registry, instead of certs.d/HOST
  int retries = 5;         // of one request, and of a blob without progress
  std::chrono::milliseconds first_wait{1000};  // doubles at each retry, jittered, at most 60 s
  std::chrono::seconds longest_wait{60};       // a Retry-After above this fails at once
  std::int64_t chunk_size = 0;  // bytes a request may send at most; 0: a blob goes in one
  std::stop_token stop{};       // ends transfers and waits with an Error
  Observe observe{};            // told of every exchange

  /// The user's and the system's configuration, before any option is applied.
  static Options from_environment(const std::optional<std::string>& authfile = std::nullopt);
};

struct ManifestResponse {
  std::string body{};        // as received: these bytes have `digest`
  std::string media_type{};  // of one of oci::kOciIndex, kOciManifest, kDockerList, kDockerManifest
  std::string digest{};      // "sha256:…", computed; when asked by digest, the digest asked for
  std::string host{};        // who gave it: a mirror, or the registry itself
};

/// The registry cannot do what was asked.
class Unsupported : public Error {
 public:
  explicit Unsupported(std::string message) : Error(std::move(message)) {}
};

/// Gets the bytes of a blob as they arrive, in order, never more than its size. What it throws ends
/// the download.
using BlobSink = std::function<void(std::span<const std::byte>)>;

/// Gives a blob's bytes from the first one on, as often as it is asked: a new attempt begins again.
using OpenBlob = std::function<ByteSource()>;
enum class Pushed { kPresent, kMounted, kSent };

class Registry {
 public:
  /// Decides where to fetch `image` from; no network yet. Throws Error when the registry is
  /// blocked.
  Registry(const ImageReference& image, Options options);
  ~Registry();
  Registry(Registry&&) noexcept;
  Registry& operator=(Registry&&) noexcept;

  /// GET of a manifest by tag or digest. By digest the body is verified, by tag compared with
  /// Docker-Content-Digest. Throws NotFound (404) or Error, naming the image.
  ManifestResponse manifest(const std::string& reference);
  /// The digest behind a tag by HEAD (not counted by rate limits); nullopt when the registry does
  /// not tell it. Throws like manifest().
  std::optional<std::string> head_manifest(const std::string& reference);

  /// The same, by GET where HEAD does not tell.
  std::string resolve(const std::string& reference);

  /// Streams a blob of exactly `blob.size` bytes into `sink`, resuming where it was after a dropped
  /// connection. The caller hashes: a wrong digest is its to find. Throws Error when longer,
  /// shorter, missing or refused. `offset`: bytes that the caller has already and that the sink
  /// shall not get.
  void blob(const oci::Descriptor& blob, const BlobSink& sink, std::int64_t offset = 0);
  /// A small blob (config, at most oci::kDocumentLimit) as a whole, its digest verified. Throws
  /// Error.
  std::string small_blob(const oci::Descriptor& blob);

  /// HEAD: whether the repository itself (no mirror) has the blob. False as well when the login may
  /// not look. Throws Error.
  bool has_blob(const oci::Descriptor& blob);
  /// Makes the repository have the blob: nothing when it is there, else mounted from the repository
  /// `mount_from` of the same registry ("library/alpine"), else sent, resuming a broken upload. The
  /// source has to give `blob.size` bytes; that they have the digest is checked by the registry.
  /// Throws Error, also what the source throws.
  Pushed push_blob(const oci::Descriptor& blob, const OpenBlob& open,
                   const std::optional<std::string>& mount_from = {});
  /// PUT of these bytes under a tag or under their own digest, after all they refer to; what has a
  /// subject is then listed there, by the registry or (fallback tag) by us. Returns the digest.
  /// Throws Error, also when `reference` is the digest of something else.
  std::string push_manifest(std::string_view body, const std::string& media_type,
                            const std::string& reference);
  /// DELETE of a manifest, by tag (not all registries can) or by digest, which takes all its tags
  /// along. Throws NotFound, Unsupported or Error.
  void delete_manifest(const std::string& reference);

  /// The tags of the repository, page by page. Throws Error, NotFound.
  void tags(const std::function<void(const std::string& tag)>& each);
  /// What refers to the manifest `digest`, of one artifact type or ("") all; from the fallback tag
  /// where the registry has no referrers API. Throws Error.
  std::vector<oci::Descriptor> referrers(const std::string& digest,
                                         const std::string& artifact_type);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace registry
