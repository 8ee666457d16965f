// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/pull/progress.hpp"
#include "imagetool/store/image_store.hpp"

namespace {

constexpr auto kOptions = std::to_array<cli::Option>({
    {.name = "quiet", .letter = 'q', .help = "only the names"},
    {.name = "format", .letter = 'f', .value = "table|json", .help = "how to print them"},
});

constexpr std::size_t kShortDigest = 12;

/// Compressed size of config and layers, by the manifest.
std::int64_t size_of(const ImageStore& store, const ImageStore::Image& image) {
  const oci::Manifest manifest =
      oci::read_manifest(store.blobs().read_all(Digest::parse(image.manifest.digest)));
  std::int64_t size = manifest.config.size;
  for (const oci::Descriptor& layer : manifest.layers) size += layer.size;
  return size;
}

std::string familiar(const std::string& name) {
  return ImageReference::parse_exact(name).familiar();
}

void print_json(const ImageStore& store, const std::vector<ImageStore::Image>& images) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ImageStore::Image& image : images)
    list.push_back(
        {{"name", image.name}, {"digest", image.manifest.digest}, {"size", size_of(store, image)}});
  print_line(list.dump(2));
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

void print_table(const ImageStore& store, const std::vector<ImageStore::Image>& images) {
  std::size_t width = 5;
  for (const ImageStore::Image& image : images)
    width = std::max(width, familiar(image.name).size());
  print_line(sentence(padded("IMAGE", width), "  ", padded("DIGEST", kShortDigest), "  SIZE"));
  for (const ImageStore::Image& image : images) {
    const std::string digest = Digest::parse(image.manifest.digest).hex.substr(0, kShortDigest);
    print_line(sentence(padded(familiar(image.name), width), "  ", digest, "  ",
                        byte_count(static_cast<std::uint64_t>(size_of(store, image)))));
  }
}

int run_images(const cli::Parsed& global, const cli::Parsed& options) {
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  std::vector<ImageStore::Image> images = store.list();
  std::erase_if(images, [](const ImageStore::Image& image) { return image.name.empty(); });
  const std::string format = options.value_or("format", "table");
  if (format != "table" && format != "json")
    throw UsageError(sentence("--format ", format, ": must be table or json"));
  if (options.has("quiet"))
    for (const ImageStore::Image& image : images) print_line(familiar(image.name));
  else if (format == "json")
    print_json(store, images);
  else
    print_table(store, images);
  return 0;
}

}  // namespace

const cli::Command kImagesCommand = {
    .name = "images",
    .summary = "List the images in the store",
    .words = {.usage = "", .least = 0, .most = 0},
    .options = kOptions,
    .run = run_images,
};
