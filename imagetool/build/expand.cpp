// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/expand.hpp"

#include <algorithm>
#include <optional>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr int kDeepest = 50;
constexpr std::size_t kLongest = std::size_t{1} << 20;  // that a text may grow by
constexpr std::size_t kMostTries = 100'000'000;         // letters compared for one text

bool is_special(char letter) {
  return std::string_view("@*#?-$!0").find(letter) != std::string_view::npos;
}
bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
/// Letters of other alphabets count: bytes of UTF-8 sequences.
bool is_name_start(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || letter == '_' ||
         (static_cast<unsigned char>(letter) & 0x80U) != 0;
}
bool is_space(char letter) { return letter == ' ' || (letter >= '\t' && letter <= '\r'); }

/// How patterns match: the escape character, and how much they have been tried.
struct Matching {
  char escape;
  std::size_t tries = 0;
};

/// A shell pattern with * and ?, matched against all of `text`.
bool matches(std::string_view pattern, std::string_view text, Matching& matching) {
  std::size_t at = 0, in = 0;
  std::size_t star = std::string_view::npos, retry = 0;
  while (in < text.size()) {
    if (++matching.tries > kMostTries) throw Error("a pattern takes too long to match");
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      retry = in;
      continue;
    }
    const bool escaped = at + 1 < pattern.size() && pattern[at] == matching.escape;
    const std::size_t literal = escaped ? at + 1 : at;
    if (literal < pattern.size() &&
        ((!escaped && pattern[at] == '?') || pattern[literal] == text[in])) {
      at = literal + 1;
      ++in;
      continue;
    }
    if (star == std::string_view::npos) return false;
    at = star + 1;
    in = ++retry;
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

/// Without the shortest or longest piece at its beginning (or end) that matches.
std::string trimmed(const std::string& value, std::string_view pattern, bool at_begin, bool longest,
                    Matching& matching) {
  for (std::size_t step = 0; step <= value.size(); ++step) {
    const std::size_t length = longest ? value.size() - step : step;
    const std::string_view piece = at_begin ? std::string_view(value).substr(0, length)
                                            : std::string_view(value).substr(value.size() - length);
    if (matches(pattern, piece, matching))
      return at_begin ? value.substr(length) : value.substr(0, value.size() - length);
  }
  return value;
}

/// How many letters a pattern without stars matches.
std::optional<std::size_t> only_length(std::string_view pattern, char escape) {
  std::size_t length = 0;
  for (std::size_t at = 0; at < pattern.size(); ++at, ++length) {
    if (pattern[at] == escape && at + 1 < pattern.size())
      ++at;
    else if (pattern[at] == '*')
      return std::nullopt;
  }
  return length;
}

std::string replaced(const std::string& value, std::string_view pattern, const std::string& by,
                     bool all, Matching& matching) {
  std::string result;
  const std::optional<std::size_t> only = only_length(pattern, matching.escape);
  std::size_t at = 0;
  while (at < value.size()) {
    std::size_t length = std::min(value.size() - at, only.value_or(value.size()));
    if (only && (length != *only ||
                 !matches(pattern, std::string_view(value).substr(at, length), matching)))
      length = 0;
    while (!only && length > 0 &&
           !matches(pattern, std::string_view(value).substr(at, length), matching))
      --length;
    if (length == 0) {
      result += value[at++];
      continue;
    }
    result += by;
    if (result.size() > value.size() + kLongest) throw Error("variables make it longer than 1 MiB");
    at += length;
    if (!all) break;
  }
  return result + value.substr(at);
}

class Lexer {
 public:
  Lexer(std::string_view text, char escape, const Variables& variables, Quotes quotes,
        Expansion& expansion)
      : text_(text),
        escape_(escape),
        variables_(variables),
        quotes_(quotes),
        expansion_(expansion),
        matching_{.escape = escape} {}

  void run() {
    std::string result;
    result = read_until(0);
    end_word();
    expansion_.text = std::move(result);
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }

  void to_word(std::string_view piece, bool quoted) {
    if (depth_ > 0) return;
    for (const char letter : piece) {
      if (!quoted && is_space(letter)) {
        end_word();
        continue;
      }
      word_ += letter;
      in_word_ = true;
    }
    if (quoted) in_word_ = true;
  }
  void end_word() {
    if (in_word_) expansion_.words.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  /// Appends within bounds: variables of variables grow by powers.
  void append(std::string& text, const std::string& piece) const {
    if (text.size() + piece.size() > text_.size() + kLongest)
      throw Error("variables make it longer than 1 MiB");
    text += piece;
  }

  /// Reads up to `stop` (0: the end), which is taken.
  std::string read_until(char stop) {
    std::string result;
    while (!at_end()) {
      const char letter = text_[at_];
      if (stop != 0 && letter == stop) {
        ++at_;
        return result;
      }
      std::string piece;
      bool quoted = false;
      if (letter == '\'' && quotes_ == Quotes::kRemoved) {
        piece = single_quoted();
        quoted = true;
      } else if (letter == '"' && quotes_ == Quotes::kRemoved) {
        piece = double_quoted();
        quoted = true;
      } else if (letter == '$') {
        piece = dollar();
      } else if (letter == escape_) {
        quoted = true;
        piece = escaped();
      } else {
        piece = letter;
        ++at_;
      }
      to_word(piece, quoted);
      append(result, piece);
    }
    if (stop != 0) throw Error(sentence("syntax error: missing \"", stop, "\" in substitution"));
    return result;
  }

  std::string escaped() {
    ++at_;
    if (at_end()) return std::string(1, escape_);
    // In a heredoc the escape character only protects a dollar sign and itself.
    if (quotes_ == Quotes::kPlain && text_[at_] != '$' && text_[at_] != escape_)
      return std::string(1, escape_);
    return std::string(1, text_[at_++]);
  }

  std::string single_quoted() {
    const std::size_t end = text_.find('\'', ++at_);
    if (end == std::string_view::npos)
      throw Error("unexpected end of statement while looking for matching single-quote");
    std::string piece(text_.substr(at_, end - at_));
    at_ = end + 1;
    return piece;
  }

  std::string double_quoted() {
    std::string piece;
    ++at_;
    while (!at_end()) {
      const char letter = text_[at_];
      if (letter == '"') {
        ++at_;
        return piece;
      }
      if (letter == '$') {
        append(piece, dollar());
      } else if (letter == escape_ && at_ + 1 < text_.size()) {
        const char next = text_[at_ + 1];
        if (next != '"' && next != '$' && next != escape_) piece += letter;
        piece += next;
        at_ += 2;
      } else {
        piece += letter;
        ++at_;
      }
    }
    throw Error("unexpected end of statement while looking for matching double-quote");
  }

  /// A name at the cursor: word characters, digits alone, or one special parameter.
  std::string take_name() {
    const std::size_t begin = at_;
    if (at_end()) return {};
    if (is_name_start(text_[at_])) {
      while (!at_end() && (is_name_start(text_[at_]) || is_digit(text_[at_]))) ++at_;
    } else if (is_digit(text_[at_])) {
      while (!at_end() && is_digit(text_[at_])) ++at_;
    } else if (is_special(text_[at_])) {
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  const std::string* look_up(const std::string& name) {
    const std::string* const value = variables_(name);
    if (value == nullptr) expansion_.unset.insert(name);
    return value;
  }
  static std::string or_empty(const std::string* value) { return value == nullptr ? "" : *value; }

  std::string dollar() {
    ++at_;
    if (at_end()) return "$";
    if (text_[at_] != '{') {
      const std::string name = take_name();
      return name.empty() ? "$" : or_empty(look_up(name));
    }
    ++at_;
    const std::string name = take_name();
    if (name.empty() || at_end())
      throw Error(name.empty() ? "unsupported modifier or bad substitution: a name must follow ${"
                               : "syntax error: missing '}' in substitution");
    const char next = text_[at_++];
    if (next == '}') return or_empty(look_up(name));
    return modified(name, next);
  }

  /// What follows the name is a modifier whose first letter was taken.
  std::string modified(const std::string& name, char modifier) {
    bool colon = false;
    if (modifier == ':') {
      if (at_end()) throw Error("syntax error: missing '}' in substitution");
      colon = true;
      modifier = text_[at_++];
    }
    if (std::string_view("+-?").find(modifier) != std::string_view::npos)
      return conditional(name, modifier, colon);
    if (!colon && (modifier == '#' || modifier == '%')) return without(name, modifier);
    if (!colon && modifier == '/') return substituted(name);
    throw Error(sentence("unsupported modifier (", colon ? ":" : "",
                         printable(std::string(1, modifier)), ") in substitution of ",
                         printable(name, 60)));
  }

  void go_deeper() {
    if (++depth_ > kDeepest) throw Error("variables are nested too deeply");
  }

  std::string nested(char stop) {
    go_deeper();
    std::string text = read_until(stop);
    --depth_;
    return text;
  }

  std::string conditional(const std::string& name, char modifier, bool colon) {
    const std::string word = nested('}');
    const std::string* const value = variables_(name);
    const bool is_set = value != nullptr && !(colon && value->empty());
    if (modifier == '+') return is_set ? word : "";
    if (is_set) return *value;
    if (modifier == '-') return word;
    const std::string why =
        !word.empty() ? word
                      : (colon ? "not allowed to be unset or empty" : "not allowed to be unset");
    throw Error(sentence(printable(name, 60), ": ", printable(why)));
  }

  std::string without(const std::string& name, char modifier) {
    const bool longest = !at_end() && text_[at_] == modifier;
    if (longest) ++at_;
    const std::string pattern = pattern_until("}");
    const std::string* const value = look_up(name);
    return trimmed(or_empty(value), pattern, modifier == '#', longest, matching_);
  }

  std::string substituted(const std::string& name) {
    const bool all = !at_end() && text_[at_] == '/';
    if (all) ++at_;
    const std::string pattern = pattern_until("/");
    const std::string by = nested('}');
    const std::string* const value = look_up(name);
    return replaced(or_empty(value), pattern, by, all, matching_);
  }

  /// A pattern keeps its escapes; variables in it are expanded.
  std::string pattern_until(std::string_view stop) {
    std::string pattern;
    go_deeper();
    while (!at_end()) {
      const char letter = text_[at_];
      if (stop.find(letter) != std::string_view::npos) {
        ++at_;
        --depth_;
        return pattern;
      }
      if (letter == escape_ && at_ + 1 < text_.size()) {
        pattern += letter;
        pattern += text_[at_ + 1];
        at_ += 2;
      } else if (letter == '$') {
        append(pattern, dollar());
      } else {
        pattern += letter;
        ++at_;
      }
    }
    throw Error(sentence("syntax error: missing '", stop, "' in substitution"));
  }

  std::string_view text_;
  char escape_;
  const Variables& variables_;
  Quotes quotes_;
  Expansion& expansion_;
  Matching matching_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string word_{};
  bool in_word_ = false;
};

}  // namespace

Expansion expand(std::string_view word, char escape, const Variables& variables, Quotes quotes) {
  Expansion expansion;
  Lexer(word, escape, variables, quotes, expansion).run();
  return expansion;
}

}  // namespace build
