// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/layer_options.hpp"

#include <charconv>
#include <cstdint>
#include <string>

#include "bundle-spec/error.hpp"

namespace {

void read_number(const cli::Parsed& options, const char* name, std::uint64_t& number) {
  const auto text = options.value(name);
  if (!text) return;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number == 0)
    throw UsageError(sentence("--", name, " ", *text, ": must be a number above 0"));
}

}  // namespace

ApplyLayerOptions layer_options(const cli::Parsed& options) {
  ApplyLayerOptions result;
  result.layer.set_id = !options.has("no-setuid");
  result.layer.devices = !options.has("no-devices");
  read_number(options, "max-entries", result.layer.entries);
  read_number(options, "max-size", result.inflate.output);
  // Holes cost no tar bytes.
  read_number(options, "max-size", result.layer.file_bytes);
  read_number(options, "max-ratio", result.inflate.ratio);
  read_number(options, "max-name", result.layer.name_bytes);
  read_number(options, "max-depth", result.layer.depth);
  read_number(options, "max-header", result.tar.header_bytes);
  return result;
}

RootForm root_form(const cli::Parsed& options) {
  if (!options.has("overlay")) return RootForm::kFlat;
  if (!options.value("output")) throw UsageError("--overlay: -o BUNDLE says which bundle");
  return RootForm::kOverlay;
}
