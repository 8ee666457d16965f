// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/challenge.hpp"

#include <optional>

namespace registry {
namespace {

bool is_token(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(letter) != std::string_view::npos;
}

/// Reads one header from the left; the comma separates challenges and parameters alike.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool next_is(char letter) const { return rest_.starts_with(letter); }
  void skip_spaces() {
    while (next_is(' ') || next_is('\t')) rest_.remove_prefix(1);
  }
  bool take(char letter) {
    if (!next_is(letter)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string token() {
    std::string word;
    while (!rest_.empty() && is_token(rest_.front())) take_into(word);
    for (char& letter : word)
      if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    return word;
  }
  /// A quoted string, or what stands before the next comma or space; nullopt when a quote is not
  /// closed.
  std::optional<std::string> value() {
    std::string text;
    if (!take('"')) {
      while (!rest_.empty() && !next_is(',') && !next_is(' ') && !next_is('\t')) take_into(text);
      return text;
    }
    while (!rest_.empty() && !next_is('"')) {
      if (next_is('\\') && rest_.size() > 1) rest_.remove_prefix(1);
      take_into(text);
    }
    if (!take('"')) return std::nullopt;
    return text;
  }
  /// To behind the next comma that is not inside quotes.
  void skip_to_comma() {
    bool quoted = false;
    while (!rest_.empty() && (quoted || !next_is(','))) {
      if (next_is('\\') && quoted && rest_.size() > 1)
        rest_.remove_prefix(1);
      else if (next_is('"'))
        quoted = !quoted;
      rest_.remove_prefix(1);
    }
    take(',');
  }

 private:
  void take_into(std::string& text) {
    text += rest_.front();
    rest_.remove_prefix(1);
  }
  std::string_view rest_;
};

/// "name = value" behind `name`; credentials in the token68 form ("Negotiate abc==") are passed
/// over.
void read_parameter(Scanner& scanner, Challenge* challenge, const std::string& name) {
  scanner.skip_spaces();
  if (scanner.next_is('=') || scanner.at_end() || scanner.next_is(','))
    return scanner.skip_to_comma();
  const std::optional<std::string> value = scanner.value();
  if (value && challenge != nullptr) challenge->parameters.emplace(name, *value);
  scanner.skip_to_comma();
}

void parse_header(std::string_view header, std::vector<Challenge>& challenges) {
  Scanner scanner(header);
  Challenge* current = nullptr;
  while (!scanner.at_end()) {
    scanner.skip_spaces();
    if (scanner.take(',')) continue;
    const std::string word = scanner.token();
    const bool spaced = scanner.next_is(' ') || scanner.next_is('\t');
    scanner.skip_spaces();
    if (word.empty()) {
      scanner.skip_to_comma();
    } else if (scanner.take('=')) {
      read_parameter(scanner, current, word);
    } else if (spaced || scanner.at_end() || scanner.next_is(',')) {
      current = &challenges.emplace_back(Challenge{word});
    } else {
      scanner.skip_to_comma();
    }
  }
}

}  // namespace

std::string Challenge::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

std::vector<Challenge> parse_challenges(std::span<const std::string> headers) {
  std::vector<Challenge> challenges;
  for (const std::string& header : headers) parse_header(header, challenges);
  return challenges;
}

}  // namespace registry
