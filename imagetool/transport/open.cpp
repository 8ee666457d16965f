// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/open.hpp"

#include "bundle-spec/error.hpp"
#include "imagetool/registry/short_names.hpp"
#include "imagetool/transport/archive_destination.hpp"
#include "imagetool/transport/directory.hpp"
#include "imagetool/transport/docker_archive.hpp"
#include "imagetool/transport/layout.hpp"
#include "imagetool/transport/registry_transport.hpp"
#include "imagetool/transport/store_transport.hpp"

namespace transport {
namespace {

std::unique_ptr<ImageStore> open_store(const Places& places) {
  return std::make_unique<ImageStore>(ImageStore::open(places.store_directory));
}

std::unique_ptr<Source> source_in_files(const Reference& reference, const std::stop_token& stop) {
  if (reference.kind == Kind::kDirectory) return directory_source(reference.path);
  const std::shared_ptr<const FileSet> files = reference.kind == Kind::kOciLayout
                                                   ? open_directory(reference.path)
                                                   : open_archive(reference.path, stop);
  if (reference.kind == Kind::kDockerArchive)
    return choose_image(archived_images(files), reference).source;
  if (!is_layout(*files)) throw Error("is no OCI layout: it has no oci-layout and index.json");
  const std::vector<LayoutImage> images = layout_images(*files);
  return layout_source(files, choose_image(images, reference));
}

std::unique_ptr<Destination> destination_in_files(const Reference& reference) {
  if (reference.index) throw UsageError("@N names an image to read, not one to write");
  switch (reference.kind) {
    case Kind::kDirectory:
      return directory_destination(reference.path);
    case Kind::kOciLayout:
      return layout_destination(reference.path, reference.name);
    default:
      break;
  }
  const bool docker = reference.kind == Kind::kDockerArchive;
  auto archive = std::make_unique<ArchiveDestination>(
      reference.path,
      docker ? ArchiveDestination::Format::kDocker : ArchiveDestination::Format::kOci);
  if (!reference.name.empty())
    archive->set_name(docker ? ImageReference::parse(reference.name).canonical() : reference.name);
  return archive;
}

bool is_digest(std::string_view words) {
  const std::string_view hex = words.starts_with("sha256:") ? words.substr(7) : words;
  return hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

ImageStore::Image stored_image(const ImageStore& store, const std::string& words) {
  // No image can be called like a whole digest; of an abbreviated one it can.
  if (is_digest(words)) {
    if (const auto by_digest = store.resolve(words)) return *by_digest;
    throw NotFound(sentence("no image with the digest ", words, " in the store ",
                            store.blobs().directory(), ": toyimg images lists what is there"));
  }
  if (const auto by_name = store.named(words))
    return *by_name;  // as another tool may have named it
  const std::vector<std::string> names = registry::names_in_store(words);
  for (const std::string& name : names)
    if (const auto by_name = store.named(name)) return *by_name;
  if (const auto by_digest = store.resolve(words)) return *by_digest;
  throw NotFound(sentence("no image ", names.front(), " in the store ", store.blobs().directory(),
                          ": toyimg pull ", words, " fetches it"));
}

OpenSource open_source(const Reference& reference, const Places& places) {
  OpenSource open;
  if (reference.kind == Kind::kRegistry) {
    open.source = registry_source(ImageReference::parse(reference.name), places.registry);
  } else if (reference.kind == Kind::kStore) {
    open.store = open_store(places);
    open.source = store_source(*open.store, stored_image(*open.store, reference.name).manifest);
  } else {
    try {
      open.source = source_in_files(reference, places.stop);
    } catch (Error& error) {
      error.add_context(reference.str());
      throw;
    }
  }
  return open;
}

OpenDestination open_destination(const Reference& reference, const Places& places) {
  OpenDestination open;
  if (reference.kind == Kind::kRegistry) {
    open.destination = registry_destination(ImageReference::parse(reference.name), places.registry);
  } else if (reference.kind == Kind::kStore) {
    open.store = open_store(places);
    const std::string name = registry::image_named(reference.name).canonical();
    open.destination = store_destination(*open.store, {name}, places.stop);
  } else {
    open.destination = destination_in_files(reference);
  }
  return open;
}

}  // namespace transport
