// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/copy_options.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"

namespace {

constexpr auto kOptions = joined(
    kRegistryOptions,
    joined(kCopyOptions,
           std::to_array<cli::Option>({
               {.name = "src-creds",
                .value = "USER:PASSWORD",
                .help = "log in with these where the image comes from"},
               {.name = "dest-creds",
                .value = "USER:PASSWORD",
                .help = "log in with these where it goes"},
               {.name = "sparse",
                .help = "of an index: it as it is, with those of its images that are there (and "
                        "for --platform)"},
               {.name = "preserve-digests", .help = "fail rather than make another manifest"},
               {.name = "compression",
                .value = "gzip|zstd|none[:LEVEL]",
                .help = "give the layers this compression, and the image another digest"},
           })));

registry::Options registry_side(const cli::Parsed& options, const std::string& creds,
                                const std::stop_token& stop) {
  registry::Options side = registry_options(options);
  if (const auto given = options.value(creds))
    side.credentials.given = registry::parse_creds(*given);
  side.stop = stop;
  return side;
}

int run_copy(const cli::Parsed& global, const cli::Parsed& options) {
  transport::CopyOptions copy = copy_options(options);
  copy.preserve_digests = options.has("preserve-digests");
  copy.sparse = options.has("sparse");
  if (const auto how = options.value("compression"))
    copy.form = transport::LayerForm{.compression = Compression::parse(*how)};
  const auto from = transport::Reference::parse(options.words[0], transport::Kind::kStore);
  const auto to = transport::Reference::parse(options.words[1], transport::Kind::kStore);
  if (from == to && !copy.form) throw UsageError("copy: the image is there already");
  Progress progress(progress_style(options));
  const Interruption interruption(copy.stop);
  transport::Places where = places(global, copy);
  where.registry = registry_side(options, "src-creds", where.stop);
  const transport::OpenSource source = transport::open_source(from, where);
  where.registry = registry_side(options, "dest-creds", where.stop);
  const transport::OpenDestination destination = transport::open_destination(to, where);
  const std::string digest = copy_between(*source.source, *destination.destination, copy, progress);
  if (to.path != "-") print_line(digest);
  return 0;
}

}  // namespace

const cli::Command kCopyCommand = {
    .name = "copy",
    .summary = "Copy an image from any place to any other",
    .words = {.usage = "FROM TO", .least = 2, .most = 2},
    .options = kOptions,
    .run = run_copy,
};
