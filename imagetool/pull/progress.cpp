// SPDX-License-Identifier: Apache-2.0
#include "imagetool/pull/progress.hpp"

#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/oci/printable.hpp"

namespace {

constexpr std::chrono::milliseconds kBetweenDrawings{100};
constexpr std::size_t kShortDigest = 12;
constexpr std::size_t kLongestNote = 1000;
constexpr std::string_view kClearLine = "\x1b[2K";
constexpr std::string_view kClearBelow = "\x1b[J";

bool is_moving(LayerPhase phase) {
  return phase == LayerPhase::kDownloading || phase == LayerPhase::kExtracting ||
         phase == LayerPhase::kPushing;
}

void say(std::string_view text) { write_all(STDERR_FILENO, text, "stderr"); }

void say_logged(logging::Level level, std::string_view message, void* progress) {
  const std::string_view kind = level == logging::Level::kDebug     ? "debug: "
                                : level == logging::Level::kWarning ? "warning: "
                                                                    : "";
  static_cast<Progress*>(progress)->note(sentence(kind, message));
}

struct Terminal {
  std::size_t rows = 24, columns = 80;
};

Terminal terminal() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
    return {};
  return {.rows = size.ws_row, .columns = size.ws_col};
}

bool is_terminal() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets variables here
  const char* const kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

}  // namespace

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
    case LayerPhase::kPushing:
      return "pushing";
    case LayerPhase::kPushed:
      return "pushed";
    case LayerPhase::kMounted:
      return "mounted";
    case LayerPhase::kAlreadyThere:
      return "already there";
  }
  return "";
}

ProgressStyle progress_style(std::string_view chosen, bool quiet) {
  if (chosen != "auto" && chosen != "plain" && chosen != "json" && chosen != "none")
    throw UsageError(sentence("--progress ", chosen, ": must be auto, plain, json or none"));
  if (quiet || chosen == "none") return ProgressStyle::kQuiet;
  if (chosen == "json") return ProgressStyle::kJson;
  return chosen == "auto" && is_terminal() ? ProgressStyle::kTerminal : ProgressStyle::kPlain;
}

std::string byte_count(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text.data();
}

Progress::Progress(ProgressStyle style) : style_(style) { logging::redirect(&say_logged, this); }

Progress::~Progress() {
  logging::redirect(nullptr, nullptr);
  last_drawn_ = {};
  try {
    redraw();
  } catch (const Error&) {
    // stderr is gone: there is nobody left to show anything to.
  }
}

void Progress::note(std::string_view line) {
  const std::string shown = printable(line, kLongestNote);
  const std::scoped_lock lock(mutex_);
  switch (style_) {
    case ProgressStyle::kQuiet:
      return;
    case ProgressStyle::kJson:
      return say(nlohmann::ordered_json{{"type", "note"}, {"text", shown}}.dump() + "\n");
    case ProgressStyle::kPlain:
      return say(shown + "\n");
    case ProgressStyle::kTerminal:
      break;
  }
  say(sentence(erasure(), shown, "\n"));
  drawn_ = 0;
  last_drawn_ = {};
  redraw();
}

void Progress::begin(std::vector<std::pair<std::string, std::uint64_t>> digests_and_sizes,
                     LayerPhase last) {
  const std::scoped_lock lock(mutex_);
  last_ = last;
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
  one.phases.emplace_back(phase, one.since);
  if (is_moving(phase)) one.bytes = 0;
  if (style_ == ProgressStyle::kJson) write_json(one);
  if (style_ == ProgressStyle::kPlain && !is_moving(phase)) say(sentence(describe(one), "\n"));
  last_drawn_ = {};
  redraw();
}

std::vector<Progress::LayerHistory> Progress::history() {
  const std::scoped_lock lock(mutex_);
  std::vector<LayerHistory> all;
  for (const Layer& one : layers_)
    all.push_back(
        {.digest = one.digest, .size = one.size, .counts = one.counts, .phases = one.phases});
  return all;
}

void Progress::set_counts(std::size_t layer, const LayerCounts& counts) {
  const std::scoped_lock lock(mutex_);
  layers_.at(layer).counts = counts;
}

void Progress::explain(const std::string& lines) {
  const std::scoped_lock lock(mutex_);
  last_drawn_ = {};
  redraw();
  drawn_ = 0;  // it stays above
  layers_.clear();
  if (style_ == ProgressStyle::kJson)
    return say(nlohmann::ordered_json{{"type", "explanation"}, {"text", lines}}.dump() + "\n");
  say(lines);
}

void Progress::set_bytes(std::size_t layer, LayerPhase phase, std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  Layer& one = layers_.at(layer);
  if (one.phase != phase) return;
  one.bytes = bytes;
  if (style_ == ProgressStyle::kJson && Clock::now() - one.told >= kBetweenDrawings)
    write_json(one);
  redraw();
}

std::string Progress::describe(const Layer& layer) const {
  std::string line = sentence(layer.name, "  ", word(layer.phase));
  if (layer.phase == LayerPhase::kDownloading || layer.phase == LayerPhase::kPushing)
    line += sentence("  ", byte_count(layer.bytes), " of ", byte_count(layer.size));
  else
    line += sentence("  ",
                     byte_count(layer.phase == LayerPhase::kExtracting ? layer.bytes : layer.size));
  const auto elapsed = std::chrono::duration<double>(Clock::now() - layer.since).count();
  if (is_moving(layer.phase) && elapsed > 0.2)
    line += sentence(
        "  ", byte_count(static_cast<std::uint64_t>(static_cast<double>(layer.bytes) / elapsed)),
        "/s");
  return line;
}

/// What is worth a line on a terminal that has not enough of them: what moves (0), what is to come
/// (1), what is done (2).
int Progress::importance(const Layer& layer) const {
  if (is_moving(layer.phase)) return 0;
  return layer.phase >= last_ ? 2 : 1;
}

/// Which layers get one of so many lines.
std::vector<bool> Progress::chosen_for(std::size_t rows) const {
  std::vector<bool> chosen(layers_.size());
  std::size_t left = rows;
  for (int level = 0; level <= 2; ++level)
    for (std::size_t index = 0; index < layers_.size() && left > 0; ++index)
      if (importance(layers_[index]) == level) {
        chosen[index] = true;
        --left;
      }
  return chosen;
}

/// At most `rows` lines, none so long that the terminal would wrap it: else the next drawing would
/// begin in the wrong line.
std::string Progress::drawing(std::size_t rows, std::size_t columns) const {
  const bool all = layers_.size() <= rows;
  const std::vector<bool> chosen = chosen_for(all ? rows : rows - 1);
  std::string text;
  for (std::size_t index = 0; index < layers_.size(); ++index)
    if (chosen[index])
      text += sentence(kClearLine, describe(layers_[index]).substr(0, columns - 1), "\n");
  if (all) return text;
  const auto done =
      std::ranges::count_if(layers_, [&](const Layer& one) { return one.phase >= last_; });
  const std::string rest = sentence("and ", layers_.size() - (rows - 1), " more; ", done, " of ",
                                    layers_.size(), " done");
  return text + sentence(kClearLine, rest.substr(0, columns - 1), "\n");
}

/// Moves the cursor to where the last drawing began and clears from there.
std::string Progress::erasure() const {
  return drawn_ == 0 ? "" : sentence("\x1b[", drawn_, "A\r", kClearBelow);
}

void Progress::redraw() {
  if (style_ != ProgressStyle::kTerminal || layers_.empty() ||
      Clock::now() - last_drawn_ < kBetweenDrawings)
    return;
  last_drawn_ = Clock::now();
  const auto [rows, columns] = terminal();
  // The cursor stands below the lines and cannot be moved above the screen.
  const std::size_t most = std::max<std::size_t>(rows, 3) - 1;
  const std::size_t up = std::min(drawn_, most);
  std::string text = up == 0 ? "" : sentence("\x1b[", up, "A\r");
  text += drawing(most, std::max<std::size_t>(columns, 2));
  drawn_ = std::min(layers_.size(), most);
  say(text + std::string(kClearBelow));
}

void Progress::write_json(Layer& layer) const {
  layer.told = Clock::now();
  // Digests and phases need no escaping.
  say(sentence(R"({"type":"layer","digest":")", layer.digest, R"(","phase":")", word(layer.phase),
               R"(","bytes":)", layer.bytes, R"(,"size":)", layer.size, "}\n"));
}
