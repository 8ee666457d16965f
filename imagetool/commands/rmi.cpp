// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/find_image.hpp"
#include "imagetool/commands/result.hpp"

namespace {

int run_rmi(const cli::Parsed& global, const cli::Parsed& options) {
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  for (const std::string& words : options.words) {
    const ImageStore::Image image = find_image(store, words);
    store.remove(image.name);
    print_line(image.name);
  }
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
