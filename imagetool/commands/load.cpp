// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/copy_options.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/short_names.hpp"
#include "imagetool/transport/docker_archive.hpp"
#include "imagetool/transport/store_transport.hpp"

namespace {

constexpr std::size_t kMostNames = 1000;

constexpr auto kOptions = joined(std::to_array<cli::Option>({
                                     {.name = "input",
                                      .letter = 'i',
                                      .value = "FILE",
                                      .help = "read from FILE (default: standard input)"},
                                     {.name = "name",
                                      .value = "NAME",
                                      .help = "call the archive's only image so, whatever it says"},
                                 }),
                                 kCopyOptions);

/// The names an image shall have, perhaps none: those the archive brings, checked as a user's, but
/// no promise of a digest.
std::vector<std::string> names_of(const transport::ArchivedImage& image, std::size_t number) {
  if (image.names.size() > kMostNames)
    throw Error(sentence("image ", number, " has more than ", kMostNames, " names"));
  std::vector<std::string> names;
  for (const std::string& name : image.names) {
    try {
      if (const auto tagged = ImageReference::parse(name).tagged())
        names.push_back(tagged->canonical());
    } catch (Error& error) {
      error.add_context("image ", number, " is called \"", printable(name), '"');
      throw;
    }
  }
  return names;
}

using NamedImages = std::vector<std::pair<std::vector<std::string>, transport::ArchivedImage*>>;

/// Everything that can be wrong about names is found before anything is stored.
NamedImages named(std::vector<transport::ArchivedImage>& images, const cli::Parsed& options) {
  const auto name = options.value("name");
  if (images.empty()) throw Error("the archive has no images");
  if (name && images.size() != 1)
    throw UsageError(
        sentence("load: --name is for an archive of one image, this one has ", images.size()));
  NamedImages result;
  for (transport::ArchivedImage& image : images)
    result.emplace_back(name ? std::vector{registry::image_named(*name).canonical()}
                             : names_of(image, result.size() + 1),
                        &image);
  return result;
}

int run_load(const cli::Parsed& global, const cli::Parsed& options) {
  const transport::CopyOptions copy = copy_options(options);
  const std::string input = options.value_or("input", "-");
  if (input == "-" && ::isatty(STDIN_FILENO) == 1)
    throw UsageError("load: give an archive with -i FILE, or redirect it");
  Progress progress(progress_style(options));
  const Interruption interruption(copy.stop);
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  const std::shared_ptr<const transport::FileSet> files =
      transport::open_archive(input, copy.stop.get_token());
  try {
    std::vector<transport::ArchivedImage> images = transport::archived_images(files);
    for (const auto& [names, image] : named(images, options)) {
      const auto destination = transport::store_destination(store, names, copy.stop.get_token());
      const std::string digest = copy_between(*image->source, *destination, copy, progress);
      if (names.empty()) print_line(sentence("Loaded image ID: ", digest));
      for (const std::string& one : names)
        print_line(sentence("Loaded image: ", ImageReference::parse(one).familiar()));
    }
  } catch (Error& error) {
    error.add_context(input == "-" ? "standard input" : input);
    throw;
  }
  return 0;
}

}  // namespace

const cli::Command kLoadCommand = {
    .name = "load",
    .summary = "Take the images of an archive into the store",
    .words = {.usage = "", .least = 0, .most = 0},
    .options = kOptions,
    .run = run_load,
};
