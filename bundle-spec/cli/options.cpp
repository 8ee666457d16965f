// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/cli/options.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "bundle-spec/error.hpp"

namespace cli {

namespace {

constexpr Option kHelp{.name = "help", .letter = 'h', .value = "", .help = "Show this help"};

/// An option has a dash and a word after it; "-" means stdin, and "-9" is a number.
bool is_option(std::string_view argument) {
  return argument.size() > 1 && argument[0] == '-' && !(argument[1] >= '0' && argument[1] <= '9');
}

/// Reads options off the front of the arguments into `parsed`.
class OptionReader {
 public:
  OptionReader(std::span<const std::string_view> arguments, std::span<const Option> options,
               Parsed& parsed)
      : rest_(arguments), options_(options), parsed_(parsed) {}

  bool done() const { return rest_.empty(); }
  std::string_view front() const { return rest_.front(); }
  std::span<const std::string_view> rest() const { return rest_; }

  std::string_view take() {
    const std::string_view argument = rest_.front();
    rest_ = rest_.subspan(1);
    return argument;
  }

  void read_option() {
    const std::string_view argument = take();
    const bool two_dashes = argument.starts_with("--");
    const std::string_view text = argument.substr(two_dashes ? 2 : 1);
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    if (const Option* option = by_name(name); option == nullptr) {
      if (two_dashes)
        throw UsageError(sentence("unknown option ", argument.substr(0, name.size() + 2)));
      read_letters(text);
    } else if (equals == std::string_view::npos) {
      give(*option, argument);
    } else {
      give_value(*option, argument, text.substr(equals + 1));
    }
  }

 private:
  const Option* by_name(std::string_view name) const {
    const auto found = std::ranges::find(options_, name, &Option::name);
    if (found != options_.end()) return &*found;
    if (name == kHelp.name) return &kHelp;
    return name.size() == 1 ? by_letter(name[0]) : nullptr;
  }

  const Option* by_letter(char letter) const {
    const auto found = std::ranges::find(options_, letter, &Option::letter);
    if (found != options_.end()) return &*found;
    return letter == kHelp.letter ? &kHelp : nullptr;
  }

  /// "-it", "-bDIR": letters in one word.
  void read_letters(std::string_view letters) {
    const std::string_view whole = letters;
    while (!letters.empty()) {
      const Option* option = by_letter(letters[0]);
      if (option == nullptr) throw UsageError(sentence("unknown option -", whole));
      letters.remove_prefix(1);
      if (!option->value.empty() && !letters.empty()) {
        if (letters[0] == '=') letters.remove_prefix(1);
        return give_value(*option, sentence('-', whole), letters);
      }
      give(*option, sentence('-', whole));
    }
  }

  void give(const Option& option, std::string_view argument) {
    if (option.value.empty() || option.value_optional) return parsed_.add(option.name, "");
    // podman looks for these words to learn whether a flag exists.
    if (done()) throw UsageError(sentence("flag needs an argument: ", argument));
    parsed_.add(option.name, std::string(take()));
  }

  void give_value(const Option& option, std::string_view argument, std::string_view value) {
    if (!option.value.empty()) return parsed_.add(option.name, std::string(value));
    // Go's flag package lets callers write --force=true, and --force=false for the default.
    if (value == "true" || value == "1") return parsed_.add(option.name, "");
    if (value != "false" && value != "0")
      throw UsageError(sentence("option --", option.name, " takes no value: ", argument));
  }

  std::span<const std::string_view> rest_;
  std::span<const Option> options_;
  Parsed& parsed_;
};

void check_count(const Parsed& parsed, const Words& words) {
  const std::size_t count = parsed.words.size();
  const std::string_view usage = words.usage.empty() ? "no arguments" : words.usage;
  if (count < words.least) throw UsageError(sentence("too few arguments: expected ", usage));
  if (!words.command_line && count > words.most)
    throw UsageError(
        sentence("unexpected argument \"", parsed.words[words.most], "\": expected ", usage));
}

/// "  -b, --bundle DIR   " in a column as wide as the widest.
std::string left_column(const Option& option) {
  std::string text = option.letter != 0 ? sentence('-', option.letter, ", --") : "    --";
  text += option.name;
  if (option.value_optional) return text += sentence("[=", option.value, ']');
  return option.value.empty() ? text : text += sentence(' ', option.value);
}

std::string columns(const std::vector<std::pair<std::string, std::string_view>>& rows) {
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.first.size());
  std::string text;
  for (const auto& [left, right] : rows)
    text += sentence("  ", left, std::string(width - left.size() + 3, ' '), right, '\n');
  return text;
}

std::string option_rows(std::span<const Option> options) {
  std::vector<std::pair<std::string, std::string_view>> rows;
  for (const Option& option : options)
    if (!option.hidden) rows.emplace_back(left_column(option), option.help);
  if (std::ranges::find(options, kHelp.name, &Option::name) == options.end())
    rows.emplace_back(left_column(kHelp), kHelp.help);
  return columns(rows);
}

}  // namespace

bool Parsed::has(std::string_view name) const {
  return std::ranges::any_of(given_, [&](const auto& one) { return one.first == name; });
}

std::optional<std::string> Parsed::value(std::string_view name) const {
  for (auto one = given_.rbegin(); one != given_.rend(); ++one)
    if (one->first == name) return one->second;
  return std::nullopt;
}

std::string Parsed::value_or(std::string_view name, std::string_view fallback) const {
  return value(name).value_or(std::string(fallback));
}

std::vector<std::string> Parsed::values(std::string_view name) const {
  std::vector<std::string> all;
  for (const auto& one : given_)
    if (one.first == name) all.push_back(one.second);
  return all;
}

void Parsed::add(std::string_view name, std::string value) {
  given_.emplace_back(std::string(name), std::move(value));
}

Parsed parse(std::span<const std::string_view> arguments, std::span<const Option> options,
             const Words& words) {
  Parsed parsed;
  OptionReader reader(arguments, options, parsed);
  bool options_ended = false;
  while (!reader.done()) {
    if (!options_ended && reader.front() == "--") {
      reader.take();
      options_ended = true;
    } else if (options_ended || !is_option(reader.front())) {
      parsed.words.emplace_back(reader.take());
    } else {
      reader.read_option();
    }
    // What follows belongs to the command, except a "--" that only says so.
    if (words.command_line && parsed.words.size() == std::max<std::size_t>(words.least, 1)) {
      if (!options_ended && !reader.done() && reader.front() == "--") reader.take();
      options_ended = true;
    }
  }
  if (!parsed.has(kHelp.name)) check_count(parsed, words);
  return parsed;
}

GlobalSplit split_global(std::span<const std::string_view> arguments,
                         std::span<const Option> options) {
  GlobalSplit split{.global = {}, .rest = {}};
  OptionReader reader(arguments, options, split.global);
  while (!reader.done() && is_option(reader.front())) {
    if (reader.front() == "--") {
      reader.take();
      break;
    }
    reader.read_option();
  }
  split.rest = reader.rest();
  return split;
}

std::string help(const Program& program) {
  std::vector<std::pair<std::string, std::string_view>> rows;
  for (const Command& command : program.commands)
    rows.emplace_back(std::string(command.name), command.summary);
  return sentence("Usage: ", program.name, " [global options] COMMAND [options] [arguments]\n\n",
                  program.summary, "\n\nCommands:\n", columns(rows), "\nGlobal options:\n",
                  option_rows(program.global_options), "\n\"", program.name,
                  " COMMAND --help\" explains one command.\n");
}

std::string help(const Program& program, const Command& command) {
  std::string text = sentence("Usage: ", program.name, ' ', command.name, " [options]");
  if (!command.words.usage.empty()) text += sentence(' ', command.words.usage);
  return text += sentence("\n\n", command.summary, "\n\nOptions:\n", option_rows(command.options));
}

std::uint64_t parse_number(std::string_view text, std::uint64_t limit, std::string_view what) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc() || stop != end || number > limit)
    throw UsageError(sentence(what, ": \"", text, "\" is not a whole number from 0 to ", limit));
  return number;
}

}  // namespace cli
