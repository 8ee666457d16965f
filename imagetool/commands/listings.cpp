// SPDX-License-Identifier: Apache-2.0
// What a registry has: tags, catalog, referrers; and delete, which has it have less.
#include <nlohmann/json.hpp>

#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/registry_host.hpp"
#include "imagetool/registry/short_names.hpp"

namespace {

using Json = nlohmann::ordered_json;

constexpr auto kReferrersOptions = joined(
    kRegistryOptions,
    std::to_array<cli::Option>({
        {.name = "artifact-type", .value = "TYPE", .help = "only what is of this type"},
        {.name = "format", .letter = 'f', .value = "table|json", .help = "how to print them"},
    }));

constexpr auto kDeleteOptions = joined(
    kRegistryOptions,
    std::to_array<cli::Option>({
        {.name = "all-tags", .help = "the manifest behind the tag, and so all tags that mean it"},
    }));

/// Signals end what a verb does with the registry.
struct Session {
  std::stop_source stop{};
  Interruption interruption{stop};
  registry::Options options;

  explicit Session(const cli::Parsed& parsed) : options(registry_options(parsed)) {
    options.stop = stop.get_token();
  }
};

int run_tags(const cli::Parsed&, const cli::Parsed& options) {
  const Session session(options);
  const ImageReference repository = registry::image_to_ask(options.words[0]);
  if (repository.tag || repository.digest)
    throw UsageError(
        sentence("tags: give a repository, without tag or digest: ", repository.name()));
  registry::Registry registry(repository, session.options);
  registry.tags([](const std::string& tag) { print_line(printable(tag)); });
  return 0;
}

int run_catalog(const cli::Parsed&, const cli::Parsed& options) {
  const Session session(options);
  const std::string host = registry::login_key(options.words[0]);
  if (host.find('/') != std::string::npos)
    throw UsageError(sentence("catalog: ", host, " is a repository, not a registry"));
  registry::RegistryHost(host, session.options).catalog([](const std::string& name) {
    print_line(printable(name));
  });
  return 0;
}

Json as_json(const std::vector<oci::Descriptor>& found) {
  Json list = Json::array();
  for (const oci::Descriptor& one : found) {
    Json entry = {{"mediaType", one.media_type}, {"digest", one.digest}, {"size", one.size}};
    if (!one.artifact_type.empty()) entry["artifactType"] = one.artifact_type;
    for (const auto& [key, value] : one.annotations) entry["annotations"][key] = value;
    list.push_back(std::move(entry));
  }
  return {{"schemaVersion", 2}, {"mediaType", std::string(oci::kOciIndex)}, {"manifests", list}};
}

int run_referrers(const cli::Parsed&, const cli::Parsed& options) {
  const Session session(options);
  const std::string format = options.value_or("format", "table");
  if (format != "table" && format != "json")
    throw UsageError(sentence("--format ", format, ": must be table or json"));
  const ImageReference image = registry::image_to_ask(options.words[0]);
  registry::Registry registry(image, session.options);
  const std::string digest =
      image.digest ? *image.digest : registry.resolve(image.manifest_reference());
  const auto found = registry.referrers(digest, options.value_or("artifact-type", ""));
  if (format == "json")
    print_line(as_json(found).dump(2, ' ', false, Json::error_handler_t::replace));
  else
    for (const oci::Descriptor& one : found)
      print_line(
          sentence(one.digest, "  ", one.size, "  ",
                   printable(one.artifact_type.empty() ? one.media_type : one.artifact_type)));
  return 0;
}

int run_delete(const cli::Parsed&, const cli::Parsed& options) {
  const Session session(options);
  const ImageReference image = registry::image_to_ask(options.words[0]);
  if (!image.tag && !image.digest)
    throw UsageError(sentence("delete: say which of ", image.name(), " by a tag or a digest"));
  registry::Registry registry(image, session.options);
  std::string what = image.manifest_reference();
  if (options.has("all-tags")) what = registry.resolve(what);
  try {
    registry.delete_manifest(what);
  } catch (const registry::Unsupported& error) {
    if (what.find(':') != std::string::npos) throw;
    throw Error(
        sentence(error.what(), "; with --all-tags the manifest goes, and all tags that mean it"));
  }
  print_line(what);
  return 0;
}

}  // namespace

const cli::Command kTagsCommand = {
    .name = "tags",
    .summary = "List the tags of a repository",
    .words = {.usage = "REPOSITORY", .least = 1, .most = 1},
    .options = kRegistryOptions,
    .run = run_tags,
};
const cli::Command kCatalogCommand = {
    .name = "catalog",
    .summary = "List the repositories of a registry",
    .words = {.usage = "REGISTRY", .least = 1, .most = 1},
    .options = kRegistryOptions,
    .run = run_catalog,
};
const cli::Command kReferrersCommand = {
    .name = "referrers",
    .summary = "List what refers to an image in its registry: signatures, SBOMs",
    .words = {.usage = "REF", .least = 1, .most = 1},
    .options = kReferrersOptions,
    .run = run_referrers,
};
const cli::Command kDeleteCommand = {
    .name = "delete",
    .summary = "Delete an image from its registry",
    .words = {.usage = "REF", .least = 1, .most = 1},
    .options = kDeleteOptions,
    .run = run_delete,
};
