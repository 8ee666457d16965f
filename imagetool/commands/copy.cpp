// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/copy_options.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/transport/output_file.hpp"

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
               {.name = "src-tls-verify",
                .value = "true|false",
                .help = "--tls-verify only for where the image comes from",
                .value_optional = true},
               {.name = "dest-tls-verify",
                .value = "true|false",
                .help = "--tls-verify only for where it goes",
                .value_optional = true},
               {.name = "multi-arch",
                .value = "all|system",
                .help = "of an index: as --all, or this host's image, as without it"},
               {.name = "digestfile", .value = "FILE", .help = "write the digest there, too"},
               {.name = "sparse",
                .help = "of an index: it as it is, with those of its images that are there (and "
                        "for --platform)"},
               {.name = "preserve-digests", .help = "fail rather than make another manifest"},
               {.name = "compression",
                .value = "gzip|zstd|none[:LEVEL]",
                .help = "give the layers this compression, and the image another digest"},
               {.name = "format", .letter = 'f', .value = "TYPE", .hidden = true},
               {.name = "retry-times", .value = "N", .hidden = true},
               {.name = "insecure-policy", .hidden = true},
               {.name = "remove-signatures", .hidden = true},
           })));

/// `name`: "src" or "dest".
registry::Options registry_side(const cli::Parsed& options, const std::string& name,
                                const std::stop_token& stop) {
  registry::Options side = registry_options(options);
  const std::string verify = name + "-tls-verify";
  if (options.has(verify)) side.tls_verify = read_switch(options, verify);
  if (const auto given = options.value(name + "-creds"))
    side.credentials.given = registry::parse_creds(*given);
  side.stop = stop;
  return side;
}

/// skopeo's --multi-arch, and what else of its options needs a word.
void read_skopeo_options(const cli::Parsed& options, transport::CopyOptions& copy) {
  if (options.has("format"))
    throw UsageError(
        "copy --format: manifests stay as they are; docker-archive: writes Docker's, toyimg "
        "convert "
        "another compression");
  const auto which = options.value("multi-arch");
  if (!which) return;
  if (*which != "all" && *which != "system")
    throw UsageError(sentence("--multi-arch ", *which,
                              ": must be all or system; --sparse copies an index without images"));
  if (*which == "all" && copy.platform)
    throw UsageError("--multi-arch all and --platform exclude each other");
  copy.all = copy.all || *which == "all";
}

int run_copy(const cli::Parsed& global, const cli::Parsed& options) {
  transport::CopyOptions copy = copy_options(options);
  read_skopeo_options(options, copy);
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
  where.registry = registry_side(options, "src", where.stop);
  const transport::OpenSource source = transport::open_source(from, where);
  where.registry = registry_side(options, "dest", where.stop);
  const transport::OpenDestination destination = transport::open_destination(to, where);
  const std::string digest = copy_between(*source.source, *destination.destination, copy, progress);
  if (const auto file = options.value("digestfile")) write_result_file(*file, digest);
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
