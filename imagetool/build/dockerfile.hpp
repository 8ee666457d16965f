// SPDX-License-Identifier: Apache-2.0
// A Dockerfile's text taken apart: parser directives, instructions with their flags, words and
// heredocs, each with its lines. No meaning yet: variables are not expanded, stages not told apart.
// Pure and hostile input; toyimg.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"

namespace build {

struct Flag {
  std::string name{};  // "from", without the dashes
  std::string value{};
  bool has_value = false;
  int column = 1;
};

struct Heredoc {
  std::string name{};     // the delimiter: the file's name in COPY
  std::string content{};  // with the last newline
  bool expand = true;     // its delimiter was not quoted
  bool chomp = false;     // <<-: leading tabs are dropped
  std::string opening{};  // as written: "3<<-EOF"
};

struct Instruction {
  std::string keyword{};           // "COPY"
  std::string written{};           // the keyword as it was written
  std::vector<Flag> flags{};       // in order
  std::string rest{};              // what follows the flags, continuation lines joined
  bool is_json = false;            // rest is a JSON array of strings: words are its elements
  std::vector<std::string> words;  // ENV, LABEL, ARG: with quotes; others: between white space
  std::vector<Heredoc> heredocs{};
  int line = 0;            // first line, from 1
  int last_line = 0;       // heredocs included
  int column = 1;          // where the keyword begins
  std::string text{};      // the first physical line, for messages
  std::string comment{};   // the comment line right above
  std::string original{};  // keyword, flags and rest in one line

  /// The last value given for a flag; nullptr when it was not.
  const Flag* flag(std::string_view name) const;
  std::vector<std::string> flag_values(std::string_view name) const;
};

struct Directive {
  std::string value{};
  int line = 0;
};

/// What no build stops at, by BuildKit's rule names: "FromAsCasing".
struct Warning {
  std::string rule{};
  std::string text{};
  int line = 0;
  bool operator==(const Warning&) const = default;
};

struct Dockerfile {
  std::string name{};  // for messages
  char escape = '\\';
  std::string syntax{};  // noted, not obeyed
  Directive check{};
  std::vector<Instruction> instructions{};
  std::vector<Warning> warnings{};  // of the lexical kind
};

inline constexpr std::size_t kLongestLine = std::size_t{1} << 20;
inline constexpr std::size_t kDockerfileLimit = std::size_t{16} << 20;

/// Throws Error "<name>:<line>:<column>: <what>: <the line>".
Dockerfile parse_dockerfile(std::string_view text, std::string name);
/// One instruction without a file: an image's ONBUILD trigger. Throws the same.
Instruction parse_trigger(std::string_view text, char escape, const std::string& name);

/// The Error for something wrong with this instruction; `column` 0 means its own.
Error error_at(const std::string& file, const Instruction& instruction, std::string_view what,
               int column = 0);
/// "(did you mean FROM?)" with a leading space, or "".
std::string suggestion(std::string_view wrong, const std::vector<std::string>& known);

/// Splits as ENV, LABEL and ARG do: at white space outside quotes; quotes and escapes stay in the
/// words.
std::vector<std::string> split_quoted(std::string_view text, char escape);
/// Splits at white space.
std::vector<std::string> split_blank(std::string_view text);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);

}  // namespace build
