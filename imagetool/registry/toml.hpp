// SPDX-License-Identifier: Apache-2.0
// A TOML file (read by toml++) as plain data that knows its lines, for registries.conf and
// hosts.toml. toyimg only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace registry::toml {

struct Value {
  /// Numbers with a fraction and dates are of no use here: monostate.
  std::variant<std::monostate, std::string, bool, std::int64_t, std::vector<Value>> content{};
  int line = 0;
};

struct Table {
  int line = 0;
  std::map<std::string, Value> values{};
  std::map<std::string, Table> tables{};               // [name] or name = {}
  std::map<std::string, std::vector<Table>> arrays{};  // [[name]]
};

/// Throws Error "<name>:<line>: …".
Table parse(std::string_view text, const std::string& name);

/// One table with the name of its file for messages. Borrows both. All getters throw Error
/// "<file>:<line>: <key> is not …", and give what is empty for a missing key.
class Place {
 public:
  Place(const Table& table, const std::string& file) : table_(table), file_(file) {}

  [[noreturn]] void refuse(int line, std::string_view why) const;
  [[noreturn]] void refuse(std::string_view why) const { refuse(table_.line, why); }

  bool has(const std::string& key) const { return table_.values.contains(key); }
  int line_of(const std::string& key) const { return table_.values.at(key).line; }
  std::string string(const std::string& key) const;
  bool boolean(const std::string& key) const;
  /// An array of strings.
  std::vector<std::string> strings(const std::string& key) const;
  /// The same, or a single string.
  std::vector<std::string> string_or_strings(const std::string& key) const;
  /// Strings, each with its key: all that a table of strings holds.
  std::map<std::string, std::string> all_strings() const;
  const Value* value(const std::string& key) const;

 private:
  std::vector<std::string> strings_in(const std::string& key, const Value& value) const;

  const Table& table_;
  const std::string& file_;
};

}  // namespace registry::toml
