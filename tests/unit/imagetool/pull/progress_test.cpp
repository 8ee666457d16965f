// SPDX-License-Identifier: Apache-2.0
#include "imagetool/pull/progress.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <thread>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"

namespace {

/// Standard error as a terminal of that size, as long as it lives; says what was written to it.
class Terminal {
 public:
  Terminal(unsigned short rows, unsigned short columns) : saved_(::dup(STDERR_FILENO)) {
    int master = -1;
    int slave = -1;
    winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
    master_.reset(master);
    ::dup2(slave, STDERR_FILENO);
    ::close(slave);
    reader_ = std::thread([this] {
      std::array<char, 4096> buffer{};
      for (ssize_t count = 0; (count = ::read(master_.get(), buffer.data(), buffer.size())) > 0;)
        text_.append(buffer.data(), static_cast<std::size_t>(count));
    });
  }
  /// Gives standard error back.
  std::string text() {
    if (reader_.joinable()) {
      ::dup2(saved_.get(), STDERR_FILENO);
      reader_.join();
    }
    return text_;
  }
  ~Terminal() { text(); }

 private:
  UniqueFd saved_, master_;
  std::string text_;
  std::thread reader_;
};

/// As a terminal would have it in the end: lines scrolled out above the screen included.
std::vector<std::string> screen(const std::string& text, std::size_t rows, std::size_t columns) {
  std::vector<std::string> lines(1);
  std::size_t row = 0;
  std::size_t column = 0;
  const auto top = [&] { return lines.size() > rows ? lines.size() - rows : 0; };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\x1b') {
      const std::size_t end = text.find_first_of("AKJ", at);
      const std::string argument = text.substr(at + 2, end - at - 2);
      if (text[end] == 'A') row -= std::min(row - top(), std::stoul(argument));
      if (text[end] == 'K') lines[row].clear();
      if (text[end] == 'J') lines.resize(row + 1);
      if (text[end] == 'J') lines[row].resize(std::min(lines[row].size(), column));
      at = end;
    } else if (text[at] == '\r') {
      column = 0;
    } else if (text[at] == '\n' || column == columns) {
      if (++row == lines.size()) lines.emplace_back();
      if (text[at] != '\n') --at;
      column = 0;
    } else {
      lines[row].resize(std::max(lines[row].size(), column + 1), ' ');
      lines[row][column++] = text[at];
    }
  }
  return lines;
}

std::string digest(std::size_t number) {
  std::string hex = std::to_string(number);
  return "sha256:" + std::string(12 - hex.size(), '0') + hex + std::string(52, 'f');
}

std::vector<std::pair<std::string, std::uint64_t>> layers(std::size_t count) {
  std::vector<std::pair<std::string, std::uint64_t>> result;
  for (std::size_t number = 0; number < count; ++number)
    result.emplace_back(digest(number), 1'000'000 * number);
  return result;
}

void run_through(Progress& progress, std::size_t count) {
  progress.begin(layers(count), LayerPhase::kDone);
  for (std::size_t number = 0; number < count; ++number) {
    progress.set_phase(number, LayerPhase::kDownloading);
    progress.set_bytes(number, LayerPhase::kDownloading, 500'000);
    progress.set_phase(number, LayerPhase::kExtracting);
    progress.set_phase(number, LayerPhase::kDone);
  }
}

TEST(Progress, DrawsOneLinePerLayerInPlace) {
  Terminal terminal(24, 80);
  {
    Progress progress(ProgressStyle::kTerminal);
    progress.note("image: linux/amd64");
    run_through(progress, 3);
  }
  const std::vector<std::string> expected = {"image: linux/amd64", "000000000000  done  0 B",
                                             "000000000001  done  1.0 MB",
                                             "000000000002  done  2.0 MB", ""};
  EXPECT_EQ(screen(terminal.text(), 24, 80), expected);
}

TEST(Progress, MoreLayersThanLinesAreCountedInTheLastOne) {
  Terminal terminal(6, 80);
  {
    Progress progress(ProgressStyle::kTerminal);
    progress.begin(layers(100), LayerPhase::kDone);
    progress.set_phase(7, LayerPhase::kDone);
    progress.set_phase(90, LayerPhase::kDownloading);
    progress.set_phase(91, LayerPhase::kExtracting);
  }
  const std::vector<std::string> lines = screen(terminal.text(), 6, 80);
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[0], "000000000000  waiting  0 B");
  EXPECT_TRUE(lines[2].starts_with("000000000090  downloading")) << lines[2];
  EXPECT_TRUE(lines[3].starts_with("000000000091  extracting")) << lines[3];
  EXPECT_EQ(lines[4], "and 96 more; 1 of 100 done");
}

TEST(Progress, LinesAreCutToTheTerminal) {
  Terminal terminal(10, 20);
  {
    Progress progress(ProgressStyle::kTerminal);
    run_through(progress, 3);
  }
  const std::vector<std::string> lines = screen(terminal.text(), 10, 20);
  ASSERT_EQ(lines.size(), 4U) << "a wrapped line would be drawn again and again";
  for (const std::string& line : lines) EXPECT_LT(line.size(), 20U) << line;
}

TEST(Progress, NotesStandAboveTheLines) {
  Terminal terminal(24, 80);
  {
    Progress progress(ProgressStyle::kTerminal);
    progress.begin(layers(2), LayerPhase::kDone);
    progress.set_phase(0, LayerPhase::kDownloading);
    progress.note("warning: something");
    logging::warning("a mirror failed");
    progress.set_phase(0, LayerPhase::kDone);
  }
  const std::vector<std::string> lines = screen(terminal.text(), 24, 80);
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0], "warning: something");
  EXPECT_EQ(lines[1], "warning: a mirror failed");
  EXPECT_EQ(lines[2], "000000000000  done  0 B");
}

TEST(Progress, WhatComesFromImagesIsMadePrintable) {
  for (const ProgressStyle style : {ProgressStyle::kTerminal, ProgressStyle::kPlain}) {
    Terminal terminal(24, 80);
    {
      Progress(style).note("label \x1b]0;evil\x07\nsecond \xc2\x9b");
    }
    EXPECT_EQ(screen(terminal.text(), 24, 80).front(), "label ?]0;evil??second ?");
  }
}

TEST(Progress, JsonLinesAreJson) {
  Terminal terminal(24, 80);
  {
    Progress progress(ProgressStyle::kJson);
    progress.note("a \"quoted\" \x1b note");
    run_through(progress, 1);
  }
  std::istringstream text(terminal.text());
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  ASSERT_GE(lines.size(), 4U);
  EXPECT_EQ(lines[0], (nlohmann::json{{"type", "note"}, {"text", "a \"quoted\" ? note"}}));
  EXPECT_EQ(lines[1]["digest"], digest(0));
  EXPECT_EQ(lines.back()["phase"], "done");
}

TEST(Progress, QuietSaysNothing) {
  Terminal terminal(24, 80);
  {
    Progress progress(ProgressStyle::kQuiet);
    progress.note("note");
    run_through(progress, 2);
  }
  EXPECT_EQ(terminal.text(), "");
}

TEST(Progress, StylesByName) {
  EXPECT_EQ(progress_style("json", false), ProgressStyle::kJson);
  EXPECT_EQ(progress_style("plain", true), ProgressStyle::kQuiet);
  EXPECT_EQ(progress_style("none", false), ProgressStyle::kQuiet);
  EXPECT_THROW(progress_style("loud", false), UsageError);
  EXPECT_THROW(progress_style("loud", true), UsageError);
}

TEST(ByteCount, IsDecimal) {
  EXPECT_EQ(byte_count(0), "0 B");
  EXPECT_EQ(byte_count(999), "999 B");
  EXPECT_EQ(byte_count(1000), "1.0 kB");
  EXPECT_EQ(byte_count(12'345'678), "12.3 MB");
}

}  // namespace
