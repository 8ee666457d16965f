// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/toml.hpp"

#include <charconv>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"

namespace registry::toml {
namespace {

bool is_bare(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '-' || letter == '_';
}

bool is_control(char letter) {
  return (static_cast<unsigned char>(letter) < 0x20 && letter != '\t') || letter == 0x7F;
}

void append_utf8(std::string& text, std::uint32_t letter) {
  const auto tail = [&](unsigned shift) {
    text += static_cast<char>(0x80U | ((letter >> shift) & 0x3FU));
  };
  if (letter < 0x80) {
    text += static_cast<char>(letter);
  } else if (letter < 0x800) {
    text += static_cast<char>(0xC0U | (letter >> 6U));
    tail(0);
  } else if (letter < 0x10000) {
    text += static_cast<char>(0xE0U | (letter >> 12U));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0U | (letter >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : rest_(text), name_(name) {}

  Table parse() {
    Table root{.line = 1};
    Table* current = &root;
    while (true) {
      skip_blank_lines();
      if (rest_.empty()) return root;
      if (take('['))
        current = &header(root);
      else
        key_value(*current);
      end_of_line();
    }
  }

 private:
  [[noreturn]] void refuse(std::string_view why) const {
    throw Error(sentence(name_, ":", line_, ": ", why));
  }

  bool next_is(char letter) const { return rest_.starts_with(letter); }
  char next() {
    const char letter = rest_.front();
    rest_.remove_prefix(1);
    if (letter == '\n') ++line_;
    return letter;
  }
  bool take(char letter) {
    if (!next_is(letter)) return false;
    next();
    return true;
  }
  void expect(char letter, std::string_view where) {
    if (!take(letter)) refuse(sentence("'", letter, "' is missing ", where));
  }
  void skip_spaces() {
    while (next_is(' ') || next_is('\t')) next();
  }
  void skip_comment() {
    if (!next_is('#')) return;
    while (!rest_.empty() && !next_is('\n')) next();
  }
  bool take_newline() {
    if (rest_.starts_with("\r\n")) next();
    return take('\n');
  }
  void skip_blank_lines() {
    do {
      skip_spaces();
      skip_comment();
    } while (take_newline());
  }
  void end_of_line() {
    skip_spaces();
    skip_comment();
    if (!rest_.empty() && !take_newline()) refuse("something stands behind the value");
  }

  /// [a.b] and [[a.b]]: each name but the last means the newest table of that name.
  Table& header(Table& root) {
    const bool is_array = take('[');
    Table* table = &root;
    while (true) {
      skip_spaces();
      const std::string name = key();
      skip_spaces();
      if (!take('.')) {
        table = is_array ? &new_element(*table, name) : &new_table(*table, name);
        break;
      }
      table = &newest(*table, name);
    }
    expect(']', "behind the table's name");
    if (is_array) expect(']', "behind the table's name");
    return *table;
  }

  Table& newest(Table& table, const std::string& name) {
    if (const auto found = table.arrays.find(name); found != table.arrays.end())
      return found->second.back();
    if (table.values.contains(name)) refuse(sentence(printable(name), " is a value, not a table"));
    return table.tables.emplace(name, Table{}).first->second;
  }
  Table& new_element(Table& table, const std::string& name) {
    if (table.values.contains(name) || table.tables.contains(name))
      refuse(sentence(printable(name), " is defined twice"));
    return table.arrays[name].emplace_back(Table{.line = line_});
  }
  Table& new_table(Table& table, const std::string& name) {
    Table& made = newest(table, name);
    if (made.line != 0 || table.arrays.contains(name))
      refuse(sentence(printable(name), " is defined twice"));
    made.line = line_;
    return made;
  }

  std::string key() {
    if (next_is('"') || next_is('\'')) return string();
    std::string name;
    while (!rest_.empty() && is_bare(rest_.front())) name += next();
    if (name.empty()) refuse("a name is missing");
    return name;
  }

  void key_value(Table& table) {
    const int line = line_;
    std::string name = key();
    skip_spaces();
    if (next_is('.')) refuse("a dotted key is not supported here, use a [table]");
    expect('=', sentence("behind ", printable(name)));
    skip_spaces();
    if (table.tables.contains(name) || table.arrays.contains(name) || table.values.contains(name))
      refuse(sentence(printable(name), " is defined twice"));
    Value read = value();
    read.line = line;
    table.values.emplace(std::move(name), std::move(read));
  }

  Value value() {
    if (next_is('"') || next_is('\'')) return {string()};
    if (take('[')) return {strings()};
    if (next_is('{')) refuse("an inline table is not supported here, use a [[table]]");
    std::string word;
    while (!rest_.empty() && (is_bare(rest_.front()) || next_is('+') || next_is('.')))
      word += next();
    if (word == "true" || word == "false") return {word == "true"};
    std::int64_t number = 0;
    const auto end = std::from_chars(word.data(), word.data() + word.size(), number);
    if (word.empty() || end.ec != std::errc() || end.ptr != word.data() + word.size())
      refuse("the value is neither a string, true, false, a whole number nor an array of strings");
    return {number};
  }

  std::vector<std::string> strings() {
    std::vector<std::string> values;
    while (true) {
      skip_blank_lines();
      if (take(']')) return values;
      if (!next_is('"') && !next_is('\''))
        refuse("an array may hold only strings here, and ends with ']'");
      values.push_back(string());
      skip_blank_lines();
      if (!take(',') && !next_is(']')) refuse("',' or ']' is missing in the array");
    }
  }

  std::string string() {
    if (rest_.starts_with(R"(""")") || rest_.starts_with("'''"))
      refuse("a string of several lines is not supported here");
    const char quote = next();
    std::string text;
    while (!rest_.empty() && !next_is(quote)) {
      const char letter = next();
      if (is_control(letter)) refuse("the string is not closed on its line");
      if (letter == '\\' && quote == '"')
        escape(text);
      else
        text += letter;
    }
    expect(quote, "at the end of the string");
    return text;
  }

  void escape(std::string& text) {
    if (rest_.empty()) refuse("the string is not closed");
    const char letter = next();
    constexpr std::string_view kNames = "btnfr\"\\";
    constexpr std::string_view kMeanings = "\b\t\n\f\r\"\\";
    if (const std::size_t at = kNames.find(letter); at != std::string_view::npos) {
      text += kMeanings[at];
      return;
    }
    const std::size_t digits = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    std::uint32_t code = 0;
    const char* const begin = rest_.data();
    if (digits == 0 || rest_.size() < digits ||
        std::from_chars(begin, begin + digits, code, 16).ptr != begin + digits || code > 0x10FFFF ||
        (code >= 0xD800 && code < 0xE000))
      refuse("an escape in the string is not valid");
    append_utf8(text, code);
    rest_.remove_prefix(digits);
  }

  std::string_view rest_;
  const std::string& name_;
  int line_ = 1;
};

}  // namespace

Table parse(std::string_view text, const std::string& name) { return Parser(text, name).parse(); }

}  // namespace registry::toml
