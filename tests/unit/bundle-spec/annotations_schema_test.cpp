// SPDX-License-Identifier: Apache-2.0
// annotations.schema.json, the README and the example bundles agree on the keys of ours. Walks the
// small part of JSON Schema that the file uses.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <regex>

#include "bundle-spec/bundle.hpp"
#include "bundle-spec/fs/file.hpp"

namespace {

using nlohmann::json;

json read_schema() { return json::parse(read_file(BUNDLE_SPEC "/annotations.schema.json")); }

/// properties, patternProperties and additionalProperties: false, for string values.
bool admits(const json& schema, const std::string& key, const std::string& value) {
  if (const auto known = schema.at("properties").find(key); known != schema.at("properties").end())
    return !known->contains("pattern") ||
           std::regex_search(value, std::regex(known->at("pattern").get<std::string>()));
  EXPECT_EQ(schema.at("additionalProperties"), false);
  for (const auto& [pattern, type] : schema.at("patternProperties").items())
    if (std::regex_search(key, std::regex(pattern))) return type.at("type") == "string";
  return false;
}

TEST(AnnotationsSchema, AdmitsTheKeysOfOthersAndOnlyListedOnesOfOurs) {
  const json schema = read_schema();
  EXPECT_TRUE(admits(schema, "org.opencontainers.image.title", "x"));
  EXPECT_TRUE(admits(schema, "org.toyrunner", "x"));
  EXPECT_FALSE(admits(schema, "org.toyrun.none-such", "x"));
  const json& store = schema.at("$defs").at("index.json");
  EXPECT_TRUE(admits(store, "org.toyrun.image.source-digest", "sha256:" + std::string(64, 'a')));
  EXPECT_FALSE(admits(store, "org.toyrun.image.source-digest", "sha256:../.."));
  EXPECT_FALSE(admits(store, "org.toyrun.version", "1"));
}

TEST(AnnotationsSchema, AdmitsTheExamples) {
  const json schema = read_schema();
  for (const auto& entry : std::filesystem::directory_iterator(BUNDLE_SPEC "/examples")) {
    const oci::RuntimeConfig config = Bundle::open(entry.path()).runtime_config();
    for (const auto& [key, value] : config.annotations)
      EXPECT_TRUE(admits(schema, key, value)) << entry.path() << ": " << key;
  }
}

TEST(AnnotationsSchema, ListsWhatTheReadmeLists) {
  const std::string readme = read_file(BUNDLE_SPEC "/README.md");
  const json schema = read_schema();
  std::vector<std::string> listed;
  for (const json& part :
       {schema, schema.at("$defs").at("index.json"), schema.at("$defs").at("features")})
    for (const auto& [key, type] : part.at("properties").items()) listed.push_back(key);
  for (const std::string& key : listed)
    EXPECT_NE(readme.find("`" + key + "`"), std::string::npos) << key;
  const std::regex ours("`(org\\.toyrun\\.[a-z][a-z.-]*[a-z])`");
  for (std::sregex_iterator one(readme.begin(), readme.end(), ours), end; one != end; ++one)
    EXPECT_NE(std::ranges::find(listed, (*one)[1].str()), listed.end()) << (*one)[1];
}

}  // namespace
