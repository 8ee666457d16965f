// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "bundle-spec/cli/log.hpp"
#include "imagetool/build/build_store.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/pull/progress.hpp"

namespace {

constexpr auto kOptions = std::to_array<cli::Option>({
    {.name = "build-cache", .help = "also forget what builds remember, cache mounts included"},
});

int run_prune(const cli::Parsed& global, const cli::Parsed& options) {
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  std::uint64_t bytes = 0;
  if (options.has("build-cache")) bytes = build::BuildStore::remove_all(store.blobs().directory());
  const ImageStore::Removed removed = store.collect_garbage();
  if (removed.kept_for_others)
    logging::warning("another toyimg is at work in the store: try again when it is done");
  print_line(byte_count(bytes + removed.bytes) + " freed");
  return 0;
}

}  // namespace

const cli::Command kPruneCommand = {
    .name = "prune",
    .summary = "Remove content of the store that nothing uses",
    .words = {},
    .options = kOptions,
    .run = run_prune,
};
