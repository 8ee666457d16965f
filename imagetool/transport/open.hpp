// SPDX-License-Identifier: Apache-2.0
// References → sources and destinations. toyimg.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "imagetool/registry/registry.hpp"
#include "imagetool/store/image_store.hpp"
#include "imagetool/transport/transport.hpp"
#include "imagetool/transport/transport_reference.hpp"

namespace transport {

/// What opening may need: the store opens when it is used, registries with these options.
struct Places {
  std::string store_directory;
  registry::Options registry;
  std::stop_token stop;
};

/// An open reference; keeps the store open as long as it lives.
struct OpenSource {
  std::unique_ptr<ImageStore> store{};
  std::unique_ptr<Source> source{};
};
struct OpenDestination {
  std::unique_ptr<ImageStore> store{};
  std::unique_ptr<Destination> destination{};
};

/// Throws NotFound, Error, UsageError.
OpenSource open_source(const Reference& reference, const Places& places);
OpenDestination open_destination(const Reference& reference, const Places& places);

/// The image in the store that a user's words mean: a name, or the beginning of a digest. Throws
/// NotFound.
ImageStore::Image stored_image(const ImageStore& store, const std::string& words);

}  // namespace transport
