// SPDX-License-Identifier: Apache-2.0
#include "imagetool/oci/digest.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"

namespace {
// image-spec, descriptor "Registered Algorithms"; 0 for one that is not known here.
std::size_t hex_length(std::string_view algorithm) {
  if (algorithm == "sha256") return 64;
  if (algorithm == "sha512") return 128;
  return 0;
}

bool is_lower_hex(char letter) {
  return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f');
}

template <typename Deleter>
EVP_MD_CTX* as_context(const std::unique_ptr<void, Deleter>& context) {
  return static_cast<EVP_MD_CTX*>(context.get());
}
}  // namespace

Digest Digest::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos)
    throw Error(sentence("\"", printable(text, 80),
                         "\" is not a digest: it must be sha256:<64 hex digits>"));
  const std::string_view algorithm = text.substr(0, colon);
  const std::string_view hex = text.substr(colon + 1);
  const std::size_t length = hex_length(algorithm);
  if (length == 0)
    throw Error(sentence("the digest \"", printable(text, 80),
                         "\" is neither sha256 nor sha512: it cannot be verified"));
  if (hex.size() != length || !std::all_of(hex.begin(), hex.end(), is_lower_hex))
    throw Error(sentence("\"", printable(text, 80), "\" is not a digest: ", algorithm, " needs ",
                         length, " lower-case hex digits"));
  return {std::string(algorithm), std::string(hex)};
}

void Hasher::Free::operator()(void* context) const {
  EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context));
}

Hasher::Hasher(std::string_view algorithm) : algorithm_(algorithm), context_(EVP_MD_CTX_new()) {
  if (hex_length(algorithm) == 0)
    throw Error(sentence("no hash for ", printable(algorithm), " here"));
  const EVP_MD* method = algorithm == "sha256" ? EVP_sha256() : EVP_sha512();
  if (!context_ || EVP_DigestInit_ex(as_context(context_), method, nullptr) != 1)
    throw Error(sentence("OpenSSL cannot start ", algorithm));
}

void Hasher::update(std::span<const std::byte> bytes) {
  if (EVP_DigestUpdate(as_context(context_), bytes.data(), bytes.size()) != 1)
    throw Error(sentence("OpenSSL cannot go on with ", algorithm_));
}

Digest Hasher::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned int length = 0;
  if (EVP_DigestFinal_ex(as_context(context_), raw.data(), &length) != 1)
    throw Error(sentence("OpenSSL cannot finish ", algorithm_));
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    hex += kDigits[raw[i] >> 4];
    hex += kDigits[raw[i] & 15];
  }
  return {algorithm_, std::move(hex)};
}

Digest sha256_of(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.finish();
}
