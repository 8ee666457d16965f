// SPDX-License-Identifier: Apache-2.0
// What the user calls an image: "alpine" means docker.io/library/alpine:latest. Docker's grammar
// and normalisation (distribution/reference), as a pure value. toyimg only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

struct ImageReference {
  std::string registry{};    // "docker.io", "localhost:5000", "[::1]:5000"
  std::string repository{};  // "library/alpine"
  std::optional<std::string> tag{};
  std::optional<std::string> digest{};  // "sha256:<64 hex>", checked

  /// What pull and run mean by `text`: a missing tag and digest become the tag "latest". Throws
  /// Error in one sentence.
  static ImageReference parse(std::string_view text);
  /// The same, but nothing is added: for list and remove. Throws Error.
  static ImageReference parse_exact(std::string_view text);

  /// Whether `text` begins with a registry, rather than leave it to be Docker Hub.
  static bool names_registry(std::string_view text);

  /// "docker.io/library/alpine:latest", with "@digest" behind when there is one.
  std::string canonical() const;
  /// As Docker shows it: "alpine:latest". Parses back to the same reference.
  std::string familiar() const;
  /// "docker.io/library/alpine": without tag and digest.
  std::string name() const;
  /// The same without a digest, for an archive, where a name with one proves nothing; nullopt when
  /// there is no tag.
  std::optional<ImageReference> tagged() const;
  /// What to ask the registry for: the digest when there is one (the tag is then ignored, as Docker
  /// does), else the tag.
  std::string manifest_reference() const;

  bool operator==(const ImageReference&) const = default;
};
