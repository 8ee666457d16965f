// SPDX-License-Identifier: Apache-2.0
// Reads an object that JsonWriter wrote, key by key in the order it was written: `list` does so for
// every container, and a tree of it would cost more than all system calls of it. Host side.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

class FirstLine {
 public:
  /// `file` names it in errors; both outlive this.
  FirstLine(std::string_view line, const std::string& file) : rest_(line), file_(file) {}

  /// The value of the next key. Each throws Error "FILE/KEY: …" when another key is next, or the
  /// value is of another type, or larger than `limit`.
  std::uint64_t number(std::string_view key, std::uint64_t limit);
  bool boolean(std::string_view key);
  std::string text(std::string_view key);
  /// The JSON of the last value: all that is left but the object's end.
  std::string_view last(std::string_view key);

 private:
  [[noreturn]] void refuse(std::string_view key) const;
  std::string_view taken(std::size_t length);
  bool take(std::string_view word);
  void begin(std::string_view key);
  std::string decoded(std::string_view key);

  std::string_view rest_;
  const std::string& file_;
  bool is_first_ = true;
};
