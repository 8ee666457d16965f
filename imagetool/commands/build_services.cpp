// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/build_services.hpp"

#include <fcntl.h>

#include <algorithm>
#include <ctime>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/build/build_runner.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/pull/extract.hpp"
#include "imagetool/pull/pull.hpp"
#include "imagetool/registry/http.hpp"
#include "imagetool/registry/short_names.hpp"
#include "imagetool/transport/copy.hpp"
#include "imagetool/transport/open.hpp"
#include "imagetool/transport/store_transport.hpp"

namespace {

constexpr int kMostRedirects = 10;

/// A Dockerfile may name any registry: of them --creds are for the one that -t and --push name.
void keep_given_login(registry::Options& access, const cli::Parsed& options,
                      const std::vector<ImageReference>& bases) {
  const std::vector<std::string> tags = options.values("tag");
  if (!options.has("push") || bases.size() > 1 || std::ranges::none_of(tags, [&](const auto& tag) {
        return registry::image_named(tag).registry == bases.front().registry;
      }))
    access.credentials.given.reset();
}

/// The image that a name in the store means for this platform, if it does.
std::optional<StoredImage> stored_for(const ImageStore& store, oci::Descriptor named,
                                      const oci::Platform& platform) {
  const std::string text = store.blobs().read_all(Digest::parse(named.digest));
  try {
    if (oci::is_index(oci::document_media_type(text, named.media_type)))
      named = oci::choose_platform(oci::read_index(text), platform, oci::Wish::kExplicit);
    StoredImage image = read_stored_image(store, named);
    if (oci::fits(image.config.platform(), platform)) return image;
  } catch (const NotFound&) {
    // For other platforms, or not whole: the registry is asked.
  }
  return std::nullopt;
}

std::optional<StoredImage> find_stored(const ImageStore& store, const std::string& reference,
                                       const oci::Platform& platform) {
  for (const std::string& name : registry::names_in_store(reference))
    if (const auto known = store.named(name))
      if (auto stored = stored_for(store, known->manifest, platform)) return stored;
  return std::nullopt;
}

/// An image of a layout; its blobs are put into the store, where it gets no name.
build::BaseImage find_in_layout(const ImageStore& store, const std::string& place,
                                const std::stop_source& stop, const oci::Platform& platform) {
  std::string path = place.substr(build::kLayoutContext.size()), name;
  std::size_t end = path.find('@');
  if (end == std::string::npos) end = path.find(':', path.rfind('/') + 1);
  if (end != std::string::npos) {
    name = path.substr(end + 1);
    path.resize(end);
  }
  try {
    const transport::OpenSource open = transport::open_source(
        {.kind = transport::Kind::kOciLayout, .path = path, .name = name}, {});
    Progress quiet(ProgressStyle::kQuiet);
    const auto destination = transport::store_destination(store, {}, stop.get_token());
    const transport::RawManifest copied = transport::copy_image(
        *open.source, *destination, {.platform = platform, .form = {}, .stop = stop}, quiet);
    StoredImage image = read_stored_image(store, copied.descriptor());
    return {image.descriptor.digest, std::move(image.manifest), std::move(image.config)};
  } catch (Error& error) {
    error.add_context(place);
    throw;
  }
}

StoredImage pull_base(const ImageStore& store, const cli::Parsed& options, std::stop_source stop,
                      const std::string& reference, const oci::Platform& platform) {
  registry::Options access = registry_options(options);
  std::vector<ImageReference> images = registry::images_to_fetch(access.conf, reference).images;
  keep_given_login(access, options, images);
  PulledImage image;
  {
    Progress quiet(ProgressStyle::kQuiet);
    PullRequest request{.images = std::move(images),
                        .platform = platform,
                        .takes_any = true,
                        .bundle = {},
                        .registry = std::move(access),
                        .stop = std::move(stop)};
    image = pull(store, std::move(request), quiet);
  }
  for (const std::string& one : image.refused)
    logging::warning(sentence(reference, " is ", image.name.canonical(), ", as ", one));
  return image;
}

/// An image of the store, or of its registry.
build::BaseImage find_base(const ImageStore& store, const cli::Parsed& options,
                           const std::string& policy, std::stop_source stop,
                           const std::string& reference, const oci::Platform& platform) {
  if (reference.starts_with(build::kLayoutContext))
    return find_in_layout(store, reference, stop, platform);
  std::optional<StoredImage> stored;
  if (policy != "always") stored = find_stored(store, reference, platform);
  if (!stored && policy == "never")
    throw NotFound(sentence(ImageReference::parse(reference).familiar(),
                            " is not in the store for ", platform.str(),
                            ", and --pull=never was given"));
  if (!stored) stored = pull_base(store, options, std::move(stop), reference, platform);
  return {stored->descriptor.digest, stored->manifest, stored->config};
}

std::optional<std::int64_t> read_http_date(const registry::HttpResponse& response) {
  const auto text = response.header("last-modified");
  std::tm time{};
  if (!text || ::strptime(text->c_str(), "%a, %d %b %Y %H:%M:%S", &time) == nullptr)
    return std::nullopt;
  return ::timegm(&time);
}

build::FetchedFile fetch(const std::string& address, const std::string& file,
                         const std::stop_token& stop) {
  std::optional<registry::Url> url = registry::Url::parse(address);
  registry::HttpClient client(stop);
  for (int redirects = 0; url && redirects < kMostRedirects; ++redirects) {
    const UniqueFd made = open_at(AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    const registry::HttpResponse response =
        client.send({.url = *url}, [&](const registry::HttpHead&) {
          return [&](std::span<const std::byte> bytes) {
            write_all(made.get(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                      file);
          };
        });
    if (response.transport != registry::Transport::kDone)
      throw Error(sentence("fetch ", printable(address), ": ", response.failure));
    if (response.is_content()) return {.last_modified = read_http_date(response)};
    const auto location = response.header("location");
    if (response.status < 300 || response.status > 399 || !location)
      throw Error(
          sentence("fetch ", printable(address), ": the server answered ", response.status));
    url = url->resolve(*location);
  }
  throw Error(sentence("fetch ", printable(address), ": not an address, or it redirects for ever"));
}

}  // namespace

build::Services build_services(const ImageStore& store, const cli::Parsed& options,
                               const std::string& policy, const std::stop_source& stop) {
  return {.image =
              [&store, &options, policy, stop](const std::string& reference,
                                               const oci::Platform& platform) {
                return find_base(store, options, policy, stop, reference, platform);
              },
          .fetch = [stop](const std::string& url,
                          const std::string& path) { return fetch(url, path, stop.get_token()); }};
}

build::PrepareLayers prepare_layers(const ImageStore& store, const std::stop_token& stop) {
  return [&store, stop](const std::vector<build::Layer>& layers) {
    StoredImage image{.descriptor = {}, .manifest = {}, .config = {}};
    for (const build::Layer& layer : layers) {
      image.manifest.layers.push_back(layer.descriptor);
      image.config.diff_ids.push_back(layer.diff_id);
    }
    Progress quiet(ProgressStyle::kQuiet);
    std::vector<StoredLayer> ready =
        ready_layers(store, LayerStore::open(store.blobs().directory()), image, {}, stop, quiet);
    const InodeAttributes root = root_attributes(ready);
    return build::MountableLayers{.layers = std::move(ready), .root = root};
  };
}
