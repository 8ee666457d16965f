// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/json_writer.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace {

TEST(JsonWriter, WritesCompactDocuments) {
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.begin_object()
      .key("a")
      .number(-1)
      .key("b")
      .begin_array()
      .text("x")
      .boolean(true)
      .end_array();
  json.key("c").begin_object().end_object().key("d").raw("null").end_object();
  EXPECT_EQ(json.take(), R"({"a":-1,"b":["x",true],"c":{},"d":null})");
}

TEST(JsonWriter, IndentsLikeRunc) {
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.begin_object().key("id").text("x").key("annotations").begin_object().key("k").text("v");
  json.end_object().end_object();
  EXPECT_EQ(json.take(), "{\n  \"id\": \"x\",\n  \"annotations\": {\n    \"k\": \"v\"\n  }\n}");
}

TEST(JsonWriter, EveryStringCanBeReadAgain) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.begin_array().text(every_byte).end_array();
  const nlohmann::json document = nlohmann::json::parse(json.take());
  EXPECT_EQ(document[0].get<std::string>().substr(0, 128), every_byte.substr(0, 128));
}

}  // namespace
