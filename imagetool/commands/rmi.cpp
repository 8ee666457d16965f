// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <vector>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/find_image.hpp"
#include "imagetool/commands/result.hpp"

namespace {

constexpr auto kOptions = std::to_array<cli::Option>({
    {.name = "force", .letter = 'f', .help = "by a digest: all names that mean it"},
});

bool is_digest_of(const std::string& words, const ImageStore::Image& image) {
  return image.manifest.digest.starts_with(words) ||
         Digest::parse(image.manifest.digest).hex.starts_with(words);
}

/// A digest may have several names, of which only one would go.
std::vector<ImageStore::Image> images_to_remove(const ImageStore& store,
                                                const ImageStore::Image& image,
                                                const std::string& words, bool all) {
  if (!is_digest_of(words, image)) return {image};
  std::vector<ImageStore::Image> images;
  std::string shown;
  for (const ImageStore::Image& one : store.list()) {
    if (one.manifest.digest != image.manifest.digest) continue;
    shown += sentence(images.empty() ? "" : ", ", one.name.empty() ? "<none>" : one.name);
    images.push_back(one);
  }
  if (images.size() > 1 && !all)
    throw Error(sentence(words, " has several names: say which of ", shown,
                         " to remove, or --force for all"));
  return images;
}

int run_rmi(const cli::Parsed& global, const cli::Parsed& options) {
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  std::vector<ImageStore::Image> doomed;
  for (const std::string& words : options.words)
    for (ImageStore::Image& one :
         images_to_remove(store, find_image(store, words), words, options.has("force")))
      if (std::ranges::none_of(doomed, [&](const ImageStore::Image& other) {
            return other.name == one.name && other.manifest.digest == one.manifest.digest;
          }))
        doomed.push_back(std::move(one));
  const bool kept = store.remove(doomed).kept_for_others;
  for (const ImageStore::Image& one : doomed)
    print_line(one.name.empty() ? one.manifest.digest : one.name);
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
    .options = kOptions,
    .run = run_rmi,
};
