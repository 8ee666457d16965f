// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/bundle_root.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/layer/tree_layer.hpp"
#include "imagetool/transport/output_file.hpp"

namespace {

constexpr auto kOptions = std::to_array<cli::Option>({
    {.name = "output",
     .letter = 'o',
     .value = "FILE",
     .help = "write to FILE (default: standard output)"},
    {.name = "compression",
     .value = "gzip|zstd|none[:LEVEL]",
     .help = "compress it (default: none)"},
});

int run_export(const cli::Parsed&, const cli::Parsed& options) {
  const std::string output = options.value_or("output", "-");
  const BundleRoot bundle = open_bundle_root(options.words[0]);
  if (bundle.upper)
    throw Error(sentence(options.words[0],
                         " is a bundle of overlay layers, which are no directory to export: "
                         "toyimg commit makes an image of it"));
  LayerWriterOptions how;
  how.compression = Compression::parse(options.value_or("compression", "none"));
  how.latest_time = source_date_epoch();
  std::stop_source stop;
  const Interruption interruption(stop);
  OutputFile file(output);
  LayerWriter writer(
      [&](std::span<const std::byte> bytes) {
        if (stop.stop_requested()) throw Error("stopped");
        file.write(bytes);
      },
      how);
  add_tree(writer, *bundle.rootfs, {.layer = false, .squashed = !bundle.has_owners});
  writer.finish();
  file.finish();
  return 0;
}

}  // namespace

const cli::Command kExportCommand = {
    .name = "export",
    .summary = "Write a bundle's root file system as a tarball",
    .words = {.usage = "BUNDLE", .least = 1, .most = 1},
    .options = kOptions,
    .run = run_export,
};
