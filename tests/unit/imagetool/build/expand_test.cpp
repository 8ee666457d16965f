// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/expand.hpp"

#include <gtest/gtest.h>

#include <map>

#include "bundle-spec/error.hpp"

namespace build {
namespace {

const std::map<std::string, std::string> kValues = {
    {"a", "one"}, {"b", ""}, {"path", "/usr/lib/x.tar.gz"}, {"sp", "x y"}, {"1", "first"}};

const std::string* value_of(std::string_view name) {
  const auto found = kValues.find(std::string(name));
  return found == kValues.end() ? nullptr : &found->second;
}

std::string expanded(std::string_view word, Quotes quotes = Quotes::kRemoved) {
  try {
    return expand(word, '\\', value_of, quotes).text;
  } catch (const Error& error) {
    return std::string("error: ") + error.what();
  }
}

struct Case {
  const char* word;
  const char* result;
};

class Expand : public testing::TestWithParam<Case> {};

TEST_P(Expand, Word) { EXPECT_EQ(expanded(GetParam().word), GetParam().result); }

INSTANTIATE_TEST_SUITE_P(
    Words, Expand,
    testing::Values(
        Case{"plain", "plain"}, Case{"$a", "one"}, Case{"${a}", "one"}, Case{"x$a.y", "xone.y"},
        Case{"$ab", ""}, Case{"${a}b", "oneb"}, Case{"$none", ""}, Case{"$1", "first"},
        Case{"$", "$"}, Case{"a$/b", "a$/b"}, Case{"\\$a", "$a"}, Case{"'$a'", "$a"},
        Case{"\"$a\"", "one"}, Case{"\"\\$a\"", "$a"}, Case{"\"\\n\"", "\\n"}, Case{"a\\ b", "a b"},
        Case{"'a b'", "a b"}, Case{"${none:-w}", "w"}, Case{"${none-w}", "w"}, Case{"${b:-w}", "w"},
        Case{"${b-w}", ""}, Case{"${a:-w}", "one"}, Case{"${a:+w}", "w"}, Case{"${a+w}", "w"},
        Case{"${b:+w}", ""}, Case{"${b+w}", "w"}, Case{"${none+w}", ""}, Case{"${a:?no}", "one"},
        Case{"${none:-${a}}", "one"}, Case{"${none:-x$a-${none:-y}}", "xone-y"},
        Case{"${none:-'}'}", "}"}, Case{"${path#*/}", "usr/lib/x.tar.gz"},
        Case{"${path##*/}", "x.tar.gz"}, Case{"${path%.*}", "/usr/lib/x.tar"},
        Case{"${path%%.*}", "/usr/lib/x"}, Case{"${path/lib/share}", "/usr/share/x.tar.gz"},
        Case{"${path//\\//_}", "_usr_lib_x.tar.gz"}, Case{"${path/?sr/U}", "/U/lib/x.tar.gz"},
        Case{"${path//./}", "/usr/lib/xtargz"}, Case{"${path#nope}", "/usr/lib/x.tar.gz"},
        Case{"${a/$a/two}", "two"}, Case{"$@", ""}, Case{"$$", ""},
        Case{"${a", "error: syntax error: missing '}' in substitution"},
        Case{"${none:?must be there}", "error: none: must be there"}, Case{"${b?x}", ""},
        Case{"'open", "error: unexpected end of statement while looking for matching single-quote"},
        Case{"\"open",
             "error: unexpected end of statement while looking for matching double-quote"},
        Case{"${:-x}", "error: unsupported modifier or bad substitution: a name must follow ${"},
        Case{"${}", "error: unsupported modifier or bad substitution: a name must follow ${"},
        Case{"${a:#x}", "error: unsupported modifier (:#) in substitution of a"},
        Case{"${a^}", "error: unsupported modifier (^) in substitution of a"}));

TEST(ExpandMore, HeredocBodiesKeepTheirQuotes) {
  EXPECT_EQ(expanded("\"$a\" 'x' \\$a \\n", Quotes::kPlain), "\"one\" 'x' $a \\n");
}

TEST(ExpandMore, SplitsIntoWordsOutsideQuotes) {
  EXPECT_EQ(expand("$sp \"$a b\" c", '\\', value_of).words,
            (std::vector<std::string>{"x", "y", "one b", "c"}));
  EXPECT_EQ(expand("${none:-p q}", '\\', value_of).words, (std::vector<std::string>{"p", "q"}));
}

TEST(ExpandMore, NamesWhatIsUnset) {
  EXPECT_EQ(expand("$a $x ${y:-d}", '\\', value_of).unset, (std::set<std::string>{"x"}));
}

TEST(ExpandMore, NestingIsBounded) {
  std::string word;
  for (int depth = 0; depth < 100; ++depth) word += "${x:-";
  EXPECT_EQ(expanded(word), "error: variables are nested too deeply");
}

TEST(ExpandMore, BacktickAsEscape) {
  EXPECT_EQ(expand("`$a C:\\x", '`', value_of).text, "$a C:\\x");
}

}  // namespace
}  // namespace build
