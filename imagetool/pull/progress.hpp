// SPDX-License-Identifier: Apache-2.0
// What a pull tells while it runs, on stderr: redrawn lines on a terminal, plain lines elsewhere,
// JSON lines, or nothing. All methods may be called from several threads. Everything shown is made
// printable first. toyimg.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "imagetool/layer/layer_options.hpp"

enum class ProgressStyle { kTerminal, kPlain, kJson, kQuiet };

/// `chosen` is --progress ("auto", "plain", "json", "none"); auto: a terminal when stderr is one.
/// Throws UsageError.
ProgressStyle progress_style(std::string_view chosen, bool quiet);

enum class LayerPhase : unsigned char;
/// "downloading", "already here"…
const char* word(LayerPhase phase);

/// "12.3 MB", decimal units as docker shows them.
std::string byte_count(std::uint64_t bytes);

enum class LayerPhase : unsigned char {
  kWaiting,
  kDownloading,
  kDownloaded,
  kPresent,
  kExtracting,
  kDone,
  // of a push:
  kPushing,
  kPushed,
  kMounted,
  kAlreadyThere,
};

class Progress {
 public:
  /// Takes over what logging::warning() says as long as it lives.
  explicit Progress(ProgressStyle style);
  /// Ends the redrawing: the cursor stands below the lines.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// One line of its own: "alpine:latest: linux/amd64, 1 layer".
  void note(std::string_view line);
  /// Announces the layers, lowest first; they are spoken of by index from then on. `last`: the
  /// phase in which one of them needs no more work.
  void begin(std::vector<std::pair<std::string, std::uint64_t>> digests_and_sizes, LayerPhase last);
  /// A phase only moves on: a layer that is being extracted while it still downloads stays
  /// "extracting".
  void set_phase(std::size_t layer, LayerPhase phase);
  /// Compressed bytes that arrived (kDownloading) or went (kPushing), or tar bytes extracted
  /// (kExtracting), so far; shown while that is the phase.
  void set_bytes(std::size_t layer, LayerPhase phase, std::uint64_t bytes);

  /// What a layer had in it, once it has been read.
  void set_counts(std::size_t layer, const LayerCounts& counts);

  /// What became of a layer: its phases in order, and when each began.
  struct LayerHistory {
    std::string digest{};
    std::uint64_t size = 0;
    std::optional<LayerCounts> counts{};  // none: it was not read
    std::vector<std::pair<LayerPhase, std::chrono::steady_clock::time_point>> phases{};
  };
  std::vector<LayerHistory> history();
  /// Lines that were asked for: shown whatever the style.
  void explain(const std::string& lines);

 private:
  using Clock = std::chrono::steady_clock;
  struct Layer {
    std::string name;  // the digest's first 12 hex digits
    std::string digest;
    std::uint64_t size = 0, bytes = 0;
    std::optional<LayerCounts> counts{};
    LayerPhase phase = LayerPhase::kWaiting;
    Clock::time_point since = Clock::now();
    Clock::time_point told{};  // as JSON
    std::vector<std::pair<LayerPhase, Clock::time_point>> phases{};
  };
  std::string describe(const Layer& layer) const;
  int importance(const Layer& layer) const;
  std::string drawing(std::size_t rows, std::size_t columns) const;
  std::vector<bool> chosen_for(std::size_t rows) const;
  std::string erasure() const;
  void redraw();
  void write_json(Layer& layer) const;

  ProgressStyle style_;
  std::mutex mutex_;
  std::vector<Layer> layers_;
  LayerPhase last_ = LayerPhase::kDone;
  std::size_t drawn_ = 0;  // lines on the terminal that the next drawing replaces
  Clock::time_point last_drawn_{};
};
