// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/glob.hpp"

#include <algorithm>

#include "bundle-spec/error.hpp"
#include "imagetool/build/dockerfile.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr auto kNone = std::string_view::npos;

[[noreturn]] void malformed(std::string_view pattern) {
  throw Error(sentence("syntax error in pattern: ", printable(pattern, 100)));
}

/// One character or escape sequence of a bracket expression.
char take_class_letter(std::string_view pattern, std::size_t& at) {
  if (at >= pattern.size() || pattern[at] == '-' || pattern[at] == ']') malformed(pattern);
  if (pattern[at] == '\\' && ++at >= pattern.size()) malformed(pattern);
  return pattern[at++];
}

/// Whether `letter` is in the class that begins at `at` (behind the '['); `at` moves behind it.
bool class_has(std::string_view pattern, std::size_t& at, char letter) {
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  for (std::size_t count = 0;; ++count) {
    if (at < pattern.size() && pattern[at] == ']' && count > 0) break;
    const char low = take_class_letter(pattern, at);
    char high = low;
    if (at < pattern.size() && pattern[at] == '-') {
      ++at;
      high = take_class_letter(pattern, at);
    }
    if (low <= letter && letter <= high) found = true;
    if (at >= pattern.size()) malformed(pattern);
  }
  ++at;
  return found != negated;
}

/// Go reports a malformed pattern only when matching reaches it; we always do.
void check_pattern(std::string_view pattern) {
  for (std::size_t at = 0; at < pattern.size();) {
    const char letter = pattern[at++];
    if (letter == '[') class_has(pattern, at, 'x');
    if (letter == '\\' && ++at > pattern.size()) malformed(pattern);
  }
}

struct Star {
  std::size_t pattern = kNone, text = 0;
  bool deep = false;
};

/// Matches one element that is no star; moves both cursors.
bool match_one(std::string_view pattern, std::size_t& at, std::string_view text, std::size_t in) {
  if (at >= pattern.size()) return false;
  const char letter = pattern[at++];
  if (letter == '?') return text[in] != '/';
  if (letter == '[') {
    const bool has = class_has(pattern, at, text[in]);
    return has && text[in] != '/';
  }
  if (letter == '\\') return at < pattern.size() && pattern[at++] == text[in];
  return letter == text[in];
}

/// Backtracks by recursion on deep stars only; single stars retry in place. `budget` bounds the
/// work on hostile patterns.
bool match(std::string_view pattern, std::string_view text, bool deep, std::size_t& budget) {
  std::size_t at = 0, in = 0;
  Star star;
  while (true) {
    if (++budget > 5'000'000) throw Error("a pattern takes too long to match");
    if (deep && pattern.substr(at).starts_with("**")) {
      std::size_t behind = at + 2;
      while (behind < pattern.size() && pattern[behind] == '*') ++behind;
      if (behind == pattern.size()) return true;
      // "**/" matches nothing or anything that ends in a slash.
      const bool slash = pattern[behind] == '/';
      const std::string_view rest = pattern.substr(slash ? behind + 1 : behind);
      for (std::size_t start = in; start <= text.size(); ++start) {
        if (slash && start != in && text[start - 1] != '/') continue;
        if (match(rest, text.substr(start), true, budget)) return true;
      }
    } else if (at < pattern.size() && pattern[at] == '*') {
      star = {++at, in};
      continue;
    } else if (in == text.size() && at == pattern.size()) {
      return true;
    } else if (in < text.size() && match_one(pattern, at, text, in)) {
      ++in;
      continue;
    }
    if (star.pattern == kNone || star.text >= text.size() || text[star.text] == '/') return false;
    at = star.pattern;
    in = ++star.text;
  }
}

}  // namespace

bool has_wildcards(std::string_view pattern) { return pattern.find_first_of("*?[\\") != kNone; }

std::string as_pattern(std::string_view path) {
  std::string pattern;
  for (const char letter : path) {
    if (std::string_view("*?[\\").find(letter) != kNone) pattern += '\\';
    pattern += letter;
  }
  return pattern.empty() ? "." : pattern;
}

bool glob_matches(std::string_view pattern, std::string_view path) {
  check_pattern(pattern);
  std::size_t budget = 0;
  return match(pattern, path, false, budget);
}

bool deep_glob_matches(std::string_view pattern, std::string_view path) {
  std::size_t budget = 0;
  return match(pattern, path, true, budget);
}

std::string clean_relative(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  std::string clean;
  for (const std::string_view part : parts) clean += sentence(clean.empty() ? "" : "/", part);
  return clean;
}

void IgnoreRules::add(std::string_view line, const std::string& name, int number) {
  line = trim(line);
  if (line.empty()) return;
  Rule rule;
  if (line.starts_with('!')) {
    rule.negated = true;
    line = trim(line.substr(1));
    if (line.empty())
      throw Error(sentence(name, ":", number, ": illegal exclusion pattern: \"!\""));
  }
  rule.pattern = clean_relative(line);
  if (rule.pattern.empty()) return;  // "." and "/": the root itself cannot be excluded
  try {
    check_pattern(rule.pattern);
  } catch (Error& error) {
    error.add_context(name, ":", number);
    throw;
  }
  rules_.push_back(std::move(rule));
}

IgnoreRules IgnoreRules::parse(std::string_view text, const std::string& name) {
  IgnoreRules rules;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (!line.starts_with('#')) rules.add(line, name, number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return rules;
}

IgnoreRules IgnoreRules::from_patterns(const std::vector<std::string>& patterns,
                                       const std::string& name) {
  IgnoreRules rules;
  int number = 0;
  for (const std::string& pattern : patterns) rules.add(pattern, name, ++number);
  return rules;
}

bool IgnoreRules::excludes(std::string_view path) const {
  bool excluded = false;
  for (const Rule& rule : rules_) {
    if (rule.negated != excluded) continue;
    // A rule for a directory is one for all that is below.
    for (std::size_t end = path.size(); end != 0 && end != kNone;
         end = end == 0 ? kNone : path.rfind('/', end - 1)) {
      if (!deep_glob_matches(rule.pattern, path.substr(0, end))) continue;
      excluded = !rule.negated;
      break;
    }
  }
  return excluded;
}

bool IgnoreRules::may_include_below(std::string_view directory) const {
  const std::string_view top = directory.substr(0, directory.find('/'));
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    if (!rule.negated) return false;
    const std::string_view first = std::string_view(rule.pattern).substr(0, rule.pattern.find('/'));
    return has_wildcards(first) || first == top;
  });
}

std::string IgnoreRules::text() const {
  std::string text;
  for (const Rule& rule : rules_) text += sentence(rule.negated ? "!" : "", rule.pattern, "\n");
  return text;
}

}  // namespace build
