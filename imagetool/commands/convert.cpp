// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/copy_options.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/registry/short_names.hpp"
#include "imagetool/transport/store_transport.hpp"

namespace {

constexpr auto kOptions =
    joined(std::to_array<cli::Option>({
               {.name = "compression",
                .value = "gzip|zstd|none[:LEVEL]",
                .help = "the compression its layers shall have (default: zstd)"},
           }),
           kCopyOptions);

int run_convert(const cli::Parsed& global, const cli::Parsed& options) {
  transport::CopyOptions copy = copy_options(options);
  copy.form = {.compression = Compression::parse(options.value_or("compression", "zstd"))};
  Progress progress(progress_style(options));
  const Interruption interruption(copy.stop);
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  const ImageStore::Image image = transport::stored_image(store, options.words[0]);
  const std::string name =
      options.words.size() > 1 ? registry::image_named(options.words[1]).canonical() : image.name;
  if (name.empty())
    throw UsageError(sentence("convert: ", options.words[0], " has no name: give a new one"));
  const auto source = transport::store_source(store, image.manifest);
  const auto destination = transport::store_destination(store, {name}, copy.stop.get_token());
  print_line(copy_between(*source, *destination, copy, progress));
  return 0;
}

}  // namespace

const cli::Command kConvertCommand = {
    .name = "convert",
    .summary = "Give the layers of an image in the store another compression",
    .words = {.usage = "IMAGE [NEWNAME]", .least = 1, .most = 2},
    .options = kOptions,
    .run = run_convert,
};
