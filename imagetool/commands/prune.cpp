// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "imagetool/build/build_store.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/pull/progress.hpp"

namespace {

constexpr auto kOptions = std::to_array<cli::Option>({
    {.name = "force", .letter = 'f', .help = "nothing to do: no question is asked"},
    {.name = "all", .letter = 'a', .hidden = true},
    {.name = "build-cache", .help = "also forget what builds remember, cache mounts included"},
});

std::uint64_t forget_builds(const ImageStore& store) {
  const std::optional<UniqueFd> alone = store.hold_alone();
  if (!alone)
    throw Error(
        "another toyimg is at work in the store, perhaps a build: nothing was removed, try again "
        "when it is done");
  return build::BuildStore::remove_all(store.blobs().directory());
}

int run_prune(const cli::Parsed& global, const cli::Parsed& options) {
  if (options.has("all"))
    throw UsageError(
        "prune --all: no container here says which images are in use; toyimg rmi IMAGE… removes "
        "those with names");
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  std::uint64_t bytes = 0;
  if (options.has("build-cache")) bytes = forget_builds(store);
  const ImageStore::Removed removed = store.collect_garbage();
  if (removed.kept_for_others)
    logging::warning("another toyimg is at work in the store: try again when it is done");
  print_line(sentence("removed ", removed.blobs, removed.blobs == 1 ? " blob" : " blobs", " and ",
                      removed.layers, removed.layers == 1 ? " layer, " : " layers, ",
                      byte_count(bytes + removed.bytes)));
  return 0;
}

}  // namespace

const cli::Command kPruneCommand = {
    .name = "prune",
    .summary = "Remove from the store what neither an image nor a bundle needs",
    .words = {.usage = "", .least = 0, .most = 0},
    .options = kOptions,
    .run = run_prune,
};
