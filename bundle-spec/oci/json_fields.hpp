// SPDX-License-Identifier: Apache-2.0
// Field tables: one per struct of the spec's documents, read and written by the same walk. A table
// holds constants only, so it costs nothing at start; JSON itself is known to json_fields.cpp
// alone. Private to bundle-spec/oci.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bundle-spec/oci/problem.hpp"

namespace oci {

struct Field;

enum class Kind { kBool, kInteger, kString, kList, kMap, kObject };

struct IntegerType {
  std::int64_t least = 0;
  std::uint64_t most = 0;
  void (*assign)(void* target,
                 std::uint64_t bits) = nullptr;  // two's complement, range checked before
  void (*print)(const void* source, std::string& text) = nullptr;
  bool (*is_zero)(const void* source) = nullptr;
};

struct ListType {
  void* (*append)(void* list) = nullptr;
  std::size_t (*size)(const void* list) = nullptr;
  const void* (*at)(const void* list, std::size_t index) = nullptr;
};

struct MapType {
  using Visit = void (*)(const std::string& key, const void* value, void* context);
  void* (*insert)(void* map,
                  const std::string& key) = nullptr;  // nullptr when the key is there already
  bool (*empty)(const void* map) = nullptr;
  void (*each)(const void* map, Visit visit, void* context) = nullptr;
};

/// What a C++ type is in JSON, and how to reach its parts without knowing it.
struct Type {
  Kind kind = Kind::kObject;
  std::span<const Field> fields = {};  // kObject, at most 64
  const Type* element = nullptr;       // kList and kMap
  IntegerType integer = {};
  ListType list = {};
  MapType map = {};
};

enum class Presence { kOptional, kRequired };

struct Field {
  std::string_view name;
  const Type* type = nullptr;
  Presence presence = Presence::kOptional;
  bool is_optional = false;                 // a std::optional: "absent" differs from "empty"
  void* (*engage)(void* object) = nullptr;  // the place of the value, made if it is an optional
  const void* (*peek)(const void* object) =
      nullptr;  // the value, nullptr when the optional is empty
};

/// Specialised once per struct: `static constexpr Field list[]`, in the order in which it is
/// written.
template <typename Struct>
struct Fields;

template <typename Value>
struct TypeOf {
  static constexpr Type type = {.kind = Kind::kObject, .fields = Fields<Value>::list};
};

template <>
struct TypeOf<bool> {
  static constexpr Type type = {.kind = Kind::kBool};
};

template <>
struct TypeOf<std::string> {
  static constexpr Type type = {.kind = Kind::kString};
};

template <typename Number>
  requires std::is_integral_v<Number>
struct TypeOf<Number> {
  static void assign(void* target, std::uint64_t bits) {
    *static_cast<Number*>(target) = static_cast<Number>(bits);
  }
  static void print(const void* source, std::string& text) {
    char digits[24];
    const auto end =
        std::to_chars(digits, digits + sizeof digits, *static_cast<const Number*>(source));
    text.append(digits, end.ptr);
  }
  static bool is_zero(const void* source) { return *static_cast<const Number*>(source) == 0; }
  static constexpr Type type = {
      .kind = Kind::kInteger,
      .integer = {.least = static_cast<std::int64_t>(std::numeric_limits<Number>::min()),
                  .most = static_cast<std::uint64_t>(std::numeric_limits<Number>::max()),
                  .assign = assign,
                  .print = print,
                  .is_zero = is_zero}};
};

template <typename Element>
struct TypeOf<std::vector<Element>> {
  using List = std::vector<Element>;
  static void* append(void* list) { return &static_cast<List*>(list)->emplace_back(); }
  static std::size_t size(const void* list) { return static_cast<const List*>(list)->size(); }
  static const void* at(const void* list, std::size_t index) {
    return &(*static_cast<const List*>(list))[index];
  }
  static constexpr Type type = {.kind = Kind::kList,
                                .element = &TypeOf<Element>::type,
                                .list = {.append = append, .size = size, .at = at}};
};

template <typename Value>
struct TypeOf<std::map<std::string, Value>> {
  using Map = std::map<std::string, Value>;
  static void* insert(void* map, const std::string& key) {
    const auto [place, is_new] = static_cast<Map*>(map)->try_emplace(key);
    return is_new ? &place->second : nullptr;
  }
  static bool empty(const void* map) { return static_cast<const Map*>(map)->empty(); }
  static void each(const void* map, MapType::Visit visit, void* context) {
    for (const auto& [key, value] : *static_cast<const Map*>(map)) visit(key, &value, context);
  }
  static constexpr Type type = {.kind = Kind::kMap,
                                .element = &TypeOf<Value>::type,
                                .map = {.insert = insert, .empty = empty, .each = each}};
};

template <typename Value>
struct ValueAccess {
  static constexpr bool kIsOptional = false;
  static constexpr const Type* kType = &TypeOf<Value>::type;
  static void* engage(Value& value) { return &value; }
  static const void* peek(const Value& value) { return &value; }
};

template <typename Value>
struct ValueAccess<std::optional<Value>> {
  static constexpr bool kIsOptional = true;
  static constexpr const Type* kType = &TypeOf<Value>::type;
  static void* engage(std::optional<Value>& value) { return &value.emplace(); }
  static const void* peek(const std::optional<Value>& value) { return value ? &*value : nullptr; }
};

template <auto Member>
struct MemberAccess;

template <typename Struct, typename Value, Value Struct::* Member>
struct MemberAccess<Member> : ValueAccess<Value> {
  static void* engage(void* object) {
    return ValueAccess<Value>::engage(static_cast<Struct*>(object)->*Member);
  }
  static const void* peek(const void* object) {
    return ValueAccess<Value>::peek(static_cast<const Struct*>(object)->*Member);
  }
};

/// One row of a table: `field<&Mount::destination>("destination", Presence::kRequired)`.
template <auto Member>
constexpr Field field(std::string_view name, Presence presence = Presence::kOptional) {
  using Access = MemberAccess<Member>;
  return {name, Access::kType, presence, Access::kIsOptional, Access::engage, Access::peek};
}

/// Reads a JSON document into `target`, which is of the type described. Unknown properties are
/// skipped, null is absent, a wrong type, range, missing or repeated property is an Error "<name>:
/// <JSON pointer>: …". With `problems` those are added there and the rest is read; unknown
/// properties become warnings; only what is no JSON is still an Error.
void read_document(const Type& type, void* target, std::string_view json_text,
                   std::string_view name, std::vector<Problem>* problems = nullptr);

enum class Layout { kCompact, kTabs };
/// Writes `source`; properties that are absent, empty, false or 0 and not required are left out.
std::string write_document(const Type& type, const void* source, Layout layout);

}  // namespace oci
