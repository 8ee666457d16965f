// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/image_store.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {
constexpr const char* kAlpine = "docker.io/library/alpine:latest";

class ImageStoreTest : public testing::Test {
 protected:
  ImageStore open() const { return ImageStore::open(place()); }
  std::string place() const { return directory_ / "store"; }

  oci::Descriptor stored(const std::string& type, const std::string& content) const {
    const Digest digest = open().blobs().put(content);
    oci::Descriptor descriptor;
    descriptor.media_type = type;
    descriptor.digest = digest.str();
    descriptor.size = static_cast<std::int64_t>(content.size());
    return descriptor;
  }
  static nlohmann::json json(const oci::Descriptor& descriptor) {
    return {{"mediaType", descriptor.media_type},
            {"digest", descriptor.digest},
            {"size", descriptor.size}};
  }
  /// An image of one layer with this content.
  oci::Descriptor image(const std::string& layer) const {
    const oci::Descriptor config =
        stored(std::string(oci::kOciConfig), R"({"architecture":"amd64","os":"linux"})");
    const oci::Descriptor one = stored("application/vnd.oci.image.layer.v1.tar", layer);
    const nlohmann::json manifest = {{"schemaVersion", 2},
                                     {"mediaType", oci::kOciManifest},
                                     {"config", json(config)},
                                     {"layers", {json(one)}}};
    return stored(std::string(oci::kOciManifest), manifest.dump());
  }

  TemporaryDirectory directory_;
};

TEST_F(ImageStoreTest, EmptyStore) {
  EXPECT_TRUE(open().list().empty());
  EXPECT_FALSE(open().resolve(kAlpine));
  const nlohmann::json index = nlohmann::json::parse(read_file(place() + "/index.json"));
  EXPECT_EQ(index["schemaVersion"], 2);
  EXPECT_TRUE(index["manifests"].is_array());
}

TEST_F(ImageStoreTest, NamesMeanManifests) {
  const ImageStore store = open();
  const oci::Descriptor one = image("one");
  const oci::Descriptor two = image("two");
  store.tag(kAlpine, one);
  store.tag("example.com:5000/a:b", two, Sync::kNone);
  ASSERT_EQ(store.list().size(), 2U);
  EXPECT_EQ(store.resolve(kAlpine)->manifest.digest, one.digest);
  EXPECT_EQ(store.resolve("example.com:5000/a:b")->manifest.digest, two.digest);
  EXPECT_FALSE(store.resolve("alpine"));
  store.tag(kAlpine, two);
  ASSERT_EQ(store.list().size(), 2U) << "a name has one meaning";
  EXPECT_EQ(open().resolve(kAlpine)->manifest.digest, two.digest);
}

TEST_F(ImageStoreTest, DigestPrefixes) {
  const ImageStore store = open();
  const oci::Descriptor one = image("one");
  store.tag("a:1", one);
  store.tag("a:2", one);
  const std::string hex = one.digest.substr(7);
  EXPECT_EQ(store.resolve(hex)->manifest.digest, one.digest);
  EXPECT_EQ(store.resolve(hex.substr(0, 4))->manifest.digest, one.digest)
      << "two names of one image are no conflict";
  EXPECT_EQ(store.resolve(one.digest.substr(0, 12))->manifest.digest, one.digest);
  EXPECT_FALSE(store.resolve(hex.substr(0, 3)));
  EXPECT_FALSE(store.resolve("zzzz"));
  // Two digests with a common beginning.
  oci::Descriptor fake = one;
  fake.digest.back() = fake.digest.back() == '0' ? '1' : '0';
  store.tag("b", fake);
  EXPECT_THROW(static_cast<void>(store.resolve(hex.substr(0, 10))), Error);
  EXPECT_EQ(store.resolve(one.digest)->name, "a:1");
}

TEST_F(ImageStoreTest, DescriptorsKeepWhatTheyCarry) {
  oci::Descriptor one = image("one");
  one.platform = oci::Platform{.architecture = "arm64", .os = "linux", .variant = "v8"};
  one.annotations["org.example"] = "x";
  open().tag("a", one);
  const oci::Descriptor found = open().resolve("a")->manifest;
  EXPECT_EQ(found.platform, one.platform);
  EXPECT_EQ(found.annotations.at("org.example"), "x");
  EXPECT_EQ(found.media_type, one.media_type);
  EXPECT_EQ(found.size, one.size);
}

TEST_F(ImageStoreTest, WhatOthersWroteIsKept) {
  const ImageStore store = open();
  const oci::Descriptor one = image("one");
  nlohmann::json foreign = json(one);
  foreign["x-unknown"] = 1;
  nlohmann::json index = {
      {"schemaVersion", 2}, {"manifests", {foreign}}, {"annotations", {{"k", "v"}}}};
  std::ofstream(place() + "/index.json") << index.dump();
  store.tag("a", one);
  index = nlohmann::json::parse(read_file(place() + "/index.json"));
  EXPECT_EQ(index["manifests"][0]["x-unknown"], 1);
  EXPECT_EQ(index["annotations"]["k"], "v");
  EXPECT_EQ(store.list().front().name, "");
}

TEST_F(ImageStoreTest, DamagedIndexIsAnError) {
  const ImageStore store = open();
  for (const char* text : {"", "[]", "{\"manifests\": 3}", "{\"manifests\": [3]}"}) {
    std::ofstream(place() + "/index.json") << text;
    EXPECT_THROW(static_cast<void>(store.list()), Error) << text;
  }
}

TEST_F(ImageStoreTest, RemoveFreesWhatNothingRefersTo) {
  const ImageStore store = open();
  store.tag("one", image("layer one"));
  store.tag("two", image("layer two"));
  ASSERT_EQ(store.blobs().list().size(), 5U) << "the config is shared";
  const ImageStore::Removed removed = store.remove({ImageStore::Image{"one", {}}});
  EXPECT_EQ(removed.blobs, 2U);
  EXPECT_GT(removed.bytes, 0U);
  EXPECT_FALSE(removed.kept_for_others);
  EXPECT_EQ(store.blobs().list().size(), 3U);
  EXPECT_THROW(store.remove({ImageStore::Image{"one", {}}}), NotFound);
  EXPECT_THROW(store.remove({ImageStore::Image{"", image("another")}}), NotFound);
  store.collect_garbage();
  store.remove({ImageStore::Image{"two", {}}});
  EXPECT_TRUE(store.blobs().list().empty());
}

TEST_F(ImageStoreTest, RemovingOneOfTwoNamesFreesNothing) {
  const ImageStore store = open();
  store.tag("one", image("layer"));
  store.tag("alias", image("layer"));
  EXPECT_EQ(store.remove({ImageStore::Image{"one", {}}}).blobs, 0U);
  EXPECT_EQ(store.blobs().list().size(), 3U);
}

TEST_F(ImageStoreTest, WithoutANameUntilItHasOne) {
  const ImageStore store = open();
  const oci::Descriptor one = image("layer one");
  store.tag("", one);
  store.tag("", one);
  store.tag("", image("layer two"));
  ASSERT_EQ(store.list().size(), 2U);
  EXPECT_EQ(store.list().front().name, "");
  EXPECT_EQ(store.collect_garbage().blobs, 0U);
  EXPECT_EQ(store.resolve(one.digest)->manifest.digest, one.digest);
  store.tag("one", one);
  store.tag("", one);
  ASSERT_EQ(store.list().size(), 2U);
  EXPECT_EQ(store.list().back().name, "one");
  EXPECT_EQ(store.remove({store.list().front()}).blobs, 2U);
  ASSERT_EQ(store.list().size(), 1U);
  EXPECT_EQ(store.list().front().name, "one");
}

TEST_F(ImageStoreTest, IndexesKeepTheirManifests) {
  const ImageStore store = open();
  oci::Descriptor missing = image("not pulled");
  const nlohmann::json index = {{"schemaVersion", 2},
                                {"mediaType", oci::kOciIndex},
                                {"manifests", {json(image("layer")), json(missing)}}};
  store.tag("multi", stored(std::string(oci::kOciIndex), index.dump()));
  store.blobs().remove(Digest::parse(missing.digest));
  const ImageStore::Removed removed = store.collect_garbage();
  EXPECT_EQ(removed.blobs, 1U) << "the layer of the platform that is not here";
  EXPECT_EQ(store.blobs().list().size(), 4U);
}

TEST_F(ImageStoreTest, NothingIsRemovedWhileSomeonePulls) {
  const ImageStore store = open();
  store.tag("one", image("layer one"));
  UniqueFd pull = open().hold();
  const UniqueFd other_pull = open().hold();  // pulls do not exclude each other
  image("in flight: its blobs are here, its name is not yet");
  EXPECT_TRUE(store.remove({ImageStore::Image{"one", {}}}).kept_for_others);
  EXPECT_FALSE(store.resolve("one"));
  EXPECT_EQ(store.blobs().list().size(), 5U);
}

TEST_F(ImageStoreTest, UnreadableManifestStopsTheCollecting) {
  const ImageStore store = open();
  store.tag("odd", stored("application/x-other", "{}"), Sync::kNone);
  image("unreferenced");
  EXPECT_THROW(store.collect_garbage(), Error);
  EXPECT_EQ(store.blobs().list().size(), 4U);
}

TEST_F(ImageStoreTest, ManyTagAtOnce) {
  open();
  const oci::Descriptor one = image("one");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      const ImageStore store = open();
      for (int j = 0; j < 10; ++j) store.tag("n" + std::to_string(i * 10 + j), one, Sync::kNone);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(open().list().size(), 80U);
}

TEST(StoreDirectory, OrderOfChoice) {
  ::unsetenv("TOYIMG_STORE");
  EXPECT_EQ(store_directory("/x"), "/x");
  ::setenv("XDG_DATA_HOME", "/xdg", 1);
  EXPECT_EQ(store_directory(""), ::geteuid() == 0 ? "/var/lib/toyimg" : "/xdg/toyimg");
  ::setenv("TOYIMG_STORE", "/env", 1);
  EXPECT_EQ(store_directory(""), "/env");
  EXPECT_EQ(store_directory("/x"), "/x");
  ::unsetenv("TOYIMG_STORE");
  ::unsetenv("XDG_DATA_HOME");
}
}  // namespace
