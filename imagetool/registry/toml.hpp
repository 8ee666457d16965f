// SPDX-License-Identifier: Apache-2.0
// The part of TOML 1.0 that registries.conf needs: tables, arrays of tables, strings, booleans,
// whole numbers, arrays of strings, comments. The rest is refused with its line. Pure; toyimg only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace registry::toml {

struct Value {
  std::variant<std::string, bool, std::int64_t, std::vector<std::string>> content;
  int line = 0;
};

struct Table {
  int line = 0;
  std::map<std::string, Value> values{};
  std::map<std::string, Table> tables{};               // [name]
  std::map<std::string, std::vector<Table>> arrays{};  // [[name]]
};

/// Throws Error "<name>:<line>: …".
Table parse(std::string_view text, const std::string& name);

}  // namespace registry::toml
