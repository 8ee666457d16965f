// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/commands/bundle_root.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/find_image.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/owners/owners.hpp"
#include "imagetool/pull/differences.hpp"
#include "imagetool/pull/image_layers.hpp"
#include "imagetool/pull/pull.hpp"
#include "imagetool/pull/store_check.hpp"

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

bool is_at_or_below(const std::string& path, const std::string& top) {
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

/// A runtime makes what it mounts over, and leaves it: empty.
bool is_mount_point(const RootedDir& tree, const std::string& path,
                    const std::set<std::string>& destinations) {
  const UniqueFd file = tree.open(path, O_PATH | O_NOFOLLOW);
  struct stat status = {};
  check(::fstat(file.get(), &status), "stat ", path);
  if (S_ISREG(status.st_mode)) return status.st_size == 0 && destinations.contains(path);
  const auto is_needed = [&](const std::string& one) { return is_at_or_below(one, path); };
  if (!S_ISDIR(status.st_mode) || std::ranges::none_of(destinations, is_needed)) return false;
  const std::vector<std::string> names =
      sorted_names(tree.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).get());
  if (names.empty()) return true;
  return std::ranges::all_of(names, [&](const std::string& name) {
    return is_mount_point(tree, sentence(path, '/', name), destinations);
  });
}

std::set<std::string> mount_destinations(const oci::RuntimeConfig& config) {
  std::set<std::string> paths;
  for (const oci::Mount& mount : config.mounts)
    paths.insert(std::filesystem::path('/' + mount.destination).lexically_normal().string());
  return paths;
}

std::vector<Difference> compare(const BundleRoot& bundle, const LowerLayers& image) {
  const RootedDir& tree = bundle.upper ? *bundle.upper : *bundle.rootfs;
  std::vector<Difference> differences =
      find_differences(tree, image,
                       {.kind = bundle.upper ? TreeKind::kUpper : TreeKind::kWhole,
                        .owners = bundle.has_owners,
                        .devices = is_root_of_host()});
  const std::set<std::string> destinations = mount_destinations(bundle.config);
  std::erase_if(differences, [&](const Difference& one) {
    return one.kind == Difference::Kind::kExtra &&
           is_mount_point(tree, '/' + one.path, destinations);
  });
  return differences;
}

/// Files that stand for the layers. Where the store keeps directories, these are not looked at.
std::vector<UniqueFd> open_layers(const BundleRoot& bundle, std::size_t expected) {
  std::vector<UniqueFd> files;
  if (!bundle.layers.empty() && bundle.layers.size() != expected)
    throw Error(sentence("the bundle has ", bundle.layers.size(), " layers, the image ", expected));
  for (const std::string& path : bundle.layers) {
    files.push_back(open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK));
    struct stat status = {};
    check(::fstat(files.back().get(), &status), "stat ", path);
    if (!S_ISREG(status.st_mode)) return {};
  }
  return files;
}

int run_verify(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string format = options.value_or("format", "text");
  if (format != "text" && format != "json")
    throw UsageError(sentence("--format ", format, ": must be text or json"));
  std::stop_source stop;
  const Interruption interruption(stop);
  const BundleRoot bundle = open_bundle_root(options.words[0]);
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  const UniqueFd held = store.hold();
  const LayerStore layers = LayerStore::open(store.blobs().directory());
  // Before anything can fail: the image may be gone, and the bundle's layers only be there for it.
  if (layers.lease_again(options.words[0], bundle.layers))
    logging::warning(
        "the store did not know of the bundle at this place, and keeps its layers from now on");
  Progress progress(ProgressStyle::kQuiet);
  const StoredImage image =
      read_stored_image(store, image_of(store, bundle.config, options).manifest);
  const LowerLayers merged =
      merged_layers(ready_layers(store, layers, image, {}, stop.get_token(), progress));
  std::vector<Difference> differences = compare(bundle, merged);
  const std::vector<UniqueFd> files = open_layers(bundle, image.config.diff_ids.size());
  for (const std::size_t index : damaged_layers(store, image, files, stop.get_token()))
    differences.push_back({Difference::Kind::kChanged,
                           sentence("overlay/", index),
                           {sentence("the bundle's file of layer ", index + 1,
                                     " is not what the image's blob gives")}});
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
