// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ranges>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/copy_options.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/transport/read_image.hpp"

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShortCommand = 60;

constexpr auto kOptions = joined(
    kRegistryOptions,
    std::to_array<cli::Option>({
        {.name = "format", .letter = 'f', .value = "table|json", .help = "how to print them"},
        {.name = "no-trunc", .help = "whole commands"},
        {.name = "platform",
         .value = "OS/ARCH[/VARIANT]",
         .help = "of an index: the image for this platform (default: this host's)"},
    }));

struct Line {
  oci::HistoryEntry entry;
  const oci::Descriptor* layer = nullptr;  // none: the step changed no file
};

/// The newest first, as docker shows them. Layers that no line explains come by themselves.
std::vector<Line> lines_of(const transport::ImageParts& image) {
  std::vector<Line> lines;
  std::size_t next = 0;
  for (const oci::HistoryEntry& entry : image.config.history) {
    const bool has_layer = !entry.empty_layer && next < image.parts.layers.size();
    lines.push_back({entry, has_layer ? &image.parts.layers[next++] : nullptr});
  }
  while (next < image.parts.layers.size()) lines.push_back({{}, &image.parts.layers[next++]});
  std::ranges::reverse(lines);
  return lines;
}

void print_json(const std::vector<Line>& lines) {
  Json list = Json::array();
  for (const Line& line : lines) {
    Json one = {{"Created", line.entry.created}, {"CreatedBy", line.entry.created_by}};
    if (!line.entry.comment.empty()) one["Comment"] = line.entry.comment;
    if (!line.entry.author.empty()) one["Author"] = line.entry.author;
    if (line.layer != nullptr) {
      one["Layer"] = line.layer->digest;
      one["Size"] = line.layer->size;
    }
    list.push_back(std::move(one));
  }
  print_line(list.dump(2, ' ', false, Json::error_handler_t::replace));
}

std::string column(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text + "  ";
}

void print_table(const std::vector<Line>& lines, bool whole) {
  std::string table =
      column("LAYER", 12) + column("CREATED", 20) + column("SIZE", 9) + "CREATED BY";
  for (const Line& line : lines) {
    std::string command = printable(line.entry.created_by, oci::kDocumentLimit);
    if (command.empty()) command = printable(line.entry.comment);
    if (!whole && command.size() > kShortCommand) command = printable(command, kShortCommand);
    const bool has_layer = line.layer != nullptr;
    table +=
        '\n' + column(has_layer ? Digest::parse(line.layer->digest).hex.substr(0, 12) : "-", 12) +
        column(printable(line.entry.created, 20), 20) +
        column(has_layer ? byte_count(static_cast<std::uint64_t>(line.layer->size)) : "0 B", 9) +
        command;
  }
  print_line(table);
}

int run_history(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string format = options.value_or("format", "table");
  if (format != "table" && format != "json")
    throw UsageError(sentence("--format ", format, ": must be table or json"));
  transport::Places where = places(global, {});
  where.registry = registry_options(options);
  std::optional<oci::Platform> platform;
  if (const auto wanted = options.value("platform")) platform = oci::Platform::parse(*wanted);
  const transport::OpenSource open = transport::open_source(
      transport::Reference::parse(options.words[0], transport::Kind::kStore), where);
  const transport::ImageParts image = transport::read_image(*open.source, platform);
  const std::vector<Line> lines = lines_of(image);
  if (format == "json")
    print_json(lines);
  else
    print_table(lines, options.has("no-trunc"));
  return 0;
}

}  // namespace

const cli::Command kHistoryCommand = {
    .name = "history",
    .summary = "Show the steps an image was made by, the newest first",
    .words = {.usage = "IMAGE", .least = 1, .most = 1},
    .options = kOptions,
    .run = run_history,
};
