// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/dockerfile_lines.hpp"

#include <algorithm>
#include <optional>

#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

bool is_blank(std::string_view line) { return trim(line).empty(); }
bool is_comment(std::string_view line) { return trim(line).starts_with('#'); }

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_key(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
}

/// Removes quotes as a shell would; `quoted` tells whether there were any.
std::string unquoted(std::string_view word, char escape, bool& quoted) {
  std::string plain;
  char quote = 0;
  for (std::size_t at = 0; at < word.size(); ++at) {
    const char letter = word[at];
    if (quote == 0 && (letter == '"' || letter == '\'')) {
      quote = letter;
      quoted = true;
    } else if (letter == quote) {
      quote = 0;
    } else if (letter == escape && quote != '\'' && at + 1 < word.size()) {
      plain += word[++at];
      quoted = true;
    } else {
      plain += letter;
    }
  }
  return plain;
}

/// Digits, "<<", optional "-", a delimiter without '<': "3<<-EOF".
std::optional<Heredoc> read_opening(std::string_view word, char escape) {
  const std::size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
  std::string_view rest = word.substr(digits);
  if (!rest.starts_with("<<")) return std::nullopt;
  rest.remove_prefix(2);
  Heredoc heredoc{.opening = std::string(word)};
  if (rest.starts_with('-')) {
    heredoc.chomp = true;
    rest.remove_prefix(1);
  }
  if (rest.empty() || rest.find('<') != std::string_view::npos) return std::nullopt;
  bool quoted = false;
  heredoc.name = unquoted(rest, escape, quoted);
  heredoc.expand = !quoted;
  if (heredoc.name.empty()) return std::nullopt;
  return heredoc;
}

}  // namespace

std::vector<Heredoc> find_heredocs(std::string_view line, char escape) {
  std::vector<Heredoc> heredocs;
  for (const std::string& word : split_quoted(line, escape))
    if (std::optional<Heredoc> heredoc = read_opening(word, escape))
      heredocs.push_back(std::move(*heredoc));
  return heredocs;
}

bool LineReader::next_physical(std::string_view& line) {
  if (text_.empty()) return false;
  const std::size_t end = std::min(text_.find('\n'), text_.size());
  line = without_end(text_.substr(0, end));
  text_.remove_prefix(std::min(end + 1, text_.size()));
  ++number_;
  if (line.size() > kLongestLine)
    throw Error(
        sentence(file_.name, ":", number_, ":1: the line is longer than ", kLongestLine, " bytes"));
  return true;
}

// Directives stand in the leading run of comments; anything else ends it. True for a directive.
bool LineReader::read_directive(std::string_view comment) {
  comment = trim(comment);
  if (!directives_ || (number_ == 1 && comment.starts_with("#!"))) return false;
  comment.remove_prefix(1);
  const std::size_t equals = comment.find('=');
  const std::string_view key = trim(comment.substr(0, equals));
  if (equals == std::string_view::npos || !is_key(key)) return directives_ = false;
  const std::string name = to_lower(key);
  const std::string value(trim(comment.substr(equals + 1)));
  if (name != "escape" && name != "syntax" && name != "check") return directives_ = false;
  if (std::ranges::find(seen_directives_, name) != seen_directives_.end())
    throw Error(
        sentence(file_.name, ":", number_, ":1: only one ", name, " parser directive can be used"));
  seen_directives_.push_back(name);
  if (name == "escape") {
    if (value != "\\" && value != "`")
      throw Error(sentence(file_.name, ":", number_, ":1: invalid ESCAPE '", printable(value, 20),
                           "' does not match ` or \\"));
    file_.escape = value.front();
  } else if (name == "syntax") {
    file_.syntax = value;
  } else {
    file_.check = {value, number_};
  }
  return true;
}

/// Appends without the continuation mark; true when the line goes on.
bool LineReader::join(std::string& text, std::string_view physical) const {
  const std::size_t end = physical.find_last_not_of(" \t");
  const bool goes_on = end != std::string_view::npos && physical[end] == file_.escape &&
                       (end == 0 || physical[end - 1] != file_.escape);
  text += goes_on ? physical.substr(0, end) : physical;
  return goes_on;
}

bool LineReader::next(LogicalLine& line) {
  std::string_view physical;
  std::string comment;
  while (next_physical(physical)) {
    if (is_comment(physical)) {
      comment = read_directive(physical) ? "" : trim(trim(physical).substr(1));
      continue;
    }
    directives_ = false;
    if (is_blank(physical)) {
      comment.clear();
      continue;
    }
    line = {.first = std::string(physical), .comment = std::move(comment), .line = number_};
    const std::size_t begin = physical.find_first_not_of(" \t\v\f");
    line.column = static_cast<int>(begin) + 1;
    bool goes_on = join(line.text, physical.substr(begin));
    while (goes_on && next_physical(physical)) {
      if (is_comment(physical)) continue;
      if (is_blank(physical)) {
        file_.warnings.push_back(
            {"NoEmptyContinuation", "Empty continuation line in: " + line.first, number_});
        continue;
      }
      goes_on = join(line.text, physical);
      if (line.text.size() > kDockerfileLimit)
        throw Error(sentence(file_.name, ":", line.line, ":1: the instruction is too long"));
    }
    line.last_line = number_;
    return true;
  }
  return false;
}

void LineReader::take_heredocs(std::vector<Heredoc>& heredocs, LogicalLine& line) {
  for (Heredoc& heredoc : heredocs) {
    bool ended = false;
    while (!ended) {
      std::string_view physical;
      if (!next_physical(physical))
        throw Error(sentence(file_.name, ":", line.line, ":", line.column,
                             ": unterminated heredoc: no line is ", printable(heredoc.name, 60),
                             " alone"));
      if (heredoc.chomp)
        physical.remove_prefix(std::min(physical.find_first_not_of('\t'), physical.size()));
      ended = physical == heredoc.name;
      if (!ended) heredoc.content += sentence(physical, "\n");
    }
  }
  line.last_line = number_;
}

}  // namespace build
