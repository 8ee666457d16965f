// SPDX-License-Identifier: Apache-2.0
#include "imagetool/pull/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace {

constexpr std::chrono::milliseconds kBetweenDrawings{100};
constexpr std::size_t kShortDigest = 12;

const char* word(LayerPhase phase) {
  switch (phase) {
    case LayerPhase::kWaiting:
      return "waiting";
    case LayerPhase::kDownloading:
      return "downloading";
    case LayerPhase::kDownloaded:
      return "downloaded";
    case LayerPhase::kPresent:
      return "already here";
    case LayerPhase::kExtracting:
      return "extracting";
    case LayerPhase::kDone:
      return "done";
  }
  return "";
}

/// "12.3 MB", decimal units as docker shows them.
std::string human(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text.data();
}

bool is_moving(LayerPhase phase) {
  return phase == LayerPhase::kDownloading || phase == LayerPhase::kExtracting;
}

void say(std::string_view text) { write_all(STDERR_FILENO, text, "stderr"); }

}  // namespace

ProgressStyle progress_style(std::string_view chosen, bool quiet) {
  if (quiet || chosen == "none") return ProgressStyle::kQuiet;
  if (chosen == "json") return ProgressStyle::kJson;
  if (chosen == "plain") return ProgressStyle::kPlain;
  if (chosen != "auto")
    throw UsageError(sentence("--progress ", chosen, ": must be auto, plain, json or none"));
  return ::isatty(STDERR_FILENO) == 1 ? ProgressStyle::kTerminal : ProgressStyle::kPlain;
}

Progress::~Progress() {
  if (style_ != ProgressStyle::kTerminal) return;
  last_drawn_ = {};
  try {
    redraw();
  } catch (const Error&) {
    // stderr is gone: there is nobody left to show anything to.
  }
}

void Progress::note(std::string_view line) {
  if (style_ == ProgressStyle::kQuiet || style_ == ProgressStyle::kJson) return;
  const std::scoped_lock lock(mutex_);
  say(sentence(line, "\n"));
}

void Progress::begin(std::vector<std::pair<std::string, std::uint64_t>> digests_and_sizes) {
  const std::scoped_lock lock(mutex_);
  for (auto& [digest, size] : digests_and_sizes) {
    const std::size_t colon = digest.find(':') + 1;
    layers_.push_back(
        {.name = digest.substr(colon, kShortDigest), .digest = std::move(digest), .size = size});
  }
}

void Progress::set_phase(std::size_t layer, LayerPhase phase) {
  const std::scoped_lock lock(mutex_);
  Layer& one = layers_.at(layer);
  if (one.phase >= phase) return;
  one.phase = phase;
  one.since = Clock::now();
  if (phase == LayerPhase::kDownloading || phase == LayerPhase::kExtracting) one.bytes = 0;
  if (style_ == ProgressStyle::kJson) write_json(one);
  if (style_ == ProgressStyle::kPlain && !is_moving(phase)) say(sentence(describe(one), "\n"));
  last_drawn_ = {};
  redraw();
}

void Progress::set_bytes(std::size_t layer, LayerPhase phase, std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  if (layers_.at(layer).phase != phase) return;
  layers_.at(layer).bytes = bytes;
  if (style_ == ProgressStyle::kJson && Clock::now() - last_drawn_ >= kBetweenDrawings) {
    last_drawn_ = Clock::now();
    write_json(layers_.at(layer));
  }
  redraw();
}

std::string Progress::describe(const Layer& layer) const {
  std::string line = sentence(layer.name, "  ", word(layer.phase));
  if (layer.phase == LayerPhase::kDownloading)
    line += sentence("  ", human(layer.bytes), " of ", human(layer.size));
  else if (layer.phase == LayerPhase::kExtracting)
    line += sentence("  ", human(layer.bytes));
  else
    line += sentence("  ", human(layer.size));
  const auto elapsed = std::chrono::duration<double>(Clock::now() - layer.since).count();
  if (is_moving(layer.phase) && elapsed > 0.2)
    line += sentence(
        "  ", human(static_cast<std::uint64_t>(static_cast<double>(layer.bytes) / elapsed)), "/s");
  return line;
}

void Progress::redraw() {
  if (style_ != ProgressStyle::kTerminal || Clock::now() - last_drawn_ < kBetweenDrawings) return;
  last_drawn_ = Clock::now();
  std::string text;
  if (drawn_ > 0) text += sentence("\x1b[", drawn_, "A");
  for (const Layer& layer : layers_) text += sentence("\x1b[2K", describe(layer), "\n");
  drawn_ = layers_.size();
  if (!text.empty()) say(text);
}

void Progress::write_json(const Layer& layer) const {
  // Digests and phases need no escaping.
  say(sentence(R"({"type":"layer","digest":")", layer.digest, R"(","phase":")", word(layer.phase),
               R"(","bytes":)", layer.bytes, R"(,"size":)", layer.size, "}\n"));
}
