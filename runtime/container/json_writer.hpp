// SPDX-License-Identifier: Apache-2.0
// Writes small JSON documents in order, without a tree: the record, `state`, `list`. Host side.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

class JsonWriter {
 public:
  enum class Layout { kCompact, kIndented };  // indented: two spaces, as runc's `state`
  explicit JsonWriter(Layout layout) : layout_(layout) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  /// The key of the next value.
  JsonWriter& key(std::string_view name);
  /// A string; bytes that are no UTF-8 become U+FFFD, else no reader would take the document.
  JsonWriter& text(std::string_view value);
  template <std::integral Number>
  JsonWriter& number(Number value) {
    return raw(std::to_string(value));
  }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  /// A value that is JSON already.
  JsonWriter& raw(std::string_view json);
  /// What was written; the writer is done.
  std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void begin_value();
  void new_line();

  Layout layout_;
  std::string text_;
  int depth_ = 0;
  bool first_ = true;  // nothing in the innermost object or array yet
  bool after_key_ = false;
};
