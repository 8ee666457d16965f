// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/glob.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"

namespace build {
namespace {

struct Match {
  const char* pattern;
  const char* path;
  bool plain, deep;
};

class Glob : public testing::TestWithParam<Match> {};

TEST_P(Glob, Matches) {
  const Match& match = GetParam();
  EXPECT_EQ(glob_matches(match.pattern, match.path), match.plain);
  EXPECT_EQ(deep_glob_matches(match.pattern, match.path), match.deep);
}

INSTANTIATE_TEST_SUITE_P(
    Patterns, Glob,
    testing::Values(Match{"a", "a", true, true}, Match{"a", "b", false, false},
                    Match{"*", "a", true, true}, Match{"*", "a/b", false, false},
                    Match{"*/b", "a/b", true, true}, Match{"a*c", "abc", true, true},
                    Match{"a*c", "ac", true, true}, Match{"a*b*c", "axbybc", true, true},
                    Match{"?", "a", true, true}, Match{"?", "/", false, false},
                    Match{"[a-c]x", "bx", true, true}, Match{"[^a-c]x", "bx", false, false},
                    Match{"[^a]b", "/b", false, false}, Match{"\\*", "*", true, true},
                    Match{"\\*", "a", false, false}, Match{"[\\]]", "]", true, true},
                    Match{"**/x", "x", false, true}, Match{"**/x", "a/b/x", false, true},
                    Match{"**/x", "ax", false, false}, Match{"x/**", "x/a/b", false, true},
                    Match{"x/**", "x", false, false}, Match{"a**b", "axx/yb", false, true},
                    Match{"**.md", "a/b.md", false, true}, Match{"**", "any/thing", false, true},
                    Match{"a/**/b", "a/b", false, true}, Match{"a/**/b", "a/x/y/b", false, true},
                    Match{"*.go", "x.go.txt", false, false}));

TEST(GlobMore, MalformedPatternsAreRefused) {
  for (const char* pattern : {"[", "[a", "[a-", "[]a]", "\\", "[a-]"})
    EXPECT_THROW(glob_matches(pattern, "a"), Error) << pattern;
}

TEST(GlobMore, HostilePatternsEnd) {
  std::string pattern;
  for (int count = 0; count < 30; ++count) pattern += "**a";
  EXPECT_THROW(deep_glob_matches(pattern, std::string(60, 'a') + "b"), Error);
}

struct Ignored {
  const char* rules;
  const char* excluded;
  const char* included;
};

class Ignore : public testing::TestWithParam<Ignored> {};

TEST_P(Ignore, Decides) {
  const IgnoreRules rules = IgnoreRules::parse(GetParam().rules, ".dockerignore");
  if (*GetParam().excluded != '\0') {
    EXPECT_TRUE(rules.excludes(GetParam().excluded));
  }
  if (*GetParam().included != '\0') {
    EXPECT_FALSE(rules.excludes(GetParam().included));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rules, Ignore,
    testing::Values(
        Ignored{"a\n", "a", "b"}, Ignored{"a\n", "a/b/c", "b/a"}, Ignored{"# a\nb\n", "b", "# a"},
        Ignored{" # a\n", "# a", "a"}, Ignored{"/a/\n", "a/x", "b"},
        Ignored{"./a//b\n", "a/b", "a"}, Ignored{"*\n!x\n", "y", "x"},
        Ignored{"dir\n!dir/keep\n", "dir/other", "dir/keep"}, Ignored{"!a\na\n", "a", ""},
        Ignored{".\n", "", "a"}, Ignored{"/\n", "", "a"},
        Ignored{"*\n! ./source.txt\n", "z", "source.txt"}, Ignored{"**/*.o\n", "a/b/c.o", "c.c"},
        Ignored{"\xEF\xBB\xBF"
                "a\n",
                "a", "b"},
        Ignored{"a\r\n", "a", "b"}, Ignored{"  a  \n\n", "a", "b"},
        Ignored{"*.md\n!README*.md\nREADME-secret.md\n", "README-secret.md", "README.md"},
        Ignored{"a/../b\n", "b", "a"}, Ignored{"../x\n", "x", ""}));

TEST(IgnoreMore, PrunesOnlyWhatNoRuleCanLetIn) {
  const IgnoreRules rules = IgnoreRules::parse("*\n!src/keep\n", "x");
  EXPECT_TRUE(rules.may_include_below("src"));
  EXPECT_FALSE(rules.may_include_below("other"));
  EXPECT_TRUE(IgnoreRules::parse("a\n!**/b\n", "x").may_include_below("a"));
}

TEST(IgnoreMore, ErrorsNameTheLine) {
  try {
    IgnoreRules::parse("a\n!\n", ".dockerignore");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), ".dockerignore:2: illegal exclusion pattern: \"!\"");
  }
}

TEST(CleanRelative, NeverLeavesTheRoot) {
  EXPECT_EQ(clean_relative("../../etc/./x/"), "etc/x");
  EXPECT_EQ(clean_relative("/a//b/../c"), "a/c");
  EXPECT_EQ(clean_relative("."), "");
}

}  // namespace
}  // namespace build
