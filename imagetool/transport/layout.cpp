// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/layout.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <mutex>
#include <set>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/oci/document_writer.hpp"
#include "imagetool/oci/json_view.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/store/blob_store.hpp"
#include "imagetool/transport/new_directory.hpp"
#include "imagetool/transport/store_transport.hpp"

namespace transport {
namespace {

constexpr const char* kIndexFile = "index.json";
constexpr const char* kVersionFile = "oci-layout";

std::string annotation(const oci::Descriptor& descriptor, const char* key) {
  const auto found = descriptor.annotations.find(key);
  return found == descriptor.annotations.end() ? std::string() : found->second;
}

std::string blob_name(const std::string& digest) {
  const Digest parsed = Digest::parse(digest);
  return sentence("blobs/", parsed.algorithm, '/', parsed.hex);
}

class LayoutSource : public Source {
 public:
  LayoutSource(std::shared_ptr<const FileSet> files, const LayoutImage& image)
      : files_(std::move(files)), image_(image) {}
  RawManifest manifest() override { return manifest(image_.manifest); }
  RawManifest manifest(const oci::Descriptor& listed) override {
    return raw_manifest(files_->read(blob_name(listed.digest)), listed.media_type, listed.digest);
  }
  ByteSource open(const oci::Descriptor& blob) override {
    return files_->open(blob_name(blob.digest));
  }

 private:
  std::shared_ptr<const FileSet> files_;
  LayoutImage image_;
};

class LayoutDestination : public Destination {
 public:
  LayoutDestination(const std::string& directory, std::string tag)
      : directory_(directory, 0700), blobs_(BlobStore::open(directory)), tag_(std::move(tag)) {}
  ~LayoutDestination() override {
    ::rmdir((blobs_.directory() + "/partial").c_str());  // what BlobStore works in, when empty
  }
  LayoutDestination(const LayoutDestination&) = delete;
  LayoutDestination& operator=(const LayoutDestination&) = delete;

  Put put(const oci::Descriptor& blob, const OpenBlob& open, Source&) override {
    {
      const std::scoped_lock lock(mutex_);  // put() is called by several threads
      written_.insert(Digest::parse(blob.digest));
    }
    return put_blob(blobs_, blob, open) ? Put::kSent : Put::kPresent;
  }
  void put_manifest(const RawManifest& manifest, Role role) override {
    written_.insert(Digest::parse(manifest.digest));
    blobs_.put(Digest::parse(manifest.digest), manifest.body);
    if (role == Role::kNamed) named_ = manifest.descriptor();
  }
  void finish() override;

 private:
  NewDirectory directory_;
  BlobStore blobs_;
  std::string tag_;
  std::mutex mutex_;
  std::set<Digest> written_;
  oci::Descriptor named_;
};

void LayoutDestination::finish() {
  blobs_.sync(written_);
  const UniqueFd lock = lock_file(blobs_.directory() + '/' + kVersionFile);
  const std::string path = blobs_.directory() + '/' + kIndexFile;
  oci::Index index{.media_type = std::string(oci::kOciIndex)};
  if (const std::optional<std::string> text = read_file_if_exists(path))
    index = oci::read_index(*text);
  std::erase_if(index.manifests, [&](const oci::Descriptor& one) {
    const std::string name = annotation(one, kRefName);
    return name == tag_ && (!tag_.empty() || one.digest == named_.digest);
  });
  if (!tag_.empty()) named_.annotations[kRefName] = tag_;
  index.manifests.push_back(named_);
  replace_file(path, oci::write_index(index), 0644, Durability::kSynced);
  directory_.keep();
}

}  // namespace

bool is_layout(const FileSet& files) {
  return files.size(kVersionFile).has_value() && files.size(kIndexFile).has_value();
}

std::vector<LayoutImage> layout_images(const FileSet& files) {
  const std::string version = oci::JsonView::parse(files.read(kVersionFile), kVersionFile, 4096)
                                  .required_string("imageLayoutVersion");
  if (version != "1.0.0")
    throw Error(sentence("the layout is of version ", printable(version), ", not 1.0.0"));
  std::vector<LayoutImage> images;
  for (oci::Descriptor& entry : oci::read_index(files.read(kIndexFile)).manifests) {
    const std::string tag = annotation(entry, kRefName);
    const std::string name = annotation(entry, kContainerdName);
    images.push_back({.name = name.empty() ? tag : name, .tag = tag, .manifest = std::move(entry)});
  }
  return images;
}

const LayoutImage& choose_image(const std::vector<LayoutImage>& images,
                                const Reference& reference) {
  if (reference.index) {
    if (*reference.index < images.size()) return images[*reference.index];
    throw NotFound(sentence("it has ", images.size(), " images, numbered from 0"));
  }
  if (reference.name.empty()) {
    if (images.size() == 1) return images.front();
  } else {
    for (const LayoutImage& image : images)
      if (image.tag == reference.name || image.name == reference.name ||
          image.manifest.digest == reference.name)
        return image;
  }
  std::string names;
  for (const LayoutImage& image : images)
    if (names.size() < 1024)
      names += sentence(names.empty() ? "" : ", ",
                        image.name.empty() ? image.manifest.digest : printable(image.name));
  if (reference.name.empty())
    throw NotFound(sentence("it has ", images.size(), " images (", names,
                            "): say which one, or :@0 for the first"));
  throw NotFound(sentence("it has no image ", printable(reference.name), ", only ",
                          names.empty() ? "none at all" : names));
}

std::unique_ptr<Source> layout_source(std::shared_ptr<const FileSet> files,
                                      const LayoutImage& image) {
  return std::make_unique<LayoutSource>(std::move(files), image);
}

std::unique_ptr<Destination> layout_destination(const std::string& directory,
                                                const std::string& tag) {
  return std::make_unique<LayoutDestination>(directory, tag);
}

}  // namespace transport
