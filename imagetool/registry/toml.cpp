// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/toml.hpp"

// Compiled in here: one shared library less to load at each start.
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"

namespace registry::toml {
namespace {

int line_of(const ::toml::node& node) { return static_cast<int>(node.source().begin.line); }

bool is_table_array(const ::toml::node& node) {
  return node.is_array_of_tables() && !node.as_array()->empty();
}

Value to_value(const ::toml::node& node) {
  Value value{.line = line_of(node)};
  if (const auto* const text = node.as_string())
    value.content = text->get();
  else if (const auto* const truth = node.as_boolean())
    value.content = truth->get();
  else if (const auto* const number = node.as_integer())
    value.content = number->get();
  else if (const auto* const array = node.as_array()) {
    std::vector<Value> values;
    for (const ::toml::node& one : *array) values.push_back(to_value(one));
    value.content = std::move(values);
  }
  return value;
}

Table to_table(const ::toml::table& source) {
  Table table{.line = line_of(source)};
  for (const auto& [name, node] : source) {
    const std::string key(name.str());
    if (const auto* const inner = node.as_table())
      table.tables.emplace(key, to_table(*inner));
    else if (is_table_array(node))
      for (const ::toml::node& one : *node.as_array())
        table.arrays[key].push_back(to_table(*one.as_table()));
    else
      table.values.emplace(key, to_value(node));
  }
  return table;
}

}  // namespace

Table parse(std::string_view text, const std::string& name) {
  try {
    return to_table(::toml::parse(text, name));
  } catch (const ::toml::parse_error& error) {
    throw Error(sentence(name, ":", error.source().begin.line, ": ",
                         printable(std::string(error.description()))));
  }
}

void Place::refuse(int line, std::string_view why) const {
  throw Error(sentence(file_, ":", line, ": ", why));
}

const Value* Place::value(const std::string& key) const {
  const auto found = table_.values.find(key);
  return found == table_.values.end() ? nullptr : &found->second;
}

std::string Place::string(const std::string& key) const {
  const Value* const found = value(key);
  if (found == nullptr) return {};
  const auto* const text = std::get_if<std::string>(&found->content);
  if (text == nullptr) refuse(found->line, sentence(printable(key), " is not a string"));
  return *text;
}

bool Place::boolean(const std::string& key) const {
  const Value* const found = value(key);
  if (found == nullptr) return false;
  const auto* const truth = std::get_if<bool>(&found->content);
  if (truth == nullptr) refuse(found->line, sentence(printable(key), " is not true or false"));
  return *truth;
}

std::vector<std::string> Place::strings_in(const std::string& key, const Value& value) const {
  const auto* const array = std::get_if<std::vector<Value>>(&value.content);
  std::vector<std::string> texts;
  if (array != nullptr)
    for (const Value& one : *array)
      if (const auto* const text = std::get_if<std::string>(&one.content)) texts.push_back(*text);
  if (array == nullptr || texts.size() != array->size())
    refuse(value.line, sentence(printable(key), " is not an array of strings"));
  return texts;
}

std::vector<std::string> Place::strings(const std::string& key) const {
  const Value* const found = value(key);
  return found == nullptr ? std::vector<std::string>{} : strings_in(key, *found);
}

std::vector<std::string> Place::string_or_strings(const std::string& key) const {
  const Value* const found = value(key);
  if (found == nullptr) return {};
  if (const auto* const text = std::get_if<std::string>(&found->content)) return {*text};
  return strings_in(key, *found);
}

std::map<std::string, std::string> Place::all_strings() const {
  std::map<std::string, std::string> all;
  for (const auto& [key, value] : table_.values) all[key] = string(key);
  return all;
}

}  // namespace registry::toml
