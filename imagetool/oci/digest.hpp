// SPDX-License-Identifier: Apache-2.0
// What identifies content: a validated digest, and the streaming hash that makes one. A Digest can
// only be made by parse() or Hasher::finish(), so its hex part is always safe as a file name. Pure;
// runs in toyimg.
#pragma once

#include <compare>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct Digest {
  std::string algorithm;  // "sha256" or "sha512"
  std::string hex;        // lower case, of exactly the algorithm's length

  /// "sha256:<64 hex>" or "sha512:<128 hex>" (image-spec, descriptor "Digests"). Throws Error for
  /// anything else.
  static Digest parse(std::string_view text);
  /// "algorithm:hex".
  std::string str() const { return algorithm + ":" + hex; }
  auto operator<=>(const Digest&) const = default;
};

/// A streaming hash (OpenSSL EVP, which uses the CPU's SHA instructions).
class Hasher {
 public:
  /// "sha256" or "sha512"; throws Error for another one.
  explicit Hasher(std::string_view algorithm = "sha256");
  Hasher(Hasher&&) noexcept = default;
  Hasher& operator=(Hasher&&) noexcept = default;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text) { update(std::as_bytes(std::span(text))); }
  /// The digest of all bytes so far; the Hasher is used up.
  Digest finish();

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::string algorithm_;
  std::unique_ptr<void, Free> context_;  // EVP_MD_CTX
};
using Sha256 = Hasher;

/// sha256 of a text in one go.
Digest sha256_of(std::string_view text);
