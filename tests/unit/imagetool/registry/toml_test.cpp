// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/toml.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"

namespace registry::toml {
namespace {

using Strings = std::vector<std::string>;

TEST(Toml, ReadsTheSubset) {
  const Table root = parse(
      "# comment\r\n"
      "a = \"x\\t\\u00e9\\\\\" # behind\n"
      "b = 'lit\\eral'\n"
      "c = [ \"1\", # one\n  '2',\n]\n"
      "d = true\n"
      "e = -7\n"
      "\"quoted key\" = false\n"
      "[t]\nx = \"1\"\n[t.u]\nx = \"2\"\n"
      "[[r]]\nn = \"1\"\n[[r.m]]\nl = \"1a\"\n[[r.m]]\nl = \"1b\"\n[[ r ]]\nn = \"2\"",
      "f");
  EXPECT_EQ(std::get<std::string>(root.values.at("a").content), "x\t\xC3\xA9\\");
  EXPECT_EQ(std::get<std::string>(root.values.at("b").content), "lit\\eral");
  EXPECT_EQ(std::get<Strings>(root.values.at("c").content), (Strings{"1", "2"}));
  EXPECT_TRUE(std::get<bool>(root.values.at("d").content));
  EXPECT_EQ(std::get<std::int64_t>(root.values.at("e").content), -7);
  EXPECT_FALSE(std::get<bool>(root.values.at("quoted key").content));
  EXPECT_EQ(std::get<std::string>(root.tables.at("t").tables.at("u").values.at("x").content), "2");
  ASSERT_EQ(root.arrays.at("r").size(), 2U);
  EXPECT_EQ(root.arrays.at("r")[0].arrays.at("m").size(), 2U);
  EXPECT_EQ(std::get<std::string>(root.arrays.at("r")[1].values.at("n").content), "2");
  EXPECT_TRUE(parse("", "f").values.empty());
}

TEST(Toml, RefusesTheRestWithItsLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"a = \"1\"\na = \"2\"", "f:2: a is defined twice"},
      {"\n\nx", "f:3: '=' is missing behind x"},
      {"= 1", "f:1: a name is missing"},
      {"a = ", "f:1: the value is neither"},
      {"a = 1.5", "f:1: the value is neither"},
      {"a = yes", "f:1: the value is neither"},
      {"a = \"x", "f:1: '\"' is missing"},
      {"a = \"x\ny\"", "is not closed on its line"},
      {"a = \"\\q\"", "f:1: an escape"},
      {"a = \"\\ud800\"", "f:1: an escape"},
      {"a = \"\\u12\"", "f:1: an escape"},
      {"a = \"x\" y", "f:1: something stands behind"},
      {"a = [1]", "f:1: an array may hold only strings"},
      {"a = [\"x\" \"y\"]", "f:1: ',' or ']' is missing"},
      {"a = [\"x\"", "f:1: ',' or ']' is missing"},
      {"a = {b=1}", "f:1: an inline table"},
      {"a.b = 1", "f:1: a dotted key"},
      {"a = \"\"\"x\"\"\"", "f:1: a string of several lines"},
      {"[a", "f:1: ']' is missing"},
      {"[[a]", "f:1: ']' is missing"},
      {"[]", "f:1: a name is missing"},
      {"[a]\n[a]", "f:2: a is defined twice"},
      {"[a]\n[[a]]", "f:2: a is defined twice"},
      {"[[a]]\n[a]", "f:2: a is defined twice"},
      {"a = 1\n[a.b]", "f:2: a is a value"},
  };
  for (const auto& [text, message] : cases) {
    try {
      parse(text, "f");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << text << "\n"
                                                                            << error.what();
    }
  }
}

}  // namespace
}  // namespace registry::toml
