// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/find_image.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/layer_options.hpp"
#include "imagetool/commands/layer_report.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/pull/pull.hpp"

namespace {

constexpr auto kOptions =
    joined(kLayerOptions,
           std::to_array<cli::Option>({
               {.name = "output", .letter = 'o', .value = "BUNDLE", .help = "the bundle to make"},
               {.name = "user",
                .value = "USER[:GROUP]",
                .help = "run as this user instead of the image's"},
               {.name = "quiet", .letter = 'q', .help = "say nothing but errors"},
               {.name = "progress",
                .value = "auto|plain|json|none",
                .help = "how to show progress on stderr"},
           }));

int run_unpack(const cli::Parsed& global, const cli::Parsed& options) {
  const auto bundle = options.value("output");
  if (!bundle) throw UsageError("unpack: -o BUNDLE says where to");
  Progress progress(progress_style(options.value_or("progress", "auto"), options.has("quiet")));
  std::stop_source stop;
  const Interruption interruption(stop);
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  StoredImage image = read_stored_image(store, find_image(store, options.words[0]).manifest);
  if (const auto user = options.value("user")) image.config.config.user = *user;
  const LayerReport report(options);
  const BundleRequest request{*bundle, root_form(options), layer_options(options)};
  try {
    unpack(store, image, request, stop.get_token(), progress);
    report.taken(options.words[0], image, request.layers, progress);
  } catch (const Error& error) {
    report.refused(options.words[0], error.what(), request.layers, progress);
    throw;
  }
  return 0;
}

}  // namespace

const cli::Command kUnpackCommand = {
    .name = "unpack",
    .summary = "Make a bundle from an image that is in the store",
    .words = {.usage = "IMAGE", .least = 1, .most = 1},
    .options = kOptions,
    .run = run_unpack,
};
