// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "imagetool/build/dockerfile.hpp"
#include "imagetool/build/dockerfile_lines.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

enum class Form { kWords, kQuoted, kText, kJsonOrText, kJsonOrWords };

struct Grammar {
  std::string_view keyword;
  Form form;
  std::string_view flags;  // with '=' behind when they need a value, '*' when repeatable
};

constexpr auto kGrammar = std::to_array<Grammar>({
    {"ADD", Form::kJsonOrWords, "chown= chmod= checksum= keep-git-dir link unpack exclude=*"},
    {"ARG", Form::kQuoted, ""},
    {"CMD", Form::kJsonOrText, ""},
    {"COPY", Form::kJsonOrWords, "from= chown= chmod= link parents exclude=*"},
    {"ENTRYPOINT", Form::kJsonOrText, ""},
    {"ENV", Form::kQuoted, ""},
    {"EXPOSE", Form::kWords, ""},
    {"FROM", Form::kWords, "platform="},
    {"HEALTHCHECK", Form::kText, "interval= timeout= start-period= start-interval= retries="},
    {"LABEL", Form::kQuoted, ""},
    {"MAINTAINER", Form::kText, ""},
    {"ONBUILD", Form::kText, ""},
    {"RUN", Form::kJsonOrText, "mount=* network= security= device=*"},
    {"SHELL", Form::kJsonOrText, ""},
    {"STOPSIGNAL", Form::kText, ""},
    {"USER", Form::kText, ""},
    {"VOLUME", Form::kJsonOrWords, ""},
    {"WORKDIR", Form::kText, ""},
});

struct FlagRule {
  std::string name;
  bool needs_value = false;
  bool repeatable = false;
};

std::vector<FlagRule> flag_rules(const Grammar& grammar) {
  std::vector<FlagRule> rules;
  for (std::string word : split_blank(grammar.flags)) {
    FlagRule rule;
    if (word.ends_with('*')) {
      rule.repeatable = true;
      word.pop_back();
    }
    if (word.ends_with('=')) {
      rule.needs_value = true;
      word.pop_back();
    }
    rule.name = std::move(word);
    rules.push_back(std::move(rule));
  }
  return rules;
}

const Grammar* find_grammar(std::string_view keyword) {
  const auto found = std::ranges::find(kGrammar, keyword, &Grammar::keyword);
  return found == kGrammar.end() ? nullptr : &*found;
}

/// The next word that begins with "--", quotes removed; nullopt when the next word is none, or the
/// lone "--" that ends flags (which is taken).
std::optional<std::string> take_flag(std::string_view& rest) {
  const std::string_view trimmed =
      rest.substr(std::min(rest.find_first_not_of(" \t"), rest.size()));
  if (!trimmed.starts_with("--")) return std::nullopt;
  std::string word;
  char quote = 0;
  std::size_t at = 0;
  for (; at < trimmed.size(); ++at) {
    const char letter = trimmed[at];
    if (quote == 0 && (letter == ' ' || letter == '\t')) break;
    if (quote == 0 && (letter == '"' || letter == '\''))
      quote = letter;
    else if (letter == quote)
      quote = 0;
    else if (letter == '\\' && at + 1 < trimmed.size())
      word += trimmed[++at];
    else
      word += letter;
  }
  rest = trimmed.substr(at);
  if (word == "--") return std::nullopt;
  return word.substr(2);
}

void take_flags(const std::string& file, const Grammar& grammar, Instruction& instruction,
                std::string_view& rest) {
  const std::vector<FlagRule> rules = flag_rules(grammar);
  const std::string_view whole = instruction.text;
  while (const std::optional<std::string> word = take_flag(rest)) {
    Flag flag;
    const std::size_t equals = word->find('=');
    flag.name = word->substr(0, equals);
    flag.has_value = equals != std::string::npos;
    if (flag.has_value) flag.value = word->substr(equals + 1);
    const std::size_t column = whole.find("--" + flag.name);
    flag.column =
        column == std::string_view::npos ? instruction.column : static_cast<int>(column) + 1;
    const auto rule = std::ranges::find(rules, flag.name, &FlagRule::name);
    const std::string shown = sentence("--", printable(flag.name, 60));
    if (rule == rules.end()) {
      std::vector<std::string> known;
      for (const FlagRule& one : rules) known.push_back("--" + one.name);
      throw error_at(file, instruction,
                     sentence("unknown flag: ", shown, suggestion("--" + flag.name, known)),
                     flag.column);
    }
    if (!rule->repeatable && instruction.flag(flag.name) != nullptr)
      throw error_at(file, instruction, sentence("duplicate flag specified: ", shown), flag.column);
    if (rule->needs_value && !flag.has_value)
      throw error_at(file, instruction, sentence("missing a value on flag: ", shown), flag.column);
    if (!rule->needs_value && flag.has_value && flag.value != "true" && flag.value != "false")
      throw error_at(file, instruction,
                     sentence("expecting boolean value for flag ", shown,
                              ", not: ", printable(flag.value, 60)),
                     flag.column);
    instruction.flags.push_back(std::move(flag));
  }
}

/// The elements when the text is a JSON array of strings. Throws for an array with other elements;
/// what is no JSON at all is a shell's text.
std::optional<std::vector<std::string>> read_json(const std::string& file,
                                                  const Instruction& instruction) {
  const std::string_view text = trim(instruction.rest);
  if (!text.starts_with('[')) return std::nullopt;
  const nlohmann::json array = nlohmann::json::parse(text, nullptr, false);
  if (!array.is_array()) return std::nullopt;
  std::vector<std::string> words;
  for (const nlohmann::json& element : array) {
    if (!element.is_string())
      throw error_at(file, instruction, "only string type is allowed in JSON format arrays");
    words.push_back(element.get<std::string>());
  }
  return words;
}

bool may_have_heredocs(const Instruction& instruction) {
  if (instruction.keyword == "ONBUILD") {
    const std::vector<std::string> words = split_blank(instruction.rest);
    const std::string inner = words.empty() ? "" : to_upper(words[0]);
    return inner == "ADD" || inner == "COPY" || inner == "RUN";
  }
  return !instruction.is_json && (instruction.keyword == "ADD" || instruction.keyword == "COPY" ||
                                  instruction.keyword == "RUN");
}

void split_rest(const std::string& file, const Grammar& grammar, char escape,
                Instruction& instruction) {
  if (grammar.form == Form::kJsonOrText || grammar.form == Form::kJsonOrWords) {
    if (std::optional<std::vector<std::string>> words = read_json(file, instruction)) {
      instruction.is_json = true;
      instruction.words = std::move(*words);
      return;
    }
  }
  if (grammar.form == Form::kQuoted)
    instruction.words = split_quoted(instruction.rest, escape);
  else if (grammar.form == Form::kWords || grammar.form == Form::kJsonOrWords)
    instruction.words = split_blank(instruction.rest);
  else if (!instruction.rest.empty())
    instruction.words = {instruction.rest};
}

Instruction parse_line(const std::string& file, char escape, const LogicalLine& line) {
  Instruction instruction{.words = {},
                          .line = line.line,
                          .last_line = line.last_line,
                          .column = line.column,
                          .text = line.first,
                          .comment = line.comment};
  const std::size_t end = std::min(line.text.find_first_of(" \t\v\f"), line.text.size());
  instruction.written = line.text.substr(0, end);
  instruction.keyword = to_upper(instruction.written);
  const Grammar* const grammar = find_grammar(instruction.keyword);
  if (grammar == nullptr) {
    std::vector<std::string> known;
    for (const Grammar& one : kGrammar) known.emplace_back(one.keyword);
    throw error_at(file, instruction,
                   sentence("unknown instruction: ", printable(instruction.written, 60),
                            suggestion(instruction.keyword, known)));
  }
  std::string_view rest = std::string_view(line.text).substr(end);
  instruction.original = sentence(instruction.keyword, " ", trim(rest));
  take_flags(file, *grammar, instruction, rest);
  instruction.rest = trim(rest);
  split_rest(file, *grammar, escape, instruction);
  return instruction;
}

void require(bool good, const std::string& file, const Instruction& instruction,
             std::string_view what) {
  if (!good) throw error_at(file, instruction, what);
}

void check_sources(const std::string& file, const Instruction& instruction) {
  const std::string& keyword = instruction.keyword;
  require(!instruction.words.empty(), file, instruction,
          sentence(keyword, " requires at least two arguments, but no arguments were provided"));
  require(instruction.words.size() > 1, file, instruction,
          sentence(keyword,
                   " requires at least two arguments, but only one was provided. Destination could "
                   "not be determined"));
  require(find_heredocs(instruction.words.back(), '\\').empty() || instruction.is_json, file,
          instruction, sentence(keyword, " cannot accept a heredoc as a destination"));
}

void check_pairs(const std::string& file, const Instruction& instruction) {
  const std::string& keyword = instruction.keyword;
  require(!instruction.words.empty(), file, instruction,
          sentence(keyword, " requires at least one argument"));
  if (instruction.words[0].find('=') == std::string::npos) {
    require(instruction.words.size() > 1, file, instruction,
            sentence(keyword, " must have two arguments"));
    return;
  }
  for (const std::string& word : instruction.words) {
    require(word.find('=') != std::string::npos, file, instruction,
            sentence("Syntax error - can't find = in \"", printable(word, 60),
                     "\". Must be of the form: name=value"));
    require(!word.starts_with('='), file, instruction,
            sentence(keyword, " names can not be blank"));
  }
}

void check_trigger(const std::string& file, const Instruction& instruction) {
  const std::string inner = to_upper(split_blank(instruction.rest)[0]);
  require(inner != "ONBUILD", file, instruction,
          "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  require(inner != "FROM" && inner != "MAINTAINER", file, instruction,
          sentence(inner, " isn't allowed as an ONBUILD trigger"));
}

/// What each instruction needs, in BuildKit's words.
void check_arguments(const std::string& file, const Instruction& instruction) {
  const std::string& keyword = instruction.keyword;
  const std::size_t count = instruction.words.size();
  if (keyword == "ADD" || keyword == "COPY") return check_sources(file, instruction);
  if (keyword == "ENV" || keyword == "LABEL") return check_pairs(file, instruction);
  if (keyword == "FROM")
    return require(count == 1 || (count == 3 && to_lower(instruction.words[1]) == "as"), file,
                   instruction, "FROM requires either one or three arguments");
  if (keyword == "SHELL") {
    require(instruction.is_json, file, instruction,
            "SHELL requires the arguments to be in JSON form");
    return require(count != 0, file, instruction, "SHELL requires at least one argument");
  }
  if (keyword == "CMD" || keyword == "ENTRYPOINT") return;  // empty clears what there was
  require(count != 0, file, instruction,
          keyword == "ARG" || keyword == "EXPOSE" || keyword == "VOLUME" || keyword == "RUN" ||
                  keyword == "HEALTHCHECK" || keyword == "ONBUILD"
              ? sentence(keyword, " requires at least one argument")
              : sentence(keyword, " requires exactly one argument"));
  if (keyword == "ONBUILD") return check_trigger(file, instruction);
  if (keyword == "STOPSIGNAL")
    require(split_blank(instruction.rest).size() == 1, file, instruction,
            "STOPSIGNAL requires exactly one argument");
  if (keyword == "ARG")
    for (const std::string& word : instruction.words)
      require(!word.starts_with('='), file, instruction, "ARG names can not be blank");
}

Instruction read_instruction(LineReader& reader, LogicalLine& line, const std::string& file,
                             char escape) {
  Instruction instruction = parse_line(file, escape, line);
  if (may_have_heredocs(instruction)) {
    instruction.heredocs = find_heredocs(instruction.rest, escape);
    if (!instruction.heredocs.empty()) reader.take_heredocs(instruction.heredocs, line);
    instruction.last_line = line.last_line;
  }
  check_arguments(file, instruction);
  return instruction;
}

}  // namespace

Dockerfile parse_dockerfile(std::string_view text, std::string name) {
  Dockerfile file{.name = std::move(name)};
  if (text.size() > kDockerfileLimit)
    throw Error(sentence(file.name, ": is larger than ", kDockerfileLimit, " bytes"));
  LineReader reader(text, file);
  LogicalLine line;
  while (reader.next(line))
    file.instructions.push_back(read_instruction(reader, line, file.name, file.escape));
  if (file.instructions.empty()) throw Error(sentence(file.name, ": file with no instructions"));
  return file;
}

Instruction parse_trigger(std::string_view text, char escape, const std::string& name) {
  Dockerfile file{.name = name, .escape = escape};
  LineReader reader(text, file);
  LogicalLine line;
  if (!reader.next(line)) throw Error(sentence(name, ": an ONBUILD trigger is empty"));
  Instruction instruction = read_instruction(reader, line, name, escape);
  if (instruction.keyword == "FROM" || instruction.keyword == "ONBUILD" ||
      instruction.keyword == "MAINTAINER")
    throw error_at(name, instruction,
                   sentence(instruction.keyword, " isn't allowed as an ONBUILD trigger"));
  return instruction;
}

}  // namespace build
