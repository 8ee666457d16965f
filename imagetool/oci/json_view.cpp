// SPDX-License-Identifier: Apache-2.0
#include "imagetool/oci/json_view.hpp"

#include <nlohmann/json.hpp>

#include <set>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"

namespace oci {
namespace {

using nlohmann::json;

constexpr int kDeepest = 64;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

json parse_json(std::string_view text, std::string_view name) {
  std::set<std::string> keys;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kDeepest)
      throw Error(sentence(name, " is nested deeper than ", kDeepest, " levels"));
    // Readers differ in which of two equal keys counts: nothing may depend on it.
    if (event == json::parse_event_t::key && depth == 1 &&
        !keys.insert(value.get<std::string>()).second)
      throw Error(
          sentence(name, " has the key \"", printable(value.get<std::string>()), "\" twice"));
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), watch);
  } catch (const json::parse_error& error) {
    throw Error(sentence(name, " is not valid JSON, at byte ", error.byte));
  } catch (const json::exception&) {
    throw Error(sentence(name, " is not valid JSON: a number is out of range"));
  }
}

}  // namespace

JsonView::JsonView(std::shared_ptr<const json> document, const json* value, std::string place)
    : document_(std::move(document)), value_(value), place_(std::move(place)) {}

JsonView JsonView::parse(std::string_view text, std::string_view name, std::size_t limit) {
  if (text.size() > limit) throw Error(sentence(name, " is larger than ", limit, " bytes"));
  if (text.starts_with(kByteOrderMark))
    throw Error(sentence(name, " begins with a byte order mark"));
  auto document = std::make_shared<const json>(parse_json(text, name));
  if (!document->is_object()) throw Error(sentence(name, " is not a JSON object"));
  const json* const value = document.get();
  return {std::move(document), value, sentence(name, " ")};
}

void JsonView::refuse(std::string_view key, std::string_view why) const {
  throw Error(sentence(place_, "/", printable(key), ": ", why));
}

const json* JsonView::find(std::string_view key) const {
  const auto found = value_->find(key);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

bool JsonView::has(std::string_view key) const { return find(key) != nullptr; }

std::string JsonView::string(std::string_view key) const {
  const json* const member = find(key);
  if (member == nullptr) return "";
  if (!member->is_string()) refuse(key, "is not a string");
  return member->get<std::string>();
}

std::string JsonView::required_string(std::string_view key) const {
  std::string value = string(key);
  if (value.empty()) refuse(key, "is required");
  return value;
}

std::optional<std::int64_t> JsonView::integer(std::string_view key) const {
  const json* const member = find(key);
  if (member == nullptr) return std::nullopt;
  const bool too_large = member->is_number_unsigned() && member->get<std::uint64_t>() > INT64_MAX;
  if (!member->is_number_integer() || too_large) refuse(key, "is not a whole number in range");
  return member->get<std::int64_t>();
}

bool JsonView::boolean(std::string_view key) const {
  const json* const member = find(key);
  if (member == nullptr) return false;
  if (!member->is_boolean()) refuse(key, "is neither true nor false");
  return member->get<bool>();
}

std::optional<JsonView> JsonView::object(std::string_view key) const {
  const json* const member = find(key);
  if (member == nullptr) return std::nullopt;
  if (!member->is_object()) refuse(key, "is not an object");
  return JsonView(document_, member, sentence(place_, "/", printable(key)));
}

std::vector<JsonView> JsonView::objects(std::string_view key) const {
  std::vector<JsonView> views;
  const json* const member = find(key);
  if (member == nullptr) return views;
  if (!member->is_array()) refuse(key, "is not an array");
  for (const json& element : *member) {
    std::string place = sentence(place_, "/", printable(key), "/", views.size());
    if (!element.is_object()) throw Error(sentence(place, ": is not an object"));
    views.push_back(JsonView(document_, &element, std::move(place)));
  }
  return views;
}

std::vector<std::string> JsonView::strings(std::string_view key) const {
  std::vector<std::string> values;
  const json* const member = find(key);
  if (member == nullptr) return values;
  if (!member->is_array()) refuse(key, "is not an array");
  for (const json& element : *member) {
    if (!element.is_string() && !element.is_null())
      refuse(key, "holds something that is not a string");
    values.push_back(element.is_null() ? "" : element.get<std::string>());
  }
  return values;
}

std::vector<std::string> JsonView::string_or_strings(std::string_view key) const {
  const json* const member = find(key);
  if (member != nullptr && member->is_string()) return {member->get<std::string>()};
  return strings(key);
}

std::map<std::string, std::string> JsonView::string_map(std::string_view key) const {
  std::map<std::string, std::string> values;
  const json* const member = find(key);
  if (member == nullptr) return values;
  if (!member->is_object()) refuse(key, "is not an object");
  for (const auto& [name, element] : member->items()) {
    if (!element.is_string() && !element.is_null())
      refuse(key, "holds something that is not a string");
    values.emplace(name, element.is_null() ? "" : element.get<std::string>());
  }
  return values;
}

std::vector<std::string> JsonView::names() const {
  std::vector<std::string> names;
  for (const auto& [name, element] : value_->items()) names.push_back(name);
  return names;
}

std::vector<std::string> JsonView::names(std::string_view key) const {
  const std::optional<JsonView> member = object(key);
  return member ? member->names() : std::vector<std::string>();
}

}  // namespace oci
