// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/find_image.hpp"
#include "imagetool/commands/result.hpp"

namespace {

/// A digest may have several names, of which only one would go, or none that toyimg can forget.
void check_that_one_is_meant(const ImageStore& store, const ImageStore::Image& image,
                             const std::string& words) {
  if (image.name.empty())
    throw Error(sentence(
        words, " has no name: it was put into the store by another tool, which has to remove it"));
  if (!image.manifest.digest.starts_with(words) &&
      !Digest::parse(image.manifest.digest).hex.starts_with(words))
    return;
  std::string names;
  std::size_t count = 0;
  for (const ImageStore::Image& one : store.list()) {
    if (one.manifest.digest != image.manifest.digest) continue;
    names += sentence(count++ == 0 ? "" : ", ", one.name);
  }
  if (count > 1)
    throw Error(sentence(words, " has several names: say which of ", names, " to remove"));
}

int run_rmi(const cli::Parsed& global, const cli::Parsed& options) {
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  bool kept = false;
  for (const std::string& words : options.words) {
    const ImageStore::Image image = find_image(store, words);
    check_that_one_is_meant(store, image, words);
    kept = store.remove(image.name).kept_for_others;
    print_line(image.name);
  }
  if (kept)
    logging::warning(
        "another toyimg is at work in the store: what nobody needs is removed by the next rmi");
  return 0;
}

}  // namespace

const cli::Command kRmiCommand = {
    .name = "rmi",
    .summary = "Remove images from the store, and the content that nothing else uses",
    .words = {.usage = "IMAGE…", .least = 1, .most = 1000},
    .options = {},
    .run = run_rmi,
};
