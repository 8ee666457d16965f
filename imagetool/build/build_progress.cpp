// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/build_progress.hpp"

#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr std::size_t kShownLines = 4;
constexpr std::size_t kLongestLine = 1000;
constexpr auto kRedrawEvery = std::chrono::milliseconds(80);

std::string seconds(std::chrono::steady_clock::duration time) {
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(time).count() / 100;
  return sentence(tenths / 10, ".", tenths % 10, "s");
}

std::size_t columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10 ? size.ws_col : 80;
}

std::string json_line(nlohmann::ordered_json object) {
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

BuildProgress::~BuildProgress() { erase(); }

void BuildProgress::print(std::string_view text) {
  erase();
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fputc('\n', stderr);
}

void BuildProgress::erase() {
  if (drawn_ != 0) std::fputs(sentence("\r\033[", drawn_, "A\033[J").c_str(), stderr);
  drawn_ = 0;
}

void BuildProgress::draw() {
  const std::size_t width = columns() - 1;
  erase();
  std::string text;
  for (const auto& [place, running] : running_) {
    const std::string time = " " + seconds(Clock::now() - running.since);
    text +=
        sentence("[", place, "] ", running.shown).substr(0, width - std::min(width, time.size()));
    text += time + "\n";
    ++drawn_;
    for (const std::string& one : running.last) {
      text += sentence("  | ", one).substr(0, width) + "\n";
      ++drawn_;
    }
  }
  std::fputs(text.c_str(), stderr);
  last_drawn_ = Clock::now();
}

void BuildProgress::begin(const std::string& place, const std::string& shown) {
  const std::lock_guard<std::mutex> guard(mutex_);
  running_[place] = {.shown = shown};
  if (kind_ == ProgressKind::kPlain) print(sentence("[", place, "] ", shown));
  if (kind_ == ProgressKind::kTerminal) draw();
  if (kind_ == ProgressKind::kJson)
    print(json_line({{"step", place}, {"status", "started"}, {"instruction", shown}}));
}

void BuildProgress::line(const std::string& place, Running& running, std::string_view text) {
  if (kind_ == ProgressKind::kJson)
    return print(json_line({{"step", place}, {"status", "output"}, {"text", text}}));
  const std::string shown = printable(text, kLongestLine);
  if (kind_ == ProgressKind::kPlain) print(sentence("[", place, "]   ", shown));
  running.last.push_back(shown);
  if (running.last.size() > kShownLines) running.last.erase(running.last.begin());
}

void BuildProgress::output(const std::string& place, std::string_view text) {
  const std::lock_guard<std::mutex> guard(mutex_);
  Running& running = running_[place];
  running.partial += text;
  std::size_t begin = 0;
  for (std::size_t end = running.partial.find('\n'); end != std::string::npos;
       end = running.partial.find('\n', begin)) {
    line(place, running, std::string_view(running.partial).substr(begin, end - begin));
    begin = end + 1;
  }
  running.partial.erase(0, begin);
  if (running.partial.size() > kLongestLine) {
    line(place, running, running.partial);
    running.partial.clear();
  }
  if (kind_ == ProgressKind::kTerminal && Clock::now() - last_drawn_ > kRedrawEvery) draw();
}

void BuildProgress::end(const std::string& place, End how) {
  const std::lock_guard<std::mutex> guard(mutex_);
  Running running = std::move(running_[place]);
  running_.erase(place);
  if (!running.partial.empty()) line(place, running, running.partial);
  const std::string time = seconds(Clock::now() - running.since);
  const std::string word = how == End::kCached ? "cached" : how == End::kDone ? "done" : "failed";
  if (kind_ == ProgressKind::kJson)
    return print(json_line({{"step", place}, {"status", word}, {"time", time}}));
  if (kind_ == ProgressKind::kPlain)
    print(sentence("[", place, "] ", word, how == End::kCached ? "" : " " + time));
  if (kind_ == ProgressKind::kTerminal) {
    // What a failed step said last stays to be read.
    if (how == End::kFailed)
      for (const std::string& one : running.last) print("  | " + one);
    print(sentence("[", place, "] ", running.shown, " ", word,
                   how == End::kCached ? "" : " " + time));
    draw();
  }
}

void BuildProgress::note(const std::string& text) {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (kind_ == ProgressKind::kQuiet) return;
  if (kind_ == ProgressKind::kJson) return print(json_line({{"note", text}}));
  print(text);
  if (kind_ == ProgressKind::kTerminal) draw();
}

}  // namespace build
