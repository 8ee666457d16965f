// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/image_format.hpp"

#include <nlohmann/json.hpp>

#include "bundle-spec/error.hpp"

namespace {

using Json = nlohmann::ordered_json;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

const Json& member(const Json& document, std::string_view path) {
  if (!path.starts_with('.'))
    throw UsageError(sentence("--format: ", path, " must begin with a dot, as in {{.Digest}}"));
  const Json* value = &document;
  for (std::string_view rest = path.substr(1); !rest.empty();) {
    const std::string name(rest.substr(0, rest.find('.')));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    if (!value->is_object() || !value->contains(name))
      throw UsageError(sentence("--format: there is no ", path, " here"));
    value = &(*value)[name];
  }
  return *value;
}

std::string text_of(const Json& value, bool as_json) {
  if (value.is_string() && !as_json) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string formatted(std::string_view format, const Json& document) {
  std::string text;
  while (!format.empty()) {
    const std::size_t begin = format.find("{{");
    text += format.substr(0, begin);
    if (begin == std::string_view::npos) break;
    const std::size_t end = format.find("}}", begin);
    if (end == std::string_view::npos) throw UsageError("--format: a {{ has no }}");
    std::string_view inner = trimmed(format.substr(begin + 2, end - begin - 2));
    const bool as_json = inner.starts_with("json ");
    if (as_json) inner = trimmed(inner.substr(5));
    text += text_of(member(document, inner), as_json);
    format.remove_prefix(end + 2);
  }
  return text;
}
