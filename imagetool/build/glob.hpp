// SPDX-License-Identifier: Apache-2.0
// Patterns for paths: Go's filepath.Match, which COPY and ADD use, and the same with "**", which
// .dockerignore and --exclude use. Pure; toyimg.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace build {

/// True when COPY must look for names: * ? [ or an escape in it.
bool has_wildcards(std::string_view pattern);
/// The pattern that only this path matches; "." for none.
std::string as_pattern(std::string_view path);
/// Go's filepath.Match: * and ? stop at '/', [a-z] and [^a-z], '\' escapes. Throws Error naming a
/// malformed pattern.
bool glob_matches(std::string_view pattern, std::string_view path);
/// The same with "**" for any sequence, slashes included; "**/" also matches nothing.
bool deep_glob_matches(std::string_view pattern, std::string_view path);
/// A path without ".", doubled and leading slashes; ".." never leaves the root. "" is the root.
std::string clean_relative(std::string_view path);

/// The rules of a .dockerignore file, or of --exclude flags.
class IgnoreRules {
 public:
  IgnoreRules() = default;
  /// `name` is for messages. Throws Error naming the line.
  static IgnoreRules parse(std::string_view text, const std::string& name);
  /// From patterns alone, without comments (--exclude).
  static IgnoreRules from_patterns(const std::vector<std::string>& patterns,
                                   const std::string& name);

  /// The last rule that matches the path, or a directory above it, decides.
  bool excludes(std::string_view path) const;
  /// False only when nothing below this excluded directory can be let in again.
  bool may_include_below(std::string_view directory) const;
  bool empty() const { return rules_.empty(); }
  /// All rules as one text, for cache keys.
  std::string text() const;

 private:
  struct Rule {
    std::string pattern{};
    bool negated = false;
  };
  void add(std::string_view line, const std::string& name, int number);
  std::vector<Rule> rules_{};
};

}  // namespace build
