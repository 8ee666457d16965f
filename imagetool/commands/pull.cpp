// SPDX-License-Identifier: Apache-2.0
#include "imagetool/pull/pull.hpp"

#include <fcntl.h>

#include <array>
#include <csignal>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/layer_options.hpp"
#include "imagetool/commands/layer_report.hpp"
#include "imagetool/commands/pull_account.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/registry/short_names.hpp"

namespace {

constexpr auto kOptions =
    joined(joined(kRegistryOptions, kLayerOptions),
           std::to_array<cli::Option>({
               {.name = "output",
                .letter = 'o',
                .value = "BUNDLE",
                .help = "also make the bundle BUNDLE from it"},
               {.name = "platform",
                .value = "OS/ARCH[/VARIANT]",
                .help = "the image for this platform (default: this host's)"},
               {.name = "explain", .help = "say where it came from, why, and what it cost"},
               {.name = "trace",
                .value = "FILE",
                .help = "write requests, phases of layers and their times to FILE (Chrome trace "
                        "JSON)"},
               {.name = "quiet", .letter = 'q', .help = "say nothing but errors and the result"},
               {.name = "progress",
                .value = "auto|plain|json|none",
                .help = "how to show progress on stderr"},
           }));

int run_pull(const cli::Parsed& global, const cli::Parsed& options) {
  Progress progress(progress_style(options.value_or("progress", "auto"), options.has("quiet")));
  registry::Options access = registry_options(options);
  registry::Meaning meaning = registry::images_to_fetch(access.conf, options.words[0]);
  if (meaning.images.size() > 1 && access.credentials.given)
    throw UsageError(sentence("pull: ", options.words[0], " is searched in several registries: ",
                              "with --creds give the one that they are for"));
  PullRequest request{.images = std::move(meaning.images),
                      .platform = {},
                      .bundle = options.value("output"),
                      .form = root_form(options),
                      .layers = layer_options(options),
                      .registry = std::move(access),
                      .stop = {}};
  if (const auto platform = options.value("platform"))
    request.platform = oci::Platform::parse(*platform);
  const Interruption interruption(request.stop);
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  PullAccount account;
  if (options.has("explain") || options.has("trace")) account.listen(request.registry);
  std::optional<UniqueFd> trace;
  if (const auto file = options.value("trace"))
    trace = open_at(AT_FDCWD, *file, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0644);
  const auto write_trace = [&] {
    if (trace) write_all(trace->get(), account.trace(progress), *options.value("trace"));
  };
  const LayerReport report(options);
  try {
    const PulledImage image = pull(store, request, progress);
    write_trace();
    report.taken(image.name.canonical(), image, request.layers, progress);
    if (options.has("explain"))
      progress.explain(account.text(request, image, meaning.why, progress));
    print_line(image.descriptor.digest);
  } catch (const Error& error) {
    report.refused(request.images.front().canonical(), error.what(), request.layers, progress);
    write_trace();  // what failed is what one wants to see
    throw;
  }
  return 0;
}

}  // namespace

const cli::Command kPullCommand = {
    .name = "pull",
    .summary = "Fetch an image from a registry into the store, and make a bundle of it",
    .words = {.usage = "REF", .least = 1, .most = 1},
    .options = kOptions,
    .run = run_pull,
};
