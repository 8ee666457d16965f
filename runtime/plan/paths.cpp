// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/paths.hpp"

#include <vector>

#include "bundle-spec/error.hpp"

namespace plan {

std::string clean_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  std::string clean;
  for (const std::string_view part : parts) {
    clean += '/';
    clean += part;
  }
  return clean.empty() ? "/" : clean;
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return true;
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string moved(std::string_view path, std::string_view from, std::string_view to) {
  const std::string_view rest = path.substr(from == "/" ? 0 : from.size());
  return rest.empty() ? std::string(to) : clean_path(sentence(to, rest));
}

std::string join_path(std::string_view base, std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  while (path.starts_with("./")) path.remove_prefix(2);
  while (base.size() > 1 && base.ends_with('/')) base.remove_suffix(1);
  return sentence(base, base.ends_with('/') ? "" : "/", path);
}

std::string_view last_component(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

void refuse_nul(std::string_view text, std::string_view pointer) {
  if (text.find('\0') != std::string_view::npos) {
    throw Error(sentence(pointer, ": must not contain a NUL byte"));
  }
}

}  // namespace plan
