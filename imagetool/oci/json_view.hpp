// SPDX-License-Identifier: Apache-2.0
// Reading hostile JSON with errors that name the place: "manifest /layers/3/size: is not a whole
// number". Used by the .cpp files that read documents, logins and tokens; keeps nlohmann out of
// every other header.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oci {

/// A value inside a parsed document. Keeps the document alive. A null member counts as missing
/// everywhere.
class JsonView {
 public:
  /// Parses a JSON object of at most `limit` bytes and 64 levels, without BOM or duplicate
  /// top-level keys. `name` is for the messages ("manifest"). Throws Error.
  static JsonView parse(std::string_view text, std::string_view name, std::size_t limit);

  bool has(std::string_view key) const;
  /// The member as string, "" when missing. Throws Error when it is something else.
  std::string string(std::string_view key) const;
  std::string required_string(std::string_view key) const;
  /// The member as integer; nullopt when missing.
  std::optional<std::int64_t> integer(std::string_view key) const;
  bool boolean(std::string_view key) const;
  /// The member as object, nullopt when missing.
  std::optional<JsonView> object(std::string_view key) const;
  /// The member's objects; empty when missing.
  std::vector<JsonView> objects(std::string_view key) const;
  /// The member's strings, empty when missing; nulls among them are "".
  std::vector<std::string> strings(std::string_view key) const;
  /// The same, but one string alone stands for a list of one (Docker's strslice).
  std::vector<std::string> string_or_strings(std::string_view key) const;
  /// Names and strings of an object member; null values are "".
  std::map<std::string, std::string> string_map(std::string_view key) const;
  /// The object's own names, sorted.
  std::vector<std::string> names() const;
  /// The names in an object member, sorted.
  std::vector<std::string> names(std::string_view key) const;

  /// Throws Error "<name> <pointer>/<key>: <why>".
  [[noreturn]] void refuse(std::string_view key, std::string_view why) const;

 private:
  JsonView(std::shared_ptr<const nlohmann::json> document, const nlohmann::json* value,
           std::string place);
  const nlohmann::json* find(std::string_view key) const;

  std::shared_ptr<const nlohmann::json> document_;
  const nlohmann::json* value_;
  std::string place_;  // "manifest /layers/3"; "manifest " at the top
};

}  // namespace oci
