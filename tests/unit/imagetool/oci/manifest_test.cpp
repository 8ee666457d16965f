// SPDX-License-Identifier: Apache-2.0
#include "imagetool/oci/manifest.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"

namespace oci {
namespace {

const std::string kHex(64, '0');

std::string descriptor(const std::string& type, const std::string& more = "") {
  return R"({"mediaType":")" + type + R"(","digest":"sha256:)" + kHex + R"(","size":5)" + more +
         "}";
}

std::string layer(const std::string& type) {
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
         descriptor(std::string(kOciConfig)) + R"(,"layers":[)" + descriptor(type) + "]}";
}

std::string entry(const std::string& platform, char first_digit) {
  std::string digest = kHex;
  digest[0] = first_digit;
  return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":7,"digest":"sha256:)" +
         digest + "\"" + (platform.empty() ? "" : R"(,"platform":)" + platform) + "}";
}

std::string index_of(const std::string& entries) {
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
         entries + "]}";
}

/// The first digit of the digest that was chosen.
char chosen(const std::string& entries, const char* wanted, Wish wish = Wish::kExplicit) {
  const Index index = read_index(index_of(entries));
  return choose_platform(index, Platform::parse(wanted), wish).digest[7];
}

template <typename Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool says(const std::string& message, const std::string& words) {
  return message.find(words) != std::string::npos;
}

TEST(Manifest, ReadsOciAndDocker) {
  const Manifest manifest = read_manifest(layer("application/vnd.oci.image.layer.v1.tar+gzip"));
  EXPECT_EQ(manifest.media_type, kOciManifest);
  EXPECT_EQ(manifest.config.digest, "sha256:" + kHex);
  ASSERT_EQ(manifest.layers.size(), 1U);
  EXPECT_EQ(manifest.layers[0].size, 5);
  const std::string docker =
      R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":)" +
      descriptor(std::string(kDockerConfig)) + R"(,"layers":null})";
  EXPECT_EQ(read_manifest(docker).media_type, kDockerManifest);
  EXPECT_TRUE(read_manifest(docker).layers.empty());
}

TEST(Manifest, KeepsTheUrlsOfForeignLayers) {
  const std::string text = R"({"schemaVersion":2,"config":)" +
                           descriptor(std::string(kDockerConfig)) + R"(,"layers":[)" +
                           descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                                      R"(,"urls":["https://a.example/x"])") +
                           "]}";
  EXPECT_EQ(read_manifest(text).layers[0].urls, std::vector<std::string>{"https://a.example/x"});
}

TEST(Manifest, RefusesWhatIsNoImage) {
  const auto read = [](const std::string& text) { return refusal([&] { read_manifest(text); }); };
  EXPECT_TRUE(says(read(layer("application/vnd.in-toto+json")), "/layers/0/mediaType"));
  EXPECT_TRUE(
      says(read(layer("application/vnd.oci.image.layer.v1.tar+gzip+encrypted")), "encrypted"));
  EXPECT_TRUE(says(read(R"({"schemaVersion":1,"fsLayers":[]})"), "schema 1"));
  EXPECT_TRUE(
      says(read(R"({"mediaType":"application/vnd.oci.artifact.manifest.v1+json","blobs":[]})"),
           "artifact"));
  EXPECT_TRUE(says(read(R"({"artifactType":"application/x.sbom","config":)" +
                        descriptor("application/vnd.oci.empty.v1+json") + "}"),
                   "artifact of type \"application/x.sbom\""));
  EXPECT_TRUE(
      says(read(R"({"config":)" + descriptor("application/vnd.cncf.helm.config.v1+json") + "}"),
           "helm.config"));
  EXPECT_TRUE(says(read(index_of("")), "index"));
  EXPECT_TRUE(says(refusal([] { read_index(layer("application/vnd.oci.image.layer.v1.tar")); }),
                   "manifest"));
}

TEST(Manifest, RefusesBadDescriptors) {
  const std::string good = layer("application/vnd.oci.image.layer.v1.tar");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.rfind(from), from.size(), to);
    return refusal([&] { read_manifest(text); });
  };
  EXPECT_TRUE(says(with("\"size\":5", "\"size\":-1"), "/layers/0/size"));
  EXPECT_TRUE(says(with("\"size\":5", "\"size\":1.5"), "/layers/0/size"));
  EXPECT_TRUE(says(with("\"size\":5", "\"size\":18446744073709551615"), "/layers/0/size"));
  EXPECT_TRUE(says(with("\"size\":5", "\"size\":\"5\""), "/layers/0/size"));
  EXPECT_TRUE(says(with("\"size\":5", "\"x\":5"), "/layers/0/size: is required"));
  EXPECT_TRUE(says(with(kHex, "../../etc/passwd"), "/layers/0/digest"));
  EXPECT_TRUE(says(with("sha256:" + kHex, "md5:" + kHex), "/layers/0/digest"));
  EXPECT_TRUE(says(with(kHex, std::string(64, 'A')), "/layers/0/digest"));
}

TEST(Manifest, RefusesHostileJson) {
  const auto read = [](const std::string& text) { return refusal([&] { read_manifest(text); }); };
  EXPECT_TRUE(says(read(""), "not valid JSON"));
  EXPECT_TRUE(says(read("[]"), "not a JSON object"));
  EXPECT_TRUE(says(read("{\"a\":1,\"a\":2}"), "twice"));
  EXPECT_TRUE(says(read("\xEF\xBB\xBF{}"), "byte order mark"));
  EXPECT_TRUE(
      says(read("{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}"), "nested"));
  EXPECT_TRUE(says(read("{\"a\":\"" + std::string(kDocumentLimit, 'x') + "\"}"), "larger"));
  EXPECT_TRUE(says(read("{\"config\":7}"), "/config: is not an object"));
}

// CVE-2021-41190: one body, two readings, under each content type.
TEST(Manifest, RefusesIndexAndManifestInOne) {
  const std::string both = R"({"schemaVersion":2,"manifests":[],"layers":[]})";
  for (std::string_view type :
       {std::string_view(""), kOciIndex, kOciManifest, kDockerList, kDockerManifest})
    EXPECT_TRUE(says(refusal([&] { document_media_type(both, type); }), "ambiguous")) << type;
}

TEST(Manifest, ComparesHeaderAndBody) {
  const std::string manifest = layer("application/vnd.oci.image.layer.v1.tar");
  EXPECT_EQ(
      document_media_type(manifest, "application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
      kOciManifest);
  EXPECT_EQ(document_media_type(manifest, "text/plain"), kOciManifest);
  EXPECT_EQ(document_media_type(R"({"manifests":[]})", "application/json"), kOciIndex);
  EXPECT_EQ(document_media_type(R"({"config":{}})", kDockerManifest), kDockerManifest);
  EXPECT_TRUE(
      says(refusal([&] { document_media_type(manifest, kDockerManifest); }), "calls itself"));
  EXPECT_TRUE(says(refusal([&] { document_media_type(R"({"manifests":[]})", kOciManifest); }),
                   "holds the content"));
  EXPECT_TRUE(says(refusal([&] { document_media_type("{}", "text/html"); }), "unknown type"));
  EXPECT_TRUE(says(refusal([&] {
                     document_media_type(
                         "{}", "application/vnd.docker.distribution.manifest.v1+prettyjws");
                   }),
                   "schema 1"));
}

TEST(ChoosePlatform, TakesTheBestVariant) {
  const std::string arm =
      entry(R"({"os":"linux","architecture":"arm","variant":"v5"})", '5') + "," +
      entry(R"({"os":"linux","architecture":"arm","variant":"v6"})", '6') + "," +
      entry(R"({"os":"linux","architecture":"arm64","variant":"v8"})", '8');
  EXPECT_EQ(chosen(arm, "linux/arm/v7"), '6');
  EXPECT_EQ(chosen(arm, "linux/arm/v5"), '5');
  EXPECT_EQ(chosen(arm, "linux/arm64"), '8');
  const std::string amd = entry(R"({"os":"linux","architecture":"386"})", '3') + "," +
                          entry(R"({"os":"linux","architecture":"amd64"})", '1') + "," +
                          entry(R"({"os":"linux","architecture":"amd64","variant":"v2"})", '2');
  EXPECT_EQ(chosen(amd, "linux/amd64/v3"), '2');
  EXPECT_EQ(chosen(amd, "linux/amd64"), '1');
  const std::string only_386 = entry(R"({"os":"linux","architecture":"386"})", '3');
  EXPECT_EQ(chosen(only_386, "linux/amd64", Wish::kHost), '3');
  EXPECT_THROW(chosen(only_386, "linux/amd64", Wish::kExplicit), NotFound);
}

TEST(ChoosePlatform, PassesOverWhatCannotRun) {
  const std::string entries = entry(R"({"os":"unknown","architecture":"unknown"})", '1') + "," +
                              entry("", '2') + "," +
                              entry(R"({"os":"linux","architecture":"amd64"})", '3') + "," +
                              entry(R"({"os":"linux","architecture":"amd64"})", '4');
  EXPECT_EQ(chosen(entries, "linux/amd64"), '3');
  EXPECT_EQ(chosen(entries, "linux/s390x"), '2');
}

TEST(ChoosePlatform, ListsWhatIsThere) {
  const std::string entries = entry(R"({"os":"linux","architecture":"amd64"})", '1') + "," +
                              entry(R"({"os":"linux","architecture":"arm","variant":"v7"})", '2');
  const std::string message = refusal([&] { chosen(entries, "linux/s390x"); });
  EXPECT_EQ(message, "there is no image for linux/s390x in it, only for linux/amd64, linux/arm/v7");
}

TEST(Printable, LeavesNothingForTheTerminal) {
  EXPECT_EQ(printable("a\x1b[31mb\r\n"), "a?[31mb??");
  EXPECT_EQ(printable("h\xC3\xA9 \xE2\x80\xAE \xFF \xC0\x80"), "h\xC3\xA9 ? ? ??");
  EXPECT_EQ(printable("abcdef", 3), "abc…");
}

}  // namespace
}  // namespace oci
