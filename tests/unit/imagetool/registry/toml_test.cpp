// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/toml.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"

namespace registry::toml {
namespace {

using Strings = std::vector<std::string>;

TEST(Toml, GivesValuesTablesAndArraysOfTables) {
  const Table root = parse(
      "# comment\r\n"
      "a = \"x\\t\\u00e9\\\\\" # behind\n"
      "c = [ \"1\", # one\n  '2',\n]\n"
      "d = true\n"
      "e = -7\n"
      "f = 1.5\n"
      "\"quoted key\" = 'one'\n"
      "g.h = \"dotted\"\n"
      "[t]\nx = \"1\"\n[t.u]\nx = \"2\"\n"
      "[[r]]\nn = \"1\"\n[[r.m]]\nl = \"1a\"\n[[r.m]]\nl = \"1b\"\n[[ r ]]\nn = \"2\"",
      "f");
  const Place place(root, "f");
  EXPECT_EQ(place.string("a"), "x\t\xC3\xA9\\");
  EXPECT_EQ(place.strings("c"), (Strings{"1", "2"}));
  EXPECT_EQ(place.string_or_strings("c"), (Strings{"1", "2"}));
  EXPECT_EQ(place.string_or_strings("quoted key"), Strings{"one"});
  EXPECT_TRUE(place.boolean("d"));
  EXPECT_EQ(place.string("none"), "");
  EXPECT_FALSE(place.boolean("none"));
  EXPECT_EQ(place.line_of("d"), 6);
  EXPECT_EQ(std::get<std::int64_t>(root.values.at("e").content), -7);
  EXPECT_EQ(Place(root.tables.at("g"), "f").string("h"), "dotted");
  EXPECT_EQ(Place(root.tables.at("t").tables.at("u"), "f").string("x"), "2");
  EXPECT_EQ(root.tables.at("t").tables.at("u").line, 13);
  ASSERT_EQ(root.arrays.at("r").size(), 2U);
  EXPECT_EQ(root.arrays.at("r")[0].arrays.at("m").size(), 2U);
  EXPECT_EQ(Place(root.arrays.at("r")[1], "f").string("n"), "2");
  EXPECT_TRUE(parse("", "f").values.empty());
}

std::string fault(const std::string& text, const auto& use) {
  try {
    const Table root = parse(text, "f");
    use(Place(root, "f"));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(Toml, NamesTheLineOfWhatIsWrong) {
  const auto nothing = [](const Place&) {};
  for (const auto& [text, beginning] :
       std::vector<std::pair<std::string, std::string>>{{"a = \"1\"\na = \"2\"", "f:2: "},
                                                        {"\n\nx", "f:3: "},
                                                        {"a = yes", "f:1: "},
                                                        {"a = \"x\ny\"", "f:1: "},
                                                        {"[a]\n[a]", "f:2: "},
                                                        {"a = 1\n[a.b]", "f:2: "}})
    EXPECT_TRUE(fault(text, nothing).starts_with(beginning)) << fault(text, nothing);
  EXPECT_EQ(fault("\na = 1", [](const Place& place) { place.string("a"); }),
            "f:2: a is not a string");
  EXPECT_EQ(fault("a = 1979-05-27", [](const Place& place) { place.string("a"); }),
            "f:1: a is not a string");
  EXPECT_EQ(fault("a = 'true'", [](const Place& place) { place.boolean("a"); }),
            "f:1: a is not true or false");
  EXPECT_EQ(fault("a = [1]", [](const Place& place) { place.strings("a"); }),
            "f:1: a is not an array of strings");
}

}  // namespace
}  // namespace registry::toml
