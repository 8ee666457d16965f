// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/entry_path.hpp"

#include <algorithm>

#include "bundle-spec/error.hpp"

namespace {
constexpr std::string_view kPrefix = ".wh.";
constexpr std::string_view kOpaqueName = ".wh..wh..opq";
constexpr std::size_t kLongestPath = 4095;      // PATH_MAX without its NUL
constexpr std::size_t kLongestComponent = 255;  // NAME_MAX

std::string_view take_component(std::string_view& rest) {
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view component = rest.substr(0, slash);
  rest.remove_prefix(std::min(slash + 1, rest.size()));
  return component;
}
}  // namespace

std::string clean_path(std::string_view name) {
  std::string path;
  path.reserve(name.size());
  for (std::string_view rest = name; !rest.empty();) {
    const std::string_view component = take_component(rest);
    if (component.empty() || component == ".") continue;
    if (component == "..") {
      if (path.empty()) throw Error("the name leads above the root");
      const std::size_t slash = path.rfind('/');
      path.resize(slash == std::string::npos ? 0 : slash);
      continue;
    }
    if (component.size() > kLongestComponent)
      throw Error("a part of the name is longer than 255 bytes");
    if (!path.empty()) path += '/';
    path += component;
  }
  if (path.size() > kLongestPath) throw Error("the name is longer than 4095 bytes");
  return path;
}

SplitPath split_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::string join_path(std::string_view directory, std::string_view name) {
  return directory.empty() || name.empty() ? sentence(directory, name)
                                           : sentence(directory, '/', name);
}

Marker marker_of(std::string_view path) {
  const SplitPath split = split_path(path);
  for (std::string_view rest = split.directory; !rest.empty();) {
    const std::string_view component = take_component(rest);
    if (component.starts_with(".wh..wh.")) return Marker::kAufs;
    if (component.starts_with(kPrefix)) throw Error("the name leads through a whiteout");
  }
  if (!split.base.starts_with(kPrefix)) return Marker::kNone;
  if (split.base == kOpaqueName) return Marker::kOpaque;
  if (split.base.starts_with(".wh..wh.")) return Marker::kAufs;
  const std::string_view target = whiteout_target(split.base);
  if (target.empty() || target == "." || target == "..")
    throw Error("the whiteout hides no file of its directory");
  return Marker::kWhiteout;
}

std::string_view whiteout_target(std::string_view base) { return base.substr(kPrefix.size()); }
