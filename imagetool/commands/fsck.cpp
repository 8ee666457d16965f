// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/build/build_store.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/pull/store_check.hpp"

namespace {

constexpr auto kOptions = std::to_array<cli::Option>({
    {.name = "quiet", .letter = 'q', .help = "say nothing but what is wrong"},
});

int run_fsck(const cli::Parsed& global, const cli::Parsed& options) {
  Progress progress(progress_style("plain", options.has("quiet")));
  std::stop_source stop;
  const Interruption interruption(stop);
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  StoreReport report = check_store(store, stop.get_token(), progress);
  for (const std::string& key : build::BuildStore::remove_damaged(store.blobs().directory()))
    report.removed.push_back("record of the build step " + key);
  for (const std::string& one : report.removed) print_line(sentence("removed: damaged ", one));
  for (const std::string& one : report.repaired) print_line(sentence("repaired: ", one));
  for (const std::string& one : report.incomplete)
    print_line(sentence("incomplete: ", one, " (toyimg pull fetches what is missing)"));
  if (!options.has("quiet"))
    print_line(sentence(report.blobs, " blobs and ", report.layers, " layers looked at",
                        report.is_sound() ? ": all is sound" : ""));
  return report.is_sound() ? 0 : 1;
}

}  // namespace

const cli::Command kFsckCommand = {
    .name = "fsck",
    .summary = "Look through the store: hash every blob, compare every layer, repair what can be",
    .words = {.usage = "", .least = 0, .most = 0},
    .options = kOptions,
    .run = run_fsck,
};
