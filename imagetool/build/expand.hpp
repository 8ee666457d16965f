// SPDX-License-Identifier: Apache-2.0
// Word processing as BuildKit's shell lexer does it: variables with every modifier, quotes,
// escapes. Pure; toyimg.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace build {

/// The value of a variable; nullptr when it is not set. The pointer lives as long as the scope.
using Variables = std::function<const std::string*(std::string_view name)>;

struct Expansion {
  std::string text{};
  std::vector<std::string> words{};  // the text split at unquoted white space
  std::set<std::string> unset{};     // names that were used and are not set
};

/// How quotes are taken: removed, or, in the body of a heredoc, plain text.
enum class Quotes { kRemoved, kPlain };

/// Throws Error saying what is wrong with the word: "bad substitution", "${x:?message}".
Expansion expand(std::string_view word, char escape, const Variables& variables,
                 Quotes quotes = Quotes::kRemoved);

}  // namespace build
