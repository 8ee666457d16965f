// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "imagetool/build/dockerfile.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr std::string_view kBlank = " \t\v\f\r\n";
constexpr std::size_t kFarthestGuess = 3;
constexpr std::size_t kShownLine = 120;

/// Levenshtein's distance.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t changed = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, changed});
    }
  }
  return row.back();
}

}  // namespace

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return lower;
}

std::string to_upper(std::string_view text) {
  std::string upper(text);
  for (char& letter : upper)
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  return upper;
}

std::vector<std::string> split_blank(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return words;
    const std::size_t end = std::min(text.find_first_of(kBlank, begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

std::vector<std::string> split_quoted(std::string_view text, char escape) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char letter = text[at];
    if (quote == 0 && kBlank.find(letter) != std::string_view::npos) {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
      continue;
    }
    in_word = true;
    word += letter;
    // Within single quotes the escape character is none.
    if (letter == escape && quote != '\'' && at + 1 < text.size())
      word += text[++at];
    else if (quote == 0 && (letter == '"' || letter == '\''))
      quote = letter;
    else if (letter == quote)
      quote = 0;
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

std::string suggestion(std::string_view wrong, const std::vector<std::string>& known) {
  const std::string* best = nullptr;
  std::size_t nearest = std::min(kFarthestGuess, wrong.size() / 2 + 1);
  for (const std::string& word : known) {
    const std::size_t far = distance(to_lower(wrong.substr(0, 64)), to_lower(word));
    if (far > nearest || (best != nullptr && far == nearest)) continue;
    nearest = far;
    best = &word;
  }
  return best == nullptr ? "" : sentence(" (did you mean ", *best, "?)");
}

Error error_at(const std::string& file, const Instruction& instruction, std::string_view what,
               int column) {
  return Error(sentence(file, ":", instruction.line, ":", column == 0 ? instruction.column : column,
                        ": ", what, ": `", printable(instruction.text, kShownLine), "`"));
}

const Flag* Instruction::flag(std::string_view name) const {
  const Flag* found = nullptr;
  for (const Flag& one : flags)
    if (one.name == name) found = &one;
  return found;
}

std::vector<std::string> Instruction::flag_values(std::string_view name) const {
  std::vector<std::string> values;
  for (const Flag& one : flags)
    if (one.name == name) values.push_back(one.value);
  return values;
}

}  // namespace build
