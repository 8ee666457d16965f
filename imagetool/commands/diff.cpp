// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/copy_options.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/layer/file_tree.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/transport/read_image.hpp"

namespace {

using Json = nlohmann::ordered_json;

constexpr auto kOptions =
    joined(kRegistryOptions,
           std::to_array<cli::Option>({
               {.name = "format", .letter = 'f', .value = "text|json", .help = "how to print it"},
               {.name = "config-only", .help = "compare the configs, not the files"},
           }));

struct Side {
  transport::OpenSource open;
  transport::ImageParts image;
};

Side open_side(const std::string& words, const transport::Places& where) {
  Side side;
  side.open =
      transport::open_source(transport::Reference::parse(words, transport::Kind::kStore), where);
  side.image = transport::read_image(*side.open.source);
  return side;
}

FileTree tree_of(const Side& side) {
  FileTree tree;
  for (std::size_t index = 0; index < side.image.parts.layers.size(); ++index) {
    const oci::Descriptor& layer = side.image.parts.layers[index];
    try {
      tree.apply(transport::verified(side.open.source->open(layer), layer));
    } catch (Error& error) {
      error.add_context("layer ", index + 1, " (", layer.digest, ")");
      throw;
    }
  }
  return tree;
}

/// Of the configs' JSON, what a container notices: history and diff_ids follow from the layers.
void compare_configs(const Json& before, const Json& after, const std::string& path, Json& found) {
  if (before == after) return;
  if (before.is_object() && after.is_object()) {
    for (const auto& [key, value] : before.items())
      compare_configs(value, after.value(key, Json()), sentence(path, '/', key), found);
    for (const auto& [key, value] : after.items())
      if (!before.contains(key)) compare_configs(Json(), value, sentence(path, '/', key), found);
    return;
  }
  found.push_back({{"Path", path}, {"Before", before}, {"After", after}});
}

Json config_changes(const Side& before, const Side& after) {
  Json one = Json::parse(before.image.config_text, nullptr, false);
  Json other = Json::parse(after.image.config_text, nullptr, false);
  for (Json* const config : {&one, &other})
    for (const char* const key : {"history", "rootfs", "created", "container", "container_config"})
      config->erase(key);
  Json found = Json::array();
  compare_configs(one, other, "", found);
  return found;
}

const char* letter(TreeChange::Kind kind) {
  switch (kind) {
    case TreeChange::Kind::kAdded:
      return "A";
    case TreeChange::Kind::kRemoved:
      return "D";
    case TreeChange::Kind::kChanged:
      return "C";
  }
  return "";
}

void print_text(const Json& document) {
  const auto shown = [](const Json& value) {
    return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 1000);
  };
  for (const Json& change : document["Config"])
    print_line(sentence("config ", printable(change["Path"].get<std::string>()), ": ",
                        shown(change["Before"]), " → ", shown(change["After"])));
  for (const Json& change : document["Files"]) {
    const std::string what = change.value("What", std::string());
    print_line(sentence(change["Kind"].get<std::string>(), ' ',
                        printable(change["Path"].get<std::string>(), 4096),
                        what.empty() ? "" : ": ", what));
  }
}

int run_diff(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string format = options.value_or("format", "text");
  if (format != "text" && format != "json")
    throw UsageError(sentence("--format ", format, ": must be text or json"));
  transport::Places where = places(global, {});
  where.registry = registry_options(options);
  const Side before = open_side(options.words[0], where);
  const Side after = open_side(options.words[1], where);
  Json document = {{"Config", config_changes(before, after)}, {"Files", Json::array()}};
  if (!options.has("config-only") && before.image.config.diff_ids != after.image.config.diff_ids)
    compare_trees(tree_of(before), tree_of(after), [&](const TreeChange& change) {
      Json one = {{"Kind", letter(change.kind)}, {"Path", '/' + change.path}};
      if (!change.what.empty()) one["What"] = change.what;
      document["Files"].push_back(std::move(one));
    });
  if (format == "json")
    print_line(document.dump(2, ' ', false, Json::error_handler_t::replace));
  else
    print_text(document);
  return 0;
}

}  // namespace

const cli::Command kDiffCommand = {
    .name = "diff",
    .summary = "Show how two images differ, file by file, without extracting them",
    .words = {.usage = "IMAGE1 IMAGE2", .least = 2, .most = 2},
    .options = kOptions,
    .run = run_diff,
};
