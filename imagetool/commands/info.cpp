// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/owners/owners.hpp"
#include "imagetool/pull/progress.hpp"
#include "imagetool/store/image_store.hpp"
#include "imagetool/store/layer_store.hpp"

namespace {

constexpr auto kOptions = std::to_array<cli::Option>({
    {.name = "format", .letter = 'f', .value = "text|json", .help = "how to print it"},
});

struct Sizes {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
};

Sizes blob_sizes(const BlobStore& blobs) {
  Sizes sizes;
  for (const Digest& digest : blobs.list()) {
    ++sizes.count;
    sizes.bytes += blobs.size(digest).value_or(0);
  }
  return sizes;
}

Sizes layer_sizes(const LayerStore& layers) {
  Sizes sizes;
  for (const LayerStore::Entry& layer : layers.list()) {
    ++sizes.count;
    sizes.bytes += layer.bytes;
  }
  return sizes;
}

const char* form_of(const Owners& owners) {
  switch (owners.form) {
    case Owners::Form::kRoot:
      return "root";
    case Owners::Form::kMapped:
      return "mapped";
    case Owners::Form::kSingleId:
      break;
  }
  return "single-id";
}

int run_info(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string format = options.value_or("format", "text");
  if (format != "text" && format != "json")
    throw UsageError(sentence("--format ", format, ": must be text or json"));
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  const LayerStore layers = LayerStore::open(store.blobs().directory());
  const LayerSupport support = layer_support(layers.directory());
  const Owners owners = decide_owners(global.has("single-id"));
  const bool keeps = owners.form != Owners::Form::kSingleId;
  const std::size_t images = store.list().size();
  const Sizes blobs = blob_sizes(store.blobs());
  const Sizes ready = layer_sizes(layers);
  if (format == "text") {
    print_line(sentence("store:   ", printable(store.blobs().directory()), "\nimages:  ", images,
                        "\nblobs:   ", blobs.count, ", ", byte_count(blobs.bytes), "\nlayers:  ",
                        ready.count, ", ", byte_count(ready.bytes), "\nmounted: ", support.why,
                        "\nowners:  ", keeps ? "kept: " : "all files become yours: ", owners.why));
    return 0;
  }
  const bool mounts_images = support.form == LayerForm::kImages;
  const nlohmann::ordered_json document = {
      {"store", store.blobs().directory()},
      {"images", images},
      {"blobs", {{"count", blobs.count}, {"bytes", blobs.bytes}}},
      {"layers", {{"count", ready.count}, {"bytes", ready.bytes}}},
      {"layerForm", mounts_images ? "erofs" : "directories"},
      {"why", support.why},
      {"owners", {{"form", form_of(owners)}, {"why", owners.why}}}};
  print_line(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  return 0;
}

}  // namespace

const cli::Command kInfoCommand = {
    .name = "info",
    .summary = "Say where the store is, what it holds and how layers are mounted on this host",
    .words = {.usage = "", .least = 0, .most = 0},
    .options = kOptions,
    .run = run_info,
};
