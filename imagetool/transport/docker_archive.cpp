// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/docker_archive.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "bundle-spec/error.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/layer/archive_stream.hpp"
#include "imagetool/layer/compress.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/oci/document_writer.hpp"
#include "imagetool/oci/image_config.hpp"
#include "imagetool/oci/json_view.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/transport/layout.hpp"

namespace transport {
namespace {

constexpr const char* kManifestFile = "manifest.json";
constexpr std::size_t kMostLayers = 4096;

struct Entry {
  std::string config;
  std::vector<std::string> names, layers;
};

/// manifest.json is an array; everything else is read as objects.
std::vector<Entry> read_entries(const FileSet& files) {
  const std::string document = sentence("{\"images\":", files.read(kManifestFile), '}');
  std::vector<Entry> entries;
  const auto view = oci::JsonView::parse(document, kManifestFile, oci::kDocumentLimit + 16);
  for (const oci::JsonView& image : view.objects("images")) {
    entries.push_back({.config = image.required_string("Config"),
                       .names = image.strings("RepoTags"),
                       .layers = image.strings("Layers")});
    if (entries.back().layers.size() > kMostLayers) image.refuse("Layers", "has too many entries");
  }
  return entries;
}

/// The compressed form of a file as a layer: told by what it begins with.
Compression::Kind compression_of(const FileSet& files, const std::string& name) {
  std::array<std::byte, 4> start{};
  const ByteSource source = files.open(name);
  std::size_t filled = 0;
  while (filled < start.size()) {
    const std::size_t count = source(std::span(start).subspan(filled));
    if (count == 0) break;
    filled += count;
  }
  if (start[0] == std::byte{0x1f} && start[1] == std::byte{0x8b}) return Compression::Kind::kGzip;
  if (start[0] == std::byte{0x28} && start[1] == std::byte{0xb5}) return Compression::Kind::kZstd;
  return Compression::Kind::kNone;
}

std::string digest_of(const FileSet& files, const std::string& name) {
  const ByteSource source = files.open(name);
  Hasher hasher;
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (const std::size_t count = source(buffer)) hasher.update(std::span(buffer).first(count));
  return hasher.finish().str();
}

/// An image of which there is no manifest: one is made from the config and the layers.
class MadeUpSource : public Source {
 public:
  MadeUpSource(std::shared_ptr<const FileSet> files, Entry entry)
      : files_(std::move(files)), entry_(std::move(entry)) {}

  RawManifest manifest() override {
    const std::string text = files_->read(entry_.config);
    const oci::ImageConfig config = oci::read_image_config(text);
    if (config.diff_ids.size() != entry_.layers.size())
      throw Error(sentence(kManifestFile, " lists ", entry_.layers.size(), " layers, the config ",
                           printable(entry_.config), ' ', config.diff_ids.size()));
    const oci::Descriptor config_blob{.media_type = std::string(oci::kOciConfig),
                                      .digest = sha256_of(text).str(),
                                      .size = static_cast<std::int64_t>(text.size())};
    names_[config_blob.digest] = entry_.config;
    std::vector<oci::Descriptor> layers;
    for (std::size_t index = 0; index < entry_.layers.size(); ++index)
      layers.push_back(layer(entry_.layers[index], config.diff_ids[index]));
    return raw_manifest(oci::write_manifest(config_blob, layers), "");
  }
  RawManifest manifest(const oci::Descriptor& listed) override {
    throw NotFound(sentence("the archive has no manifest ", listed.digest));
  }
  ByteSource open(const oci::Descriptor& blob) override {
    const auto name = names_.find(blob.digest);
    if (name == names_.end()) throw NotFound(sentence("the archive has no blob ", blob.digest));
    return files_->open(name->second);
  }
  bool is_made_up() const override { return true; }

 private:
  oci::Descriptor layer(const std::string& name, const std::string& diff_id) {
    const std::optional<std::uint64_t> size = files_->size(name);
    if (!size)
      throw NotFound(sentence("the archive has no ", printable(name), ", which its ", kManifestFile,
                              " lists as a layer"));
    const Compression::Kind kind = compression_of(*files_, name);
    std::string& digest = digests_[name];  // a hostile list may have one file a thousand times
    if (kind == Compression::Kind::kNone)
      digest = diff_id;
    else if (digest.empty())
      digest = digest_of(*files_, name);
    names_[digest] = name;
    return {.media_type = std::string(Compression{.kind = kind}.layer_type()),
            .digest = digest,
            .size = static_cast<std::int64_t>(*size)};
  }

  std::shared_ptr<const FileSet> files_;
  Entry entry_;
  std::map<std::string, std::string> names_;    // digest → file
  std::map<std::string, std::string> digests_;  // file → digest
};

/// An image of a layout that docker save wrote, which makes up its manifests, too.
class DockerLayoutSource : public Source {
 public:
  explicit DockerLayoutSource(std::unique_ptr<Source> source) : source_(std::move(source)) {}
  RawManifest manifest() override { return source_->manifest(); }
  RawManifest manifest(const oci::Descriptor& listed) override { return source_->manifest(listed); }
  ByteSource open(const oci::Descriptor& blob) override { return source_->open(blob); }
  bool is_made_up() const override { return true; }

 private:
  std::unique_ptr<Source> source_;
};

/// The digest by which a manifest names its config; empty for an index.
std::string config_of(Source& source) {
  const RawManifest manifest = source.manifest();
  if (oci::is_index(manifest.media_type)) return {};
  return oci::read_any_manifest(manifest.body).config.digest;
}

/// manifest.json's names of the image with that config.
std::vector<std::string> names_of(const std::vector<Entry>& entries, const std::string& config) {
  for (const Entry& entry : entries)
    if (!config.empty() && entry.config.find(Digest::parse(config).hex) != std::string::npos)
      return entry.names;
  return {};
}

std::vector<ArchivedImage> images_of_layout(const std::shared_ptr<const FileSet>& files,
                                            const std::vector<Entry>& entries) {
  std::vector<ArchivedImage> images;
  for (const LayoutImage& one : layout_images(*files)) {
    // docker lists an image once for each of its names.
    const auto same = std::ranges::find(images, one.manifest.digest, &ArchivedImage::digest);
    if (same != images.end()) {
      if (!one.name.empty() && std::ranges::find(same->names, one.name) == same->names.end())
        same->names.push_back(one.name);
      continue;
    }
    ArchivedImage image{
        .names = {}, .digest = one.manifest.digest, .source = layout_source(files, one)};
    if (!entries.empty()) image.names = names_of(entries, config_of(*image.source));
    if (image.names.empty() && !one.name.empty()) image.names.push_back(one.name);
    if (!entries.empty())
      image.source = std::make_unique<DockerLayoutSource>(std::move(image.source));
    images.push_back(std::move(image));
  }
  return images;
}

bool has_name(const ArchivedImage& image, const std::string& wanted) {
  return std::ranges::any_of(image.names, [&](const std::string& name) {
    if (name == wanted) return true;
    try {
      return ImageReference::parse(name) == ImageReference::parse(wanted);
    } catch (const Error&) {
      return false;
    }
  });
}

}  // namespace

std::vector<ArchivedImage> archived_images(const std::shared_ptr<const FileSet>& files) {
  const bool has_manifest = files->size(kManifestFile).has_value();
  std::vector<Entry> entries;
  if (has_manifest) entries = read_entries(*files);
  if (is_layout(*files)) return images_of_layout(files, entries);
  if (!has_manifest)
    throw Error(
        "is no image archive: it has neither a manifest.json (docker save) nor an "
        "oci-layout (a tarball of a root file system is for toyimg import)");
  std::vector<ArchivedImage> images;
  for (Entry& entry : entries) {
    std::vector<std::string> names = entry.names;
    images.push_back({.names = std::move(names),
                      .digest = {},
                      .source = std::make_unique<MadeUpSource>(files, std::move(entry))});
  }
  return images;
}

ArchivedImage choose_image(std::vector<ArchivedImage> images, const Reference& reference) {
  if (reference.index && *reference.index < images.size())
    return std::move(images[*reference.index]);
  if (!reference.index && reference.name.empty() && images.size() == 1)
    return std::move(images.front());
  std::string names;
  for (ArchivedImage& image : images) {
    if (!reference.index && !reference.name.empty() && has_name(image, reference.name))
      return std::move(image);
    for (const std::string& name : image.names)
      if (names.size() < 1024) names += sentence(names.empty() ? "" : ", ", printable(name));
  }
  throw NotFound(sentence("it has ", images.size(), " images (", names,
                          "), none of which is meant: say which one, or :@0 for the first"));
}

}  // namespace transport
