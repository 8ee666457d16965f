// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/push.hpp"

#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/find_image.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/registry/short_names.hpp"
#include "imagetool/transport/output_file.hpp"

namespace {

constexpr std::uint64_t kLargestChunk = std::uint64_t{1} << 40;

constexpr auto kOptions =
    joined(kRegistryOptions,
           std::to_array<cli::Option>({
               {.name = "all", .help = "of an index: all its images, and the index itself"},
               {.name = "foreign", .help = "also send layers that are kept elsewhere"},
               {.name = "chunk-size",
                .value = "BYTES",
                .help = "send at most so much in one request (default: a blob as a whole)"},
               {.name = "digestfile", .value = "FILE", .help = "write the digest there, too"},
               {.name = "quiet", .letter = 'q', .help = "say nothing but errors and the result"},
               {.name = "progress",
                .value = "auto|plain|json|none",
                .help = "how to show progress on stderr"},
           }));

ImageReference destination_of(const cli::Parsed& options, const ImageStore::Image& image) {
  if (options.words.size() > 1) {
    const std::string_view to = options.words[1];
    return to.starts_with(registry::kDockerTransport)
               ? ImageReference::parse(to.substr(registry::kDockerTransport.size()))
               : registry::image_named(to);
  }
  if (image.name.empty())
    throw UsageError(sentence("push: ", options.words[0], " has no name: give a destination"));
  return ImageReference::parse(image.name);
}

int run_push(const cli::Parsed& global, const cli::Parsed& options) {
  Progress progress(progress_style(options.value_or("progress", "auto"), options.has("quiet")));
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  const ImageStore::Image image = find_image(store, options.words[0]);
  PushRequest request{.destination = destination_of(options, image),
                      .all = options.has("all"),
                      .foreign = options.has("foreign"),
                      .registry = registry_options(options),
                      .stop = {}};
  if (const auto chunk = options.value("chunk-size"))
    request.registry.chunk_size =
        static_cast<std::int64_t>(cli::parse_number(*chunk, kLargestChunk, "--chunk-size"));
  const Interruption interruption(request.stop);
  const std::string digest = push(store, image.manifest, std::move(request), progress);
  if (const auto file = options.value("digestfile")) write_result_file(*file, digest);
  print_line(digest);
  return 0;
}

}  // namespace

const cli::Command kPushCommand = {
    .name = "push",
    .summary = "Send an image of the store to a registry",
    .words = {.usage = "IMAGE [DESTINATION]", .least = 1, .most = 2},
    .options = kOptions,
    .run = run_push,
};
