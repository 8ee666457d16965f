// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/archive_destination.hpp"

#include <nlohmann/json.hpp>

#include <optional>

#include "bundle-spec/error.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/layer/tar_writer.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/oci/document_writer.hpp"
#include "imagetool/transport/layout.hpp"

namespace transport {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kBufferSize = std::size_t{256} << 10;

std::string blob_name(const std::string& digest) {
  const Digest parsed = Digest::parse(digest);
  return sentence("blobs/", parsed.algorithm, '/', parsed.hex);
}

/// A full image name; nullopt for a mere tag or what another tool may have thought up.
std::optional<ImageReference> full_name(const std::string& name) {
  if (name.find('/') == std::string::npos && name.find(':') == std::string::npos)
    return std::nullopt;
  try {
    return ImageReference::parse(name);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

ArchiveDestination::ArchiveDestination(const std::string& path, Format format)
    : file_(path), format_(format) {}

void ArchiveDestination::add_directory(const std::string& name) {
  if (!written_.insert(name).second) return;
  std::string header;
  tar::append_header({.kind = TarEntry::Kind::kDirectory, .name = name, .mode = 0755}, header);
  file_.write(header);
}

void ArchiveDestination::add_header(const std::string& name, std::uint64_t size) {
  std::string header;
  tar::append_header({.name = name, .mode = 0644, .size = size}, header);
  file_.write(header);
}

void ArchiveDestination::add_file(const std::string& name, const std::string& content) {
  add_header(name, content.size());
  file_.write(content + std::string(tar::padding(content.size()), '\0'));
}

std::string ArchiveDestination::add_blob_header(const oci::Descriptor& blob) {
  const std::string name = blob_name(blob.digest);
  add_directory("blobs");
  add_directory(name.substr(0, name.rfind('/')));
  add_header(name, static_cast<std::uint64_t>(blob.size));
  return name;
}

Put ArchiveDestination::put(const oci::Descriptor& blob, const OpenBlob& open, Source&) {
  if (!written_.insert(blob.digest).second) return Put::kPresent;
  add_blob_header(blob);
  const ByteSource source = verified(open(), blob);
  std::vector<std::byte> buffer(kBufferSize);
  while (const std::size_t count = source(buffer))
    file_.write({reinterpret_cast<const char*>(buffer.data()), count});
  file_.write(std::string(tar::padding(static_cast<std::uint64_t>(blob.size)), '\0'));
  return Put::kSent;
}

void ArchiveDestination::put_manifest(const RawManifest& manifest, Role role) {
  if (written_.insert(manifest.digest).second) {
    add_blob_header(manifest.descriptor());
    file_.write(manifest.body + std::string(tar::padding(manifest.body.size()), '\0'));
  }
  manifests_[manifest.digest] = manifest.body;
  if (role == Role::kNamed) images_.push_back({name_, manifest.descriptor()});
}

/// The manifest docker load is to see: itself or, of an index, the one for this host.
const std::string* ArchiveDestination::runnable(const oci::Descriptor& manifest) const {
  const auto body = manifests_.find(manifest.digest);
  if (body == manifests_.end()) return nullptr;
  if (!oci::is_index(manifest.media_type)) return &body->second;
  const oci::Index index = oci::read_index(body->second);
  return runnable(oci::choose_platform(index, oci::host_platform()));
}

// As Docker 25 and later write them: one entry for each image, with all its names.
void ArchiveDestination::add_docker_documents() {
  std::map<std::string, std::size_t> places;  // of a config
  Json entries = Json::array();
  Json repositories = Json::object();
  for (const Image& image : images_) {
    const std::string* const body = runnable(image.manifest);
    if (body == nullptr) continue;
    const oci::Manifest manifest = oci::read_manifest(*body);
    const auto [place, is_new] = places.try_emplace(manifest.config.digest, entries.size());
    if (is_new) {
      Json layers = Json::array();
      for (const oci::Descriptor& layer : manifest.layers)
        layers.push_back(blob_name(layer.digest));
      entries.push_back({{"Config", blob_name(manifest.config.digest)},
                         {"RepoTags", Json::array()},
                         {"Layers", std::move(layers)}});
    }
    const std::optional<ImageReference> name = full_name(image.name);
    if (!name || !name->tag) continue;
    entries[place->second]["RepoTags"].push_back(name->familiar());
    const std::string familiar = name->familiar();
    if (!manifest.layers.empty())
      repositories[familiar.substr(0, familiar.rfind(':'))][*name->tag] =
          Digest::parse(manifest.layers.back().digest).hex;
  }
  add_file("manifest.json", entries.dump());
  if (!repositories.empty()) add_file("repositories", repositories.dump());
}

void ArchiveDestination::finish() {
  oci::Index index{.media_type = std::string(oci::kOciIndex)};
  for (const Image& image : images_) {
    oci::Descriptor entry = image.manifest;
    const std::optional<ImageReference> name = full_name(image.name);
    if (name && format_ == Format::kDocker) {
      entry.annotations[kContainerdName] = name->canonical();
      if (name->tag) entry.annotations[kRefName] = *name->tag;
    } else if (!image.name.empty()) {
      entry.annotations[kRefName] = image.name;
    }
    index.manifests.push_back(std::move(entry));
  }
  if (format_ == Format::kDocker) add_docker_documents();
  add_file("index.json", oci::write_index(index));
  add_file("oci-layout", kLayoutFile);
  file_.write(std::string(tar::kEndSize, '\0'));
  file_.finish();
}

}  // namespace transport
