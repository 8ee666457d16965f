// SPDX-License-Identifier: Apache-2.0
// Command lines as tables: one Command per verb, one Option per flag; parsing, --help, the man-page
// check and the shell completions are all made from the same table. Accepts what engines send: one
// or two dashes,
// --opt=value and --opt value, options after positionals (unless the verb takes a command line),
// repeated flags.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {

struct Option {
  std::string_view name;        // "bundle": --bundle and -bundle
  char letter = 0;              // 'b': -b; 0 for none
  std::string_view value = {};  // "DIR" shown in help; empty for a switch
  std::string_view help = {};   // one line, no full stop
  bool repeatable = false;      // all values are kept, otherwise the last one counts
  bool hidden = false;          // accepted, not shown
  bool value_optional = false;  // value only as --name=VALUE; --name alone gives ""
};

/// The options that were given, in order, and the positional words.
class Parsed {
 public:
  bool has(std::string_view name) const;
  /// The last value given, or nullopt.
  std::optional<std::string> value(std::string_view name) const;
  std::string value_or(std::string_view name, std::string_view fallback) const;
  std::vector<std::string> values(std::string_view name) const;
  std::vector<std::string> words;  // positionals

  void add(std::string_view name, std::string value);

 private:
  std::vector<std::pair<std::string, std::string>> given_;
};

/// How many positionals a verb takes, and where its options end.
struct Words {
  std::string_view usage;  // "ID [BUNDLE]"
  std::size_t least = 0;
  std::size_t most = 0;       // ignored when `command_line`
  bool command_line = false;  // after `least` words all the rest is a command line, dashes and all
};

/// Parses `arguments` (without the program and the verb). Throws UsageError naming the option. "--"
/// ends options. -h and --help are understood without being in the table: has("help"), and then the
/// words are not counted.
Parsed parse(std::span<const std::string_view> arguments, std::span<const Option> options,
             const Words& words);

struct Command {
  std::string_view name;
  std::string_view summary;  // one line
  Words words;
  std::span<const Option> options;
  int (*run)(const Parsed& global, const Parsed& options);
};

struct Program {
  std::string_view name;  // "toyrun"
  std::string_view summary;
  std::span<const Option> global_options;
  std::span<const Command> commands;
};

/// Splits the global options off the front: parses up to the first word that is no option. Returns
/// the rest.
struct GlobalSplit {
  Parsed global;
  std::span<const std::string_view> rest;
};
GlobalSplit split_global(std::span<const std::string_view> arguments,
                         std::span<const Option> options);

/// Help texts, ending in a newline.
std::string help(const Program& program);
std::string help(const Program& program, const Command& command);

/// A strict unsigned decimal number of at most `limit`; anything else is a UsageError/Error naming
/// `what`.
std::uint64_t parse_number(std::string_view text, std::uint64_t limit, std::string_view what);

}  // namespace cli
