// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <array>
#include <string>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/bundle_root.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/find_image.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/pull/differences.hpp"
#include "imagetool/pull/image_layers.hpp"
#include "imagetool/pull/pull.hpp"

namespace {

constexpr auto kOptions = std::to_array<cli::Option>({
    {.name = "format", .letter = 'f', .value = "text|json", .help = "how to print them"},
});

const char* word_of(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::kMissing:
      return "missing";
    case Difference::Kind::kExtra:
      return "extra";
    case Difference::Kind::kChanged:
      break;
  }
  return "changed";
}

void print_json(const std::vector<Difference>& differences) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Difference& one : differences)
    list.push_back({{"path", one.path}, {"kind", word_of(one.kind)}, {"what", one.what}});
  print_line(list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void print_text(const std::vector<Difference>& differences) {
  for (const Difference& one : differences) {
    std::string line = sentence(word_of(one.kind), " /", printable(one.path));
    for (std::size_t index = 0; index < one.what.size(); ++index)
      line += sentence(index == 0 ? ": " : ", ", one.what[index]);
    print_line(line);
  }
}

/// The image that the bundle was made from, as it says itself.
ImageStore::Image image_of(const ImageStore& store, const oci::RuntimeConfig& config,
                           const cli::Parsed& options) {
  if (options.words.size() > 1) return find_image(store, options.words[1]);
  const auto digest = config.annotations.find(kImageDigest);
  if (digest == config.annotations.end())
    throw UsageError("verify: the bundle does not say which image it was made from: name it");
  return find_image(store, digest->second);
}

std::vector<Difference> compare(const BundleRoot& bundle, const LowerLayers& image) {
  const bool owners = ::geteuid() == 0;
  if (bundle.upper)
    return find_differences(*bundle.upper, image, {.kind = TreeKind::kUpper, .owners = owners});
  return find_differences(*bundle.rootfs, image, {.kind = TreeKind::kWhole, .owners = owners});
}

int run_verify(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string format = options.value_or("format", "text");
  if (format != "text" && format != "json")
    throw UsageError(sentence("--format ", format, ": must be text or json"));
  Progress progress(ProgressStyle::kQuiet);
  std::stop_source stop;
  const Interruption interruption(stop);
  const BundleRoot bundle = open_bundle_root(options.words[0]);
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  const UniqueFd held = store.hold();
  const StoredImage image =
      read_stored_image(store, image_of(store, bundle.config, options).manifest);
  const LayerStore layers = LayerStore::open(store.blobs().directory());
  const LowerLayers merged =
      merged_layers(ready_layers(store, layers, image, {}, stop.get_token(), progress));
  const std::vector<Difference> differences = compare(bundle, merged);
  format == "json" ? print_json(differences) : print_text(differences);
  return differences.empty() ? 0 : 1;
}

}  // namespace

const cli::Command kVerifyCommand = {
    .name = "verify",
    .summary = "Compare a bundle's root file system with its image and list every difference",
    .words = {.usage = "BUNDLE [IMAGE]", .least = 1, .most = 2},
    .options = kOptions,
    .run = run_verify,
};
