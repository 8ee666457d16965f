// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/cli/log.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <regex>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using logging::Format;
using logging::Level;

const std::string kTime = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z)";

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { logging::configure({.program = "test", .file = std::nullopt}); }

  template <typename Call>
  static std::string on_stderr(Call call) {
    testing::internal::CaptureStderr();
    call();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, TextOnStderr) {
  logging::configure({.program = "toyrun", .level = Level::kDebug, .file = std::nullopt});
  EXPECT_TRUE(logging::debug_enabled());
  EXPECT_EQ(on_stderr([] { logging::error("it broke", {{"path", "/x"}}); }), "toyrun: it broke\n");
  EXPECT_EQ(on_stderr([] { logging::warning("odd, ignoring"); }),
            "toyrun: warning: odd, ignoring\n");
  EXPECT_EQ(on_stderr([] { logging::debug("step"); }), "toyrun: debug: step\n");
}

TEST_F(LogTest, WhatIsBelowTheLevelIsNotWritten) {
  logging::configure({.program = "toyrun", .level = Level::kError, .file = std::nullopt});
  EXPECT_FALSE(logging::debug_enabled());
  EXPECT_EQ(on_stderr([] {
              logging::debug("x");
              logging::warning("y");
            }),
            "");
}

TEST_F(LogTest, ControlCharactersDoNotReachTheTerminal) {
  logging::configure({.program = "toyrun", .file = std::nullopt});
  EXPECT_EQ(on_stderr([] { logging::error("name \x1b[2J\x07 end"); }),
            "toyrun: name \\x1b[2J\\x07 end\n");
}

TEST_F(LogTest, JsonLinesAreRuncs) {
  logging::configure({.program = "toyrun", .format = Format::kJson, .file = std::nullopt});
  const std::string line = on_stderr([] { logging::error("a \"b\"\n"); });
  const std::string wanted =
      R"(\{"level":"error","msg":"a \\"b\\"\\n","time":")" + kTime + "\"\\}\n";
  EXPECT_TRUE(std::regex_match(line, std::regex(wanted))) << line;
}

TEST_F(LogTest, JsonLinesAreJsonWhateverIsSaid) {
  logging::configure({.program = "toyrun", .format = Format::kJson, .file = std::nullopt});
  const std::string line = on_stderr([] {
    logging::error("bad \xff utf \xc3\xa4 \xe2\x82 \x01 \xed\xa0\x80",
                   {{"hint", "x\\y"}, {"k\"", "v"}});
  });
  const nlohmann::json parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed["level"], "error");
  EXPECT_EQ(parsed["hint"], "x\\y");
  EXPECT_EQ(parsed["k\""], "v");
  EXPECT_EQ(parsed["msg"],
            "bad \xef\xbf\xbd utf \xc3\xa4 \xef\xbf\xbd\xef\xbf\xbd \x01 "
            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_F(LogTest, TheFileTakesLinesAndErrorsAreSaidOnStderrToo) {
  const TemporaryDirectory directory;
  const std::string path = directory / "log.json";
  replace_file(path, "{}\n");
  logging::configure({.program = "toyrun", .format = Format::kJson, .file = path});
  EXPECT_EQ(on_stderr([] { logging::warning("odd"); }), "");
  EXPECT_EQ(on_stderr([] { logging::error("broken"); }), "toyrun: broken\n");
  const std::regex wanted("\\{\\}\n\\{\"level\":\"warning\",\"msg\":\"odd\",\"time\":\"" + kTime +
                          "\"\\}\n\\{\"level\":\"error\",\"msg\":\"broken\",\"time\":\"" + kTime +
                          "\"\\}\n");
  EXPECT_TRUE(std::regex_match(read_file(path), wanted)) << read_file(path);
}

TEST_F(LogTest, TextFilesHaveLogrusLines) {
  const TemporaryDirectory directory;
  const std::string path = directory / "log";
  logging::configure({.program = "toyrun", .file = path});
  on_stderr([] { logging::error("it \"broke\"", {{"hint", "try"}}); });
  const std::regex wanted("time=\"" + kTime +
                          "\" level=error msg=\"it \\\\\"broke\\\\\"\" hint=\"try\"\n");
  EXPECT_TRUE(std::regex_match(read_file(path), wanted)) << read_file(path);
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsAnError) {
  EXPECT_THROW(logging::configure({.program = "x", .file = "/none/such/log"}), Error);
}

TEST_F(LogTest, RedirectedLinesGoElsewhere) {
  std::string seen;
  logging::configure({.program = "toyrun", .file = std::nullopt});
  logging::redirect(
      [](Level level, std::string_view text, void* to) {
        *static_cast<std::string*>(to) += sentence(static_cast<int>(level), text);
      },
      &seen);
  EXPECT_EQ(on_stderr([] { logging::warning("odd"); }), "");
  logging::debug("below the level");
  logging::redirect(nullptr, nullptr);
  EXPECT_EQ(seen, "1odd");
}

TEST_F(LogTest, LongMessagesKeepTheirHeadAndTheirEnd) {
  logging::configure({.program = "toyrun", .file = std::nullopt});
  const std::string line =
      on_stderr([] { logging::error("the head " + std::string(70'000, 'x') + " the cause"); });
  EXPECT_LT(line.size(), 8000U);
  EXPECT_TRUE(line.starts_with("toyrun: the head xxx"));
  EXPECT_TRUE(line.ends_with("xxx the cause\n"));
  EXPECT_NE(line.find(" bytes left out) "), std::string::npos);
}

TEST_F(LogTest, TimestampsAreNow) {
  const std::string text = logging::timestamp();
  EXPECT_TRUE(std::regex_match(text, std::regex(kTime))) << text;
  const time_t now = ::time(nullptr);
  struct tm parts;
  ::gmtime_r(&now, &parts);
  char minute[32];
  ::strftime(minute, sizeof minute, "%Y-%m-%dT%H:", &parts);
  EXPECT_EQ(text.substr(0, 14), minute);
}

}  // namespace
