// SPDX-License-Identifier: Apache-2.0
// One repository on a registry, mirrors and logins included: the verbs of the distribution-spec
// that a pull needs. toyimg only. All methods may be called from several threads at once; nothing
// touches the network before the first.
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

#include "imagetool/image_reference.hpp"
#include "imagetool/oci/manifest.hpp"
#include "imagetool/registry/credentials.hpp"
#include "imagetool/registry/registries_conf.hpp"

namespace registry {

struct Options {
  CredentialSources credentials{};
  RegistriesConf conf{};
  bool tls_verify = true;  // false: https unverified, then plain http, as skopeo does
  int retries = 5;         // of one request, and of a blob without progress
  std::chrono::milliseconds first_wait{1000};  // doubles at each retry, jittered, at most 60 s
  std::chrono::seconds longest_wait{60};       // a Retry-After above this fails at once
  std::stop_token stop{};                      // ends transfers and waits with an Error

  /// The user's and the system's configuration, before any option is applied.
  static Options from_environment(const std::optional<std::string>& authfile = std::nullopt);
};

struct ManifestResponse {
  std::string body{};        // as received: these bytes have `digest`
  std::string media_type{};  // of one of oci::kOciIndex, kOciManifest, kDockerList, kDockerManifest
  std::string digest{};      // "sha256:…", computed; when asked by digest, the digest asked for
};

/// Gets the bytes of a blob as they arrive, in order, never more than its size. What it throws ends
/// the download.
using BlobSink = std::function<void(std::span<const std::byte>)>;

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

  /// Streams a blob of exactly `blob.size` bytes into `sink`, resuming where it was after a dropped
  /// connection. The caller hashes: a wrong digest is its to find. Throws Error when longer,
  /// shorter, missing or refused.
  void blob(const oci::Descriptor& blob, const BlobSink& sink);
  /// A small blob (config, at most oci::kDocumentLimit) as a whole, its digest verified. Throws
  /// Error.
  std::string small_blob(const oci::Descriptor& blob);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace registry
