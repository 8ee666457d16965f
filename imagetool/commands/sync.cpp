// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <regex>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/copy_options.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/commands/sync_list.hpp"
#include "imagetool/layer/unless_stopped.hpp"

namespace {

constexpr auto kOptions = joined(
    kRegistryOptions,
    joined(kCopyOptions,
           std::to_array<cli::Option>({
               {.name = "dest-creds",
                .value = "USER:PASSWORD",
                .help = "log in with these where the images go"},
               {.name = "scoped", .help = "keep registry and path of each image in its new name"},
               {.name = "keep-going", .help = "go on after an image that fails"},
               {.name = "dry-run", .help = "only say what would be copied"},
           })));

std::vector<SyncItem> read_items(const std::string& words, const std::stop_token& stop) {
  if (words.starts_with("docker://")) return read_sync_lines(words);
  const std::string text = unless_stopped(stop, [words] {
    return words == "-" ? read_all(STDIN_FILENO, "standard input") : read_file(words);
  });
  try {
    const bool yaml = words.ends_with(".yaml") || words.ends_with(".yml");
    return yaml ? read_sync_yaml(text) : read_sync_lines(text);
  } catch (Error& error) {
    error.add_context(words);
    throw;
  }
}

/// Where the image goes below the destination: "alpine:latest", scoped
/// "docker.io/library/alpine:…".
transport::Reference target_of(const transport::Reference& to, const ImageReference& image,
                               bool scoped) {
  const std::string path =
      scoped ? image.name() : image.repository.substr(image.repository.rfind('/') + 1);
  const std::string tag =
      image.tag ? *image.tag : Digest::parse(image.digest.value_or("")).hex.substr(0, 12);
  transport::Reference target = to;
  switch (to.kind) {
    case transport::Kind::kRegistry:
      target.name = sentence(to.name, '/', path, ':', tag);
      break;
    case transport::Kind::kDirectory:
      target.path = sentence(to.path, '/', path, ':', tag);
      break;
    case transport::Kind::kOciLayout:
      target.name = sentence(path, ':', tag);
      break;
    case transport::Kind::kStore:
      target.name = image.canonical();
      break;
    default:
      throw UsageError("sync: goes to docker://HOST[/PATH], dir:DIR, oci:DIR or store:");
  }
  return target;
}

class Sync {
 public:
  Sync(const cli::Parsed& global, const cli::Parsed& options)
      : options_(options), copy_(copy_options(options)), where_(places(global, copy_)) {
    const std::string& to = options.words[1];
    to_ = to == "store:" ? transport::Reference{.kind = transport::Kind::kStore}
                         : transport::Reference::parse(to, transport::Kind::kRegistry);
  }

  int run() {
    const Interruption interruption(copy_.stop);
    for (const SyncItem& item : read_items(options_.words[0], copy_.stop.get_token())) {
      const registry::Options from = source_options(item);
      try {
        for (const ImageReference& image : images_of(item, from)) one(image, from);
      } catch (const Error& error) {
        failed(error);
      }
    }
    return failures_ == 0 ? 0 : 1;
  }

 private:
  registry::Options source_options(const SyncItem& item) const {
    registry::Options from = registry_options(options_);
    if (item.creds) from.credentials.given = registry::parse_creds(*item.creds);
    if (item.tls_verify) from.tls_verify = *item.tls_verify;
    from.stop = copy_.stop.get_token();
    return from;
  }

  static std::vector<ImageReference> images_of(const SyncItem& item,
                                               const registry::Options& from) {
    if (item.image.tag || item.image.digest) return {item.image};
    std::vector<ImageReference> images;
    registry::Registry registry(item.image, from);
    const std::regex wanted(item.regex.value_or(""));
    registry.tags([&](const std::string& tag) {
      if (item.regex && !std::regex_search(tag, wanted)) return;
      try {  // what the registry says becomes part of paths
        images.push_back(ImageReference::parse_exact(sentence(item.image.name(), ':', tag)));
      } catch (const Error& error) {
        logging::warning(sentence("left out: ", error.what()));
      }
    });
    return images;
  }

  void one(const ImageReference& image, const registry::Options& from) {
    const transport::Reference target = target_of(to_, image, options_.has("scoped"));
    if (options_.has("dry-run"))
      return print_line(sentence("docker://", image.canonical(), ' ', target.str()));
    try {
      Progress progress(progress_style(options_));
      // A failure ends what else is under way for this image; an interruption ends all.
      transport::CopyOptions copy = copy_;
      copy.stop = std::stop_source();
      const std::stop_callback interrupted(copy_.stop.get_token(),
                                           [&copy] { copy.stop.request_stop(); });
      where_.stop = copy.stop.get_token();
      where_.registry = from;
      where_.registry.stop = where_.stop;
      const transport::OpenSource source = transport::open_source(
          {.kind = transport::Kind::kRegistry, .name = image.canonical()}, where_);
      where_.registry = registry_options(options_);
      where_.registry.credentials.given.reset();
      if (const auto creds = options_.value("dest-creds"))
        where_.registry.credentials.given = registry::parse_creds(*creds);
      where_.registry.stop = where_.stop;
      const transport::OpenDestination destination = transport::open_destination(target, where_);
      const std::string digest =
          copy_between(*source.source, *destination.destination, copy, progress);
      print_line(sentence(digest, ' ', target.str()));
    } catch (const Error& error) {
      failed(error);
    }
  }

  /// Called while the error is being handled.
  void failed(const Error& error) {
    if (!options_.has("keep-going") || copy_.stop.stop_requested()) throw;
    ++failures_;
    logging::error(error.what());
  }

  const cli::Parsed& options_;
  transport::CopyOptions copy_;
  transport::Places where_;
  transport::Reference to_;
  int failures_ = 0;
};

int run_sync(const cli::Parsed& global, const cli::Parsed& options) {
  return Sync(global, options).run();
}

}  // namespace

const cli::Command kSyncCommand = {
    .name = "sync",
    .summary = "Copy many images from registries: a list, skopeo's YAML, or all tags",
    .words = {.usage = "LIST|FILE.yaml|docker://REPOSITORY TO", .least = 2, .most = 2},
    .options = kOptions,
    .run = run_sync,
};
