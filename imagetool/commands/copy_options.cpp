// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/copy_options.hpp"

#include "bundle-spec/error.hpp"

transport::CopyOptions copy_options(const cli::Parsed& options) {
  transport::CopyOptions copy{.all = options.has("all"), .platform = {}, .form = {}, .stop = {}};
  if (const auto platform = options.value("platform")) {
    if (copy.all) throw UsageError("--all and --platform exclude each other");
    copy.platform = oci::Platform::parse(*platform);
  }
  return copy;
}

ProgressStyle progress_style(const cli::Parsed& options) {
  return progress_style(options.value_or("progress", "auto"), options.has("quiet"));
}

transport::Places places(const cli::Parsed& global, const transport::CopyOptions& copy) {
  return {.store_directory = store_directory(global.value_or("store", "")),
          .registry = {},
          .stop = copy.stop.get_token()};
}

std::string copy_between(transport::Source& source, transport::Destination& destination,
                         const transport::CopyOptions& options, Progress& progress) {
  const transport::RawManifest manifest =
      transport::copy_image(source, destination, options, progress);
  destination.finish();
  return manifest.digest;
}
