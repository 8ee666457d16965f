// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/bundle_root.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/find_image.hpp"
#include "imagetool/commands/image_change.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/layer/file_tree.hpp"
#include "imagetool/layer/tree_layer.hpp"
#include "imagetool/owners/owners.hpp"
#include "imagetool/pull/pull.hpp"
#include "imagetool/registry/registries_conf.hpp"
#include "imagetool/registry/short_names.hpp"
#include "imagetool/transport/new_image.hpp"
#include "imagetool/transport/read_image.hpp"
#include "imagetool/transport/store_transport.hpp"

namespace {

constexpr auto kOptions = std::to_array<cli::Option>({
    {.name = "base",
     .value = "IMAGE",
     .help = "the image the bundle was made from (default: as its config.json says)"},
    {.name = "change",
     .letter = 'c',
     .value = "INSTRUCTION",
     .help = "a Dockerfile instruction for its config: 'CMD [\"sh\"]', 'ENV A=b'",
     .repeatable = true},
    {.name = "message", .letter = 'm', .value = "TEXT", .help = "a comment for its history"},
    {.name = "author", .letter = 'a', .value = "NAME", .help = "who made the image"},
    {.name = "compression",
     .value = "gzip|zstd|none[:LEVEL]",
     .help = "of the new layer (default: gzip)"},
});

/// Where the bundle came from, by the user's word or by its own.
ImageStore::Image base_image(const ImageStore& store, const BundleRoot& bundle,
                             const cli::Parsed& options) {
  if (const auto base = options.value("base")) return find_image(store, *base);
  const auto digest = bundle.config.annotations.find(kImageDigest);
  if (digest == bundle.config.annotations.end())
    throw UsageError("commit: the bundle does not say which image it was made from: --base IMAGE");
  const std::optional<ImageStore::Image> image = store.resolve(digest->second);
  if (!image)
    throw NotFound(sentence("the image ", digest->second,
                            " that the bundle was made from is not in the store: pull it again"));
  return *image;
}

transport::NewLayer changed_layer(const BundleRoot& bundle, transport::Source& source,
                                  const transport::ImageParts& base,
                                  const LayerWriterOptions& how) {
  const TreeLayerOptions options{.squashed = !bundle.has_owners, .devices = is_root_of_host()};
  if (bundle.upper)
    return transport::write_layer(
        how, [&](LayerWriter& layer) { add_overlay_upper(layer, *bundle.upper, options); });
  FileTree before;
  for (const oci::Descriptor& layer : base.parts.layers)
    before.apply(transport::verified(source.open(layer), layer));
  return transport::write_layer(
      how, [&](LayerWriter& layer) { add_changes(layer, before, *bundle.rootfs, options); });
}

int run_commit(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string name = registry::image_named(options.words[1]).canonical();
  LayerWriterOptions how;
  how.compression = Compression::parse(options.value_or("compression", "gzip"));
  how.latest_time = source_date_epoch();
  const BundleRoot bundle = open_bundle_root(options.words[0]);
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  const auto source = transport::store_source(store, base_image(store, bundle, options).manifest);
  const transport::ImageParts base = transport::read_image(*source);
  const std::vector<std::string> changes = options.values("change");
  static_cast<void>(with_changes("{}", changes));
  const transport::NewLayer layer = changed_layer(bundle, *source, base, how);
  const bool changed = layer.entries > 0;
  const std::string config = with_changes(
      transport::with_layer(base.config_text, {}, changed ? layer.diff_id : std::string(),
                            {.created = transport::creation_time(),
                             .created_by = "toyimg commit",
                             .comment = options.value_or("message", ""),
                             .author = options.value_or("author", "")}),
      changes);
  print_line(transport::store_image(store, name, base.parts, changed ? &layer : nullptr, config));
  return 0;
}

}  // namespace

const cli::Command kCommitCommand = {
    .name = "commit",
    .summary = "Make an image from a changed bundle: the image it was made from and one layer more",
    .words = {.usage = "BUNDLE NAME", .least = 2, .most = 2},
    .options = kOptions,
    .run = run_commit,
};
