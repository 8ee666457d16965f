// SPDX-License-Identifier: Apache-2.0
#include "imagetool/oci/digest.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bundle-spec/error.hpp"

namespace {

// FIPS 180-4 examples and NIST CAVS.
TEST(Hasher, Sha256Vectors) {
  EXPECT_EQ(sha256_of("").hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_of("abc").str(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").hex,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_of(std::string(1'000'000, 'a')).hex,
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Hasher, StreamsInPieces) {
  Sha256 hash;
  for (const char letter : std::string(1'000'000, 'a')) hash.update(std::string_view(&letter, 1));
  EXPECT_EQ(hash.finish().hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Hasher, Sha512Vector) {
  Hasher hash("sha512");
  hash.update("abc");
  EXPECT_EQ(hash.finish().hex,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c"
            "23a3feebbd454d4423643c"
            "e80e2a9ac94fa54ca49f");
}

TEST(Hasher, RefusesUnknownAlgorithm) { EXPECT_THROW(Hasher("md5"), Error); }

TEST(Digest, ParsesWhatItPrints) {
  const std::string text = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(Digest::parse(text).str(), text);
  EXPECT_EQ(Digest::parse("sha512:" + std::string(128, '0')).algorithm, "sha512");
}

// image.md 5.1 D: digests become file names.
TEST(Digest, RefusesWhateverIsNotOne) {
  const std::string hex(64, 'a');
  const std::vector<std::string> bad = {std::string(),
                                        hex,
                                        "sha256:",
                                        "sha256:" + hex.substr(1),
                                        "sha256:" + hex + "a",
                                        "sha256:" + std::string(64, 'A'),
                                        "sha256:../../" + hex.substr(6),
                                        "sha1:" + std::string(40, 'a'),
                                        ":" + hex,
                                        "SHA256:" + hex,
                                        "sha256:" + hex + "\n",
                                        "sha256:" + hex.substr(1) + "/",
                                        "sha256:" + hex.substr(2) + "\xc3\xa4",
                                        "md5:" + std::string(32, '0')};
  for (const std::string& text : bad) EXPECT_THROW(Digest::parse(text), Error) << text;
}
}  // namespace
