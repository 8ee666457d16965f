// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/copy_options.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/transport/archive_destination.hpp"
#include "imagetool/transport/store_transport.hpp"

namespace {

using Format = transport::ArchiveDestination::Format;

constexpr auto kOptions = joined(std::to_array<cli::Option>({
                                     {.name = "output",
                                      .letter = 'o',
                                      .value = "FILE",
                                      .help = "write to FILE (default: standard output)"},
                                     {.name = "format",
                                      .value = "docker-archive|oci-archive",
                                      .help = "which kind of archive (default: docker-archive)"},
                                 }),
                                 kCopyOptions);

Format format_of(const std::string& name) {
  if (name == "docker-archive") return Format::kDocker;
  if (name == "oci-archive") return Format::kOci;
  throw UsageError(sentence("--format ", name, ": must be docker-archive or oci-archive"));
}

/// As the store has it, for other tools name images their way; but with a digest it is no name.
std::string name_in_archive(const std::string& name) {
  if (name.find('@') == std::string::npos) return name;
  const auto tagged = ImageReference::parse(name).tagged();
  return tagged ? tagged->canonical() : "";
}

int run_save(const cli::Parsed& global, const cli::Parsed& options) {
  const transport::CopyOptions copy = copy_options(options);
  const Format format = format_of(options.value_or("format", "docker-archive"));
  Progress progress(progress_style(options));
  const Interruption interruption(copy.stop);
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  std::vector<ImageStore::Image> images;
  for (const std::string& words : options.words)
    images.push_back(transport::stored_image(store, words));
  transport::ArchiveDestination archive(options.value_or("output", "-"), format);
  for (const ImageStore::Image& image : images) {
    archive.set_name(name_in_archive(image.name));
    const auto source = transport::store_source(store, image.manifest);
    transport::copy_image(*source, archive, copy, progress);
  }
  archive.finish();
  return 0;
}

}  // namespace

const cli::Command kSaveCommand = {
    .name = "save",
    .summary = "Write images of the store into an archive for docker load, podman and skopeo",
    .words = {.usage = "IMAGE…", .least = 1, .most = 1000},
    .options = kOptions,
    .run = run_save,
};
