// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/container_json.hpp"
#include "runtime/commands/global_options.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    cli::Option{
        .name = "format", .letter = 'f', .value = "FORMAT", .help = "table (default) or json"},
    cli::Option{.name = "quiet", .letter = 'q', .value = "", .help = "Only the ids"},
};

struct Listed {
  ContainerRecord record;
  oci::State state;
};

std::vector<Listed> containers(const std::string& root) {
  std::vector<Listed> all;
  Container::visit_all(root, [&all](const Container& container) {
    all.push_back({.record = container.record(), .state = container.state()});
  });
  return all;
}

using Row = std::array<std::string, 6>;

/// Columns as wide as their longest cell and three blanks, at least twelve: Go's tabwriter in runc.
std::string table(const std::vector<Row>& rows) {
  std::array<std::size_t, 6> widths{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max({widths[i], row[i].size() + 3, std::size_t{12}});
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      text += row[i] + std::string(widths[i] - row[i].size(), ' ');
    text += row.back() + '\n';
  }
  return text;
}

std::string as_table(const std::vector<Listed>& listed) {
  std::vector<Row> rows{{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
  for (const auto& [record, state] : listed)
    rows.push_back({record.id, std::to_string(state.pid), oci::name(state.status), record.bundle,
                    record.created, record.owner});
  return table(rows);
}

std::string as_json(const std::vector<Listed>& listed) {
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.begin_array();
  for (const auto& [record, state] : listed) write_container(json, record, state);
  return json.end_array().take() += '\n';
}

int list(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string root = state_root(global);
  if (options.has("quiet")) {
    std::string text;
    for (const std::string& id : Container::list(root)) text += id + '\n';
    print(text);
    return 0;
  }
  const std::string format = options.value_or("format", "table");
  if (format != "table" && format != "json") throw Error("invalid format option");
  const std::vector<Listed> listed = containers(root);
  print(format == "json" ? as_json(listed) : as_table(listed));
  return 0;
}

}  // namespace

cli::Command list_command() {
  return {.name = "list",
          .summary = "List the containers",
          .words = {},
          .options = kOptions,
          .run = list};
}

}  // namespace commands
