// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/find_image.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/registry/registries_conf.hpp"
#include "imagetool/registry/short_names.hpp"

namespace {

int run_tag(const cli::Parsed& global, const cli::Parsed& options) {
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  const UniqueFd held = store.hold();
  const ImageStore::Image image = find_image(store, options.words[0]);
  std::vector<std::string> names;
  for (std::size_t index = 1; index < options.words.size(); ++index)
    names.push_back(registry::image_named(options.words[index]).canonical());
  for (const std::string& name : names) store.tag(name, image.manifest);
  return 0;
}

}  // namespace

const cli::Command kTagCommand = {
    .name = "tag",
    .summary = "Give an image of the store further names",
    .words = {.usage = "IMAGE NAME…", .least = 2, .most = 1000},
    .options = {},
    .run = run_tag,
};
