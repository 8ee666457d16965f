// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/transport_reference.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"

namespace transport {
namespace {

constexpr std::array<std::pair<std::string_view, Kind>, 6> kPrefixes{{
    {"docker://", Kind::kRegistry},
    {"store:", Kind::kStore},
    {"oci:", Kind::kOciLayout},
    {"oci-archive:", Kind::kOciArchive},
    {"docker-archive:", Kind::kDockerArchive},
    {"dir:", Kind::kDirectory},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kElsewhere{{
    {"docker-daemon:", "docker save IMAGE | toyimg load, or toyimg save IMAGE | docker load"},
    {"containers-storage:", "podman save IMAGE | toyimg load, or toyimg save IMAGE | podman load"},
    {"sif:", "apptainer can convert it to an OCI archive"},
    {"docker:", "write docker://, with two slashes"},
}};

void read_selector(Reference& reference, std::string_view text, std::string_view rest) {
  if (!rest.starts_with('@')) {
    reference.name = rest;
    return;
  }
  std::size_t number = 0;
  const auto read = std::from_chars(rest.data() + 1, rest.data() + rest.size(), number);
  if (read.ec != std::errc() || read.ptr != rest.data() + rest.size())
    throw UsageError(
        sentence(printable(text), ": what follows @ must be a number, the first is 0"));
  reference.index = number;
}

}  // namespace

Reference Reference::parse(std::string_view text, Kind bare) {
  for (const auto& [prefix, instead] : kElsewhere)
    if (text.starts_with(prefix) && !text.starts_with("docker://"))
      throw UsageError(sentence(printable(text), " is not supported: ", instead));
  Reference reference{.kind = bare};
  std::string_view rest = text;
  for (const auto& [prefix, kind] : kPrefixes) {
    if (!text.starts_with(prefix)) continue;
    reference.kind = kind;
    rest.remove_prefix(prefix.size());
    break;
  }
  if (rest.empty()) throw UsageError(sentence("\"", printable(text), "\" names nothing"));
  if (reference.kind == Kind::kRegistry || reference.kind == Kind::kStore) {
    reference.name = rest;
    return reference;
  }
  if (reference.kind == Kind::kDirectory) {
    reference.path = rest;
    return reference;
  }
  const std::size_t colon = rest.find(':');
  reference.path = rest.substr(0, colon);
  if (reference.path.empty()) throw UsageError(sentence(printable(text), " has no path"));
  if (colon != std::string_view::npos) read_selector(reference, text, rest.substr(colon + 1));
  return reference;
}

std::string Reference::str() const {
  std::string text;
  for (const auto& [prefix, one] : kPrefixes)
    if (one == kind) text = prefix;
  text += path;
  if (!path.empty() && (!name.empty() || index)) text += ':';
  if (index) text += sentence('@', *index);
  return text + name;
}

}  // namespace transport
